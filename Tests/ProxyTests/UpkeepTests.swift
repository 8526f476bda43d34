import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import Testing

/// What is done for connections that rest, seen from outside: which are opened without a request,
/// which are closed and when, and who may still use them.
@Suite struct UpkeepTests {
  /// Nothing ends but by the rule that is looked at.
  private static let patient: [(id: SettingID, value: Int)] = [
    (.clientIdleTimeout, 3_600_000), (.upstreamIdleTimeout, 3_600_000),
  ]

  private static func stage(
    _ values: [(id: SettingID, value: Int)] = [], loops: Int = 1
  ) throws -> ProxyStage {
    loops == 1
      ? try ProxyStage(.simulated, set: patient + values)
      : try ProxyStage(.simulated, loops: loops, set: patient + values)
  }

  private static let post = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
  private static let seesPost = onward("POST /p", via: "1.1", "Content-Length: 2\r\n") + "hi"

  /// So many GETs at a time, each answered on a connection of its own.
  private static func burst(
    _ count: Int, _ stage: ProxyStage, loop: Int = 0
  ) throws -> (clients: [Wire], origins: [Wire]) {
    let clients = try (0..<count).map { _ in try stage.client(loop: loop) }
    var origins: [Wire] = []
    for (number, client) in clients.enumerated() {
      client.send(ReuseTests.get("/\(number)"))
      origins.append(try stage.accept())
      origins[number].expect(onward("GET /\(number)"))
    }
    for (client, origin) in zip(clients, origins) {
      origin.send(ReuseTests.ok)
      client.expect(ReuseTests.seesOK)
    }
    return (clients, origins)
  }

  /// Every connection that the proxy has opened by now.
  private static func accepted(_ stage: ProxyStage) -> [Wire] {
    var wires: [Wire] = []
    while let wire = stage.acceptNow() { wires.append(wire) }
    return wires
  }

  // MARK: upstream.warm

  @Test func warmConnectionsAreOpenedWithoutARequestAndReplaced() throws {
    let stage = try Self.stage([(.upstreamWarm, 3)])
    stage.pass(milliseconds: 4900)
    stage.expectNoContact()
    stage.pass(milliseconds: 200)
    let origins = Self.accepted(stage)
    #expect(origins.count == 3)
    #expect(stage.inspect().figures.idleUpstream == 3)
    // The first request finds them.
    let client = try stage.client()
    client.send(ReuseTests.get("/"))
    stage.turn { origins.contains { !$0.isQuiet } }
    let used = try #require(origins.first { !$0.isQuiet })
    used.expect(onward("GET /"))
    used.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    // What the origin closes is opened again, and no more than that.
    for origin in origins where origin !== used { origin.close() }
    #expect(stage.inspect().figures.upstream == 1)
    stage.pass(milliseconds: 5100)
    #expect(Self.accepted(stage).count == 2)
    stage.pass(milliseconds: 20_000)
    #expect(Self.accepted(stage).isEmpty)
    #expect(stage.inspect().figures.idleUpstream == 3)
    let story = stage.finish()
    #expect(story.exchanges.map(\.record.lease) == [.reused])
    #expect(story.ends(.upstream).filter { $0 == .upstreamClosedIdle }.count == 2)
  }

  @Test func eachLoopKeepsItsShareWarm() throws {
    let stage = try Self.stage([(.upstreamWarm, 4), (.upstreamConnections, 3)], loops: 2)
    stage.pass(milliseconds: 5100)
    // The limit holds for these too.
    #expect(Self.accepted(stage).count == 3)
    #expect(try #require(stage.neighbours).shared(0).open == 3)
    stage.finish()
  }

  /// What cannot be dialled is tried again with the next window, and no request hears of it.
  @Test func anOriginThatRefusesIsNotPressed() throws {
    let stage = try ProxyStage(.simulated, .refusing, set: Self.patient + [(.upstreamWarm, 2)])
    stage.pass(milliseconds: 5100)
    #expect(stage.inspect().figures.upstream == 0)
    stage.pass(milliseconds: 5000)
    let story = stage.finish()
    #expect(story.ends(.upstream) == Array(repeating: .upstreamRefusedDialling, count: 4))
    #expect(story.exchanges.isEmpty)
  }

  @Test func nothingIsWarmedWhileDraining() throws {
    let stage = try Self.stage([(.upstreamWarm, 2)])
    stage.pass(milliseconds: 5100)
    let origins = Self.accepted(stage)
    #expect(origins.count == 2)
    stage.drain()
    _ = stage.inspect()
    for origin in origins { origin.close() }
    stage.pass(milliseconds: 20_000)
    #expect(Self.accepted(stage).isEmpty)
    #expect(stage.inspect().figures.upstream == 0)
    stage.finish()
  }

  // MARK: How many rest

  @Test func surplusIsClosedByHalvesTheOldestFirst() throws {
    let stage = try Self.stage()
    let (clients, origins) = try Self.burst(16, stage)
    // The need is 16, then 8, 4, 2, 1 and 0. Half of it stays to spare, four at least.
    for count in [16, 14, 11, 8, 6, 5, 4, 4] {
      stage.pass(milliseconds: 5050)
      #expect(stage.inspect().figures.idleUpstream == count)
      #expect(origins.suffix(count).allSatisfy { $0.isQuiet })
      #expect(origins.prefix(16 - count).allSatisfy { $0.ended == .end })
    }
    ReuseTests.pass("/after", clients[0], origins[15])
    stage.expectNoContact()
    let ends = stage.finish().ends(.upstream)
    #expect(
      ends == Array(repeating: .usPoolSurplus, count: 12) + Array(repeating: .usShutdown, count: 4))
  }

  @Test func aSteadyLoadIsNotTouched() throws {
    let stage = try Self.stage()
    let (clients, origins) = try Self.burst(6, stage)
    for _ in 0..<20 {
      stage.pass(milliseconds: 2400)
      for client in clients { client.send(ReuseTests.get("/")) }
      for origin in origins {
        origin.expect(onward("GET /"))
        origin.send(ReuseTests.ok)
      }
      for client in clients { client.expect(ReuseTests.seesOK) }
    }
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.exchanges.count == 126)
    #expect(story.exchanges.dropFirst(6).allSatisfy { $0.record.lease == .reused })
    #expect(story.ends(.upstream) == Array(repeating: .usShutdown, count: 6))
  }

  // MARK: How long one rests

  /// An origin that closes what has rested for two seconds.
  private static func restUntilTheOriginCloses(_ client: Wire, _ stage: ProxyStage) throws {
    client.send(ReuseTests.get("/"))
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    stage.pass(milliseconds: 2000)
    #expect(origin.isQuiet)
    origin.close()
    #expect(stage.inspect().figures.upstream == 0)
  }

  @Test func theOriginsIdleTimeoutIsLearnedAndForgotten() throws {
    // A request that cannot be sent again is kept off by nothing but the lesson.
    let stage = try Self.stage([(.upstreamProven, 60_000), (.learnedAge, 60_000)])
    let client = try stage.client()
    for _ in 0..<2 { try Self.restUntilTheOriginCloses(client, stage) }
    client.send(ReuseTests.get("/3"))
    let third = try stage.accept()
    third.expect(onward("GET /3"))
    third.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    // A tenth earlier than the origin would.
    stage.pass(milliseconds: 1700)
    #expect(third.isQuiet)
    stage.pass(milliseconds: 200)
    client.send(Self.post)
    let fourth = try stage.accept()
    third.expectEnd()
    fourth.expect(Self.seesPost)
    fourth.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    stage.pass(milliseconds: 1900)
    fourth.expectEnd()
    // Nothing is used meanwhile, so nothing can be learned either.
    stage.pass(milliseconds: 60_000)
    client.send(ReuseTests.get("/5"))
    let fifth = try stage.accept()
    fifth.expect(onward("GET /5"))
    fifth.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    stage.pass(milliseconds: 4000)
    #expect(fifth.isQuiet)
    ReuseTests.pass("/6", client, fifth)
    let story = stage.finish()
    #expect(
      story.ends(.upstream) == [
        .upstreamClosedIdle, .upstreamClosedIdle, .usPoolLearned, .usPoolLearned, .usShutdown,
      ])
    #expect(story.exchanges.map(\.record.lease).suffix(3) == [.newNoneIdle, .newNoneIdle, .reused])
  }

  /// An origin whose connections are dead before they could be used again. No connection rests, so
  /// only the next one that is given back can tell that the time is over.
  @Test func aLessonThatForbidsEveryRestIsForgottenToo() throws {
    let stage = try ProxyStage(
      .simulated, path: VirtualPath(delay: 20_000_000),
      set: Self.patient + [(.learnedAge, 60_000)])
    let client = try stage.client()
    func pass() throws -> Wire {
      client.send(ReuseTests.get("/"))
      let origin = try stage.accept()
      origin.expect(onward("GET /"))
      origin.send(ReuseTests.ok)
      client.expect(ReuseTests.seesOK)
      return origin
    }
    for _ in 0..<2 {
      try pass().close()
      stage.pass(milliseconds: 1000)
    }
    for _ in 0..<2 {
      try pass().expectEnd()
      stage.pass(milliseconds: 20_000)
    }
    stage.pass(milliseconds: 60_000)
    let last = try pass()
    stage.pass(milliseconds: 1000)
    #expect(last.isQuiet)
    #expect(
      stage.finish().ends(.upstream) == [
        .upstreamClosedIdle, .upstreamClosedIdle, .usPoolLearned, .usPoolLearned, .usShutdown,
      ])
  }

  @Test func whatOneLoopHasLearnedHoldsForTheOther() throws {
    let stage = try Self.stage(loops: 2)
    let first = try stage.client(loop: 0)
    for _ in 0..<2 { try Self.restUntilTheOriginCloses(first, stage) }
    let second = try stage.client(loop: 1)
    second.send(ReuseTests.get("/"))
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send(ReuseTests.ok)
    second.expect(ReuseTests.seesOK)
    stage.pass(milliseconds: 1900)
    origin.expectEnd()
    #expect(stage.finish().ends(.upstream).last == .usPoolLearned)
  }

  // MARK: upstream.proven

  @Test func aPostTakesNoConnectionThatHasRestedForLong() throws {
    let stage = try Self.stage()
    let (clients, origins) = try Self.burst(1, stage)
    stage.pass(milliseconds: 1500)
    ReuseTests.pass("/again", clients[0], origins[0])
    stage.pass(milliseconds: 1500)
    clients[0].send(Self.post)
    let fresh = try stage.accept()
    fresh.expect(Self.seesPost)
    fresh.send(ReuseTests.ok)
    clients[0].expect(ReuseTests.seesOK)
    // The next one comes soon enough.
    stage.pass(milliseconds: 900)
    clients[0].send(Self.post)
    fresh.expect(Self.seesPost)
    fresh.send(ReuseTests.ok)
    clients[0].expect(ReuseTests.seesOK)
    #expect(origins[0].isQuiet)
    let story = stage.finish()
    #expect(
      story.exchanges.map(\.record.lease) == [.newNoneIdle, .reused, .newNotProven, .reused])
  }

  @Test func atTheLimitItMakesRoomForAPost() throws {
    let stage = try Self.stage([(.upstreamConnections, 1)])
    let (clients, origins) = try Self.burst(1, stage)
    stage.pass(milliseconds: 1500)
    clients[0].send(Self.post)
    let fresh = try stage.accept()
    origins[0].expectEnd()
    fresh.expect(Self.seesPost)
    fresh.send(ReuseTests.ok)
    clients[0].expect(ReuseTests.seesOK)
    let story = stage.finish()
    #expect(story.exchanges.map(\.record.lease) == [.newNoneIdle, .newAfterWait])
    #expect(story.ends(.upstream) == [.usPoolMadeRoom, .usShutdown])
  }

  // MARK: Descriptors

  @Test func aDialThatFindsNoDescriptorClosesWhatRestsAndIsTriedAgain() throws {
    let stage = try Self.stage()
    let (clients, origins) = try Self.burst(10, stage)
    stage.pass(milliseconds: 1500)
    stage.limitSockets(to: 20)
    clients[0].send(Self.post)
    let fresh = try stage.accept()
    fresh.expect(Self.seesPost)
    fresh.send(ReuseTests.ok)
    clients[0].expect(ReuseTests.seesOK)
    // Those that had rested longest.
    for origin in origins.prefix(8) { origin.expectEnd() }
    #expect(origins.suffix(2).allSatisfy { $0.isQuiet })
    let story = stage.finish()
    #expect(story.exchanges.last?.record.lease == .newNotProven)
    #expect(story.exchanges.last?.record.replays == 0)
    let ends = story.ends(.upstream)
    #expect(ends.filter { $0 == .usPoolPressure }.count == 8)
    #expect(ends.filter { $0 == .usErrorDescriptors }.count == 1)
  }

  @Test func withNothingToCloseTheRequestIsRefused() throws {
    let stage = try Self.stage()
    let client = try stage.client()
    _ = stage.inspect { $0.figures.downstream == 1 }
    stage.limitSockets(to: 1)
    client.send(ReuseTests.get("/"))
    client.expectAnswer("503", without: ["Connection"])
    stage.limitSockets(to: nil)
    client.send(ReuseTests.get("/again"))
    let origin = try stage.accept()
    origin.expect(onward("GET /again"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    let story = stage.finish()
    #expect(story.ends == [.usErrorDescriptors, .complete])
    #expect(story.exchanges.map(\.record.lease) == [.refusedDial, .newNoneIdle])
  }

  /// When no client is idle, whose descriptor it could have.
  @Test func aClientThatFindsNoDescriptorGetsThatOfAnIdleConnection() throws {
    let stage = try Self.stage()
    let (clients, origins) = try Self.burst(2, stage)
    clients[0].close()
    clients[1].send(ReuseTests.get("/busy"))
    origins[1].expect(onward("GET /busy"))
    _ = stage.inspect { $0.figures.downstream == 1 }
    stage.limitSockets(to: 3)
    let late = try stage.client()
    origins[0].expectEnd()
    #expect(stage.inspect { $0.figures.downstream == 2 }.figures.upstream == 1)
    origins[1].send(ReuseTests.ok)
    clients[1].expect(ReuseTests.seesOK)
    ReuseTests.pass("/late", late, origins[1])
    #expect(stage.finish().ends(.upstream) == [.usPoolPressure, .usShutdown])
  }

  // MARK: upstream.origin-age

  @Test func anUnusedOriginIsForgottenAndItsPlaceUsedAgain() throws {
    let stage = try ForwardTests.stage(.simulated, set: Self.patient + [(.originAge, 20_000)]) {
      plan, origins in plan.names = ["a.example": origins, "b.example": origins]
    }
    let port = stage.place().split(separator: ":")[1]
    let client = try stage.client()
    func pass(_ name: String, over open: Wire? = nil) throws -> Wire {
      client.send("GET http://\(name):\(port)/ HTTP/1.1\r\nHost: x\r\n\r\n")
      let origin = try open ?? stage.accept()
      #expect(origin.head().contains("Host: \(name):\(port)\r\n"))
      origin.send(ReuseTests.ok)
      #expect(client.expectAnswer("200") == "ok")
      return origin
    }
    let first = try pass("a.example")
    // Each request starts its time anew.
    stage.pass(milliseconds: 15_000)
    _ = try pass("a.example", over: first)
    stage.pass(milliseconds: 19_000)
    #expect(first.isQuiet)
    stage.pass(milliseconds: 6_100)
    first.expectEnd()
    _ = try pass("b.example")
    _ = try pass("a.example")
    let story = stage.finish()
    #expect(story.exchanges.map(\.record.upstreamIndex) == [0, 0, 0, 1])
    #expect(story.ends(.upstream) == [.usPoolSurplus, .usShutdown, .usShutdown])
  }
}
