import BowlineCore
import BowlineHTTP1
import Testing

/// A machine whose output is looked at. As a server it has already read a request.
final class Writer {
  var machine: HTTP1Connection
  var head = HeadBlock()
  var output = ByteBuffer()
  let limits = Limits(Settings())

  init(request: String, as recipient: Persistence.Recipient = .origin) {
    machine = HTTP1Connection(role: .server, recipient: recipient)
    _ = receive(request)
  }

  init(client: Void) { machine = HTTP1Connection(role: .client) }

  /// Takes `wire` to the end and returns its body bytes.
  func receive(_ wire: String) -> String {
    let bytes = bytes(wire)
    var cursor = 0
    var body = ""
    while true {
      switch machine.receive(bytes.span, at: &cursor, head: &head, limits: limits) {
      case .body(let range): body += text(bytes.span.extracting(range))
      case .more, .paused, .fault: return body
      case .head, .informational, .end: break
      }
    }
  }

  func respond(
    _ status: Status, _ body: OutgoingBody = .none, close: Bool = false,
    fields: [(FieldName, StaticString)] = []
  ) {
    var response = HeadBlock()
    response.compose(status: status)
    for (name, value) in fields { response.add(name, value) }
    machine.send(response: response, body: body, close: close, into: &output)
  }

  func inform(_ status: Status) -> Bool {
    var interim = HeadBlock()
    interim.compose(status: status)
    return machine.sendInformational(interim, into: &output)
  }

  func request(
    _ method: String, _ target: String, _ body: OutgoingBody = .none, close: Bool = false,
    fields: [(FieldName, StaticString)] = [(.host, "h")]
  ) {
    var request = HeadBlock()
    request.compose(method: bytes(method).span, target: bytes(target).span)
    for (name, value) in fields { request.add(name, value) }
    machine.send(request: request, body: body, close: close, into: &output)
  }

  func body(_ content: String) { machine.sendBody(bytes(content).span, into: &output) }

  func end() -> Bool { machine.sendEnd(into: &output) }

  func end(trailers: borrowing HeadBlock) -> Bool {
    machine.sendEnd(trailers: trailers, into: &output)
  }

  func begin(_ count: Int) -> Int { machine.beginBody(count: count, into: &output) }

  func finish(_ count: Int) { machine.finishBody(count: count, into: &output) }

  func next() -> Bool { machine.beginNext() }

  func receiveEnd() -> EndOfStream { machine.receiveEnd(head: &head) }

  /// What was written since the last time.
  func wire() -> String {
    let wire = text(output.span)
    output.removeAll()
    return wire
  }
}

private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
private let oldGet = "GET / HTTP/1.0\r\n\r\n"
private let oldKeepAlive = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

@Suite struct SendingTests {
  // covers: R037, R124
  @Test func writesHeadsAndChunksExactly() {
    let server = Writer(request: get)
    server.respond(299, .unknown, fields: [(.server, "b"), (.date, "d")])
    server.body("hello")
    server.body("")
    server.body("0123456789abcdef")
    #expect(server.end())
    #expect(
      server.wire()
        == "HTTP/1.1 299 \r\nServer: b\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")
    #expect(server.next())
  }

  /// What the machine writes for a response with a body of two bytes, and whether it goes on.
  struct Response: Sendable {
    let request: String
    let status: Status
    let body: OutgoingBody
    let framing: String
    let sent: String
    let persists: Bool

    init(
      _ request: String, _ status: Status, _ body: OutgoingBody, _ framing: String, _ sent: String,
      persists: Bool
    ) {
      self.request = request
      self.status = status
      self.body = body
      self.framing = framing
      self.sent = sent
      self.persists = persists
    }
  }

  static let responses: [Response] = [
    Response(get, 200, .length(2), "Content-Length: 2\r\n", "ok", persists: true),
    Response(
      get, 200, .unknown, "Transfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n", persists: true),
    // R102: no coding towards 1.0, the close ends the body.
    Response(oldGet, 200, .unknown, "Connection: close\r\n", "ok", persists: false),
    Response(oldKeepAlive, 200, .unknown, "Connection: close\r\n", "ok", persists: false),
    Response(
      oldKeepAlive, 200, .length(2), "Content-Length: 2\r\nConnection: keep-alive\r\n", "ok",
      persists: true),
    Response(
      oldGet, 200, .length(2), "Content-Length: 2\r\nConnection: close\r\n", "ok", persists: false),
    // R101: neither framing field with 204, whatever was asked for.
    Response(get, 204, .length(2), "", "", persists: true),
    Response(get, 204, .unknown, "", "", persists: true),
    // R107: what HEAD is told, it is told without a body.
    Response(head, 200, .length(2), "Content-Length: 2\r\n", "", persists: true),
    Response(head, 200, .declared(2), "Content-Length: 2\r\n", "", persists: true),
    Response(head, 200, .unknown, "", "", persists: true),
    Response(get, 304, .declared(2), "Content-Length: 2\r\n", "", persists: true),
    Response(get, 304, .length(2), "", "", persists: true),
    // R108
    Response(get, 205, .length(2), "Content-Length: 0\r\n", "", persists: true),
    Response(get, 205, .unknown, "Content-Length: 0\r\n", "", persists: true),
  ]

  private static let head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"

  // covers: K06, R101, R102, R107, R108, R157, S161
  @Test(arguments: responses)
  func framesResponses(_ response: Response) {
    let server = Writer(request: response.request)
    server.respond(response.status, response.body)
    server.body("ok")
    #expect(server.end())
    let wire = server.wire()
    let reason = "\(response.status.reason)"
    #expect(
      wire
        == "HTTP/1.1 \(response.status.rawValue) \(reason)\r\n" + response.framing + "\r\n"
        + response.sent)
    #expect(server.next() == response.persists)
  }

  // covers: R073, R101, R139
  @Test func framingFieldsOfTheCallerAreNotSent() {
    let server = Writer(request: get)
    server.respond(
      200, .length(2),
      fields: [
        (.contentLength, "7"), (.server, "b"), (.transferEncoding, "chunked"),
        (.connection, "Cache-Control, keep-alive"), (.proxyConnection, "keep-alive"),
      ])
    #expect(server.wire() == "HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: 2\r\n\r\n")
  }

  @Test func aShortBodyNeverEndsWhole() {
    let server = Writer(request: get)
    server.respond(200, .length(3))
    server.body("ok")
    #expect(!server.end())
    #expect(!server.machine.sendingIsComplete)
    #expect(server.machine.closeCause == .sendingBroke)
    #expect(!server.next())
  }

  @Test func aLongBodyIsCutAndNeverEndsWhole() {
    let server = Writer(request: get)
    server.respond(200, .length(3))
    _ = server.wire()
    server.body("four")
    #expect(server.wire() == "fou")
    #expect(!server.end())
    #expect(!server.next())
  }

  @Test func announcesBytesThatOthersSend() {
    let chunked = Writer(request: get)
    chunked.respond(200, .unknown)
    _ = chunked.wire()
    let count = chunked.begin(300)
    #expect(count == 300)
    #expect(chunked.wire() == "12c\r\n")
    chunked.finish(count)
    #expect(chunked.wire() == "\r\n")

    let length = Writer(request: get)
    length.respond(200, .length(300))
    _ = length.wire()
    #expect(length.begin(200) == 200)
    #expect(length.begin(101) == 100)
    #expect(length.wire().isEmpty)

    let discarded = Writer(request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    discarded.respond(200, .length(300))
    #expect(discarded.begin(300) == 0)
  }

  // covers: R126
  @Test func sendsOnlyFieldsThatMayBeTrailers() {
    let server = Writer(request: get)
    server.respond(200, .unknown)
    _ = server.wire()
    server.body("ok")
    var trailers = HeadBlock()
    trailers.add(.contentLength, "2")
    trailers.add(.other, nameBytes: bytes("X-Sum").span, value: bytes("9").span)
    trailers.add(.host, "h")
    trailers.add(.authorization, "a")
    trailers.add(.contentType, "t")
    trailers.add(.cacheControl, "c")
    let serverEnded = server.end(trailers: trailers)
    #expect(serverEnded)
    #expect(server.wire() == "2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n")

    let length = Writer(request: get)
    length.respond(200, .length(0))
    _ = length.wire()
    let lengthEnded = length.end(trailers: trailers)
    #expect(lengthEnded)
    #expect(length.wire().isEmpty)
  }

  // covers: R005, R012, R083, S138
  @Test func writesRequests() {
    let client = Writer(client: ())
    client.request("GET", "/a?b", .none, fields: [(.host, "h"), (.accept, "*/*")])
    #expect(client.wire() == "GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n")
    #expect(client.end())
    #expect(client.receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == "ok")
    #expect(client.next())
    client.request("POST", "/", .length(0))
    #expect(client.wire() == "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    #expect(client.receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").isEmpty)
    #expect(client.next())
    client.request("POST", "/", .length(2))
    client.body("ab")
    #expect(client.end())
    #expect(client.wire() == "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab")
    #expect(client.receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").isEmpty)
    #expect(client.next())
    client.request("PUT", "/", .unknown, close: true)
    client.body("ab")
    #expect(client.end())
    #expect(
      client.wire()
        == "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + "2\r\nab\r\n0\r\n\r\n")
    #expect(client.receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").isEmpty)
    #expect(!client.next())
    #expect(client.machine.closeCause == .weAsked)
  }

  // covers: R131, R136, R242, S066
  @Test func namesFieldsOfTheConnectionInConnection() {
    let client = Writer(client: ())
    client.request(
      "GET", "/", .none, close: true, fields: [(.host, "h"), (.te, "trailers"), (.upgrade, "tea")])
    #expect(
      client.wire()
        == "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nUpgrade: tea\r\n"
        + "Connection: close, upgrade, TE\r\n\r\n")

    let other = Writer(client: ())
    other.request(
      "GET", "/", fields: [(.host, "h"), (.keepAlive, "timeout=5"), (.http2Settings, "AAMAAABk")])
    #expect(
      other.wire()
        == "GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: timeout=5\r\nHTTP2-Settings: AAMAAABk\r\n"
        + "Connection: keep-alive, HTTP2-Settings\r\n\r\n")
  }

  @Test func theStructStaysSmall() {
    #expect(MemoryLayout<HTTP1Connection>.size <= 52)
  }
}
