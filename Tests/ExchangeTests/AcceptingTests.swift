import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Taking connections in, and stopping to.
struct AcceptingTests {
  private static func get(_ path: String) -> String {
    "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n"
  }

  // covers: S081
  @Test func theLimitOnConnectionsPausesAcceptingWhileNobodyIsIdle() throws {
    let stage = try Stage([.clientConnections: 3])
    stage.role.onEnd = { _, _, _ in }
    let clients = (0..<5).map { stage.client(sending: Self.get("/\($0)")) }
    stage.run(milliseconds: 1000)
    #expect(stage.role.open.count == 3)
    #expect(stage.links.downstreamCount == 3)
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/1"), "one") }
    // Its turn came by the tenth of a second; the idle client made room for it.
    stage.run(milliseconds: 101)
    #expect(clients[1].statuses == ["200"])
    #expect(clients[1].ending == .fin)
    #expect(stage.role.open.map(stage.role.path) == ["/0", "/2", "/3"])
    clients[0].close(.reset)
    #expect(stage.role.open.map(stage.role.path) == ["/2", "/3", "/4"])
    for client in clients { client.close(.reset) }
    #expect(stage.links.downstreamCount == 0)
    #expect(stage.connectionEnds.filter { $0 == .policyEvictedIdle }.count == 1)
    let pauses = stage.records.pausesAtLimit
    #expect(pauses >= 10 && pauses <= 13, "ten a second, and one after the last came in")
  }

  // covers: S025
  @Test func withoutDescriptorsAcceptingPausesAndLaterResumes() throws {
    let stage = try Stage()
    stage.network.socketLimit = 2
    stage.role.onEnd = { role, exchange, path in
      if path.hasSuffix("again") { role.answer(exchange, path) }
    }
    let clients = (0..<3).map { stage.client(sending: Self.get("/\($0)")) }
    #expect(stage.role.open.count == 2)
    // Ten tries a second, and no more: the queue's report would be one after the other.
    let before = stage.links.journal.value.exhaustions
    stage.run(milliseconds: 1000)
    let tries = stage.links.journal.value.exhaustions - before
    #expect(tries >= 9 && tries <= 11)
    // Those that are there are served meanwhile.
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/0"), "late") }
    clients[0].post(Self.get("/once-again"))
    stage.settle()
    #expect(clients[0].statuses.count == 2)
    stage.network.socketLimit = 3
    stage.run(milliseconds: 101)
    #expect(stage.role.open.map(stage.role.path) == ["/1", "/2"])
    for client in clients { client.close(.reset) }
    #expect(stage.records.pausesWithoutDescriptors >= 9)
    #expect(!stage.connectionEnds.contains(.policyEvictedIdle))
  }

  @Test func withoutDescriptorsAnIdleClientMakesRoom() throws {
    let stage = try Stage()
    stage.network.socketLimit = 2
    let clients = (0..<4).map { stage.client(sending: Self.get("/\($0)")) }
    #expect(clients.allSatisfy { $0.statuses == ["200"] })
    #expect(clients.map(\.ending) == [.fin, .fin, nil, nil])
    #expect(stage.connectionEnds == [.policyEvictedIdle, .policyEvictedIdle])
    #expect(stage.records.pausesWithoutDescriptors == 0)
  }

  // covers: R205, R215, S024, S144
  @Test func drainingFinishesWhatIsUnderWayAndClosesTheRest() throws {
    let stage = try Stage()
    stage.role.onEnd = { role, exchange, path in
      if path != "/slow" { role.answer(exchange, path) }
    }
    let idle = stage.client(sending: Self.get("/idle"))
    let busy = stage.client(sending: Self.get("/slow"))
    let half = stage.client(sending: "GET /half HTTP/1.1\r\n")
    var drained = 0
    stage.links.whenDrained = { drained += 1 }
    stage.act { $0.drain() }
    #expect(idle.ending == .fin)
    #expect(idle.statuses == ["200"])
    #expect(busy.ending == nil)
    half.send("Host: h\r\n\r\n")
    #expect(half.text.contains("Connection: close"))
    #expect(half.ending == .fin)
    half.close()
    #expect(drained == 0)
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/slow"), "late") }
    #expect(busy.text.contains("Connection: close"))
    #expect(busy.text.hasSuffix("late"))
    #expect(busy.ending == .fin)
    busy.close()
    #expect(drained == 1)
    #expect(stage.connectionEnds == [.usDrain, .usDrain, .usDrain])
    #expect(stage.exchangeEnds == [.complete, .complete, .complete])
  }

  // covers: S024
  @Test func drainingTakesWhoIsInTheQueueFirst() throws {
    let stage = try Stage()
    stage.network.socketLimit = 0
    let clients = (0..<100).map { _ in stage.client() }
    for client in clients { client.send(Self.get("/q")) }
    #expect(stage.links.downstreamCount == 0)
    stage.network.socketLimit = nil
    stage.act { $0.drain() }
    #expect(clients.allSatisfy { $0.statuses == ["200"] })
    #expect(clients.allSatisfy { $0.text.contains("Connection: close") })
    #expect(clients.allSatisfy { $0.ending == .fin })
  }

  @Test func nobodyIsTakenInOnceItDrains() throws {
    let stage = try Stage()
    stage.act { $0.drain() }
    let late = stage.client(sending: Self.get("/late"))
    stage.run(milliseconds: 10_000)
    #expect(late.text == "")
    #expect(stage.role.log == [])
  }

  // covers: R215
  @Test func theDrainDeadlineCutsWhatIsLeft() throws {
    let stage = try Stage([.drainTimeout: 30_000])
    stage.role.onEnd = { _, _, _ in }
    let busy = stage.client(sending: Self.get("/slow"))
    var drained = 0
    stage.links.whenDrained = { drained += 1 }
    stage.act { $0.drain() }
    stage.run(milliseconds: 29_900)
    #expect(busy.ending == nil)
    #expect(drained == 0)
    stage.run(milliseconds: 200)
    #expect(busy.ending != nil)
    #expect(drained == 1)
    #expect(stage.exchangeEnds == [.usDrainDeadline])
    #expect(stage.connectionEnds == [.usDrainDeadline])
    #expect(stage.role.log.last == "failed /slow us.drain.deadline")
  }
}
