import BowlineCore
import BowlineHTTP1
import Testing

private let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"

/// How long connections live, seen from the wire.
@Suite struct LifetimeTests {
  static let requests: [Example] = [
    Example(
      "R146: two requests", canary + canary,
      ["GET /canary none", "end", "200", "GET /canary none", "end", "200"]),
    closing("R207: close", "1.1", "Connection: close", "peerAsked"),
    closing(
      "R135: without case, in a list over two lines", "1.1",
      "connection: Foo\r\nCONNECTION: x, CLOSE", "peerAsked"),
    closing("R053: empty members", "1.1", "Connection: ,,close,", "peerAsked"),
    closing("R148: close beats keep-alive", "1.1", "Connection: keep-alive, close", "peerAsked"),
    closing("R148: in 1.0 too", "1.0", "Connection: keep-alive, close", "peerAsked"),
    closing("1.0", "1.0", "X: y", "oldVersion"),
    closing(
      "R166: Proxy-Connection means nothing", "1.0", "Proxy-Connection: keep-alive", "oldVersion"),
    closing("a Keep-Alive field is no option", "1.0", "Keep-Alive: timeout=5", "oldVersion"),
    closing("a longer token is another one", "1.0", "Connection: keep-alive-not", "oldVersion"),
    Example(
      "R156: 1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + canary,
      ["GET / none", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "a token that begins like close",
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n" + canary,
      ["GET / none", "end", "200", "GET /canary none", "end", "200"]),
  ]

  private static func closing(
    _ name: String, _ version: String, _ line: String, _ cause: String
  ) -> Example {
    Example(
      name, "GET / HTTP/\(version)\r\nHost: h\r\n\(line)\r\n\r\n" + canary,
      ["GET / none", "end", "200, close (\(cause))"])
  }

  // covers: K02, K03, R053, R135, R146, R148, R156, R181, R207
  @Test(arguments: requests, Split.all)
  func decidesByTheRequest(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R150, R181, R208
  @Test func weMayClose() {
    let server = Writer(request: canary)
    server.respond(200, .length(0), close: true)
    #expect(server.wire() == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    #expect(!server.next())
    #expect(server.receive(canary).isEmpty)
    #expect(server.machine.receivingIsComplete)

    let marked = Writer(request: canary)
    marked.machine.markClose()
    marked.respond(200, .length(0))
    #expect(marked.wire().contains("Connection: close\r\n"))
  }

  // covers: R088, R153
  @Test func aNextRequestWaitsForTheWholeBody() {
    let server = Writer(request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
    server.respond(200, .length(0))
    #expect(server.machine.sendingIsComplete)
    #expect(!server.machine.receivingIsComplete)
    #expect(!server.next())
    #expect(server.receive("cd" + canary) == "cd")
    #expect(server.machine.receivingIsComplete)
    #expect(server.next())
    #expect(server.machine.isIdle)
  }

  @Test func pipelinedBytesStayWhereTheyAre() {
    var machine = HTTP1Connection(role: .server)
    var head = HeadBlock()
    let limits = Limits(Settings())
    let wire = bytes(canary + canary)
    var cursor = 0
    var paused = false
    while !paused {
      if case .paused = machine.receive(wire.span, at: &cursor, head: &head, limits: limits) {
        paused = true
      }
    }
    #expect(cursor == canary.utf8.count)
    #expect(text(head.target) == "/canary")
    #expect(!machine.mayRead)
  }

  // covers: R211
  @Test func aHalfCloseDoesNotCancelTheResponse() {
    let server = Writer(request: canary)
    guard case .clean = server.receiveEnd() else {
      Issue.record("a whole request was called truncated")
      return
    }
    server.respond(200, .length(2))
    server.body("ok")
    #expect(server.end())
    #expect(server.wire().hasSuffix("Connection: close\r\n\r\nok"))
    #expect(!server.next())
    #expect(server.machine.closeCause == .peerEnded)
  }

  @Test func anAnswerToHalfAHeadIsTheLast() {
    let server = Writer(request: "GET / HT")
    server.respond(408, .length(0))
    #expect(
      server.wire()
        == "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    #expect(!server.next())
  }
}

/// 1xx, Expect, Upgrade and CONNECT, seen from the server.
@Suite struct InterimAndTunnelTests {
  private static let expecting =
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n"

  // covers: R234, R240
  @Test func continueIsOwedUntilItIsSent() {
    let server = Writer(request: Self.expecting)
    #expect(server.machine.expectsContinue)
    #expect(server.inform(103))
    #expect(server.machine.expectsContinue)
    #expect(server.inform(100))
    #expect(!server.machine.expectsContinue)
    #expect(server.wire() == "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    #expect(server.receive("ab") == "ab")
    server.respond(500, .length(0))
    #expect(!server.inform(103))
    #expect(server.next())
  }

  // covers: R233
  @Test func continueIsNotOwedOnceBytesHaveCome() {
    let both = Writer(request: Self.expecting + "a")
    #expect(!both.machine.expectsContinue)
    let empty = Writer(
      request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n")
    #expect(!empty.machine.expectsContinue)
    let refused = Writer(request: Self.expecting)
    refused.respond(417, .length(0), close: true)
    #expect(!refused.machine.expectsContinue)
  }

  // covers: R168, R170, R227
  @Test func anOldClientGetsNoInterimResponse() {
    let server = Writer(
      request: "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    #expect(!server.machine.expectsContinue)
    #expect(!server.inform(100))
    #expect(!server.inform(103))
    #expect(server.wire().isEmpty)
  }

  // covers: R101
  @Test func aTunnelBeginsBehindTheAnswerToConnect() {
    let server = Writer(request: "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
    server.respond(200, .length(5), fields: [(.server, "b")])
    #expect(server.wire() == "HTTP/1.1 200 OK\r\nServer: b\r\n\r\n")
    #expect(server.machine.isTunnel && server.machine.mayRead)
    #expect(server.receive("raw\r\n\r\n") == "raw\r\n\r\n")
    server.body("back")
    #expect(server.end())
    #expect(server.wire() == "back")
    guard case .completesBody = server.receiveEnd() else {
      Issue.record("the end of a tunnel is its end")
      return
    }
    #expect(!server.next())
  }

  @Test func aRefusedConnectIsAnOrdinaryExchange() {
    let server = Writer(request: "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
    server.respond(403, .length(0))
    #expect(!server.machine.isTunnel)
    #expect(server.next())
  }

  // covers: R243
  @Test func switchingProtocols() {
    let server = Writer(
      request: "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: tea\r\nConnection: Upgrade\r\n\r\n")
    #expect(server.head.options.upgrade)
    server.respond(101, fields: [(.upgrade, "tea")])
    #expect(
      server.wire()
        == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\n")
    #expect(server.receive("raw") == "raw")
  }

  @Test func noBytesAreRawWhileTheRequestIsStillBeingSent() {
    let client = Writer(client: ())
    client.request("POST", "/", .length(4), fields: [(.host, "h"), (.upgrade, "tea")])
    client.body("ab")
    #expect(client.receive("HTTP/1.1 101 X\r\nUpgrade: tea\r\n\r\nraw").isEmpty)
    #expect(client.machine.closeCause == .fault)
  }
}
