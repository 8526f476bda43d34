import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Sending against peers that read slowly, not at all, or go away; and credit, which bounds what
/// is received.
struct WritingTests {
  private static let get = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
  private static let size = 120_000

  /// Content whose every byte says where it belongs.
  private static let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 251 ^ $0) }

  @Test(arguments: [1, 2, 7, 100, 1448, 4095, 4096, 4097, 65_536, 119_999, 1_000_000])
  func everySizeOfWriteArrivesWhole(queue: Int) throws {
    let size = min(Self.size, queue * 300)
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: queue))
    stage.role.onEnd = { role, exchange, _ in
      role.answer(exchange, Array(Self.content.prefix(size)))
    }
    let client = stage.client(sending: Self.get)
    #expect(client.bytes.suffix(size).elementsEqual(Self.content.prefix(size)))
    #expect(client.text.contains("Content-Length: \(size)\r\n"))
    #expect(stage.exchangeEnds == [.complete])
    #expect(stage.links.lentBuffers == 0)
  }

  @Test(arguments: [1, 100, 4096, 10_000])
  func piecesAndChunksArriveWhole(piece: Int) throws {
    let count = min(Self.size, piece * 100)
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 3000))
    var sent = 0
    // Goes on when told that the output has drained.
    func produce(_ role: ScriptedRole, _ exchange: Handle) {
      while sent < count && !role.links.mustHold(exchange) {
        let part = Array(Self.content[sent..<min(sent + piece, count)])
        role.links.sendBody(exchange, part.span)
        sent += part.count
      }
      if sent == count { role.links.sendEnd(exchange) }
    }
    stage.role.onEnd = { role, exchange, _ in
      role.begin(exchange, .unknown)
      produce(role, exchange)
    }
    stage.role.onDrained = { role, exchange in if sent < count { produce(role, exchange) } }
    let client = stage.client(sending: Self.get)
    #expect(client.text.contains("Transfer-Encoding: chunked"))
    #expect(client.chunkedBody().elementsEqual(Self.content.prefix(count)))
    #expect(stage.exchangeEnds == [.complete])
  }

  // covers: S027
  @Test func aSourceIsHeldAtTheHighWatermarkAndToldAtTheLow() throws {
    let stage = try Stage(
      [.watermarkHigh: 65_536, .watermarkLow: 32_768],
      path: VirtualPath(delay: 1000, queueBytes: 10_000))
    var most = 0
    stage.role.onEnd = { role, exchange, _ in
      role.begin(exchange, .unknown)
      while !role.links.mustHold(exchange) {
        role.links.sendBody(exchange, [UInt8](repeating: 0x61, count: 10_000).span)
        most = max(most, role.links.held(role.links.exchanges[exchange].link).output)
      }
    }
    let client = stage.client()
    client.reads = false
    client.send(Self.get)
    #expect(most > 65_536 && most < 65_536 + 10_000 + 100)
    #expect(!stage.role.log.contains("drained /big"))
    client.reads = true
    stage.settle()
    #expect(stage.role.log.filter { $0 == "drained /big" }.count == 1)
  }

  @Test func aPeerThatResetsWhileWeSendEndsTheExchange() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 10_000))
    stage.role.onEnd = { role, exchange, _ in role.answer(exchange, Self.content) }
    let client = stage.client()
    client.reads = false
    client.send(Self.get)
    #expect(stage.links.lentBuffers == 1)
    client.close(.reset)
    #expect(stage.exchangeEnds == [.clientResetResponse])
    #expect(stage.connectionEnds == [.clientResetResponse])
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.world.openSockets == 0)
  }

  @Test func withoutCreditThePeersBytesStayInItsPipe() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 50_000))
    stage.role.grants = false
    let client = stage.client(
      sending: "POST /u HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
    client.send([UInt8](repeating: 0x61, count: 1_000_000))
    // The credit of the beginning, what one receive brought on top of it, and no more.
    let taken = stage.role.received["/u"] ?? 0
    let credit = stage.links.settings[.watermarkHigh]
    #expect(taken >= credit && taken <= credit + ReadBuffer.size)
    #expect(stage.links.lentBuffers == 0)
    #expect(client.unsent.count == 1_000_000 - taken - 50_000)
    // Exactly what is granted is taken.
    stage.act { [role = stage.role] links in
      links.grant(role.exchange("/u"), 1000 + taken - credit)
    }
    #expect(stage.role.received["/u"] == taken + 1000)
    stage.role.grants = true
    stage.act { [role = stage.role] links in links.grant(role.exchange("/u"), 1000) }
    for _ in 0..<20 { stage.run(milliseconds: 10) }
    #expect(stage.role.received["/u"] == 1_000_000)
    #expect(client.statuses == ["200"])
  }

  @Test func aFastSenderLeavesOthersTheirTurn() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 1 << 24))
    let fast = stage.client(
      sending: "POST /fast HTTP/1.1\r\nHost: h\r\nContent-Length: 2500000\r\n\r\n")
    let other = stage.client()
    // Everything of both is there before the loop's next turn.
    fast.post(String(repeating: "x", count: 2_500_000))
    other.post("GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
    stage.run(milliseconds: 100)
    let log = stage.role.log
    let head = try #require(log.firstIndex(of: "head /other"))
    let end = try #require(log.firstIndex(of: "end /fast"))
    #expect(head < end)
    #expect(fast.statuses == ["200"])
  }
}
