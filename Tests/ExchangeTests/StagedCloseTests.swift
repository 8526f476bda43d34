import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// The staged close on the wire: FIN from us, late data dropped, FIN of the peer, closed
/// (RFC 9112 §9.6).
struct StagedCloseTests {
  /// A request that is faulty, so that we answer and close while the client may still be sending.
  private static let faulty = "GARBAGE\r\n\r\n"

  // covers: R210, S028, S186, S188, S190
  @Test func dropsLateDataUntilThePeerEnds() throws {
    let stage = try Stage()
    let client = stage.client(sending: Self.faulty)
    #expect(client.statuses == ["400"])
    #expect(client.ending == .fin)
    #expect(stage.links.linkCount == 1)
    for _ in 0..<5 { client.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n") }
    #expect(stage.role.log == [])
    #expect(stage.links.linkCount == 1)
    client.finish()
    #expect(client.ending == .fin)
    #expect(stage.links.linkCount == 0)
    #expect(stage.connectionEnds == [.clientFaultHead])
  }

  // covers: K25, R213, S187, S189
  @Test(arguments: [
    (pause: 3000, step: 0, reason: EndReason.clientFaultHead, at: 2000),
    (pause: 1500, step: 10, reason: .clientFaultHead, at: 30_000),
    (pause: 10, step: 60_000, reason: .policyLimitLinger, at: 2040),
  ])
  func lingersWithinLimits(_ row: (pause: Int, step: Int, reason: EndReason, at: Int)) throws {
    let stage = try Stage()
    let client = stage.client(sending: Self.faulty)
    let began = stage.world.now
    var elapsed = 0
    while stage.links.linkCount > 0 && elapsed < 40_000 {
      if row.step > 0 { client.send(String(repeating: "x", count: row.step)) }
      stage.run(milliseconds: row.pause)
      elapsed += row.pause
    }
    #expect(stage.connectionEnds == [row.reason])
    let lived = Int(stage.records.connections[0].closed.since(began) / 1_000_000)
    #expect(lived >= row.at - 1 && lived <= row.at + 1)
  }

  @Test func aPeerThatHasEndedIsNotWaitedFor() throws {
    let stage = try Stage()
    let client = stage.client()
    client.post("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
    client.finish()
    #expect(client.statuses == ["400"])
    #expect(client.ending == .fin)
    #expect(stage.links.linkCount == 0)
  }

  @Test func aResetWhileWeLingerEndsIt() throws {
    let stage = try Stage()
    let client = stage.client(sending: Self.faulty)
    client.close(.reset)
    #expect(stage.links.linkCount == 0)
    #expect(stage.connectionEnds == [.clientFaultHead])
  }

  @Test func aClientThatDoesNotReadCannotHoldAClosingLinkBySending() throws {
    // Only what goes out counts as progress while the answer waits to be sent.
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 50))
    let client = stage.client()
    client.reads = false
    client.send(Self.faulty)
    #expect(stage.links.linkCount == 1)
    for _ in 0..<10 {
      client.send("x")
      stage.run(milliseconds: 5000)
    }
    #expect(stage.links.linkCount == 0)
    #expect(stage.connectionEnds == [.clientFaultHead])
  }

  @Test func aCutCloseDelimitedBodyEndsInAReset() throws {
    // Its end is the end of the connection: in good order it would look whole.
    let stage = try Stage()
    stage.role.onEnd = { role, exchange, _ in
      role.begin(exchange, .unknown)
      role.links.sendBody(exchange, [UInt8](repeating: 0x61, count: 100).span)
    }
    let client = stage.client(sending: "GET / HTTP/1.0\r\nHost: h\r\n\r\n")
    #expect(client.text.hasSuffix("aaaa"))
    #expect(client.ending == nil)
    stage.act { $0.shutDown() }
    #expect(client.ending == .reset)
    #expect(stage.exchangeEnds == [.usShutdown])
  }

  /// The client said close, so we need not linger for it: unless it sends on all the same.
  // covers: R210
  @Test(arguments: [
    "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "GET /a HTTP/1.0\r\nHost: h\r\n\r\n",
  ])
  func aClientThatSendsOnPastItsOwnCloseReadsTheWholeResponse(_ request: String) throws {
    let stage = try Stage(path: VirtualPath(delay: 1_000_000, rate: 1_000_000))
    stage.role.onEnd = { _, _, _ in }
    let client = stage.client(sending: request)
    client.send("GET /past HTTP/1.1\r\nHost: h\r\n\r\n")
    stage.act { [role = stage.role] _ in
      role.answer(role.exchange("/a"), [UInt8](repeating: 0x61, count: 50_000))
    }
    client.send("GET /further HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(client.bytes.suffix(50_000).allSatisfy { $0 == 0x61 })
    #expect(client.statuses == ["200"])
    #expect(client.ending == .fin)
    #expect(stage.links.linkCount == 1)
    client.finish()
    #expect(stage.connectionEnds == [.clientAskedClose])
    #expect(stage.role.log.filter { $0.hasPrefix("head") } == ["head /a"])
  }

  /// RFC 9112 §9.6: an RST could destroy responses that the client has not read yet.
  // covers: S180, K18
  @Test func aPipeliningClientReadsEveryResponseBeforeTheClose() throws {
    let stage = try Stage(
      [.clientMaxRequests: 5], path: VirtualPath(delay: 1_000_000, rate: 1_000_000))
    stage.role.onEnd = { role, exchange, _ in
      role.answer(exchange, [UInt8](repeating: 0x61, count: 20_000))
    }
    let client = stage.client()
    client.reads = false
    for _ in 0..<10 { client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n") }
    #expect(client.ending == nil)
    client.reads = true
    stage.settle()
    #expect(client.statuses.count == 5)
    #expect(client.bytes.filter { $0 == 0x61 }.count >= 100_000)
    #expect(client.ending == .fin)
    client.close()
    #expect(stage.connectionEnds == [.usClosedMaxRequests])
  }
}
