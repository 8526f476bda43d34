import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Connection fields as a relay passes them on that knows nothing of them.
let relayed = "Connection: keep-alive\r\n"

/// Hops that do not answer a second request.
@Suite struct HungHopTests {
  // covers: R159, R160
  @Test(arguments: Place.allCases, [relayed, "Keep-Alive: timeout=60\r\n", "old"])
  func aDumbRelayIsFoundOutByItsSecondRequest(_ place: Place, _ sign: String) throws {
    let talk = try Talk(place, [(.hungTimeout, 60)])
    let version = sign == "old" ? "1.0" : "1.1"
    let fields = sign == "old" ? relayed : sign
    let first = try talk.passNew("/1", version: version, fields)
    talk.ask("/2")
    first.expect(onward("GET /2"))
    // Silence. The request is sent once more, on a connection that ends with it.
    first.expectGone()
    let second = try talk.stage.accept()
    talk.pass("/2", second, closes: true, fields)
    second.expectGone()
    let third = try talk.passNew("/3", closes: true, fields)
    third.expectGone()
    let story = talk.stage.finish()
    #expect(story.ends == [.complete, .complete, .complete])
    #expect(story.exchanges.map(\.record.lease) == [.newNoneIdle, .newAfterReplay, .newHopCloses])
    #expect(story.exchanges[1].record.replayCause == .upstreamHungOnReuse)
    #expect(story.ends(.upstream) == [.upstreamHungOnReuse, .usPoolHop, .usPoolHop])
  }

  @Test(arguments: Place.allCases)
  func aRequestThatMayNotBeRepeatedIsAnswered504(_ place: Place) throws {
    let talk = try Talk(place, [(.hungTimeout, 60)])
    let first = try talk.passNew("/1", relayed)
    talk.client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
    first.expect(onward("POST /", via: "1.1", "Content-Length: 2\r\n") + "hi")
    let body = talk.client.expectAnswer("504")
    #expect(body.contains("upstream.hung.on-reuse"))
    talk.stage.expectNoContact()
    _ = try talk.passNew("/2", closes: true)
    #expect(talk.stage.finish().ends == [.complete, .upstreamHungOnReuse, .complete])
  }

  /// nginx says keep-alive with everything. Its second answer clears it: from then on it may be as
  /// slow as any other.
  @Test func aSlowServerThatSaysKeepAliveIsNotCut() throws {
    let talk = try Talk()
    let origin = try talk.passNew("/1", relayed)
    talk.passAgain("/2", origin, relayed)
    talk.ask("/3")
    talk.stage.pass(milliseconds: 50_000)
    talk.pass("/3", origin, relayed)
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().exchanges.map(\.record.replays) == [0, 0, 0])
  }

  @Test func silenceAloneRaisesNoSuspicion() throws {
    let talk = try Talk()
    let origin = try talk.passNew("/1")
    talk.ask("/2")
    talk.stage.pass(milliseconds: 50_000)
    talk.pass("/2", origin)
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  /// The detector looks at the silence after the request: a byte of the response ends it.
  @Test func aByteOfTheResponseEndsTheWatch() throws {
    let talk = try Talk(.simulated, [(.hungTimeout, 1000)])
    let origin = try talk.passNew("/1", relayed)
    talk.ask("/2")
    origin.expect(onward("GET /2"))
    origin.send("HTTP/1.1 200 OK\r\n")
    talk.stage.pass(milliseconds: 30_000)
    origin.send("Date: D\r\nContent-Length: 2\r\n\r\nok")
    talk.seesOK()
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }

  @Test func aNewConnectionOfASuspectHopHasAllTheTime() throws {
    let talk = try Talk(.simulated, [(.hungTimeout, 1000)])
    let origin = try talk.passNew("/1", relayed)
    origin.endSending()
    origin.expectEnd()
    talk.ask("/2")
    let next = try talk.stage.accept()
    talk.stage.pass(milliseconds: 30_000)
    talk.pass("/2", next)
    #expect(talk.stage.finish().exchanges[1].record.replays == 0)
  }

  @Test func anUnprovenHopThatTimesOutOnReuseIsHungToo() throws {
    let talk = try Talk(.simulated, [(.responseTimeout, 3000)])
    let first = try talk.passNew("/1")
    talk.ask("/2")
    first.expect(onward("GET /2"))
    first.expectGone()
    let second = try talk.stage.accept()
    talk.pass("/2", second, closes: true)
    _ = try talk.passNew("/3", closes: true)
    let story = talk.stage.finish()
    #expect(story.exchanges[1].record.replayCause == .upstreamTimeoutResponse)
    #expect(story.exchanges[2].record.lease == .newHopCloses)
  }

  /// A relay that waits for the end of the connection does not read either.
  @Test func aSecondRequestThatIsNotReadIsHungToo() throws {
    let talk = try Talk(.simulated, [(.writeStallTimeout, 3000)])
    let first = try talk.passNew("/1", relayed)
    first.isReading = false
    let size = 4 << 20
    talk.client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n")
    talk.client.send([UInt8](repeating: 0x78, count: size))
    talk.client.expectAnswer("504", with: ["Connection: close"])
    let other = try talk.stage.client()
    other.send(ReuseTests.get("/2"))
    let second = try talk.stage.accept()
    second.expect(onward("GET /2", via: "1.1", "Connection: close\r\n"))
    second.send(Talk.answer())
    other.expect(ReuseTests.seesOK)
    let story = talk.stage.finish()
    #expect(story.ends == [.complete, .upstreamStalledWrite, .complete])
    #expect(story.exchanges.last?.record.lease == .newHopCloses)
  }

  @Test func idleConnectionsOfAHungHopAreClosed() throws {
    let talk = try Talk(.simulated, [(.hungTimeout, 1000)])
    let other = try talk.stage.client()
    talk.ask("/1")
    let one = try talk.stage.accept()
    one.expect(onward("GET /1"))
    other.send(ReuseTests.get("/2"))
    let two = try talk.stage.accept()
    two.expect(onward("GET /2"))
    one.send(Talk.answer(relayed))
    talk.seesOK()
    two.send(Talk.answer(relayed))
    other.expect(ReuseTests.seesOK)
    talk.ask("/3")
    two.expect(onward("GET /3"))
    two.expectGone()
    one.expectGone()
    talk.pass("/3", try talk.stage.accept(), closes: true)
    #expect(
      talk.stage.finish().ends(.upstream)
        == [.usPoolHop, .upstreamHungOnReuse, .usPoolHop])
  }

  /// A hung hop, one hung request ago.
  private func hung() throws -> Talk {
    let talk = try Talk(.simulated, [(.hungTimeout, 1000), (.hungMemory, 8000)])
    let first = try talk.passNew("/1", relayed)
    talk.ask("/2")
    first.expect(onward("GET /2"))
    first.expectGone()
    talk.pass("/2", try talk.stage.accept(), closes: true)
    return talk
  }

  @Test func afterAWhileOneConnectionIsTriedAgainAndMayProveTheHop() throws {
    let talk = try hung()
    talk.stage.pass(milliseconds: 9000)
    let tried = try talk.passNew("/3", relayed)
    talk.passAgain("/4", tried, relayed)
    talk.ask("/5")
    talk.stage.pass(milliseconds: 30_000)
    talk.pass("/5", tried)
    talk.stage.expectNoContact()
    #expect(talk.stage.finish().exchanges.last?.record.lease == .reused)
  }

  @Test func aTrialThatHangsCostsOneRequestItsTime() throws {
    let talk = try hung()
    talk.stage.pass(milliseconds: 9000)
    let tried = try talk.passNew("/3", relayed)
    talk.ask("/4")
    tried.expect(onward("GET /4"))
    tried.expectGone()
    talk.pass("/4", try talk.stage.accept(), closes: true)
    _ = try talk.passNew("/5", closes: true)
    let story = talk.stage.finish()
    #expect(story.exchanges.map(\.record.replays) == [0, 1, 0, 1, 0])
  }
}

/// What an upstream says in Keep-Alive.
@Suite struct UpstreamHintTests {
  private static func hint(_ value: String) -> String { relayed + "Keep-Alive: \(value)\r\n" }

  // covers: K10, S104, R163
  @Test(arguments: [
    ("timeout=5", 3000, true), ("timeout=5", 5000, false), ("timeout=2", 2500, false),
  ])
  func timeIsKeptWithAMargin(_ value: String, _ rest: Int, _ reuses: Bool) throws {
    let talk = try Talk()
    let origin = try talk.passNew("/1", Self.hint(value))
    talk.stage.pass(milliseconds: rest)
    if reuses {
      talk.passAgain("/2", origin)
    } else {
      origin.expectEnd()
      _ = try talk.passNew("/2")
    }
    talk.stage.expectNoContact()
    let story = talk.stage.finish()
    #expect(story.ends(.upstream).first == (reuses ? .usShutdown : .usPoolHint))
    #expect(story.ends == [.complete, .complete])
  }

  // covers: R163
  @Test(arguments: ["timeout=1", "timeout=0", "max=0", "timeout=30, max=0"], Place.allCases)
  func noTimeIsNoReuse(_ value: String, _ place: Place) throws {
    let talk = try Talk(place)
    let origin = try talk.passNew("/1", Self.hint(value))
    origin.expectEnd()
    _ = try talk.passNew("/2")
    #expect(talk.stage.finish().ends(.upstream) == [.usPoolHint, .usShutdown])
  }

  // covers: S105
  @Test(arguments: Place.allCases)
  func soManyFurtherRequestsAreSentAndTheNextOpensAConnection(_ place: Place) throws {
    let talk = try Talk(place)
    let origin = try talk.passNew("/0", Self.hint("max=2"))
    talk.passAgain("/1", origin)
    talk.passAgain("/2", origin)
    origin.expectEnd()
    _ = try talk.passNew("/3")
    #expect(talk.stage.finish().ends(.upstream) == [.usPoolHint, .usShutdown])
  }

  // covers: S108
  @Test func theFieldWithoutTheOptionSaysNothing() throws {
    let talk = try Talk()
    let origin = try talk.passNew("/1", "Keep-Alive: timeout=1, max=0\r\n")
    talk.stage.pass(milliseconds: 3000)
    talk.passAgain("/2", origin)
    #expect(talk.stage.finish().ends(.upstream) == [.usShutdown])
  }

  @Test func aWaitingRequestGetsANewConnectionWhenTheOldMustNotBeUsed() throws {
    let talk = try Talk(.simulated, [(.upstreamConnections, 1)])
    let other = try talk.stage.client()
    talk.ask("/1")
    let one = try talk.stage.accept()
    one.expect(onward("GET /1"))
    other.send(ReuseTests.get("/2"))
    _ = talk.stage.inspect { $0.relays == 2 }
    one.send(Talk.answer(Self.hint("max=0")))
    talk.seesOK()
    let two = try talk.stage.accept()
    two.expect(onward("GET /2"))
    two.send(Talk.answer())
    other.expect(ReuseTests.seesOK)
    #expect(talk.stage.finish().ends == [.complete, .complete])
  }
}
