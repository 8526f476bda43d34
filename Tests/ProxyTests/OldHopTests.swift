import BowlineCore
import BowlineJournal
import BowlineTransport
import Testing

/// Upstreams of version 1.0.
@Suite struct OldHopTests {
  /// A stage whose upstream has shown that it speaks 1.0.
  private func old(
    _ place: Place = .simulated, _ values: [(id: SettingID, value: Int)] = []
  ) throws -> Talk {
    let talk = try Talk(place, values)
    let first = try talk.passNew("/1", version: "1.0")
    first.expectEnd()
    return talk
  }

  private static let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"

  // covers: R081
  @Test(arguments: Place.allCases)
  func aBodyOfUnknownLengthIsGathered(_ place: Place) throws {
    let talk = try old(place)
    talk.client.send(Self.chunked + "Trailer: X-Sum\r\n\r\n")
    talk.client.send("5\r\nhello\r\n")
    _ = talk.stage.inspect { $0.relays == 1 }
    talk.stage.expectNoContact()
    talk.client.send("6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n")
    let origin = try talk.stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 11\r\n") + "hello world")
    origin.send(Talk.answer(version: "1.0"))
    talk.seesOK("1.0")
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  // covers: R081
  @Test func beforeItsFirstAnswerAnUpstreamIsTakenFor11() throws {
    let talk = try Talk()
    talk.client.send(Self.chunked + "\r\n2\r\nhi\r\n0\r\n\r\n")
    let origin = try talk.stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Transfer-Encoding: chunked\r\n"))
    origin.expectChunks("hi")
    origin.send(Talk.answer())
    talk.seesOK()
    #expect(talk.stage.finish().ends == [.complete])
  }

  /// A hop may become older, and newer again, at any time: its last response tells.
  @Test func theLastResponseTellsTheVersion() throws {
    let talk = try Talk()
    let origin = try talk.passNew("/1")
    talk.passAgain("/2", origin)
    talk.passAgain("/3", origin, version: "1.0", relayed)
    talk.client.send(Self.chunked + "\r\n2\r\nhi\r\n0\r\n\r\n")
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 2\r\n") + "hi")
    origin.send(Talk.answer())
    talk.seesOK()
    talk.client.send(Self.chunked + "\r\n2\r\nhi\r\n0\r\n\r\n")
    origin.expect(onward("POST /", via: "1.1", "Transfer-Encoding: chunked\r\n"))
    origin.expectChunks("hi")
    origin.send(Talk.answer())
    talk.seesOK()
    #expect(talk.stage.finish().ends == Array(repeating: .complete, count: 5))
  }

  @Test func anEmptyBodyIsGatheredToo() throws {
    let talk = try old()
    talk.client.send(Self.chunked + "\r\n0\r\n\r\n")
    let origin = try talk.stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 0\r\n"))
    origin.send(Talk.answer(version: "1.0"))
    talk.seesOK("1.0")
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  /// More than the client's first credit and the watermark.
  @Test(arguments: Place.allCases)
  func whatIsGatheredMayBeLarge(_ place: Place) throws {
    let talk = try old(place)
    let piece = String(repeating: "x", count: 4096)
    talk.client.send(Self.chunked + "\r\n")
    for _ in 0..<60 { talk.client.send("1000\r\n\(piece)\r\n") }
    talk.client.send("0\r\n\r\n")
    let origin = try talk.stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: \(60 * 4096)\r\n"))
    origin.expect(bytes: [UInt8](repeating: 0x78, count: 60 * 4096))
    origin.send(Talk.answer(version: "1.0"))
    talk.seesOK("1.0")
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  @Test(arguments: Place.allCases)
  func moreThanTheBoundIsAnswered411(_ place: Place) throws {
    let talk = try old(place, [(.gatherBytes, 10)])
    talk.client.send(Self.chunked + "\r\nb\r\nhello world\r\n")
    let body = talk.client.expectAnswer("411", with: ["Connection: close"])
    #expect(body.contains("policy.limit.gather"))
    #expect(body.contains("upstream.gather"))
    talk.client.expectEnd()
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().ends == [.complete, .policyLimitGather])
  }

  @Test func aClientThatLeavesWhileItsBodyIsGatheredLeavesNothing() throws {
    let talk = try old()
    talk.client.send(Self.chunked + "\r\n2\r\nhi\r\n")
    _ = talk.stage.inspect { $0.relays == 1 }
    talk.client.close(.reset)
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().ends == [.complete, .clientResetRequest])
  }

  // covers: R238
  @Test(arguments: Place.allCases)
  func theExpectationIsMetByUs(_ place: Place) throws {
    let talk = try old(place)
    talk.client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
    talk.client.expect("HTTP/1.1 100 Continue\r\n\r\n")
    talk.client.send("hi")
    let origin = try talk.stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 2\r\n") + "hi")
    origin.send(Talk.answer(version: "1.0"))
    talk.seesOK("1.0")
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  @Test func anUnknownExpectationGoesOn() throws {
    let talk = try old()
    talk.client.send("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n")
    let origin = try talk.stage.accept()
    origin.expect(onward("GET /", "Expect: tea\r\n"))
    origin.send(Talk.answer(version: "1.0"))
    talk.seesOK("1.0")
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  // covers: S116
  @Test(arguments: Place.allCases)
  func anOldServerThatClosesBeforeItsSecondAnswerIsAskedOnceMore(_ place: Place) throws {
    let talk = try Talk(place)
    let first = try talk.passNew("/1", version: "1.0", relayed)
    talk.ask("/2")
    first.expect(onward("GET /2"))
    first.endSending()
    talk.pass("/2", try talk.stage.accept(), version: "1.0", relayed)
    let story = talk.stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.exchanges[1].record.replays == 1)
  }

  // covers: S102, S111, R151
  @Test(arguments: [
    ("1.0", ""), ("1.1", "Connection: close\r\n"), ("1.0", "Connection: close\r\n"),
  ])
  func aConnectionThatIsNotKeptGetsNoFurtherByte(_ version: String, _ fields: String) throws {
    let talk = try Talk()
    talk.ask("/1")
    let first = try talk.stage.accept()
    first.expect(onward("GET /1"))
    // The head says it all: the next request does not wait for the end of the connection.
    first.send("HTTP/\(version) 200 OK\r\nDate: D\r\n\(fields)Content-Length: 2\r\n\r\n")
    let other = try talk.stage.client()
    other.send(ReuseTests.get("/2"))
    let second = try talk.stage.accept()
    talk.passSecond(second, to: other)
    first.send("ok")
    talk.seesOK(version)
    first.expectEnd()
    #expect(talk.stage.finish().ends(.upstream).first == .upstreamAskedClose)
  }
}

/// Connections of either side are their own.
@Suite struct SeparateHopsTests {
  // covers: S141
  @Test(arguments: Place.allCases)
  func aClientThatClosesLeavesTheOriginsConnectionToOthers(_ place: Place) throws {
    let talk = try Talk(place)
    talk.client.send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    let origin = try talk.stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(Talk.answer())
    talk.client.expect(
      back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok")
    talk.client.expectEnd()
    let other = try talk.stage.client()
    other.send(ReuseTests.get("/2"))
    talk.passSecond(origin, to: other)
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().exchanges[1].record.lease == .reused)
  }

  // covers: S143
  @Test(arguments: Place.allCases)
  func anOriginThatClosesAfterEverySecondResponseFailsNothing(_ place: Place) throws {
    let talk = try Talk(place)
    for round in 0..<4 {
      let origin = try talk.passNew("/\(round)a", relayed)
      talk.passAgain("/\(round)b", origin, relayed)
      origin.endSending()
      origin.expectEnd()
    }
    let story = talk.stage.finish()
    #expect(story.ends == Array(repeating: .complete, count: 8))
    #expect(story.exchanges.allSatisfy { $0.record.replays == 0 })
  }

  // covers: R154
  @Test(arguments: Place.allCases)
  func aConnectionWithHalfAResponseIsNeverUsedAgain(_ place: Place) throws {
    let talk = try Talk(place)
    talk.ask("/1")
    let first = try talk.stage.accept()
    first.expect(onward("GET /1"))
    first.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\n\r\nhalf")
    talk.client.expect(back("200 OK", "Date: D\r\n", "Content-Length: 9\r\n") + "half")
    talk.client.close(.reset)
    first.expectGone()
    let other = try talk.stage.client()
    other.send(ReuseTests.get("/2"))
    talk.passSecond(try talk.stage.accept(), to: other)
    #expect(talk.stage.finish().ends(.upstream).first == .usAbortedClientGone)
  }

  // covers: R235, R236
  @Test(arguments: Place.allCases)
  func aFinalStatusInsteadOf100EndsBothConnections(_ place: Place) throws {
    let talk = try Talk(place)
    talk.client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n")
    let first = try talk.stage.accept()
    first.expect(onward("POST /", "Expect: 100-continue\r\n", via: "1.1", "Content-Length: 30\r\n"))
    first.send("HTTP/1.1 401 No\r\nDate: D\r\nContent-Length: 0\r\n\r\n")
    talk.client.expect(
      back("401 No", "Date: D\r\n", "Content-Length: 0\r\nConnection: close\r\n"))
    // What looks like a request is the body that was announced, or nothing.
    talk.client.endSending()
    talk.client.expectGone()
    first.expectGone()
    let other = try talk.stage.client()
    other.send(ReuseTests.get("/2"))
    talk.passSecond(try talk.stage.accept(), to: other)
    #expect(talk.stage.finish().ends.last == .complete)
  }
}
