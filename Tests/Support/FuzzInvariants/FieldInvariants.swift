import BowlineCore
import BowlineHTTP1

/// The input as field lines: what is read, what it means, and what of it goes on to the next hop.
enum FieldInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    // The input's lines get an end; when it has one of its own, what follows is another matter.
    let block = input + [0x0d, 0x0a, 0x0d, 0x0a]
    try checkRequest(block, isOld: false)
    try checkRequest(block, isOld: true)
    try checkResponse(block)
    try checkTrailers(block)
  }

  private static func checkRequest(_ block: [UInt8], isOld: Bool) throws(Violation) {
    let line = "PUT /p HTTP/1.\(isOld ? 0 : 1)\r\n"
    let wire = Array((line + "Host: h\r\n").utf8) + block
    let reading = try Reading(wire, server: ())
    let plain = PlainFields(Array(wire[line.utf8.count...]), .request)
    var meaning = PlainFields.Meaning.refused
    if let plain, isAllowed(plain), plain.values("host").count == 1 {
      meaning = plain.framing(isRequest: true, isOld: isOld)
    }
    try compare(reading.outcome, meaning, plain, reading.head, startLength: line.utf8.count)
    guard case .framed(let framing) = meaning, let plain else { return }
    try checkOptions(reading.head.options, plain, reading.head)

    let welcome = TrailerRules.areWelcome(reading.head, reading.head.options)
    let isChunked = framing == .chunked
    var onward = HeadBlock()
    Forwarding.request(
      reading.head, authority: "upstream:80", hop: ForwardingHop(name: "bowline"),
      client: .loopback(51234), options: reading.head.options, trailersFollow: isChunked,
      trailersWelcome: welcome, into: &onward)
    var client = HTTP1Connection(role: .client)
    var out = ByteBuffer()
    client.send(request: onward, body: framing.asSent, close: false, into: &out)
    let next = try Reading(array(out.span), server: (), .wide)
    guard case .head(framing) = next.outcome else {
      throw Violation("\(framing) goes on as \(visible(array(out.span))): \(next.outcome)")
    }
    let mayAdd = ["host", "via", "x-forwarded-for", "x-forwarded-proto", "te"]
    try checkOnward(next.head, plain, mayAdd: mayAdd)
  }

  private static func checkResponse(_ block: [UInt8]) throws(Violation) {
    let line = "HTTP/1.1 200 OK\r\n"
    let wire = Array(line.utf8) + block
    let reading = try Reading(wire, client: .get)
    let plain = PlainFields(block, .response)
    var meaning = PlainFields.Meaning.refused
    if let plain, isAllowed(plain) { meaning = plain.framing(isRequest: false, isOld: false) }
    try compare(reading.outcome, meaning, plain, reading.head, startLength: line.utf8.count)
    guard case .framed(let framing) = meaning, let plain else { return }
    try checkOptions(reading.head.options, plain, reading.head)

    var onward = HeadBlock()
    Forwarding.response(
      reading.head, hop: ForwardingHop(name: "bowline"), options: reading.head.options,
      trailersFollow: true, into: &onward)
    var server = HTTP1Connection.asked(.get, isOld: framing == .untilClose)
    var out = ByteBuffer()
    server.send(response: onward, body: framing.asSent, close: false, into: &out)
    let next = try Reading(array(out.span), client: .get, .wide)
    guard case .head(framing) = next.outcome else {
      throw Violation("\(framing) goes on as \(visible(array(out.span))): \(next.outcome)")
    }
    try checkOnward(next.head, plain, mayAdd: ["via"])
  }

  private static func checkTrailers(_ block: [UInt8]) throws(Violation) {
    // An empty section would end the message before it begins.
    if block.first == 0x0d { return }
    let wire = Array("PUT / HTTP/1.1\r\nHost: h\r\nConnection: x-no\r\n".utf8)
    let body = Array("Transfer-Encoding: chunked\r\n\r\n0\r\n".utf8)
    let reading = try Reading(wire + body + block, server: (), untilEnd: true)
    let plain = PlainFields(block, .trailers)
    guard let plain, plain.lines.count <= Limits.standard.fields else {
      guard case .fault = reading.outcome else {
        throw Violation("trailers that are none were read: \(reading.outcome)")
      }
      return
    }
    guard case .end(true) = reading.outcome else {
      throw Violation("trailers\n\(visible(plain.text))\nwere read as \(reading.outcome)")
    }
    try require(reading.head.fieldText() == plain.text, "other trailers than written")
    var onward = HeadBlock()
    _ = Forwarding.trailers(reading.head, options: reading.head.options, into: &onward)
    var client = HTTP1Connection.sendingChunked()
    var out = ByteBuffer()
    out.append("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    let isWhole = client.sendEnd(trailers: onward, into: &out)
    try require(isWhole, "trailers that do not end the message")
    let next = try Reading(array(out.span), server: (), untilEnd: true)
    guard case .end(onward.count > 0) = next.outcome else {
      throw Violation("trailers go on as \(visible(array(out.span))): \(next.outcome)")
    }
    if onward.count == 0 { return }
    try require(next.head.fieldText() == onward.fieldText(), "other trailers than sent")
    for index in 0..<next.head.count {
      let name = visible(array(next.head.name(index)).map(lower))
      let isForbidden = hopNames.contains(name) || ["x-no", "host", "trailer"].contains(name)
      try require(!isForbidden, "\(name) goes on as a trailer")
    }
  }
}

// What is compared.
extension FieldInvariants {
  private static func compare(
    _ outcome: Reading.Outcome, _ meaning: PlainFields.Meaning, _ plain: PlainFields?,
    _ head: borrowing HeadBlock, startLength: Int
  ) throws(Violation) {
    switch (outcome, meaning) {
    case (.head(let framing), .framed(let expected)):
      try require(framing == expected, "framed as \(framing), plainly read as \(expected)")
      try require(head.fieldText() == plain?.text, "other fields than plainly read")
      try require(
        head.bytes.count == startLength + (plain?.length ?? 0), "a head of another length")
    case (.fault, .refused): break
    default: throw Violation("\(outcome); plainly read: \(meaning)")
    }
  }

  /// What is no matter of a single line: too many lines, too many connection options.
  private static func isAllowed(_ plain: PlainFields) -> Bool {
    let bytes = plain.values("connection").reduce(0) { $0 + $1.count }
    return plain.lines.count <= Limits.standard.fields && bytes <= 4096
      && plain.members("connection").count <= 64
  }

  private static func checkOptions(
    _ options: ConnectionOptions, _ plain: PlainFields, _ head: borrowing HeadBlock
  ) throws(Violation) {
    let names = plain.members("connection")
    func has(_ name: String) -> Bool { names.contains(Array(name.utf8)) }
    try require(
      options.close == has("close") && options.keepAlive == has("keep-alive")
        && options.upgrade == has("upgrade") && options.te == has("te"),
      "connection options \(names.map(visible)) are read as \(options)")
    for index in 0..<head.count {
      let name = plain.lines[index].lowerName
      // Three are kept aside: they never go on, named or not. `close` is no field's name.
      if ["close", "keep-alive", "upgrade", "te"].contains(visible(name)) { continue }
      try require(
        options.nominates(head, index) == names.contains(name),
        "\(visible(name)) is nominated by \(names.map(visible)), or is not")
    }
  }

  /// Fields of one hop, never copied to the next.
  private static let hopNames = [
    "keep-alive", "proxy-connection", "http2-settings", "upgrade", "proxy-authenticate",
    "proxy-authorization", "proxy-authentication-info", "transfer-encoding", "content-length",
    "connection", "te",
  ]

  /// The head that a next hop read: nothing of the hop before, nothing nominated, but what we add.
  private static func checkOnward(
    _ head: borrowing HeadBlock, _ plain: PlainFields, mayAdd: [String]
  ) throws(Violation) {
    let nominated = plain.members("connection")
    let written = ["connection", "content-length", "transfer-encoding"]
    for index in 0..<head.count {
      let bytes = array(head.name(index)).map(lower)
      let name = visible(bytes)
      if mayAdd.contains(name) || written.contains(name) { continue }
      try require(!hopNames.contains(name), "\(name) goes on")
      try require(!nominated.contains(bytes), "\(name) is nominated and goes on")
      let value = array(head.value(index))
      try require(
        plain.lines.contains { $0.lowerName == bytes && $0.value == value },
        "\(name): \(visible(value)) goes on and was not received")
    }
  }
}

/// The first message of some bytes, read by one machine as far as it goes.
private struct Reading: ~Copyable {
  enum Outcome {
    case head(BodyFraming)
    case end(Bool)
    case fault(Fault)
    case incomplete
  }

  var head = HeadBlock()
  private(set) var outcome = Outcome.incomplete

  init(
    _ wire: [UInt8], server: Void, _ limits: Limits = .standard, untilEnd: Bool = false
  ) throws(Violation) {
    var machine = HTTP1Connection(role: .server)
    try read(&machine, wire, limits, untilEnd)
  }

  init(_ wire: [UInt8], client question: Question, _ limits: Limits = .standard) throws(Violation) {
    var machine = HTTP1Connection(role: .client)
    question.ask(&machine)
    try read(&machine, wire, limits, false)
  }

  private mutating func read(
    _ machine: inout HTTP1Connection, _ wire: [UInt8], _ limits: Limits, _ untilEnd: Bool
  ) throws(Violation) {
    var cursor = 0
    reading: while true {
      switch machine.receive(wire.span, at: &cursor, head: &head, limits: limits) {
      case .head(let framing):
        outcome = .head(framing)
        if !untilEnd { break reading }
      case .end(let trailers):
        outcome = .end(trailers)
        break reading
      case .fault(let fault):
        outcome = .fault(fault)
        break reading
      case .body: break
      case .more, .paused, .informational: throw Violation("no head, no end and no fault")
      }
    }
  }
}

extension HTTP1Connection {
  /// A client that sent the head of a chunked request.
  fileprivate static func sendingChunked() -> HTTP1Connection {
    var client = HTTP1Connection(role: .client)
    var request = HeadBlock()
    let (method, target) = (Array("PUT".utf8), Array("/".utf8))
    request.compose(method: method.span, target: target.span)
    request.add(.host, "h")
    var out = ByteBuffer()
    client.send(request: request, body: .unknown, close: false, into: &out)
    return client
  }
}
