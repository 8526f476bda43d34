package import BowlineCore

// The sending half of the machine. Composed heads hold end-to-end fields only; start line, framing
// and Connection are written here, so that no caller can send two framings.

extension HTTP1Connection {
  /// Appends a request head (client role, no exchange in progress).
  ///
  /// The version on the wire is always HTTP/1.1. A head that holds Upgrade or TE is sent with the
  /// connection options that these need (RFC 9110 §7.6.1).
  ///
  /// - Parameters:
  ///   - head: composed, Host first. Framing and Connection lines in it are passed over.
  ///   - body: `.none` declares nothing; a POST without content is `.length(0)`. `.unknown` is sent
  ///     chunked, which a server of version 1.0 does not understand.
  ///   - close: adds `Connection: close`.
  ///   - output: gets the head.
  package mutating func send(
    request head: borrowing HeadBlock, body: OutgoingBody, close: Bool,
    into output: inout ByteBuffer
  ) {
    precondition(role == .client && isIdle, "a request is sent on an idle client connection")
    if close { markClose() }
    requestMethod = head.start.method
    if head.contains(.upgrade) { flags.insert(.upgradeAsked) }
    output.append(head.method)
    output.append(0x20)
    output.append(head.target)
    output.append(flags.contains(.speaksOld) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n")
    appendFields(head, into: &output)
    switch body {
    case .none, .declared: sending = .complete
    case .length(let length): beginLength(length, into: &output)
    case .unknown:
      precondition(!flags.contains(.speaksOld), "a chunked body in HTTP/1.0")
      output.append("Transfer-Encoding: chunked\r\n")
      sending = .chunked
    }
    let keeps = flags.contains(.speaksOld) && !willClose
    appendConnection(head, close: willClose, keepAlive: keeps, into: &output)
    output.append("\r\n")
    assertInvariant()
  }

  /// Appends the final response head (server role). Also the answer to a request that was faulty or
  /// is not yet read completely.
  ///
  /// The machine decides by status and method whether a body and its framing may be sent: none for
  /// 1xx, 204, 304 and HEAD; 205 has `Content-Length: 0`; a 2xx to CONNECT, and 101, begin a
  /// tunnel.
  ///
  /// - Parameters:
  ///   - head: composed. Framing and Connection lines in it are passed over.
  ///   - body: `.none` with a status that has a body is sent as `Content-Length: 0`.
  ///   - close: adds `Connection: close`.
  ///   - offer: what a client that asked to keep the connection is told, if it is kept.
  ///   - output: gets the head.
  package mutating func send(
    response head: borrowing HeadBlock, body: OutgoingBody, close: Bool,
    offer: KeepAliveOffer? = nil, into output: inout ByteBuffer
  ) {
    precondition(role == .server && sending == .idle, "one final response for one request")
    let status = head.start.status
    precondition(!status.isInformational || status.rawValue == 101, "not a final response")
    // An answer to half a head, or to none, is the last one: nobody knows where a next would begin.
    if close || receiving == .idle || receiving == .head { markClose() }
    flags.remove(.expectsContinue)
    appendStatusLine(head, into: &output)
    appendFields(head, into: &output)
    let tunnels: Bool
    if case .connect = requestMethod {
      tunnels = status.isSuccessful
    } else {
      tunnels = status.rawValue == 101
    }
    if tunnels {
      beginTunnel()
    } else {
      appendFraming(status, body, into: &output)
    }
    let keeps = !willClose && (peerVersion < .http11 || offer != nil)
    if keeps, let offer { appendOffer(offer, into: &output) }
    appendConnection(head, close: willClose && !tunnels, keepAlive: keeps, into: &output)
    output.append("\r\n")
    assertInvariant()
  }

  /// Appends an interim response head: 1xx, but not 101.
  ///
  /// - Returns: false when nothing was written: a 1.0 client never gets one (RFC 9110 §15.2), and
  ///   none follows the final response.
  package mutating func sendInformational(
    _ head: borrowing HeadBlock, into output: inout ByteBuffer
  ) -> Bool {
    let status = head.start.status
    precondition(
      role == .server && status.isInformational && status.rawValue != 101, "not interim")
    if peerVersion < .http11 || sending != .idle { return false }
    if status.rawValue == 100 { flags.remove(.expectsContinue) }
    appendStatusLine(head, into: &output)
    appendFields(head, into: &output)
    output.append("\r\n")
    return true
  }

  /// A pattern, not `==`: the operator of an enum of another room is a witness call.
  private var isHead: Bool {
    if case .head = requestMethod { true } else { false }
  }

  private mutating func appendFraming(
    _ status: Status, _ body: OutgoingBody, into output: inout ByteBuffer
  ) {
    if status.rawValue == 204 {
      sending = .discard
      return
    }
    if status.rawValue == 205 {
      output.append("Content-Length: 0\r\n")
      sending = .discard
      return
    }
    if isHead || status.rawValue == 304 {
      appendDeclared(status, body, into: &output)
      sending = .discard
      return
    }
    switch body {
    case .none: beginLength(0, into: &output)
    case .length(let length): beginLength(length, into: &output)
    case .declared: preconditionFailure("only HEAD and 304 declare a length they do not send")
    case .unknown where peerVersion >= .http11:
      output.append("Transfer-Encoding: chunked\r\n")
      sending = .chunked
    case .unknown:
      close(because: .closeDelimited)
      sending = .untilClose
    }
  }

  /// What GET would have declared. A 304 declares a length only when it is asked to: its own, empty
  /// body says nothing (RFC 9110 §8.6).
  private func appendDeclared(
    _ status: Status, _ body: OutgoingBody, into output: inout ByteBuffer
  ) {
    switch body {
    case .declared(let length): appendLength(length, into: &output)
    case .length(let length) where status.rawValue != 304: appendLength(length, into: &output)
    case .length, .none, .unknown: break
    }
  }

  private mutating func beginLength(_ length: UInt64, into output: inout ByteBuffer) {
    appendLength(length, into: &output)
    sendRemaining = length
    sending = length == 0 ? .complete : .length
  }

  private func appendLength(_ length: UInt64, into output: inout ByteBuffer) {
    output.append("Content-Length: ")
    output.append(decimal: length)
    output.append("\r\n")
  }
}

// Lines.
extension HTTP1Connection {
  /// Written by the machine only, or by nobody.
  private static let ownFields: FieldNameSet = [
    .connection, .contentLength, .transferEncoding, .proxyConnection,
  ]

  /// Fields that are sent only with a connection option of their name (RFC 9110 §7.6.1).
  private static let optionFields: FieldNameSet = [.upgrade, .te, .keepAlive, .http2Settings]

  /// status-line, with the SP even before an empty reason (RFC 9112 §4).
  private func appendStatusLine(_ head: borrowing HeadBlock, into output: inout ByteBuffer) {
    output.append("HTTP/1.1 ")
    output.append(decimal: UInt64(head.start.status.rawValue))
    output.append(0x20)
    output.append(head.reason)
    output.append("\r\n")
  }

  private func appendFields(_ head: borrowing HeadBlock, into output: inout ByteBuffer) {
    if !head.containsAny(of: Self.ownFields) {
      output.append(head.fieldLines)
      return
    }
    for index in 0..<head.count where !Self.ownFields.contains(head[index].name) {
      appendField(head, index, into: &output)
    }
  }

  private func appendField(
    _ head: borrowing HeadBlock, _ index: Int, into output: inout ByteBuffer
  ) {
    output.append(head.name(index))
    output.append(": ")
    output.append(head.value(index))
    output.append("\r\n")
  }

  /// Keep-Alive, which goes only with the option of its name (RFC 2068 §19.7.1.1).
  private func appendOffer(_ offer: KeepAliveOffer, into output: inout ByteBuffer) {
    output.append("Keep-Alive: timeout=")
    output.append(decimal: UInt64(offer.timeout))
    if let max = offer.max {
      output.append(", max=")
      output.append(decimal: UInt64(max))
    }
    output.append("\r\n")
  }

  private func appendConnection(
    _ head: borrowing HeadBlock, close: Bool, keepAlive: Bool, into output: inout ByteBuffer
  ) {
    if !head.containsAny(of: Self.optionFields) {
      if close {
        output.append("Connection: close\r\n")
      } else if keepAlive {
        output.append("Connection: keep-alive\r\n")
      }
      return
    }
    output.append("Connection: ")
    var isFirst = true
    func option(_ text: StaticString, _ buffer: inout ByteBuffer) {
      if !isFirst { buffer.append(", ") }
      isFirst = false
      buffer.append(text)
    }
    if close { option("close", &output) }
    if keepAlive || head.contains(.keepAlive) { option("keep-alive", &output) }
    if head.contains(.upgrade) { option("upgrade", &output) }
    if head.contains(.te) { option("TE", &output) }
    if head.contains(.http2Settings) { option("HTTP2-Settings", &output) }
    output.append("\r\n")
  }
}

// Bodies.
extension HTTP1Connection {
  /// Appends body bytes in the message's framing. None is sent where the message has no body, and
  /// nothing past the declared length.
  package mutating func sendBody(_ bytes: Span<UInt8>, into output: inout ByteBuffer) {
    let count = beginBody(count: bytes.count, into: &output)
    output.append(bytes.extracting(0..<count))
    finishBody(count: count, into: &output)
  }

  /// For sending without copying: announces `count` body bytes, which the caller sends itself
  /// behind what is in `output`, followed by `finishBody` with the returned count.
  ///
  /// - Returns: how many of the bytes may be sent. Less than `count` when the message has no body
  ///   (0), or when the declared length ends before; `sendEnd` then says false.
  package mutating func beginBody(count: Int, into output: inout ByteBuffer) -> Int {
    precondition(count >= 0, "a negative count")
    switch sending {
    case .idle: preconditionFailure("a body without a head")
    case .discard: return 0
    case .untilClose, .tunnel: return count
    case .chunked:
      // An empty chunk would end the body.
      if count == 0 { return 0 }
      output.append(hexadecimal: UInt64(count))
      output.append("\r\n")
      return count
    case .length, .complete:
      let fits = UInt64(count) <= sendRemaining ? count : Int(sendRemaining)
      if fits < count { flags.insert(.overran) }
      sendRemaining -= UInt64(fits)
      return fits
    }
  }

  /// Ends what `beginBody` began; `count` is what that returned.
  package mutating func finishBody(count: Int, into output: inout ByteBuffer) {
    if sending == .chunked && count > 0 { output.append("\r\n") }
  }

  /// Ends the message.
  ///
  /// - Returns: false when the declared length was not met, or was gone past. The caller then
  ///   aborts the connection; nothing that is sent could make the message whole. True, and no
  ///   effect, when the message is already complete.
  package mutating func sendEnd(into output: inout ByteBuffer) -> Bool {
    if !endsWhole() { return false }
    if sending == .chunked { output.append("0\r\n\r\n") }
    sending = .complete
    assertInvariant()
    return true
  }

  /// Ends a message whose framing writes nothing at the end (`endsWithoutBytes`); otherwise as
  /// `sendEnd(into:)`.
  package mutating func sendEnd() -> Bool {
    precondition(endsWithoutBytes, "a chunked body ends with bytes")
    if !endsWhole() { return false }
    sending = .complete
    assertInvariant()
    return true
  }

  /// True when the end of the message that is being sent is not written.
  package var endsWithoutBytes: Bool { sending != .chunked }

  /// Ends the message with trailer fields, where its framing has a place for them; elsewhere they
  /// are dropped. Fields that may not be trailers are dropped too (RFC 9110 §6.5.1).
  package mutating func sendEnd(
    trailers: borrowing HeadBlock, into output: inout ByteBuffer
  ) -> Bool {
    guard sending == .chunked, endsWhole() else { return sendEnd(into: &output) }
    output.append("0\r\n")
    for index in 0..<trailers.count where TrailerRules.permits(trailers, index) {
      appendField(trailers, index, into: &output)
    }
    output.append("\r\n")
    sending = .complete
    assertInvariant()
    return true
  }

  private mutating func endsWhole() -> Bool {
    precondition(sending != .idle, "an end without a head")
    if sendRemaining == 0 && !flags.contains(.overran) { return true }
    close(because: .sendingBroke)
    return false
  }
}
