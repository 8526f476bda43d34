import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import Testing

/// Several loops before one upstream: exact limits, one line, and links that change their loop.
struct NeighboursTests {
  private static let ok = ReuseTests.ok
  private static let seesOK = ReuseTests.seesOK

  private static func get(_ path: String) -> String {
    "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n"
  }

  /// The only connection serves the requests of both loops in the order in which they came.
  // covers: K01, R191
  @Test(arguments: Place.allCases)
  func oneConnectionServesTwoLoopsInOrder(_ place: Place) throws {
    let stage = try ProxyStage(place, loops: 2, set: [(.upstreamConnections, 1)])
    var clients: [Wire] = []
    for number in 0..<6 {
      clients.append(try stage.client(loop: number % 2))
      clients[number].send(Self.get("/\(number)"))
      _ = stage.inspect { $0.relays == number + 1 }
    }
    let shared = try #require(stage.neighbours).shared(0)
    #expect(shared.open == 1 && shared.waiting == 5)
    let origin = try stage.accept()
    for number in 0..<6 {
      origin.expect(onward("GET /\(number)"))
      origin.send(Self.ok)
      clients[number].expect(Self.seesOK)
      #expect(shared.open == 1)
    }
    stage.expectNoContact()
    #expect(shared.waiting == 0)
    let story = stage.finish()
    #expect(story.ends == Array(repeating: .complete, count: 6))
    #expect(story.exchanges.map(\.record.lease).prefix(1) == [.newNoneIdle])
    #expect(story.exchanges.dropFirst().allSatisfy { $0.record.lease == .reusedAfterWait })
    // One connection, one record, every exchange on it.
    #expect(story.ends(.upstream).count == 1)
    #expect(Set(story.exchanges.map(\.record.upstream)).count == 1)
  }

  /// At the limit a connection that rests on one loop goes to a request of the other.
  @Test(arguments: Place.allCases)
  func atTheLimitWhatRestsElsewhereIsFetched(_ place: Place) throws {
    let stage = try ProxyStage(place, loops: 2, set: [(.upstreamConnections, 1)])
    let first = try stage.client(loop: 0)
    first.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(Self.ok)
    first.expect(Self.seesOK)
    _ = stage.inspect { $0.figures.idleUpstream == 1 }
    let second = try stage.client(loop: 1)
    second.send(Self.get("/2"))
    origin.expect(onward("GET /2"))
    origin.send(Self.ok)
    second.expect(Self.seesOK)
    stage.expectNoContact()
    let story = stage.finish()
    #expect(story.exchanges.map(\.record.lease) == [.newNoneIdle, .reusedAfterWait])
  }

  /// Below the limit one is taken over when more rest elsewhere than `upstream.take-over`.
  @Test(arguments: Place.allCases)
  func oneIsTakenOverWhenManyRestElsewhere(_ place: Place) throws {
    let stage = try ProxyStage(place, loops: 2, set: [(.upstreamTakeOver, 1)])
    var clients: [Wire] = []
    var origins: [Wire] = []
    for number in 0..<2 {
      clients.append(try stage.client(loop: 0))
      clients[number].send(Self.get("/\(number)"))
      origins.append(try stage.accept())
      origins[number].expect(onward("GET /\(number)"))
    }
    for number in 0..<2 {
      origins[number].send(Self.ok)
      clients[number].expect(Self.seesOK)
      _ = stage.inspect { $0.figures.idleUpstream == number + 1 }
    }
    let other = try stage.client(loop: 1)
    other.send(Self.get("/other"))
    // The one used last.
    origins[1].expect(onward("GET /other"))
    origins[1].send(Self.ok)
    other.expect(Self.seesOK)
    stage.expectNoContact()
    // Now one rests on each loop: nothing is taken over any more.
    let third = try stage.client(loop: 1)
    let fourth = try stage.client(loop: 1)
    third.send(Self.get("/third"))
    origins[1].expect(onward("GET /third"))
    fourth.send(Self.get("/fourth"))
    let fresh = try stage.accept()
    fresh.expect(onward("GET /fourth"))
    for wire in [origins[1], fresh] { wire.send(Self.ok) }
    third.expect(Self.seesOK)
    fourth.expect(Self.seesOK)
    let story = stage.finish()
    let leases = story.exchanges.map(\.record.lease)
    #expect(leases.prefix(3) == [.newNoneIdle, .newNoneIdle, .reusedTakenOver])
    #expect(leases.suffix(2).sorted { $0.rawValue < $1.rawValue } == [.reused, .newNoneIdle])
  }

  /// A client that goes away while it waits leaves the line, whichever loop it is on.
  @Test(arguments: Place.allCases)
  func whoWaitsAndGoesIsPassedOver(_ place: Place) throws {
    let stage = try ProxyStage(place, loops: 2, set: [(.upstreamConnections, 1)])
    let first = try stage.client(loop: 0)
    first.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    let gone = try stage.client(loop: 1)
    gone.send(Self.get("/gone"))
    _ = stage.inspect { $0.relays == 2 }
    let last = try stage.client(loop: 1)
    last.send(Self.get("/last"))
    _ = stage.inspect { $0.relays == 3 }
    gone.close(.reset)
    _ = stage.inspect { $0.relays == 2 }
    origin.send(Self.ok)
    first.expect(Self.seesOK)
    origin.expect(onward("GET /last"))
    origin.send(Self.ok)
    last.expect(Self.seesOK)
    stage.finish()
  }

  /// The socket of a connection that ends is closed before another takes its place.
  @Test(arguments: Place.allCases)
  func aLostConnectionsPlaceGoesToTheOtherLoop(_ place: Place) throws {
    let stage = try ProxyStage(place, loops: 2, set: [(.upstreamConnections, 1)])
    let first = try stage.client(loop: 0)
    first.send(Self.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    let second = try stage.client(loop: 1)
    second.send(Self.get("/2"))
    _ = stage.inspect { $0.relays == 2 }
    origin.send(Self.ok.replacing("Date: D\r\n", with: "Date: D\r\nConnection: close\r\n"))
    first.expect(Self.seesOK)
    let fresh = try stage.accept()
    fresh.expect(onward("GET /2"))
    fresh.send(Self.ok)
    second.expect(Self.seesOK)
    let story = stage.finish()
    #expect(story.exchanges.map(\.record.lease) == [.newNoneIdle, .newAfterWait])
  }

  @Test(arguments: Place.allCases)
  func theLineIsBoundedForAllLoopsTogether(_ place: Place) throws {
    let stage = try ProxyStage(
      place, loops: 2, set: [(.upstreamConnections, 1), (.upstreamWaiting, 2)])
    var clients: [Wire] = []
    for number in 0..<3 {
      clients.append(try stage.client(loop: number % 2))
      clients[number].send(Self.get("/\(number)"))
      _ = stage.inspect { $0.relays == number + 1 }
    }
    let late = try stage.client(loop: 1)
    late.send(Self.get("/late"))
    late.expectAnswer("503", without: ["Connection"])
    let story = stage.ended(1)
    #expect(story.map(\.record.lease) == [.refusedLineFull])
    let origin = try stage.accept()
    for number in 0..<3 {
      origin.expect(onward("GET /\(number)"))
      origin.send(Self.ok)
      clients[number].expect(Self.seesOK)
    }
    stage.finish()
  }
}
