import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Several requests sent without waiting for answers (RFC 9112 §9.3.2).
struct PipeliningTests {
  static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n" }

  @Test func answersOneRequest() throws {
    let stage = try Stage()
    let client = stage.client(sending: Self.get("/a"))
    #expect(client.statuses == ["200"])
    #expect(client.text.hasSuffix("\r\n\r\n/a"))
    #expect(stage.role.log == ["head /a", "end /a", "finished /a"])
    #expect(client.ending == nil)
    #expect(stage.exchangeEnds == [.complete])
  }

  // covers: R175, S075, S152
  @Test func answersInOrderEvenIfTheFirstIsSlow() throws {
    let stage = try Stage()
    stage.role.onEnd = { role, exchange, path in
      if path != "/slow" { role.answer(exchange, path) }
    }
    let client = stage.client(
      sending: Self.get("/slow") + Self.get("/fast")
        + "POST /barrier HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok" + Self.get("/last"))
    #expect(client.text == "")
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/slow"), "/slow") }
    #expect(client.bodies == ["/slow", "/fast", "/barrier", "/last"])
    #expect(client.statuses.count == 4)
  }

  // covers: R182
  @Test func answersAThousandInBoundedMemory() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 100_000))
    stage.role.onEnd = { role, exchange, path in
      if path != "/0" { role.answer(exchange, path) }
    }
    let filler = String(repeating: "x", count: 200)
    let client = stage.client(
      sending: (0..<1000).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\nX: \(filler)\r\n\r\n" }.joined())
    // One receive is what we hold, one pipe what the client could send; the rest is its own.
    let link = try #require(stage.busyLink)
    let held = stage.links.held(link).leftover
    #expect(held > 0 && held <= ReadBuffer.size)
    #expect(client.unsent.count > 50_000)
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/0"), "/0") }
    for _ in 0..<50 { stage.run(milliseconds: 10) }
    #expect(client.statuses.count == 1000)
    #expect(client.bodies == (0..<1000).map { "/\($0)" })
    #expect(stage.links.lentBuffers == 0)
  }

  @Test func pipelineDepthGivesOthersATurn() throws {
    let stage = try Stage([.pipelineDepth: 10])
    let first = stage.client()
    let second = stage.client()
    // Both are there before the loop's next turn.
    first.post((0..<100).map { Self.get("/a\($0)") }.joined())
    second.post(Self.get("/b"))
    stage.settle()
    let place = stage.role.log.firstIndex(of: "head /b") ?? .max
    let before = stage.role.log[..<min(place, stage.role.log.count)].filter { $0.hasPrefix("head") }
    #expect(before.count <= 11)
    #expect(stage.role.log.filter { $0.hasPrefix("finished") }.count < 30)
    stage.run(milliseconds: 100)
    #expect(stage.role.log.filter { $0.hasPrefix("finished") }.count == 101)
  }

  @Test func bytesBehindAFaultyRequestAreNotExecuted() throws {
    let stage = try Stage()
    let client = stage.client(
      sending: Self.get("/good") + "BAD\u{1} /bad HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get("/canary")
    )
    #expect(client.statuses == ["200", "400"])
    #expect(!stage.role.log.contains("head /canary"))
    client.close()
    #expect(stage.exchangeEnds == [.complete, .clientFaultHead])
    #expect(stage.connectionEnds == [.clientFaultHead])
  }

  // covers: R181, S138
  @Test func nothingIsExecutedBehindClose() throws {
    let stage = try Stage()
    let client = stage.client(
      sending: "GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + Self.get("/2"))
    #expect(client.statuses == ["200"])
    #expect(client.text.contains("Connection: close"))
    #expect(client.ending == .fin)
    #expect(!stage.role.log.contains("head /2"))
  }

  @Test func aLeftoverRequestMayEndTheConnection() throws {
    // The answer comes while the leftover is parsed, and the close gives the leftover back.
    let stage = try Stage()
    stage.role.onHead = { role, exchange, path in
      if path == "/no" { role.refuse(exchange, 503, .policyLimitWaiting) }
    }
    let refused = "POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 999\r\n\r\n"
    let client = stage.client(sending: Self.get("/1") + refused + Self.get("/3"))
    #expect(client.statuses == ["200", "503"])
    client.close()
    #expect(stage.links.lentBuffers == 0)
    #expect(stage.exchangeEnds == [.complete, .policyLimitWaiting])
  }
}
