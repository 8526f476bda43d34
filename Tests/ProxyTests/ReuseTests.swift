import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Connections to origins: reused, limited, waited for, and left when they die.
@Suite struct ReuseTests {
  static let ok = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok"
  static let seesOK = back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"

  static func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }

  /// Sends a GET and has it answered on `origin`.
  static func pass(_ target: String, _ client: Wire, _ origin: Wire) {
    client.send(get(target))
    origin.expect(onward("GET \(target)"))
    origin.send(ok)
    client.expect(seesOK)
  }

  // covers: R203
  @Test(arguments: Place.allCases)
  func theConnectionUsedLastIsUsedFirst(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let first = try stage.client()
    let second = try stage.client()
    first.send(Self.get("/1"))
    let one = try stage.accept()
    one.expect(onward("GET /1"))
    second.send(Self.get("/2"))
    let two = try stage.accept()
    two.expect(onward("GET /2"))
    two.send(Self.ok)
    second.expect(Self.seesOK)
    one.send(Self.ok)
    first.expect(Self.seesOK)
    // The last one given back is `one`, whoever asks.
    for number in 3...6 { Self.pass("/\(number)", number % 2 == 0 ? first : second, one) }
    #expect(two.isQuiet)
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.exchanges.map(\.record.lease).suffix(4).allSatisfy { $0 == .reused })
    #expect(story.ends(.upstream) == [.usShutdown, .usShutdown])
  }

  // covers: R191
  @Test(arguments: Place.allCases)
  func requestsWaitInLineForTheOnlyConnection(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 1), (.upstreamWaiting, 2)])
    var clients: [Wire] = []
    for number in 1...3 {
      clients.append(try stage.client())
      clients[number - 1].send(Self.get("/\(number)"))
      _ = stage.inspect { $0.relays == number }
    }
    let late = try stage.client()
    late.send(Self.get("/4"))
    late.expectAnswer("503", without: ["Connection"])
    let origin = try stage.accept()
    for number in 1...3 {
      origin.expect(onward("GET /\(number)"))
      origin.send(Self.ok)
      clients[number - 1].expect(Self.seesOK)
    }
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.ends == [.policyLimitWaiting, .complete, .complete, .complete])
    #expect(story.exchanges.suffix(2).allSatisfy { $0.record.lease == .reusedAfterWait })
  }

  /// A request without a body is whole when its head is: refusing it at once must not cost the
  /// client its connection, nor the requests behind it their answers.
  @Test(arguments: Place.allCases)
  func aRefusalAtOnceKeepsTheConnection(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 1), (.upstreamWaiting, 0)])
    let first = try stage.client()
    first.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    let second = try stage.client()
    second.send(Self.get("/2") + Self.get("/3"))
    second.expectAnswer("503", without: ["Connection"])
    second.expectAnswer("503", without: ["Connection"])
    origin.send(Self.ok)
    first.expect(Self.seesOK)
    Self.pass("/4", second, origin)
    #expect(
      stage.finish().ends == [.policyLimitWaiting, .policyLimitWaiting, .complete, .complete])
  }

  @Test(arguments: Place.allCases)
  func theWaitIsBounded(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 1), (.upstreamWaitTimeout, 20)])
    let first = try stage.client()
    first.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    let second = try stage.client()
    second.send(Self.get("/2"))
    second.expectAnswer("503")
    origin.send(Self.ok)
    first.expect(Self.seesOK)
    Self.pass("/3", second, origin)
    #expect(stage.finish().ends == [.policyTimeoutWaiting, .complete, .complete])
  }

  @Test(arguments: Place.allCases)
  func aWaitingRequestGetsANewConnectionWhenTheOnlyOneDies(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 1)])
    let first = try stage.client()
    first.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    let second = try stage.client()
    second.send(Self.get("/2"))
    _ = stage.inspect { $0.relays == 2 }
    origin.close(.reset)
    first.expectAnswer("502")
    let next = try stage.accept()
    next.expect(onward("GET /2"))
    next.send(Self.ok)
    second.expect(Self.seesOK)
    #expect(stage.finish().ends == [.upstreamResetWaiting, .complete])
  }

  // covers: R194, S091
  @Test(arguments: Place.allCases)
  func anIdleConnectionIsClosedInTime(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamIdleTimeout, 30)])
    let client = try stage.client()
    client.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    origin.expectEnd()
    #expect(stage.inspect { $0.figures.upstream == 0 }.figures.upstream == 0)
    #expect(stage.finish().ends(.upstream) == [.usPoolIdle])
  }

  // covers: R195, S137
  @Test(arguments: Place.allCases)
  func anOriginThatClosesWhileIdleIsForgotten(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    origin.endSending()
    origin.expectEnd()
    #expect(stage.inspect { $0.figures.upstream == 0 }.figures.upstream == 0)
    // A POST, which could not be sent again, gets a new connection.
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    let next = try stage.accept()
    next.expect(onward("POST /", via: "1.1", "Content-Length: 0\r\n"))
    next.send(Self.ok)
    client.expect(Self.seesOK)
    let story = stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.ends(.upstream) == [.upstreamClosedIdle, .usShutdown])
  }

  @Test(arguments: Place.allCases)
  func twoUpstreamsTakeTurns(_ place: Place) throws {
    let stage = try ProxyStage(place, .scripted(2))
    let client = try stage.client()
    client.send(Self.get("/0"))
    // Which one is first is a matter of chance.
    var first = 0
    var one: Wire?
    stage.turn {
      for index in 0...1 where one == nil {
        one = stage.acceptIfThere(index)
        first = index
      }
      return one != nil
    }
    let origin = try #require(one)
    origin.expect(onward("GET /0"))
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    client.send(Self.get("/1"))
    let other = try stage.accept(1 - first)
    other.expect(onward("GET /1"))
    other.send(Self.ok)
    client.expect(Self.seesOK)
    Self.pass("/2", client, origin)
    Self.pass("/3", client, other)
    #expect(
      stage.finish().exchanges.map { Int($0.record.upstreamIndex) }
        == [first, 1 - first, first, 1 - first])
  }
}

/// What happens to a request whose connection dies under it.
@Suite struct ReplayTests {
  /// A stage with one reused connection: the client's, and the origin's end of it.
  private func warm(_ place: Place) throws -> (stage: ProxyStage, client: Wire, origin: Wire) {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(ReuseTests.get("/warm"))
    let origin = try stage.accept()
    origin.expect(onward("GET /warm"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    return (stage, client, origin)
  }

  // covers: K12, R183, R187
  @Test(
    arguments: [
      ("GET /", "", "", WireEnd.end), ("GET /", "", "", .reset), ("HEAD /", "", "", .reset),
      ("PUT /", "Content-Length: 5\r\n", "hello", .end),
      ("DELETE /", "", "", .end), ("OPTIONS /", "", "", .reset),
    ], Place.allCases)
  func anIdempotentRequestIsSentOnceMore(
    _ request: (line: String, framing: String, body: String, ending: WireEnd), _ place: Place
  ) throws {
    let (stage, client, origin) = try warm(place)
    client.send("\(request.line) HTTP/1.1\r\nHost: h\r\n\(request.framing)\r\n\(request.body)")
    let sent = onward(request.line, via: "1.1", request.framing) + request.body
    origin.expect(sent)
    if request.ending == .end { origin.endSending() } else { origin.close(.reset) }
    let next = try stage.accept()
    next.expect(sent)
    next.send("HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n")
    client.expect(back("204 No Content"))
    let cause: EndReason =
      request.ending == .end ? .upstreamClosedOnReuse : .upstreamResetOnReuse
    let story = stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.exchanges[1].record.replays == 1)
    #expect(story.exchanges[1].record.replayCause == cause)
    #expect(story.exchanges[1].record.replayEvidence == .allWritten)
    #expect(story.exchanges[1].record.replayRefusal == nil)
    #expect(story.exchanges[1].record.lease == .newAfterReplay)
    #expect(story.ends(.upstream) == [cause, .usShutdown])
  }

  // covers: K31, R184, R185, R187
  @Test(arguments: ["POST", "PATCH", "FOO"], Place.allCases)
  func anotherRequestIsNot(_ method: String, _ place: Place) throws {
    let (stage, client, origin) = try warm(place)
    client.send("\(method) / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
    origin.expect(onward("\(method) /", via: "1.1", "Content-Length: 2\r\n") + "hi")
    origin.close(.reset)
    client.expectAnswer("502")
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.ends == [.complete, .upstreamResetOnReuse])
    #expect(story.exchanges[1].record.replays == 0)
  }

  // covers: R186, S167
  @Test(arguments: Place.allCases)
  func aReplayIsNotReplayed(_ place: Place) throws {
    let (stage, client, origin) = try warm(place)
    client.send(ReuseTests.get("/"))
    origin.expect(onward("GET /"))
    origin.close(.reset)
    let next = try stage.accept()
    next.expect(onward("GET /"))
    next.close(.reset)
    client.expectAnswer("502")
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.ends == [.complete, .upstreamResetWaiting])
    #expect(story.exchanges[1].record.replays == 1)
    #expect(story.exchanges[1].record.replayCause == .upstreamResetOnReuse)
    #expect(story.exchanges[1].record.replayRefusal == .attemptsUsedUp)
    #expect(story.exchanges[1].record.refusedEvidence == .allWritten)
  }

  // covers: K22
  @Test(arguments: Place.allCases)
  func aByteOfTheResponseForbidsIt(_ place: Place) throws {
    let (stage, client, origin) = try warm(place)
    client.send(ReuseTests.get("/"))
    origin.expect(onward("GET /"))
    origin.send("H")
    origin.endSending()
    client.expectAnswer("502")
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.ends == [.complete, .upstreamClosedResponse])
    #expect(story.exchanges[1].record.replayRefusal == .responseBegan)
    #expect(story.exchanges[1].record.refusedEvidence == .responseBegan)
  }
}
