import BowlineCore
import BowlineHTTP1

/// What was accepted is written by our own machine and read again: it must be the same.
enum Rewriting {
  /// Written by the machine itself, from what it knows about the message.
  private static let own: FieldNameSet = [
    .connection, .contentLength, .transferEncoding, .proxyConnection,
  ]

  static func check(
    request head: borrowing HeadBlock, _ framing: BodyFraming
  ) throws(Violation) {
    var copy = HeadBlock()
    copy.compose(method: head.method, target: head.target)
    // Version 1.0 may have none; what we write is 1.1.
    let needsHost = !head.contains(.host)
    for index in 0..<head.count { copy.add(index, of: head) }
    if needsHost { copy.add(.host, "h") }
    var client = HTTP1Connection(role: .client)
    var wire = ByteBuffer()
    client.send(request: copy, body: framing.asSent, close: false, into: &wire)

    var server = HTTP1Connection(role: .server)
    var again = HeadBlock()
    var cursor = 0
    let event = server.receive(wire.span, at: &cursor, head: &again, limits: .wide)
    guard case .head(framing) = event else {
      throw Violation("\(framing) was written as\n\(visible(array(wire.span)))\nread as \(event)")
    }
    try require(cursor == wire.count, "a head is written, and something behind it")
    try require(
      isSame(again.method, head.method) && isSame(again.target, head.target),
      "another request line: \(visible(again.startText))")
    try compare(again, copy, wire)
  }

  /// `framing` is as read with the method of `question`.
  static func check(
    response head: borrowing HeadBlock, _ framing: BodyFraming, to question: Question
  ) throws(Violation) {
    let status = head.start.status
    // Its length is always written, whatever the one read was (RFC 9110 §15.3.6).
    if status == 205 { return }
    var copy = HeadBlock()
    copy.compose(status: status, reason: head.reason)
    for index in 0..<head.count { copy.add(index, of: head) }

    var body = framing.asSent
    if case .none = framing, let length = Framing.declaredLength(head), status != 204 {
      body = .declared(length)
    }
    // Only towards 1.0 does a body end with the connection.
    var server = HTTP1Connection.asked(question, isOld: framing == .untilClose)
    var wire = ByteBuffer()
    server.send(response: copy, body: body, close: false, into: &wire)

    var client = HTTP1Connection(role: .client)
    question.ask(&client)
    var again = HeadBlock()
    var cursor = 0
    let event = client.receive(wire.span, at: &cursor, head: &again, limits: .wide)
    guard case .head(framing) = event else {
      throw Violation("\(framing) was written as\n\(visible(array(wire.span)))\nread as \(event)")
    }
    try require(cursor == wire.count, "a head is written, and something behind it")
    try require(
      again.start.status == status && isSame(again.reason, head.reason),
      "another status line: \(visible(again.startText))")
    if status != 204 && framing != .tunnel {
      try require(
        Framing.declaredLength(again) == Framing.declaredLength(head), "another declared length")
    }
    try compare(again, copy, wire)
  }

  static func check(informational head: borrowing HeadBlock) throws(Violation) {
    var copy = HeadBlock()
    copy.compose(status: head.start.status, reason: head.reason)
    for index in 0..<head.count { copy.add(index, of: head) }
    var server = HTTP1Connection.asked(.get, isOld: false)
    var wire = ByteBuffer()
    let isSent = server.sendInformational(copy, into: &wire)
    try require(isSent, "an interim response is not sent")

    var client = HTTP1Connection(role: .client)
    Question.get.ask(&client)
    var again = HeadBlock()
    var cursor = 0
    let event = client.receive(wire.span, at: &cursor, head: &again, limits: .wide)
    guard case .informational = event, cursor == wire.count else {
      throw Violation("an interim response is read as \(event)")
    }
    try require(
      again.start.status == head.start.status && isSame(again.reason, head.reason),
      "another status line: \(visible(again.startText))")
    try compare(again, copy, wire)
  }

  private static func compare(
    _ again: borrowing HeadBlock, _ first: borrowing HeadBlock, _ wire: borrowing ByteBuffer
  ) throws(Violation) {
    let (read, meant) = (again.fieldText(except: own), first.fieldText(except: own))
    try require(
      read == meant,
      "fields\n\(visible(meant))\nwritten as\n\(visible(array(wire.span)))\nread\n\(visible(read))")
  }
}

extension BodyFraming {
  /// How a sender asks for this framing.
  var asSent: OutgoingBody {
    switch self {
    case .none, .tunnel: .none
    case .length(let length): .length(length)
    case .chunked, .untilClose: .unknown
    }
  }
}

extension HTTP1Connection {
  /// A server that received what `question` asks, whole but for the body of a POST.
  static func asked(_ question: Question, isOld: Bool) -> HTTP1Connection {
    var server = HTTP1Connection(role: .server)
    var wire = ByteBuffer()
    wire.append(question.method)
    wire.append(0x20)
    wire.append(question.target)
    wire.append(isOld ? " HTTP/1.0\r\nHost: h\r\n" : " HTTP/1.1\r\nHost: h\r\n")
    wire.append(question.hasBody ? "Content-Length: 3\r\n\r\n" : "\r\n")
    var head = HeadBlock()
    var cursor = 0
    _ = server.receive(wire.span, at: &cursor, head: &head, limits: .standard)
    return server
  }
}
