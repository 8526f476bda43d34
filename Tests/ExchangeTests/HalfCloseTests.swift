import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// What a client's FIN or reset means, by the place where it comes.
struct HalfCloseTests {
  private static let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

  // covers: K19, R211
  @Test func aFINBehindTheRequestTakesNothingBack() throws {
    let stage = try Stage()
    stage.role.onEnd = { _, _, _ in }
    let client = stage.client(sending: Self.get)
    client.finish()
    #expect(client.ending == nil)
    stage.run(milliseconds: 5000)
    stage.act { [role = stage.role] _ in
      role.answer(role.exchange("/a"), [UInt8](repeating: 0x61, count: 500_000))
    }
    #expect(client.bytes.count > 500_000)
    #expect(client.ending == .fin)
    #expect(stage.exchangeEnds == [.complete])
    #expect(stage.connectionEnds == [.clientClosedIdle])
  }

  @Test func aRefusalIsFlushedBeforeTheClientsFINEndsTheConnection() throws {
    // Request and FIN arrive together: the FIN is read before the answer is flushed.
    let stage = try Stage()
    stage.role.onHead = { role, exchange, _ in role.refuse(exchange, 405, .policyRefusedTarget) }
    let client = stage.client()
    client.postAndFinish(Self.get)
    #expect(client.statuses == ["405"])
    #expect(client.ending == .fin)
    #expect(stage.connectionEnds == [.clientClosedIdle])
  }

  @Test func aFINBehindPipelinedRequestsLetsThemAllBeAnswered() throws {
    let stage = try Stage()
    let client = stage.client()
    client.post(Self.get + Self.get + Self.get)
    client.finish()
    #expect(client.statuses == ["200", "200", "200"])
    #expect(client.ending == .fin)
    #expect(stage.links.linkCount == 0)
  }

  // covers: R066, R211
  @Test(arguments: [
    ("GET /a HTTP/1.1\r\nHo", EndReason.clientClosedHead, ["400"]),
    ("G", .clientClosedHead, ["400"]),
    ("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello", .clientClosedBody, ["400"]),
    (
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      .clientClosedBody, ["400"]
    ),
    (get + "GET /b HTTP/1.1\r\nHo", .clientClosedHead, ["200", "400"]),
  ])
  func aFINInsideARequestIsTold(_ sent: String, _ reason: EndReason, _ statuses: [String]) throws {
    let stage = try Stage()
    let client = stage.client(sending: sent)
    client.finish()
    #expect(client.statuses == statuses)
    #expect(client.ending == .fin)
    #expect(stage.exchangeEnds.last == reason)
    #expect(stage.connectionEnds == [reason])
    #expect(!stage.role.log.contains("end /b"))
    #expect(stage.role.open.isEmpty)
  }

  @Test func connectionsThatEndAtRestAreNoFailures() throws {
    let stage = try Stage()
    let unused = stage.client()
    unused.finish()
    #expect(unused.text == "")
    let used = stage.client(sending: Self.get)
    used.finish()
    let broken = stage.client(sending: Self.get)
    broken.close(.reset)
    #expect(stage.connectionEnds == [.clientClosedUnused, .clientClosedIdle, .clientResetIdle])
    #expect(stage.exchangeEnds == [.complete, .complete])
  }

  @Test func anEmptyLineBehindARequestIsNoRequest() throws {
    // RFC 9112 §2.2: some clients send one behind a POST.
    let stage = try Stage()
    let client = stage.client(sending: Self.get)
    client.send("\r\n")
    client.finish()
    #expect(client.statuses == ["200"])
    #expect(stage.connectionEnds == [.clientClosedIdle])
    #expect(stage.exchangeEnds == [.complete])
  }

  @Test func aResetIsNoticedWhileTheResponseIsDue() throws {
    let stage = try Stage()
    stage.role.onEnd = { _, _, _ in }
    let client = stage.client(sending: Self.get)
    client.close(.reset)
    #expect(stage.role.log.last == "failed /a client.reset.response")
    #expect(stage.exchangeEnds == [.clientResetResponse])
    #expect(stage.connectionEnds == [.clientResetResponse])
  }

  @Test func aResetBehindAFINIsNoticedWhileTheResponseIsDue() throws {
    let stage = try Stage()
    stage.role.onEnd = { _, _, _ in }
    let client = stage.client(sending: Self.get)
    client.finish()
    #expect(stage.exchangeEnds == [])
    client.close(.reset)
    #expect(stage.exchangeEnds == [.clientResetResponse])
  }

  @Test func aResetInsideARequestIsNoticed() throws {
    let stage = try Stage()
    let client = stage.client(
      sending: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
    client.close(.reset)
    #expect(stage.role.log.last == "failed /a client.reset.request")
    #expect(stage.connectionEnds == [.clientResetRequest])
  }

  @Test func aClientThatClosesBeforeItsResponseIsNoticedByTheWrite() throws {
    let stage = try Stage()
    stage.role.onEnd = { _, _, _ in }
    let client = stage.client(sending: Self.get)
    client.close()
    #expect(stage.exchangeEnds == [])
    stage.act { [role = stage.role] _ in
      role.begin(role.exchange("/a"), .length(2))
      role.links.sendBody(role.exchange("/a"), [1].span)
    }
    #expect(stage.exchangeEnds == [.clientResetResponse])
    #expect(stage.role.open.isEmpty)
    #expect(stage.links.linkCount == 0)
  }
}
