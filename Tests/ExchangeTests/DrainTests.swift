import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// How a loop ends when it is told to (RFC 9112 §9.6).
struct DrainTests {
  // covers: S144
  @Test func aClientThatHasNotAskedYetIsAnsweredOnce() throws {
    let stage = try Stage()
    let fresh = stage.client()
    let used = stage.client(sending: PipeliningTests.get("/before"))
    stage.act { $0.drain() }
    #expect(used.ending == .fin)
    #expect(fresh.ending == nil)
    fresh.send(PipeliningTests.get("/after"))
    #expect(fresh.statuses == ["200"])
    #expect(fresh.text.contains("Connection: close\r\n"))
    #expect(fresh.ending == .fin)
  }

  @Test func aClientThatNeverAsksHoldsADrainUpForASecondOnly() throws {
    let stage = try Stage()
    let silent = stage.client()
    stage.act { $0.drain() }
    stage.run(milliseconds: 900)
    #expect(silent.ending == nil)
    stage.run(milliseconds: 200)
    #expect(silent.ending == .fin)
    #expect(stage.connectionEnds == [.usDrain])
    #expect(!stage.links.drainWasCut)
  }

  // covers: S144
  @Test func aResponseUnderWayIsDeliveredWhole() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 10_000))
    stage.role.onEnd = { role, exchange, _ in
      role.answer(exchange, [UInt8](repeating: 0x61, count: 500_000))
    }
    let client = stage.client()
    client.reads = false
    client.send(PipeliningTests.get("/large"))
    stage.act { $0.drain() }
    for _ in 0..<60 where client.ending == nil {
      stage.run(milliseconds: 100)
      client.readOnce()
    }
    #expect(client.bytes.suffix(500_000).allSatisfy { $0 == 0x61 })
    #expect(client.ending == .fin)
    #expect(stage.exchangeEnds == [.complete])
  }

  @Test func theListenerIsReportedReleasedOnceAndTheDeadlineIsRemembered() throws {
    let stage = try Stage([.drainTimeout: 300])
    var released = 0
    stage.links.whenReleased = { released += 1 }
    stage.role.onEnd = { _, _, _ in }
    let client = stage.client(sending: PipeliningTests.get("/never"))
    stage.act { $0.drain() }
    stage.act { $0.drain() }
    #expect(released == 1)
    stage.run(milliseconds: 400)
    #expect(client.ending != nil)
    #expect(stage.links.drainWasCut)
    stage.act { $0.shutDown() }
    #expect(released == 1)
  }
}
