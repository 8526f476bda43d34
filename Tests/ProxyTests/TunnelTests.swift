import BowlineCore
import BowlineJournal
import BowlineTransport
import Testing

/// Tunnels: after CONNECT, and after an Upgrade.
@Suite struct TunnelTests {
  /// A client whose tunnel to the scripted origin is open.
  private func open(
    _ place: Place, _ cut: Cut = .whole, set values: [(id: SettingID, value: Int)] = [],
    early: String = ""
  ) throws -> (stage: ProxyStage, client: Wire, origin: Wire) {
    let stage = try ForwardTests.stage(place, set: values)
    let client = try stage.client(cut)
    client.send(
      "CONNECT \(stage.place()) HTTP/1.1\r\nHost: \(stage.place())\r\n\r\n\(early)")
    let origin = try stage.accept(0, cut)
    let head = client.head()
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
    for field in ["Content-Length", "Transfer-Encoding", "Connection"] {
      #expect(!head.contains(field))
    }
    return (stage, client, origin)
  }

  // covers: R256, R257, R258, R260
  @Test(arguments: Place.allCases, [Cut.whole, .bytes, .random(seed: 3)])
  func bytesGoBothWaysAndEachSideEndsForItself(_ place: Place, _ cut: Cut) throws {
    let (stage, client, origin) = try open(place, cut, early: "sent ahead ")
    // What looks like HTTP is none of the tunnel's business.
    let said = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n\0\u{ff}"
    client.send(said)
    origin.expect("sent ahead " + said)
    origin.send("HTTP/1.1 400 no\r\n\r\n")
    client.expect("HTTP/1.1 400 no\r\n\r\n")
    // The client's FIN goes through; the origin answers to it.
    client.endSending()
    origin.expectEnd()
    origin.send("last words")
    client.expect("last words")
    origin.endSending()
    client.expectEnd()
    let story = stage.finish()
    #expect(story.ends == [.clientClosedTunnel])
    #expect(story.exchanges[0].record.requestBytes == UInt64(octets("sent ahead " + said).count))
    #expect(story.exchanges[0].record.responseBytes == 19 + 10)
  }

  // covers: R258
  @Test(arguments: Place.allCases)
  func aMegabyteAndTheEndReachTheClient(_ place: Place) throws {
    let (stage, client, origin) = try open(place)
    let much = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    client.isReading = false
    origin.send(much)
    origin.endSending()
    client.isReading = true
    client.expect(bytes: much)
    client.expectEnd()
    // The other way is still open.
    client.send("thanks")
    origin.expect("thanks")
    client.endSending()
    origin.expectEnd()
    #expect(stage.finish().ends == [.upstreamClosedTunnel])
  }

  @Test(arguments: Place.allCases, [true, false])
  func aResetOfOneSideResetsTheOther(_ place: Place, _ fromClient: Bool) throws {
    let (stage, client, origin) = try open(place)
    client.send("x")
    origin.expect("x")
    (fromClient ? client : origin).close(.reset)
    (fromClient ? origin : client).expectEnd(.reset)
    #expect(stage.finish().ends == [fromClient ? .clientResetTunnel : .upstreamResetTunnel])
  }

  @Test func silenceEndsATunnel() throws {
    let (stage, client, origin) = try open(.simulated, set: [(.tunnelIdleTimeout, 5000)])
    for _ in 0..<3 {
      stage.pass(milliseconds: 4900)
      client.send("x")
      origin.expect("x")
    }
    stage.pass(milliseconds: 4900)
    #expect(client.isQuiet && origin.isQuiet)
    stage.pass(milliseconds: 200)
    client.expectEnd(.reset)
    origin.expectEnd(.reset)
    #expect(stage.finish().ends == [.usTimeoutTunnel])
  }

  @Test func silenceEndsAHalfClosedTunnelSooner() throws {
    let (stage, client, origin) = try open(.simulated, set: [(.tunnelHalfCloseTimeout, 2000)])
    client.endSending()
    origin.expectEnd()
    for _ in 0..<3 {
      stage.pass(milliseconds: 1900)
      origin.send("x")
      client.expect("x")
    }
    stage.pass(milliseconds: 2100)
    client.expectEnd(.reset)
    #expect(stage.finish().ends == [.usTimeoutHalfClosed])
  }

  @Test func aClientThatEndsBeforeItsTunnelBeginsIsHalfClosedFromTheStart() throws {
    let stage = try ForwardTests.stage(.simulated)
    let client = try stage.client()
    client.send("CONNECT \(stage.place()) HTTP/1.1\r\nHost: x\r\n\r\nall I have to say")
    client.endSending()
    let origin = try stage.accept()
    origin.expect("all I have to say")
    origin.expectEnd()
    origin.send("heard")
    origin.endSending()
    #expect(client.head().hasPrefix("HTTP/1.1 200 "))
    client.expect("heard")
    client.expectEnd()
    #expect(stage.finish().ends == [.clientClosedTunnel])
  }

  // covers: R256, R260
  @Test(arguments: Place.allCases)
  func aRefusedTunnelLeavesHTTPBehindUnlessBytesCameAhead(_ place: Place) throws {
    let stage = try ForwardTests.stage(place)
    let client = try stage.client()
    client.send("CONNECT \(stage.place()):9 HTTP/1.1\r\nHost: x\r\n\r\n")
    client.expectAnswer("400", with: ["Connection: close"])
    let other = try stage.client()
    other.send("CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: x\r\n\r\n")
    other.expectAnswer("403", without: ["Connection"])
    other.send("GET http://\(stage.place())/ HTTP/1.1\r\nHost: x\r\n\r\n")
    let origin = try stage.accept()
    #expect(origin.head().hasPrefix("GET / "))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\n\r\n")
    #expect(other.head().hasPrefix("HTTP/1.1 200 "))
    let third = try stage.client()
    third.send(
      "CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: x\r\n\r\nGET http://\(stage.place())/ HTTP/1.1\r\n"
        + "Host: x\r\n\r\n")
    third.expectAnswer("403", with: ["Connection: close"])
    third.expectEnd()
    stage.expectNoContact()
    stage.finish()
  }

  @Test func aTunnelThatCannotBeDialledIsRefused() throws {
    let stage = try ProxyStage(.simulated) { _ in .forward(ForwardPlan(rules: ["127.0.0.1:9"])) }
    let client = try stage.client()
    client.send("CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n")
    client.expectAnswer("502", with: ["Proxy-Status: \"hop\"; error=connection_refused"])
    #expect(stage.finish().ends == [.upstreamRefusedDialling])
  }

  // MARK: Upgrade

  private static let asking =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    + "Sec-WebSocket-Key: k\r\n\r\n"
  private static let goesOn = onward("GET /chat", "Sec-WebSocket-Key: k\r\n")
    .replacing("X-Forwarded-For", with: "Upgrade: WebSocket\r\nX-Forwarded-For")
    .replacing("\r\n\r\n", with: "\r\nConnection: upgrade\r\n\r\n")

  // covers: R242, R243, R247, R249, R250
  @Test(arguments: Place.allCases, [Cut.whole, .bytes, .random(seed: 5)])
  func an101MakesATunnel(_ place: Place, _ cut: Cut) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client(cut)
    client.send(Self.asking + "ahead")
    let origin = try stage.accept(0, cut)
    origin.expect(Self.goesOn)
    origin.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: a\r\n\r\nfirst")
    let head = client.head()
    #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\n"))
    #expect(head.contains("\r\nUpgrade: websocket\r\n"))
    #expect(head.hasSuffix("\r\nConnection: upgrade\r\n\r\n"))
    client.expect("first")
    origin.expect("ahead")
    client.send("\u{1}\u{2}")
    origin.expect("\u{1}\u{2}")
    origin.endSending()
    client.expectEnd()
    client.endSending()
    origin.expectEnd()
    #expect(stage.finish().ends == [.upstreamClosedTunnel])
  }

  // covers: R245, R246, R250
  @Test(arguments: Place.allCases)
  func anyOtherAnswerLeavesHTTP(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(Self.asking)
    let origin = try stage.accept()
    origin.expect(Self.goesOn)
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok")
    client.expect("HTTP/1.1 200 OK\r\nDate: D\r\nVia: 1.1 hop\r\nContent-Length: 2\r\n\r\nok")
    client.send(Self.asking)
    origin.expect(Self.goesOn)
    origin.send(
      "HTTP/1.1 426 Upgrade Required\r\nDate: D\r\nUpgrade: TLS/1.0\r\nConnection: upgrade\r\n"
        + "Content-Length: 2\r\n\r\nno")
    client.expect(
      "HTTP/1.1 426 Upgrade Required\r\nDate: D\r\nUpgrade: TLS/1.0\r\nVia: 1.1 hop\r\n"
        + "Content-Length: 2\r\nConnection: upgrade\r\n\r\nno")
    client.send(ReuseTests.get("/"))
    origin.expect(onward("GET /"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    #expect(stage.finish().ends == [.complete, .complete, .complete])
  }

  // covers: R244, R251
  @Test func a101ThatNobodyAskedForIsAFault() throws {
    let stage = try ProxyStage(.simulated)
    let client = try stage.client()
    client.send(ReuseTests.get("/"))
    let origin = try stage.accept()
    _ = origin.head()
    origin.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw")
    client.expectAnswer("502", without: ["raw"])
    origin.expectGone()
    #expect(stage.finish().ends == [.upstreamFaultHead])
  }

  // covers: R248
  @Test func continueComesBefore101() throws {
    let stage = try ProxyStage(.simulated)
    let client = try stage.client()
    client.send(
      "POST /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n"
        + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    let origin = try stage.accept()
    #expect(origin.head().contains("Expect: 100-continue\r\n"))
    origin.send("HTTP/1.1 100 Continue\r\n\r\n")
    #expect(client.head().hasPrefix("HTTP/1.1 100 Continue\r\n"))
    client.send("bodyraw")
    origin.expect("body")
    origin.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    #expect(client.head().hasPrefix("HTTP/1.1 101 "))
    origin.expect("raw")
    client.close(.reset)
    origin.expectEnd(.reset)
    #expect(stage.finish().ends == [.clientResetTunnel])
  }

  // covers: R252, R266
  @Test func throughAForwardProxyToo() throws {
    let stage = try ForwardTests.stage(.simulated)
    let client = try stage.client()
    client.send(
      "GET http://\(stage.place())/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n"
        + "Upgrade: websocket, h2c\r\n\r\n")
    let origin = try stage.accept()
    origin.expect("GET / HTTP/1.1\r\nHost: \(stage.place())\r\nVia: 1.1 hop\r\n\r\n")
    origin.send("HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n")
    _ = client.head()
    client.send("GET /.well-known/masque HTTP/1.1\r\nHost: x\r\nUpgrade: connect-udp\r\n\r\n")
    client.expectAnswer("400")
    client.send(
      "GET http://\(stage.place())/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n"
        + "Upgrade: websocket\r\n\r\n")
    origin.expect(
      "GET / HTTP/1.1\r\nHost: \(stage.place())\r\nUpgrade: websocket\r\nVia: 1.1 hop\r\n"
        + "Connection: upgrade\r\n\r\n")
    origin.send("HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhi")
    #expect(client.head().hasPrefix("HTTP/1.1 101 OK\r\n"))
    client.expect("hi")
    client.endSending()
    origin.expectEnd()
    origin.endSending()
    client.expectEnd()
    #expect(stage.finish().ends.last == .clientClosedTunnel)
  }
}
