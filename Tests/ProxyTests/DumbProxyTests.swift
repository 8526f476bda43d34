import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import Testing

/// The relays that show how not to do it, and that a proxy of today survives them.
@Suite struct DumbProxyTests {
  private static func origin(_ addresses: [SocketAddress]) -> Origin {
    Origin(host: "origin", port: 80, addresses: addresses)
  }

  private static let get = "GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\nX: 1\r\n\r\n"
  private static let answer =
    "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"

  // The seven steps of the hang.
  // covers: S120, S121, S122, S123, S124
  @Test(arguments: Place.allCases)
  func theHang(_ place: Place) throws {
    let stage = try ProxyStage(place) { .blind(Self.origin($0)) }
    let client = try stage.client()
    // 1, 2: the client asks the relay to keep the connection; the relay passes that on.
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(Self.get)
    // 3, 4: the server agrees; the relay passes that on too.
    origin.send(Self.answer)
    client.expect(Self.answer)
    // 5: the relay waits for the server to close, and the server does not.
    // 6: the client's next request reaches nobody.
    client.send(Self.get)
    stage.pass(milliseconds: 60_000)
    #expect(origin.isQuiet && client.isQuiet)
    // 7: somebody's patience is over.
    origin.endSending()
    origin.expectEnd()
    client.expectEnd()
    client.endSending()
    let story = stage.finish()
    #expect(story.ends == [.upstreamClosedTunnel])
  }

  // The hang lasts until the client's patience is over, or the server's, whichever is first:
  // min(Tc, Ts - g), with the second request g after the first answer.
  // covers: S125, S126
  @Test(arguments: [(client: 30_000, server: 5000), (client: 2000, server: 60_000)])
  func howLongTheHangLasts(_ patience: (client: Int, server: Int)) throws {
    let stage = try ProxyStage(.simulated) { .blind(Self.origin($0)) }
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(Self.get)
    origin.send(Self.answer)
    client.expect(Self.answer)
    let gap = 1000
    stage.pass(milliseconds: gap)
    client.send(Self.get)
    let hang = min(patience.client, patience.server - gap)
    stage.pass(milliseconds: hang - 1)
    #expect(client.isQuiet && origin.isQuiet, "the request reaches nobody, and nobody gives up")
    if patience.client == hang {
      client.endSending()
      origin.expectGone()
    } else {
      origin.endSending()
      client.expectEnd()
      client.endSending()
    }
    stage.finish()
  }

  @Test(arguments: Place.allCases)
  func withoutKeepAliveTheRelayWorks(_ place: Place) throws {
    let stage = try ProxyStage(place) { .blind(Self.origin($0)) }
    let client = try stage.client(.bytes)
    client.send("POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody")
    let origin = try stage.accept()
    origin.expect("POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody")
    origin.send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    origin.endSending()
    origin.expectEnd()
    client.expect("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    client.expectEnd()
    client.endSending()
    #expect(stage.finish().ends == [.upstreamClosedTunnel])
  }

  /// Found by reading: the answer met a connection on which no answer could begin, and trapped.
  @Test(arguments: ["HTTP/1.0 413 No\r\n\r\nno", ""], Place.allCases)
  func anAnswerBeforeTheRequestIsComplete(_ answer: String, _ place: Place) throws {
    let stage = try ProxyStage(place) { .blind(Self.origin($0)) }
    let client = try stage.client()
    client.send("POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nhalf")
    let origin = try stage.accept()
    origin.expect("POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nhalf")
    origin.send(answer)
    origin.endSending()
    client.expect(answer)
    client.expectEnd()
    client.send("body..and more")
    client.endSending()
    stage.finish()
  }

  @Test func theRelaysOwnAnswers() throws {
    let stage = try ProxyStage(.simulated) { _ in .blind(Self.origin([.loopback(9)])) }
    let client = try stage.client()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.expectAnswer("411")
    let other = try stage.client()
    other.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    other.expectAnswer("502")
    #expect(stage.finish().ends == [.policyRefusedTarget, .upstreamRefusedDialling])
  }

  @Test(arguments: Place.allCases)
  func aSlowClientHoldsTheServerBack(_ place: Place) throws {
    let stage = try ProxyStage(place) { .blind(Self.origin($0)) }
    let client = try stage.client()
    client.send("GET / HTTP/1.0\r\n\r\n")
    let origin = try stage.accept()
    origin.expect("GET / HTTP/1.0\r\n\r\n")
    client.isReading = false
    let much = [UInt8](repeating: 0x61, count: 8 << 20)
    origin.send(much)
    origin.endSending()
    #expect(stage.inspect().figures.exchanges == 2)
    client.isReading = true
    client.expect(bytes: much)
    client.expectEnd()
    client.endSending()
    #expect(stage.finish().ends == [.upstreamClosedTunnel])
  }

  @Test(arguments: [true, false])
  func aRelayThatLosesOneSideLetsTheOtherGo(_ client: Bool) throws {
    let stage = try ProxyStage(.simulated) { .blind(Self.origin($0)) }
    let near = try stage.client()
    near.send(Self.get)
    let far = try stage.accept()
    far.expect(Self.get)
    (client ? near : far).close(.reset)
    (client ? far : near).expectEnd(.reset)
    stage.finish()
  }

  // covers: S130
  @Test(arguments: Place.allCases)
  func oneMappingProxyKeepsBothSides(_ place: Place) throws {
    let stage = try ProxyStage(place) { .mapping(Self.origin($0)) }
    let client = try stage.client()
    var origin: Wire?
    for number in 1...2 {
      client.send("GET /\(number) HTTP/1.0\r\nHost: h\r\nProxy-Connection: Keep-Alive\r\n\r\n")
      if origin == nil { origin = try stage.accept() }
      origin?.expect(
        "GET /\(number) HTTP/1.0\r\nHost: h\r\nVia: 1.0 hop\r\nConnection: keep-alive\r\n\r\n")
      origin?.send(Self.answer)
      let head = client.head()
      #expect(head.hasSuffix("Content-Length: 2\r\nConnection: keep-alive\r\n\r\n"))
      client.expect("ok")
    }
    #expect(stage.finish().ends == [.complete, .complete])
  }

  @Test func aMappingProxyWithoutTheFieldClosesAsItShould() throws {
    let stage = try ProxyStage(.simulated) { .mapping(Self.origin($0)) }
    let client = try stage.client()
    client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    #expect(origin.head().hasPrefix("GET / HTTP/1.0\r\n"))
    origin.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
    #expect(client.head().hasSuffix("Connection: close\r\n\r\n"))
    client.expect("ok")
    client.expectEnd()
    stage.finish()
  }
}
