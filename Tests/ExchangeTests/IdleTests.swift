import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// What connections own while nothing happens, and after they are gone.
struct IdleTests {
  @Test func idleLinksOwnNoBufferAndNoExchange() throws {
    let stage = try Stage()
    let clients = (0..<100).map { stage.client(sending: "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n") }
    #expect(clients.allSatisfy { $0.statuses == ["200"] })
    #expect(stage.links.linkCount == 100)
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.links.exchanges.lent == 0)
  }

  /// What 10,000 of them own is their places in the tables: docs/performance.md has the bytes.
  // covers: S058, S080
  @Test func tenThousandIdleConnectionsOwnNothingMore() throws {
    let stage = try Stage([.clientConnections: 10_000])
    let address = stage.world.address(of: stage.listener)
    let request = Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
    var buffer = ReadBuffer()
    for round in 0..<10 {
      var sockets: [SocketID] = []
      for number in 0..<1000 {
        let token = Handle(index: UInt32(100_000 + 1000 * round + number), generation: 1).word
        guard case .started(let socket) = stage.outside.connect(to: address, token: token) else {
          Issue.record("not connected")
          return
        }
        sockets.append(socket)
      }
      stage.world.settle()
      for socket in sockets { _ = stage.outside.send(socket, request.span, Span<UInt8>()) }
      stage.world.settle()
      for socket in sockets {
        buffer.bytes.removeAll()
        let outcome = stage.outside.receive(socket, into: &buffer, limit: ReadBuffer.size)
        #expect(outcome != .wouldBlock)
        #expect(buffer.bytes[9] == UInt8(ascii: "2"))
      }
    }
    #expect(stage.links.linkCount == 10_000)
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.links.exchanges.lent == 0)
    // And the cap holds: one more is served in the place of one that was idle.
    let surplus = stage.client(sending: "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(surplus.statuses == ["200"])
    #expect(stage.links.downstreamCount == 10_000)
    #expect(stage.connectionEnds == [.policyEvictedIdle])
  }

  @Test func aWaitingRequestOwnsNoBuffer() throws {
    let stage = try Stage()
    stage.role.onEnd = { _, _, _ in }
    _ = stage.client(sending: "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.links.exchanges.lent == 1)
  }

  @Test func nothingIsLeftOfHundredsOfMixedConnections() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 20_000))
    let start = stage.world.openSockets
    stage.role.onEnd = { role, exchange, path in
      role.answer(exchange, [UInt8](repeating: 0x61, count: path == "/big" ? 100_000 : 10))
    }
    let openings = [
      "", "G", "\r\n", "GARBAGE\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /big HTTP/1.1\r\nHost: h\r\n\r\n", "GET /old HTTP/1.0\r\nHost: h\r\n\r\n",
      "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3",
    ]
    for round in 0..<360 {
      let client = stage.client()
      client.reads = round % 5 != 0
      client.send(openings[round % openings.count])
      switch round % 4 {
      case 0: client.finish()
      case 1: client.close()
      case 2: client.close(.reset)
      default: break
      }
      stage.run(milliseconds: 10)
      client.close(round % 8 < 4 ? .orderly : .reset)
    }
    stage.run(milliseconds: 60_000)
    #expect(stage.links.linkCount == 0)
    #expect(stage.links.downstreamCount == 0)
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.links.exchanges.lent == 0)
    #expect(stage.world.openSockets == start)
    #expect(stage.role.open.isEmpty)
    #expect(stage.records.connections.count == 360)
  }
}
