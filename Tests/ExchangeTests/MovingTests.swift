import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// An idle upstream link moves from one loop to another, on both networks.
struct MovingTests {
  /// Bytes of one exchange of `TwoLoops` with a path of two letters.
  private static let request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n".utf8.count
  private static let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8.count

  @Test(arguments: Place.allCases)
  func aMovedLinkIsUsedOnTheOtherLoop(on place: Place) throws {
    let stage = try TwoLoops(place)
    let origin = try #require(stage.connect())
    #expect(stage.exchange(stage.here, "/a", origin))
    #expect(stage.move(from: stage.here, to: stage.there))
    #expect(stage.here.links.linkCount == 0)
    #expect(stage.exchange(stage.there, "/b", origin))
    #expect(stage.there.links.figures.idleUpstream == 1)
    #expect(stage.there.links.lentBuffers == 0)

    // Closed by its owner: the other loop has the record, and it tells the whole life.
    let link = try #require(stage.there.caller.link)
    let facts = stage.there.links.facts(link)
    _ = stage.act(stage.there) { $0.links.close(link, .usPoolIdle) }
    #expect(origin.seesEnd())
    #expect(stage.there.caller.log.last == "ended us.pool.idle")
    #expect(!stage.here.caller.log.contains { $0.hasPrefix("ended") })
    #expect(stage.here.takeConnections().isEmpty)
    let records = stage.there.takeConnections()
    let record = try #require(records.first)
    #expect(records.count == 1)
    #expect(record.id == ConnectionID(loop: 0, count: 1))
    #expect(record.opened == facts.opened && record.closed >= record.opened)
    #expect(record.exchanges == 2)
    #expect(record.bytesOut == UInt64(2 * Self.request))
    #expect(record.bytesIn == UInt64(2 * Self.response))
    #expect(record.peer == stage.address)
    #expect(record.end == .usPoolIdle)
    // Opened once in the process.
    let opened = [stage.here, stage.there].map {
      $0.links.journal.value.opened[Int(Side.upstream.rawValue)]
    }
    #expect(opened == [1, 0])
  }

  /// What an origin may do while nobody watches, and how the link ends then.
  enum Surprise: CaseIterable, Sendable {
    case fin, reset, bytes, bytesAndFin

    var reason: String {
      switch self {
      case .fin, .reset: "upstream.closed.idle"
      case .bytes, .bytesAndFin: "upstream.unexpected.bytes"
      }
    }

    func happen(to origin: Outpost) {
      switch self {
      case .fin: origin.finish()
      case .reset: origin.close(.reset)
      case .bytes: origin.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
      case .bytesAndFin:
        origin.send("HTTP/1.1 200 OK\r\n\r\n")
        origin.finish()
      }
    }
  }

  @Test(arguments: Place.allCases, Surprise.allCases)
  func whatComesUnderWayIsSeenAfterwards(on place: Place, _ surprise: Surprise) throws {
    let stage = try TwoLoops(place)
    let origin = try #require(stage.connect())
    #expect(stage.exchange(stage.here, "/a", origin))
    let parcel = try #require(stage.detach(stage.here))
    surprise.happen(to: origin)
    stage.world?.settle()
    #expect(stage.here.caller.log.last == "finished")
    stage.there.loop.mailbox.post(parcel)
    #expect(stage.until { stage.there.caller.log == ["ended \(surprise.reason)"] })
    #expect(stage.there.links.linkCount == 0)
    let records = stage.there.takeConnections()
    #expect(records.map(\.id) == [ConnectionID(loop: 0, count: 1)])
    #expect(records.map { String(describing: $0.end.code) } == [surprise.reason])
    #expect(records.map(\.exchanges) == [1])
  }

  /// The same, seen when the link is to be taken off: it ends where it is.
  @Test(arguments: Surprise.allCases)
  func anEndThatIsThereAlreadyKeepsTheLink(_ surprise: Surprise) throws {
    let stage = try TwoLoops(.simulated)
    let world = try #require(stage.world)
    let origin = try #require(stage.connect())
    #expect(stage.exchange(stage.here, "/a", origin))
    // The loop is busy elsewhere, and looks at the link before its report.
    world.detach(stage.here.loop)
    surprise.happen(to: origin)
    world.settle()
    let link = try #require(stage.here.caller.link)
    #expect(stage.here.links.isReusable(link))
    #expect(stage.here.caller.detach() == nil)
    world.attach(stage.here.loop)
    world.settle()
    #expect(stage.here.caller.log.last == "ended \(surprise.reason)")
    let ends = stage.here.takeConnections().map { String(describing: $0.end.code) }
    #expect(ends == [surprise.reason])
  }

  @Test func aLinkThatIsNotIdleDoesNotMove() throws {
    let stage = try TwoLoops(.simulated)
    let (here, links) = (stage.here, stage.here.links)
    // While it is dialled.
    var dialled = Handle.none
    var moves = true
    let address = stage.address
    let isAsked = stage.act(here) { seat in
      seat.caller.dial(address)
      dialled = seat.links.living.first ?? .none
      moves = seat.links.detach(dialled) != nil
    }
    #expect(isAsked && !moves)
    #expect(links.exists(dialled))
    let other = try TwoLoops(.simulated)
    let origin = try #require(other.connect())
    // While an exchange is under way: before, in the middle of, and right behind its response.
    _ = other.act(other.here) { _ = $0.caller.request("/a") }
    #expect(other.detach(other.here) == nil)
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
    #expect(other.until { other.here.caller.log.last == "body 1" })
    #expect(other.detach(other.here) == nil)
    origin.send("k")
    #expect(other.until { other.here.caller.log.last == "finished" })
    // When its response has announced the end.
    _ = other.act(other.here) { _ = $0.caller.request("/b") }
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    #expect(other.until { other.here.caller.log.last == "finished" })
    #expect(other.here.caller.link != nil)
    #expect(other.detach(other.here) == nil)
    // And one that is gone already.
    let link = try #require(other.here.caller.link)
    _ = other.act(other.here) { $0.links.close(link, .usPoolSurplus) }
    #expect(other.here.links.detach(link) == nil)
  }

  @Test func aClientsLinkDoesNotMove() throws {
    let stage = try Stage()
    let client = stage.client(sending: "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(client.statuses == ["200"])
    let link = try #require(stage.links.living.first)
    #expect(stage.links.detach(link) == nil)
    client.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(client.statuses == ["200", "200"])
  }

  /// A pool hands a connection on where it gets it back: within the call that ends its exchange.
  @Test(arguments: Place.allCases)
  func aLinkMovesAsSoonAsItsExchangeHasFinished(on place: Place) throws {
    let stage = try TwoLoops(place)
    let origin = try #require(stage.connect())
    let mailbox = stage.there.loop.mailbox
    stage.here.caller.onFinished = { caller in
      if let parcel = caller.detach() { mailbox.post(parcel) }
    }
    #expect(stage.exchange(stage.here, "/a", origin))
    #expect(stage.until { stage.there.caller.link != nil })
    #expect(stage.here.links.linkCount == 0)
    #expect(stage.here.links.exchanges.lent == 0)
    #expect(stage.exchange(stage.there, "/b", origin))
    #expect(stage.there.caller.link.map(stage.there.links.exchangeCount) == 2)
  }

  @Test(arguments: Place.allCases)
  func aLinkMovesThereAndBackAHundredTimes(on place: Place) throws {
    let stage = try TwoLoops(place)
    let origin = try #require(stage.connect())
    for _ in 0..<100 {
      #expect(stage.exchange(stage.here, "/a", origin))
      #expect(stage.move(from: stage.here, to: stage.there))
      #expect(stage.exchange(stage.there, "/b", origin))
      #expect(stage.move(from: stage.there, to: stage.here))
    }
    origin.finish()
    #expect(stage.until { stage.here.caller.log.last == "ended upstream.closed.idle" })
    let record = try #require(stage.here.takeConnections().first)
    #expect(record.exchanges == 200)
    #expect(record.bytesOut == UInt64(200 * Self.request))
    #expect(record.bytesIn == UInt64(200 * Self.response))
    #expect(stage.there.takeConnections().isEmpty)
    #expect(stage.here.links.linkCount + stage.there.links.linkCount == 0)
  }

  /// What it had rested before it moved counts.
  @Test func theIdleTimeoutGoesOn() throws {
    let stage = try TwoLoops(.simulated, [.upstreamIdleTimeout: 30_000])
    let world = try #require(stage.world)
    let origin = try #require(stage.connect())
    #expect(stage.exchange(stage.here, "/a", origin))
    world.run(milliseconds: 20_000)
    #expect(stage.move(from: stage.here, to: stage.there))
    world.run(milliseconds: 9_900)
    #expect(stage.there.caller.link != nil)
    world.run(milliseconds: 200)
    #expect(stage.there.caller.log == ["ended us.pool.idle"])
    #expect(origin.seesEnd())
  }

  @Test func aUseAfterTheMoveBeginsTheIdleTimeoutAnew() throws {
    let stage = try TwoLoops(.simulated, [.upstreamIdleTimeout: 30_000])
    let world = try #require(stage.world)
    let origin = try #require(stage.connect())
    world.run(milliseconds: 20_000)
    #expect(stage.move(from: stage.here, to: stage.there))
    world.run(milliseconds: 5_000)
    #expect(stage.exchange(stage.there, "/a", origin))
    world.run(milliseconds: 29_900)
    #expect(stage.there.caller.link != nil)
    world.run(milliseconds: 200)
    #expect(stage.there.caller.log.last == "ended us.pool.idle")
  }

  @Test func aLinkThatCannotBeWatchedIsClosedAndRecorded() throws {
    let stage = try TwoLoops(.simulated)
    let world = try #require(stage.world)
    let origin = try #require(stage.connect())
    #expect(stage.exchange(stage.here, "/a", origin))
    let network = try #require(stage.there.links.network as? SimulatedNetwork)
    network.socketLimit = 0
    let parcel = try #require(stage.detach(stage.here))
    var link: Handle?
    let isAsked = stage.act(stage.there) { link = $0.links.attach(parcel, owner: 0) }
    #expect(isAsked && link == nil)
    #expect(origin.seesEnd())
    let records = stage.there.takeConnections()
    #expect(records.map(\.end) == [.usErrorDescriptors])
    #expect(records.map(\.exchanges) == [1])
    #expect(records.map(\.id) == [ConnectionID(loop: 0, count: 1)])
    #expect(stage.there.caller.log.isEmpty)
    #expect(stage.there.links.linkCount == 0)
    origin.close(.orderly)
    #expect(network.openSockets == 0 && world.openSockets == 0)
  }

  @Test(arguments: Place.allCases)
  func aParcelThatNobodyWantsIsDropped(on place: Place) throws {
    let stage = try TwoLoops(place)
    let origin = try #require(stage.connect())
    let parcel = try #require(stage.detach(stage.here))
    _ = stage.act(stage.there) { $0.links.drop(parcel, .usShutdown) }
    #expect(origin.seesEnd())
    let records = stage.there.takeConnections()
    #expect(records.map(\.end) == [.usShutdown])
    #expect(records.map(\.exchanges) == [0])
    #expect(stage.there.links.linkCount == 0)
  }
}
