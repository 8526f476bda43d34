import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Many connections at once, and what becomes of them.
@Suite struct PoolingTests {
  /// So many clients that each wait for an answer, and the origin's ends of their requests.
  private func burst(
    _ count: Int, _ stage: ProxyStage
  ) throws -> (clients: [Wire], origins: [Wire]) {
    var clients: [Wire] = []
    var origins: [Wire] = []
    for number in 1...count {
      let client = try stage.client()
      client.send(ReuseTests.get("/\(number)"))
      let origin = try stage.accept()
      origin.expect(onward("GET /\(number)"))
      clients.append(client)
      origins.append(origin)
    }
    for number in 0..<count {
      origins[number].send(ReuseTests.ok)
      clients[number].expect(ReuseTests.seesOK)
    }
    return (clients, origins)
  }

  // covers: S096
  @Test func afterABurstOneConnectionIsUsedAndTheOthersAgeOut() throws {
    let stage = try ProxyStage(.simulated, set: [(.upstreamIdleTimeout, 1000)])
    let (clients, origins) = try burst(6, stage)
    // The last one given back is the first one taken.
    for number in 0..<20 {
      stage.pass(milliseconds: 100)
      ReuseTests.pass("/later\(number)", clients[0], origins[5])
    }
    for origin in origins.prefix(5) { origin.expectEnd() }
    #expect(stage.inspect().figures.upstream == 1)
    #expect(origins[5].isQuiet)
    stage.expectNoContact()
    let ends = stage.finish().ends(.upstream)
    #expect(ends.filter { $0 == .usPoolIdle }.count == 5)
  }

  // covers: S099
  @Test func insideTheIdleTimeoutTheSameConnectionServesAndBehindItAnother() throws {
    let stage = try ProxyStage(.simulated, set: [(.upstreamIdleTimeout, 1000)])
    let (clients, origins) = try burst(1, stage)
    stage.pass(milliseconds: 950)
    ReuseTests.pass("/inside", clients[0], origins[0])
    stage.pass(milliseconds: 1050)
    origins[0].expectEnd()
    clients[0].send(ReuseTests.get("/outside"))
    let next = try stage.accept()
    next.expect(onward("GET /outside"))
    next.send(ReuseTests.ok)
    clients[0].expect(ReuseTests.seesOK)
    #expect(stage.finish().exchanges.map(\.record.lease) == [.newNoneIdle, .reused, .newNoneIdle])
  }

  // covers: S166
  @Test(arguments: Place.allCases)
  func aHundredIdleConnectionsCloseAtOnceAndNobodyNotices(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let (clients, origins) = try burst(100, stage)
    #expect(stage.inspect { $0.figures.idleUpstream == 100 }.figures.upstream == 100)
    for origin in origins { origin.close() }
    #expect(stage.inspect { $0.figures.upstream == 0 }.figures.upstream == 0)
    clients[7].send(ReuseTests.get("/after"))
    let next = try stage.accept()
    next.expect(onward("GET /after"))
    next.send(ReuseTests.ok)
    clients[7].expect(ReuseTests.seesOK)
    let story = stage.finish()
    #expect(story.ends == Array(repeating: .complete, count: 101))
    #expect(story.exchanges.allSatisfy { $0.record.replays == 0 })
  }

  // covers: S143
  @Test(arguments: Place.allCases)
  func anOriginThatClosesAfterEverySecondAnswer(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    for round in 0..<5 {
      client.send(ReuseTests.get("/\(round)a"))
      let origin = try stage.accept()
      origin.expect(onward("GET /\(round)a"))
      origin.send(ReuseTests.ok)
      client.expect(ReuseTests.seesOK)
      ReuseTests.pass("/\(round)b", client, origin)
      origin.close()
    }
    #expect(stage.finish().ends == Array(repeating: .complete, count: 10))
  }

  // covers: S141
  @Test(arguments: Place.allCases)
  func aClientsCloseLeavesTheUpstreamForAnother(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let first = try stage.client()
    first.send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(ReuseTests.ok)
    first.expectAnswer("200", with: ["Connection: close"])
    first.expectEnd()
    first.close()
    ReuseTests.pass("/2", try stage.client(), origin)
    stage.expectNoContact()
    #expect(stage.finish().exchanges.map(\.record.lease) == [.newNoneIdle, .reused])
  }

  // covers: S087
  @Test(arguments: Place.allCases)
  func aClientOf10GetsAConnectionForEachRequest(_ place: Place) throws {
    let stage = try ProxyStage(place)
    var origin: Wire?
    for number in 1...2 {
      let client = try stage.client()
      client.send("GET /\(number) HTTP/1.0\r\nHost: h\r\n\r\n")
      let wire = try origin ?? stage.accept()
      origin = wire
      wire.expect(onward("GET /\(number)", via: "1.0"))
      wire.send(ReuseTests.ok)
      client.expectAnswer("200", with: ["Connection: close"])
      client.expectEnd()
      client.close()
    }
    let story = stage.finish()
    #expect(story.connections.filter { $0.side == .downstream }.map(\.exchanges) == [1, 1])
  }

  // covers: R204, S081
  @Test(arguments: Place.allCases)
  func aFloodIsRefusedInPlainWordsAndTheRestIsServed(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 2), (.upstreamWaiting, 10)])
    var clients: [Wire] = []
    for number in 1...200 {
      clients.append(try stage.client())
      clients[number - 1].send(ReuseTests.get("/\(number)"))
      if number <= 12 { _ = stage.inspect { $0.relays == number } }
    }
    for client in clients.suffix(188) { client.expectAnswer("503", without: ["Connection"]) }
    let origins = try [stage.accept(), stage.accept()]
    for number in 0..<12 {
      let origin = origins[number % 2]
      #expect(origin.head().hasPrefix("GET /"))
      origin.send(ReuseTests.ok)
      stage.turn { clients.prefix(12).reduce(0) { $0 + ($1.count > 0 ? 1 : 0) } > number }
    }
    for client in clients.prefix(12) { client.expect(ReuseTests.seesOK) }
    let ends = stage.finish().ends
    #expect(ends.filter { $0 == .policyLimitWaiting }.count == 188)
    #expect(ends.filter { $0 == .complete }.count == 12)
  }

  // covers: S023
  @Test func refusedSilentAndSlowUpstreamsAreToldApart() throws {
    func end(_ upstreams: Upstreams, accepts: Bool = false) throws -> EndReason? {
      let stage = try ProxyStage(.simulated, upstreams, set: [(.responseTimeout, 1000)])
      let client = try stage.client()
      client.send(ReuseTests.get("/"))
      if accepts { _ = try stage.accept().head() }
      client.expectAnswer("50")
      return stage.finish().ends.first
    }
    #expect(try end(.refusing) == .upstreamRefusedDialling)
    #expect(try end(.blackHole) == .upstreamTimeoutDialling)
    #expect(try end(.scripted(1), accepts: true) == .upstreamTimeoutResponse)
  }

  /// What the first proxy sends on is what the second one gets.
  // covers: S059
  @Test(arguments: Place.allCases)
  func optionsOfTheFirstHopAreUnknownBehindTheSecond(_ place: Place) throws {
    let first = try ProxyStage(place)
    let second = try ProxyStage(place, via: "next")
    let client = try first.client()
    client.send(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: X-One, keep-alive\r\nX-One: 1\r\n"
        + "Keep-Alive: timeout=5\r\nX-End: 2\r\n\r\n")
    let middle = try first.accept()
    let relay = try second.client()
    relay.send(middle.head())
    let origin = try second.accept()
    let seen = origin.head()
    #expect(seen.contains("\r\nX-End: 2\r\n"))
    #expect(seen.contains("\r\nVia: 1.1 hop\r\n"))
    for word in ["X-One", "Keep-Alive", "keep-alive", "Connection"] {
      #expect(!seen.contains(word))
    }
    origin.send(
      "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: X-Two\r\nX-Two: 1\r\nContent-Length: 2\r\n\r\nok")
    middle.send(relay.head() + "ok")
    let answer = client.head()
    client.expect("ok")
    for word in ["X-Two", "Connection"] { #expect(!answer.contains(word)) }
    #expect(first.finish().ends == [.complete])
    #expect(second.finish().ends == [.complete])
  }
}
