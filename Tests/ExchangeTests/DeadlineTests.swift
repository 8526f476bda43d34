import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Every deadline of a client's connection, by virtual time.
struct DeadlineTests {
  private static let start = "POST /u HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"

  /// Milliseconds of virtual time from `began` until the connection's record was closed.
  private func lived(_ stage: Stage, since began: Instant) throws -> Int {
    Int(try #require(stage.records.connections.first).closed.since(began) / 1_000_000)
  }

  // covers: K24, R193, R194, S159
  @Test func anIdleClientIsClosedInGoodOrder() throws {
    let stage = try Stage([.clientIdleTimeout: 15_000])
    let client = stage.client(sending: "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    let began = stage.world.now
    stage.run(milliseconds: 14_900)
    #expect(client.ending == nil)
    stage.run(milliseconds: 200)
    #expect(client.ending == .fin)
    #expect(client.statuses == ["200"])
    #expect(stage.connectionEnds == [.usTimeoutIdle])
    #expect(abs(try lived(stage, since: began) - 15_000) <= 1)
  }

  @Test func eachRequestRestartsTheIdleTimeout() throws {
    let stage = try Stage([.clientIdleTimeout: 15_000])
    let client = stage.client()
    for _ in 0..<5 {
      stage.run(milliseconds: 10_000)
      client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    }
    #expect(client.statuses.count == 5)
    stage.run(milliseconds: 15_100)
    #expect(client.ending == .fin)
  }

  // covers: R089, R202
  @Test func aSlowHeadIsAnswered408AfterTenSecondsInTotal() throws {
    let stage = try Stage()
    let client = stage.client(sending: "G")
    let began = stage.world.now
    for letter in ["E", "T", " ", "/"] {
      stage.run(milliseconds: 5000)
      client.send(letter)
    }
    #expect(client.statuses == ["408"])
    #expect(client.text.contains("Connection: close"))
    #expect(client.text.contains("client.timeout.head"))
    client.close()
    #expect(stage.exchangeEnds == [.clientTimeoutHead])
    #expect(stage.connectionEnds == [.clientTimeoutHead])
    let ended = try #require(stage.records.exchanges[0].marks.ended)
    #expect(abs(Int(ended.since(began) / 1_000_000) - 10_000) <= 1)
  }

  // covers: R202
  @Test func aSlowBodyIsAnswered408AfterTheGrace() throws {
    let stage = try Stage([.bodyRate: 500, .bodyRateGrace: 5000])
    let client = stage.client(sending: Self.start)
    let began = stage.world.now
    for _ in 0..<10 {
      stage.run(milliseconds: 1000)
      client.send("x")
    }
    #expect(client.statuses == ["408"])
    #expect(stage.role.log.last == "failed /u client.slow.body")
    client.close()
    #expect(stage.exchangeEnds == [.clientSlowBody])
    let ended = try #require(stage.records.exchanges[0].marks.ended)
    #expect(abs(Int(ended.since(began) / 1_000_000) - 5000) <= 1)
  }

  @Test func aBodyAboveTheRateIsLeftAlone() throws {
    let stage = try Stage([.bodyRate: 500, .bodyRateGrace: 5000])
    let client = stage.client(sending: Self.start)
    for _ in 0..<100 {
      stage.run(milliseconds: 1000)
      client.send(String(repeating: "x", count: 1000))
    }
    #expect(client.statuses == ["200"])
    #expect(stage.exchangeEnds == [.complete])
  }

  @Test func aBodyThatSlowsDownLaterIsNoticed() throws {
    let stage = try Stage([.bodyRate: 500, .bodyRateGrace: 5000])
    let client = stage.client(sending: Self.start + String(repeating: "x", count: 50_000))
    stage.run(milliseconds: 5100)
    #expect(client.statuses == [])
    stage.run(milliseconds: 5000)
    #expect(client.statuses == ["408"])
  }

  @Test func aClientThatWaitsForOurCreditIsNotCut() throws {
    let stage = try Stage()
    stage.role.grants = false
    let client = stage.client(
      sending: Self.start.replacing("100000", with: "200000")
        + String(repeating: "x", count: 200_000))
    stage.run(milliseconds: 60_000)
    #expect(client.ending == nil)
    #expect(client.statuses == [])
    #expect(client.unsent.count == 0)
  }

  @Test func aClientThatWaitsFor100IsNotCutByTheBodyRate() throws {
    let stage = try Stage()
    let client = stage.client(
      sending: "POST /u HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    stage.run(milliseconds: 30_000)
    #expect(client.text == "")
    #expect(client.ending == nil)
    stage.act { [role = stage.role] _ in role.welcome(role.exchange("/u")) }
    #expect(client.statuses == ["100"])
    client.send("abc")
    #expect(client.statuses == ["100", "200"])
  }

  @Test func theGraceOfABodyBeginsWithOur100() throws {
    let stage = try Stage([.bodyRateGrace: 5000])
    let client = stage.client(
      sending: "POST /u HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    stage.run(milliseconds: 30_000)
    stage.act { [role = stage.role] _ in role.welcome(role.exchange("/u")) }
    stage.run(milliseconds: 4900)
    #expect(client.statuses == ["100"])
    stage.run(milliseconds: 200)
    #expect(client.statuses == ["100", "408"])
  }

  @Test func aStalledWriteIsCut() throws {
    let stage = try Stage(
      [.writeStallTimeout: 30_000], path: VirtualPath(delay: 1000, queueBytes: 10_000))
    stage.role.onEnd = { role, exchange, _ in
      role.answer(exchange, [UInt8](repeating: 0x61, count: 100_000))
    }
    let client = stage.client()
    client.reads = false
    client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    let began = stage.world.now
    stage.run(milliseconds: 29_900)
    #expect(stage.links.linkCount == 1)
    stage.run(milliseconds: 200)
    #expect(stage.exchangeEnds == [.clientStalledWrite])
    #expect(stage.connectionEnds == [.clientStalledWrite])
    #expect(abs(try lived(stage, since: began) - 30_000) <= 1)
    client.reads = true
    stage.settle()
    #expect(client.ending == .reset)
  }

  // covers: R197
  @Test func aSlowReaderIsKeptWhileItReads() throws {
    let stage = try Stage(
      [.writeStallTimeout: 30_000], path: VirtualPath(delay: 1000, queueBytes: 10_000))
    stage.role.onEnd = { role, exchange, _ in
      role.answer(exchange, [UInt8](repeating: 0x61, count: 100_000))
    }
    let client = stage.client()
    client.reads = false
    client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    for _ in 0..<12 where client.bytes.count <= 100_000 {
      stage.run(milliseconds: 25_000)
      client.readOnce()
    }
    #expect(client.bytes.count > 100_000)
    #expect(stage.exchangeEnds == [.complete])
  }

  @Test func aDelayOfTheRoleEnds() throws {
    let stage = try Stage()
    stage.role.onEnd = { role, exchange, _ in role.links.delay(exchange, milliseconds: 7000) }
    let client = stage.client(sending: "GET /d HTTP/1.1\r\nHost: h\r\n\r\n")
    stage.run(milliseconds: 6900)
    #expect(client.statuses == [])
    stage.run(milliseconds: 200)
    #expect(client.statuses == ["200"])
  }
}
