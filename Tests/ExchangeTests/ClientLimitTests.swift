import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import CAllocationCount
import Testing

/// How many clients there may be, in all and of one address, and what becomes of the others.
struct ClientLimitTests {
  private static func get(_ path: String) -> String { PipeliningTests.get(path) }

  private static func address(_ text: String) throws -> SocketAddress {
    try #require(SocketAddress(host: text, port: 0))
  }

  // MARK: All clients together

  // covers: S117, R202
  @Test func aNewClientTakesThePlaceOfTheLongestIdle() throws {
    let stage = try Stage([.clientConnections: 3])
    let clients = (0..<3).map { _ in stage.client() }
    for index in [1, 2, 0] {
      clients[index].send(Self.get("/\(index)"))
      stage.run(milliseconds: 10)
    }
    let new = stage.client(sending: Self.get("/new"))
    #expect(new.statuses == ["200"])
    #expect(clients.map(\.ending) == [nil, .fin, nil])
    #expect(stage.client(sending: Self.get("/newer")).statuses == ["200"])
    #expect(clients.map(\.ending) == [nil, .fin, .fin])
    #expect(stage.connectionEnds == [.policyEvictedIdle, .policyEvictedIdle])
    #expect(stage.links.downstreamCount == 3)
    #expect(stage.records.pausesAtLimit == 0)
  }

  @Test func aClientThatHasOnlyJustComeHasASecondForItsFirstRequest() throws {
    let stage = try Stage([.clientConnections: 2])
    let silent = [stage.client(), stage.client()]
    let waiting = stage.client(sending: Self.get("/w"))
    stage.run(milliseconds: 900)
    #expect(waiting.statuses == [])
    #expect(silent.map(\.ending) == [nil, nil])
    stage.run(milliseconds: 201)
    #expect(waiting.statuses == ["200"])
    #expect(silent.map(\.ending) == [.fin, nil])
  }

  @Test func aClientWhoseRequestHasArrivedIsNotEvicted() throws {
    let stage = try Stage([.clientConnections: 2])
    let first = stage.client(sending: Self.get("/a"))
    stage.run(milliseconds: 10)
    let second = stage.client(sending: Self.get("/b"))
    stage.run(milliseconds: 10)
    let new = stage.client { first.post(Self.get("/again")) }
    new.send(Self.get("/new"))
    #expect(first.statuses == ["200", "200"])
    #expect(first.ending == nil)
    #expect(second.ending == .fin)
    #expect(new.statuses == ["200"])
  }

  @Test func aBusyClientIsNeverEvicted() throws {
    let stage = try Stage([.clientConnections: 2])
    stage.role.onEnd = { role, exchange, path in
      if path != "/slow" { role.answer(exchange, path) }
    }
    let slow = stage.client(sending: Self.get("/slow"))
    let half = stage.client(sending: "GET /half HT")
    stage.run(milliseconds: 5000)
    let new = stage.client(sending: Self.get("/new"))
    #expect(slow.ending == nil && half.ending == nil)
    #expect(new.statuses == [])
  }

  /// With more clients than a search looks at, the choice is near the longest idle.
  @Test func whoIsEvictedOfManyIsAmongTheLongestIdle() throws {
    let stage = try Stage([.clientConnections: 400, .clientHighWater: 0])
    let clients = (0..<400).map { _ in stage.client() }
    var random = SplitMix(seed: 7)
    var order = Array(0..<400)
    for index in order.indices.reversed() {
      order.swapAt(index, Int(random.next(below: UInt64(index + 1))))
    }
    for index in order {
      clients[index].send(Self.get("/x"))
      stage.run(milliseconds: 1)
    }
    for _ in 0..<40 { _ = stage.client(sending: Self.get("/new")) }
    let ranks = order.indices.filter { clients[order[$0]].ending == .fin }
    #expect(ranks.count == 40)
    #expect(ranks.allSatisfy { $0 < 200 }, "\(ranks)")
    #expect(ranks.reduce(0, +) / ranks.count < 60, "\(ranks)")
  }

  // covers: S118, K27
  @Test func aboveTheHighWaterMarkResponsesAnnounceTheClose() throws {
    let stage = try Stage([.clientConnections: 10, .clientHighWater: 80])
    let clients = (0..<8).map { stage.client(sending: Self.get("/\($0)")) }
    #expect(clients.allSatisfy { !$0.text.contains("Connection:") && $0.ending == nil })
    let ninth = stage.client(sending: Self.get("/9"))
    #expect(ninth.text.contains("Connection: close\r\n"))
    #expect(ninth.ending == .fin)
    ninth.close()
    #expect(stage.connectionEnds == [.policyLimitHighWater])
    // With room again everything is as before.
    clients[0].send(Self.get("/again"))
    #expect(clients[0].statuses.count == 2)
    #expect(clients[0].ending == nil)
  }

  @Test(arguments: [0, 100])
  func theHighWaterMarkCanBeOff(_ percent: Int) throws {
    let stage = try Stage([.clientConnections: 10, .clientHighWater: percent])
    let clients = (0..<10).map { stage.client(sending: Self.get("/\($0)")) }
    #expect(clients.allSatisfy { !$0.text.contains("Connection:") && $0.ending == nil })
  }

  // covers: S103
  @Test(arguments: [1, 3])
  func theLastOfItsRequestsIsAnsweredWithClose(_ most: Int) throws {
    let stage = try Stage([.clientMaxRequests: most])
    let client = stage.client()
    for number in 1...most {
      #expect(!client.text.contains("Connection:"))
      client.send(Self.get("/\(number)"))
    }
    #expect(client.statuses.count == most)
    #expect(client.text.contains("Connection: close\r\n"))
    #expect(client.ending == .fin)
    client.close()
    #expect(stage.connectionEnds == [.usClosedMaxRequests])
  }

  // covers: S091
  @Test func afterTheIdleTimeoutNoConnectionIsLeft() throws {
    let stage = try Stage([.clientIdleTimeout: 15_000])
    let clients = (0..<50).map { stage.client(sending: Self.get("/\($0)")) }
    stage.run(milliseconds: 14_990)
    #expect(stage.links.downstreamCount == 50)
    stage.run(milliseconds: 20)
    #expect(stage.links.downstreamCount == 0)
    #expect(stage.network.openSockets == 0)
    #expect(clients.allSatisfy { $0.ending == .fin })
  }

  // MARK: One address

  // covers: S083, R202
  @Test func theFifthConnectionOfAnAddressIsRefusedKindly() throws {
    let stage = try Stage([.clientsPerAddress: 4])
    let crowd = try Self.address("192.0.2.7")
    let clients = (0..<4).map { _ in stage.client(from: crowd) }
    let fifth = stage.client(from: crowd)
    #expect(fifth.statuses == ["429"])
    #expect(fifth.text.contains("Connection: close\r\n"))
    #expect(fifth.text.contains("policy.limit.per-address"))
    #expect(fifth.text.contains("client.per-address"))
    // What it had sent meanwhile is dropped, and costs it neither the answer nor a reset.
    fifth.send(Self.get("/5"))
    #expect(fifth.ending == .fin)
    fifth.close()
    #expect(stage.client(from: try Self.address("192.0.2.8")).statuses == [])
    // It completes its requests over the four it has, and over a new one when one is gone.
    for client in clients { client.send(Self.get("/x")) }
    #expect(clients.allSatisfy { $0.statuses == ["200"] })
    clients[0].close()
    let next = stage.client(from: crowd)
    next.send(Self.get("/next"))
    #expect(next.statuses == ["200"])
    #expect(stage.connectionEnds == [.policyLimitPerAddress, .clientClosedIdle])
    #expect(stage.exchangeEnds.filter { $0 == .policyLimitPerAddress }.count == 1)
    #expect(stage.records.exchanges[0].limit == .clientsPerAddress)
  }

  // covers: R204
  @Test func ofAFloodOnlyAFewAreAnswered() throws {
    let stage = try Stage([.clientsPerAddress: 4])
    let crowd = try Self.address("192.0.2.7")
    let clients = (0..<200).map { _ in stage.client(from: crowd) }
    #expect(clients.prefix(4).allSatisfy { $0.ending == nil })
    #expect(clients.dropFirst(4).allSatisfy { $0.ending == .fin })
    #expect(clients.filter { $0.statuses == ["429"] }.count == 4)
    #expect(stage.links.downstreamCount == 8)
    let other = stage.client(sending: Self.get("/other"))
    #expect(other.statuses == ["200"])
    stage.run(milliseconds: 2100)
    #expect(stage.links.downstreamCount == 5)
    #expect(stage.connectionEnds.filter { $0 == .policyLimitPerAddress }.count == 196)
  }

  @Test func aFullAddressEvictsNobodyElse() throws {
    let stage = try Stage([.clientConnections: 3, .clientsPerAddress: 1])
    let crowd = try Self.address("192.0.2.7")
    let idle = [stage.client(sending: Self.get("/1")), stage.client(from: crowd)]
    let another = stage.client(from: try Self.address("192.0.2.8"))
    another.send(Self.get("/2"))
    stage.run(milliseconds: 2000)
    let refused = stage.client(from: crowd)
    #expect(refused.ending == .fin)
    #expect(refused.text == "")
    #expect(idle[0].ending == nil && another.ending == nil)
  }

  @Test func anIPv6ClientIsItsNetworkOf64Bits() throws {
    let stage = try Stage([.clientsPerAddress: 1])
    let first = stage.client(from: try Self.address("2001:db8:0:1::1"))
    let same = stage.client(from: try Self.address("2001:db8:0:1:ffff::2"))
    let other = stage.client(from: try Self.address("2001:db8:0:2::1"))
    #expect(first.ending == nil)
    #expect(same.statuses == ["429"])
    #expect(other.ending == nil)
  }

  @Test func addressesAreCountedForAllLoopsAndForgotten() throws {
    let clients = ClientsByAddress()
    let addresses = (0..<1000).map { SocketAddress(ipv4: 0x0a00_0000 | $0, port: 1) }
    for round in 1...3 {
      for address in addresses { #expect(clients.enter(address) == round) }
    }
    #expect(clients.count == 1000)
    for _ in 1...3 { for address in addresses { clients.leave(address) } }
    #expect(clients.count == 0)
    allocation_count_begin()
    for address in addresses { _ = clients.enter(address) }
    for address in addresses { clients.leave(address) }
    // Negative under a sanitizer, where nothing can be counted.
    let count = allocation_count_end()
    #if !DEBUG
      #expect(count <= 0)
    #else
      _ = count
    #endif
  }
}
