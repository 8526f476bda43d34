import BowlineCore
import BowlineHTTP1

/// The input as a chunked body, and as data that is to be chunked.
enum ChunkInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    try decode(input)
    try encode(input)
  }

  private static func decode(_ input: [UInt8]) throws(Violation) {
    let request = Array("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    let response = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    let received = try Cut.compare { (cut) throws(Violation) in
      try ServerTalk.read(request + input, cut, .standard)
    }
    try Cut.compare([.whole, .byteByByte]) { (cut) throws(Violation) in
      try ServerTalk.read(request + input, cut, .tight)
    }
    let answered = try Cut.compare([.whole, .derived]) { (cut) throws(Violation) in
      try ClientTalk.read(response + input, cut, .get, .standard)
    }
    let plain = PlainChunks(input)
    try compare(received, plain)
    try compare(answered, plain)
  }

  private static func compare(_ said: Transcript, _ plain: PlainChunks) throws(Violation) {
    try require(
      said.firstBody == plain.data,
      "the body \(visible(said.firstBody)) is plainly read \(visible(plain.data))")
    let next = said.entries.dropFirst().first { entry in
      if case .body = entry { false } else { true }
    }
    switch (next, plain.outcome) {
    case (.end(let trailers), .whole(_, let expected)):
      try require(trailers == expected?.text, "other trailers than plainly read")
    case (.fault(let fault), .whole(_, let trailers?)):
      let isTooMany = trailers.lines.count > Limits.standard.fields
      try require(fault.kind == .trailerTooLong && isTooMany, "\(fault.kind); plainly read: whole")
    case (.fault, .refused), (.streamEnded(.some), .incomplete): break
    // Trailers that are not whole are neither.
    case (.streamEnded(.some), .refused): break
    default: throw Violation("\(said)\nplainly read: \(plain.outcome)")
    }
  }

  private static func encode(_ data: [UInt8]) throws(Violation) {
    for body in [OutgoingBody.unknown, .length(UInt64(data.count))] {
      let wire = try written(data, body)
      let said = try Cut.compare([.whole, .derived]) { (cut) throws(Violation) in
        try ServerTalk.read(wire, cut, .standard)
      }
      try require(
        said.firstBody == data && said.entries.contains(.end(trailers: nil)),
        "\(body) of \(visible(data)) is read as\n\(said)")
    }
  }

  /// A request with `data` in pieces. Both ways of sending must give the same bytes.
  private static func written(
    _ data: [UInt8], _ body: OutgoingBody
  ) throws(Violation) -> [UInt8] {
    var request = HeadBlock()
    let (method, target) = (Array("PUT".utf8), Array("/".utf8))
    request.compose(method: method.span, target: target.span)
    request.add(.host, "h")
    var one = ByteBuffer()
    var other = ByteBuffer()
    var copying = HTTP1Connection(role: .client)
    copying.send(request: request, body: body, close: false, into: &one)
    var announcing = HTTP1Connection(role: .client)
    announcing.send(request: request, body: body, close: false, into: &other)
    for piece in Cut.derived.pieces(of: data) {
      copying.sendBody(data.span.extracting(piece), into: &one)
      let count = announcing.beginBody(count: piece.count, into: &other)
      try require(count == piece.count, "\(count) of \(piece.count) bytes may be sent")
      other.append(data.span.extracting(piece))
      announcing.finishBody(count: count, into: &other)
    }
    let ends = (copying.sendEnd(into: &one), announcing.sendEnd(into: &other))
    try require(ends == (true, true), "a whole body does not end")
    try require(isSame(one.span, other.span), "copied and announced bodies differ")
    return array(one.span)
  }
}
