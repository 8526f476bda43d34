import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Several hundred connections that do what the seed says, all at once.
struct SoakTests {
  /// A client of random habits, step by step.
  private struct Habits {
    static let requests = [
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /big HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /chunked HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /chunked HTTP/1.0\r\nHost: h\r\n\r\n",
      "GET /refuse HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /abort HTTP/1.1\r\nHost: h\r\n\r\n",
      "HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world",
      "POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n0\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
      "\r\n", "GARBAGE\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    ]

    static func act(_ client: Peer, _ random: inout SplitMix) {
      switch random.next(below: 12) {
      case 0...5:
        var bytes: [UInt8] = []
        for _ in 0...random.next(below: 3) {
          bytes += Array(requests[Int(random.next(below: UInt64(requests.count)))].utf8)
        }
        if random.next(below: 4) == 0 {
          bytes = Array(bytes.prefix(Int(random.next(below: UInt64(bytes.count)))))
        }
        client.send(bytes)
      case 6: client.reads.toggle()
      case 7: client.finish()
      case 8: client.close()
      case 9: client.close(.reset)
      default: break
      }
    }
  }

  private func script(_ role: ScriptedRole, _ stage: Stage) {
    role.onHead = { role, exchange, path in
      if path == "/early" { role.begin(exchange, .unknown) }
      if path == "/refuse" { role.refuse(exchange, 503, .policyLimitWaiting) }
    }
    role.onEnd = { role, exchange, path in
      switch path {
      case "/slow": role.links.delay(exchange, milliseconds: 700)
      case "/big": role.answer(exchange, [UInt8](repeating: 0x61, count: 150_000))
      case "/early": role.links.sendEnd(exchange)
      case "/abort":
        role.begin(exchange, .length(10))
        role.abort(exchange, .usAbortedUpstreamFailed)
      case "/chunked":
        role.begin(exchange, .unknown)
        role.links.sendBody(exchange, [UInt8](repeating: 0x61, count: 9000).span)
        role.links.sendEnd(exchange)
      default: role.answer(exchange, path)
      }
    }
  }

  @Test(arguments: 1...6)
  func everyConnectionAndExchangeEndsOnceWithAReason(seed: UInt64) throws {
    let stage = try Stage(
      [.clientConnections: 40], path: VirtualPath(delay: 100_000, queueBytes: 30_000), seed: seed)
    stage.world.coalescing = .mixed
    script(stage.role, stage)
    var random = SplitMix(seed: seed)
    var clients: [Peer] = []
    var opened = 0
    for _ in 0..<1500 {
      if opened < 120 && random.next(below: 6) == 0 {
        clients.append(stage.client())
        opened += 1
      }
      if !clients.isEmpty {
        Habits.act(clients[Int(random.next(below: UInt64(clients.count)))], &random)
      }
      stage.run(milliseconds: Int(random.next(below: 60)))
    }
    stage.run(milliseconds: 120_000)
    for client in clients { client.close() }
    stage.run(milliseconds: 120_000)

    let records = stage.records
    #expect(records.dropped == 0)
    #expect(records.connections.count == Int(stage.links.journal.value.opened[0]))
    #expect(Set(records.connections.map(\.id)).count == records.connections.count)
    let begun = records.connections.reduce(0) { $0 + Int($1.exchanges) }
    #expect(records.exchanges.count == begun)
    #expect(begun > 100)
    let names = Set(records.exchanges.map { "\($0.connection.text) \($0.ordinal)" })
    #expect(names.count == begun)
    #expect(!stage.connectionEnds.contains(.usErrorInternal))
    #expect(!stage.connectionEnds.contains(.complete))
    #expect(!stage.exchangeEnds.contains(.usErrorInternal))
    #expect(stage.role.open.isEmpty)
    #expect(stage.links.linkCount == 0)
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.links.exchanges.lent == 0)
    #expect(stage.world.openSockets == 0)
  }
}
