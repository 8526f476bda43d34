// Answers for looking at connections: the demo origin, and the origin of our own tests.
//
//   /              what this is
//   /hello         a short text
//   /bytes/N       N bytes with Content-Length
//   /chunked/N     N bytes, chunked (close-delimited for HTTP/1.0)
//   /trailers      chunked, with a trailer
//   /echo          the request body, as it comes
//   /head          the request head as this origin received it
//   /status/N      a response with status N
//   /hints         103 with a Link, then 200
//   /delay/MS      200 after MS milliseconds
//   /cut/N         announces 2N bytes, sends N, and cuts the connection
//   /early         413 at once, without reading the body

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport

extension OriginServer {
  /// What must be answered before the request's body has come.
  func answerEarly(_ exchange: Handle, _ response: Handle) {
    if responses[response].path.spells("/echo"),
      responses[response].method == .post || responses[response].method == .put
    {
      begin(200)
      scratch.value.add(.contentType, "application/octet-stream")
      responses[response].isEcho = true
      links.sendHead(exchange, scratch.value, body: .unknown)
    }
  }

  /// What is refused by its head. Before an expectation is met: a final status at once needs no 100
  /// (RFC 9110 §10.1.1).
  func refusesEarly(_ exchange: Handle, _ response: Handle) -> Bool {
    guard responses[response].path.spells("/early") else { return false }
    release(exchange)
    links.answer(exchange, 413, Failure(.policyLimitBody))
    return true
  }

  /// Answers a demo path. False: it is none.
  func answerDemo(_ exchange: Handle, _ response: Handle) -> Bool {
    if responses[response].path.spells("/") {
      guard directory == nil else { return false }
      respond(exchange, 200, text: Self.welcome)
    } else if responses[response].path.spells("/hello") {
      respond(exchange, 200, text: "hello\n")
    } else if responses[response].path.spells("/head") {
      answerHead(exchange)
    } else if responses[response].path.spells("/trailers") {
      answerTrailers(exchange)
    } else if responses[response].path.spells("/hints") {
      answerHints(exchange)
    } else {
      return answerNumbered(exchange, response)
    }
    return true
  }

  private func answerNumbered(_ exchange: Handle, _ response: Handle) -> Bool {
    if let count = number(response, after: "/bytes/") {
      sendFilling(exchange, response, body: .length(count), count)
    } else if let count = number(response, after: "/chunked/") {
      sendFilling(exchange, response, body: .unknown, count)
    } else if let status = number(response, after: "/status/"), (200...599).contains(status) {
      begin(Status(rawValue: UInt16(status)))
      text.value.removeAll()
      if !scratch.value.start.status.forbidsContent {
        text.value.append(decimal: status)
        text.value.append("\n")
      }
      sendText(exchange)
    } else if let pause = number(response, after: "/delay/"), pause <= 60_000 {
      links.delay(exchange, milliseconds: Int(pause))
    } else if let count = number(response, after: "/cut/"), count <= 1 << 30 {
      begin(200)
      links.sendHead(exchange, scratch.value, body: .length(2 * count))
      text.value.removeAll()
      for _ in 0..<min(count, 4096) { text.value.append(0x78) }
      links.sendBody(exchange, text.value)
      release(exchange)
      links.abort(exchange, .usClosedAfterResponse)
    } else {
      return false
    }
    return true
  }

  private func number(_ response: Handle, after prefix: StaticString) -> UInt64? {
    Self.number(responses[response].path, after: prefix)
  }

  private static func number(
    _ text: borrowing ByteBuffer, after prefix: StaticString
  ) -> UInt64? {
    let path = text.span
    let length = prefix.utf8CodeUnitCount
    guard path.count > length, path.count <= length + 12,
      Scan.equal(path.extracting(0..<length), prefix)
    else { return nil }
    var number: UInt64 = 0
    for index in length..<path.count {
      let byte = path[index]
      guard byte >= 0x30 && byte <= 0x39 else { return nil }
      number = number * 10 + UInt64(byte - 0x30)
    }
    return number
  }

  private func sendFilling(
    _ exchange: Handle, _ response: Handle, body: OutgoingBody, _ count: UInt64
  ) {
    begin(200)
    scratch.value.add(.contentType, "text/plain; charset=utf-8")
    if responses[response].method == .head {
      links.sendHead(exchange, scratch.value, body: body == .unknown ? .none : .declared(count))
      links.sendEnd(exchange)
      return
    }
    links.sendHead(exchange, scratch.value, body: body)
    responses[response].source = .filling(left: count)
    produce(exchange, response)
  }

  private func answerHead(_ exchange: Handle) {
    begin(200)
    scratch.value.add(.contentType, "text/plain; charset=utf-8")
    Self.copyHead(links.exchanges[exchange].head, into: &text.value)
    sendText(exchange)
  }

  private static func copyHead(_ head: borrowing HeadBlock, into text: inout ByteBuffer) {
    text.removeAll()
    text.append(head.bytes.span)
  }

  private func answerTrailers(_ exchange: Handle) {
    begin(200)
    scratch.value.add(.contentType, "text/plain; charset=utf-8")
    scratch.value.add(.trailer, "X-Checksum")
    links.sendHead(exchange, scratch.value, body: .unknown)
    text.value.removeAll()
    text.value.append("trailers follow\n")
    links.sendBody(exchange, text.value)
    scratch.value.removeAll()
    scratch.value.add("X-Checksum", "42")
    links.sendEnd(exchange, trailers: scratch.value)
  }

  private func answerHints(_ exchange: Handle) {
    scratch.value.compose(status: 103)
    scratch.value.add("Link", "</style.css>; rel=preload")
    links.sendInformational(exchange, scratch.value)
    respond(exchange, 200, text: "hinted\n")
  }

  private static let welcome: StaticString = """
    This is Bowline's demo origin. Try:
      /hello  /bytes/1000  /chunked/1000  /trailers  /hints  /delay/500  /head  /status/404

    """
}
