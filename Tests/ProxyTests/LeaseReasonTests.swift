import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// What the log says about a request that got no connection, and about one that might have had one
/// of another loop.
@Suite struct LeaseReasonTests {
  // MARK: None

  /// A stage whose only connection is in use; the client and the origin that use it.
  private func busy(
    _ place: Place, _ values: [(id: SettingID, value: Int)] = []
  ) throws -> (stage: ProxyStage, client: Wire, origin: Wire) {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 1)] + values)
    let client = try stage.client()
    client.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    return (stage, client, origin)
  }

  @Test(arguments: Place.allCases)
  func aClientThatGoesAwayWhileItWaits(_ place: Place) throws {
    let (stage, client, origin) = try busy(place)
    let gone = try stage.client()
    gone.send(ReuseTests.get("/gone"))
    _ = stage.inspect { $0.relays == 2 }
    gone.close(.reset)
    let record = try #require(stage.ended(1).first?.record)
    #expect(record.lease == .waitedInVain && record.end.blame == .client)
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    ReuseTests.pass("/2", client, origin)
    stage.finish()
  }

  @Test(arguments: [0, 1], Place.allCases)
  func aLineThatIsFull(_ length: Int, _ place: Place) throws {
    let (stage, client, origin) = try busy(place, [(.upstreamWaiting, length)])
    let waiting = try (0..<length).map { _ in try stage.client() }
    for (number, client) in waiting.enumerated() {
      client.send(ReuseTests.get("/waits"))
      _ = stage.inspect { $0.relays == number + 2 }
    }
    let late = try stage.client()
    late.send(ReuseTests.get("/late"))
    late.expectAnswer("503", without: ["Connection"])
    let record = try #require(stage.ended(1).first?.record)
    #expect(record.lease == .refusedLineFull && record.end == .policyLimitWaiting)
    #expect(record.status == 503)
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    for client in waiting {
      origin.expect(onward("GET /waits"))
      origin.send(ReuseTests.ok)
      client.expect(ReuseTests.seesOK)
    }
    let leases = stage.finish().exchanges.map(\.record.lease)
    #expect(leases.dropFirst(2).allSatisfy { $0 == .reusedAfterWait })
  }

  @Test(arguments: Place.allCases)
  func aWaitThatIsOver(_ place: Place) throws {
    let (stage, client, origin) = try busy(place, [(.upstreamWaitTimeout, 20)])
    let late = try stage.client()
    late.send(ReuseTests.get("/late"))
    late.expectAnswer("503", without: ["Connection"])
    let record = try #require(stage.ended(1).first?.record)
    #expect(record.lease == .refusedWaitTimeout && record.end == .policyTimeoutWaiting)
    #expect(record.status == 503)
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    stage.finish()
  }

  @Test(arguments: Place.allCases)
  func aDialThatFails(_ place: Place) throws {
    let stage = try ProxyStage(place, .refusing)
    let client = try stage.client()
    client.send(ReuseTests.get("/"))
    client.expectAnswer("502", without: ["Connection"])
    let record = try #require(stage.ended(1).first?.record)
    #expect(record.lease == .refusedDial && record.end == .upstreamRefusedDialling)
    #expect(record.status == 502)
    stage.finish()
  }

  // MARK: One of another loop

  /// A stage of two loops with so many connections at rest on the first, and the origin's ends.
  private func resting(
    _ count: Int, takeOver: Int, _ place: Place
  ) throws -> (stage: ProxyStage, origins: [Wire]) {
    let stage = try ProxyStage(place, loops: 2, set: [(.upstreamTakeOver, takeOver)])
    let clients = try (0..<count).map { _ in try stage.client(loop: 0) }
    var origins: [Wire] = []
    for client in clients {
      client.send(ReuseTests.get("/"))
      origins.append(try stage.accept())
      origins.last?.expect(onward("GET /"))
    }
    for number in 0..<count {
      origins[number].send(ReuseTests.ok)
      clients[number].expect(ReuseTests.seesOK)
      _ = stage.inspect { $0.figures.idleUpstream == number + 1 }
    }
    return (stage, origins)
  }

  @Test(arguments: Place.allCases)
  func theOnlyOneIsTakenOver(_ place: Place) throws {
    let (stage, origins) = try resting(1, takeOver: 0, place)
    let client = try stage.client(loop: 1)
    ReuseTests.pass("/other", client, origins[0])
    stage.expectNoContact()
    // It rests here now, so nothing is to be fetched for the next.
    _ = stage.inspect { $0.figures.idleUpstream == 1 }
    ReuseTests.pass("/again", client, origins[0])
    let leases = stage.finish().exchanges.map(\.record.lease)
    #expect(leases == [.newNoneIdle, .reusedTakenOver, .reused])
  }

  /// Nor is any for a request that cannot be sent again, however few it takes.
  @Test(arguments: [1000, 0], Place.allCases)
  func noneIsTakenOver(_ takeOver: Int, _ place: Place) throws {
    let (stage, origins) = try resting(3, takeOver: takeOver, place)
    let client = try stage.client(loop: 1)
    let method = takeOver == 0 ? "POST" : "GET"
    client.send("\(method) /other HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    let fresh = try stage.accept()
    fresh.expect(onward("\(method) /other", via: "1.1", "Content-Length: 0\r\n"))
    fresh.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    #expect(origins.allSatisfy { $0.isQuiet })
    #expect(stage.finish().exchanges.map(\.record.lease).allSatisfy { $0 == .newNoneIdle })
  }
}
