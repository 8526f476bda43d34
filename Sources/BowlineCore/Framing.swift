/// How a message body is delimited. RFC 9112 §6.3. Decided once per message, by `Framing`.
package enum BodyFraming: Equatable, Sendable {
  /// No body.
  case none
  /// Exactly this many bytes.
  case length(UInt64)
  /// Chunked transfer coding.
  case chunked
  /// The body ends where the connection does (responses only).
  case untilClose
  /// No longer HTTP: a successful CONNECT or a 101 (RFC 9112 §6.3 rule 2, RFC 9110 §7.8).
  case tunnel

  /// True for the one framing that may be followed by trailers.
  package var isChunked: Bool {
    if case .chunked = self { true } else { false }
  }
}

/// How a head says that its body is delimited: the only reader of Content-Length and
/// Transfer-Encoding. RFC 9112 §6.3, with the strict choice wherever it leaves one.
package enum Framing {
  /// The framing of a request's body, or the fault. Offsets count from the head's first byte.
  ///
  /// A request without either field has no body, whatever its method.
  package static func request(_ head: borrowing HeadBlock) -> Result<BodyFraming, Fault> {
    if !head.containsAny(of: fields) { return .success(.none) }
    if head.start.method == .connect {
      return .failure(Fault(.connectWithBody, at: firstOffset(head)))
    }
    if let fault = conflict(head) { return .failure(fault) }
    if head.contains(.transferEncoding) { return coding(head, isRequest: true) }
    return contentLength(head).map { .length($0) }
  }

  /// The framing of a response's body, or the fault; `method` is the request's.
  ///
  /// Faults are the upstream's: a proxy answers them with 502.
  package static func response(
    _ head: borrowing HeadBlock, to method: Method
  ) -> Result<BodyFraming, Fault> {
    let status = head.start.status
    if status.rawValue == 101 { return .success(.tunnel) }
    // Before the rule for 204: the client has been told that its tunnel is open (RFC 9110 §9.3.6).
    if method == .connect && status.isSuccessful { return .success(.tunnel) }
    if status.isInformational || status.rawValue == 204 { return .success(.none) }
    if method == .head || status.rawValue == 304 {
      // No body; but the length is forwarded, so a wrong one is a fault (RFC 9110 §8.6).
      return head.contains(.contentLength)
        ? contentLength(head).map { _ in .none } : .success(.none)
    }
    if !head.containsAny(of: fields) { return .success(.untilClose) }
    if let fault = conflict(head) { return .failure(fault) }
    if head.contains(.transferEncoding) { return coding(head, isRequest: false) }
    return contentLength(head).map { .length($0) }
  }

  /// The length that a head without a body declares: of a response to HEAD, or a 304. Nil when
  /// there is none or it is not valid.
  package static func declaredLength(_ head: borrowing HeadBlock) -> UInt64? {
    if !head.contains(.contentLength) || head.contains(.transferEncoding) { return nil }
    return try? contentLength(head).get()
  }

  private static var fields: FieldNameSet { [.contentLength, .transferEncoding] }

  private static func firstOffset(_ head: borrowing HeadBlock) -> Int {
    let length = head.first(.contentLength) ?? Int.max
    let coding = head.first(.transferEncoding) ?? Int.max
    return Int(head[min(length, coding)].nameStart)
  }

  /// Both fields at once, or a coding in a version that has none (RFC 9112 §6.1).
  private static func conflict(_ head: borrowing HeadBlock) -> Fault? {
    guard let coding = head.first(.transferEncoding) else { return nil }
    if head.start.version < .http11 {
      return Fault(.codingOnOldVersion, at: Int(head[coding].nameStart))
    }
    guard let length = head.first(.contentLength) else { return nil }
    return Fault(.lengthAndCoding, at: Int(head[max(length, coding)].nameStart))
  }
}

// Content-Length = 1*DIGIT, RFC 9110 §8.6.
extension Framing {
  private static func contentLength(_ head: borrowing HeadBlock) -> Result<UInt64, Fault> {
    guard let first = head.first(.contentLength) else { return .success(0) }
    let start = Int(head[first].valueStart)
    let value = head.value(first)
    if !head.repeats(.contentLength), let length = shortNumber(value) { return .success(length) }
    let length: UInt64
    switch number(value, 0..<value.count, at: start) {
    case .success(let number): length = number
    case .failure(let fault): return .failure(listFault(value, at: start) ?? fault)
    }
    guard head.repeats(.contentLength) else { return .success(length) }
    guard let second = head.first(.contentLength, from: first + 1) else { return .success(length) }
    let other = head.value(second)
    let otherStart = Int(head[second].valueStart)
    switch number(other, 0..<other.count, at: otherStart) {
    case .success(let number):
      let kind = number == length ? FaultKind.contentLengthRepeated : .contentLengthDiffers
      return .failure(Fault(kind, at: Int(head[second].nameStart)))
    case .failure(let fault): return .failure(listFault(other, at: otherStart) ?? fault)
    }
  }

  /// The number that `value` is, if it has one digit to 18: such a number is never too large.
  private static func shortNumber(_ value: Span<UInt8>) -> UInt64? {
    if value.isEmpty || value.count > 18 { return nil }
    var number: UInt64 = 0
    var index = 0
    while index < value.count {
      let digit = value[index] &- 0x30
      if digit > 9 { return nil }
      number = number &* 10 &+ UInt64(digit)
      index &+= 1
    }
    return number
  }

  /// The number in `range` of `value`. Anything above 2^63 - 1 is too large: no body is that long,
  /// and the sum of lengths must not wrap.
  private static func number(
    _ value: Span<UInt8>, _ range: Range<Int>, at start: Int
  ) -> Result<UInt64, Fault> {
    if range.isEmpty {
      return .failure(Fault(.contentLengthSyntax, at: start + range.lowerBound))
    }
    var number: UInt64 = 0
    var isTooLarge = false
    var index = range.lowerBound
    while index < range.upperBound {
      let digit = value[index] &- 0x30
      if digit > 9 { return .failure(Fault(.contentLengthSyntax, at: start + index)) }
      if number > (largest - UInt64(digit)) / 10 { isTooLarge = true }
      if !isTooLarge { number = number * 10 + UInt64(digit) }
      index += 1
    }
    if isTooLarge {
      return .failure(Fault(.contentLengthTooLarge, at: start + range.lowerBound))
    }
    return .success(number)
  }

  private static let largest = UInt64(Int64.max)

  /// A list of valid numbers in one line (`5, 5`) gets the name of what it is; nil for anything
  /// else.
  private static func listFault(_ value: Span<UInt8>, at start: Int) -> Fault? {
    var at = 0
    var first: UInt64?
    var second: Fault?
    while at <= value.count {
      var end = at
      while end < value.count, value[end] != 0x2c { end += 1 }
      let member = FieldListCursor.trimmed(value, at..<end)
      guard case .success(let number) = number(value, member, at: start) else { return nil }
      if let first {
        let kind =
          number == first && second?.kind != .contentLengthDiffers
          ? FaultKind.contentLengthRepeated : .contentLengthDiffers
        second = Fault(kind, at: second?.offset ?? start + member.lowerBound)
      } else {
        first = number
      }
      at = end + 1
    }
    return second
  }
}

// Transfer-Encoding = #transfer-coding, RFC 9112 §6.1. Only chunked is implemented.
extension Framing {
  private enum Coding {
    case chunked
    /// Registered, and neither implemented nor asked for: gzip, deflate, compress, identity.
    case registered
    case unknown
  }

  /// All Transfer-Encoding lines as one list. The list's order is the order of application.
  private static func coding(
    _ head: borrowing HeadBlock, isRequest: Bool
  ) -> Result<BodyFraming, Fault> {
    var chunkedAt: Int?
    var registeredAt: Int?
    var unknownAt: Int?
    var line = head.first(.transferEncoding)
    let fieldAt = line.map { Int(head[$0].nameStart) } ?? 0
    while let index = line {
      let value = head.value(index)
      let start = Int(head[index].valueStart)
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        let at = start + member.lowerBound
        let name = value.extracting(member)
        let end = Scan.endOfToken(name, from: 0)
        if end < name.count { return .failure(Fault(.codingSyntax, at: at + end)) }
        let coding = coding(name)
        if chunkedAt != nil {
          return .failure(Fault(coding == .chunked ? .codingRepeated : .codingNotFinal, at: at))
        }
        switch coding {
        case .chunked: chunkedAt = at
        case .registered: registeredAt = registeredAt ?? at
        case .unknown: unknownAt = unknownAt ?? at
        }
      }
      line = head.first(.transferEncoding, from: index + 1)
    }
    if chunkedAt != nil {
      guard let at = unknownAt ?? registeredAt else { return .success(.chunked) }
      return .failure(Fault(.codingUnknown, at: at, status: 501))
    }
    if !isRequest { return .success(.untilClose) }
    if let at = unknownAt { return .failure(Fault(.codingUnknown, at: at, status: 501)) }
    return .failure(Fault(.codingNotFinal, at: registeredAt ?? fieldAt))
  }

  private static func coding(_ name: Span<UInt8>) -> Coding {
    if Scan.equalIgnoringCase(name, "chunked") { return .chunked }
    if Scan.equalIgnoringCase(name, "gzip") || Scan.equalIgnoringCase(name, "x-gzip")
      || Scan.equalIgnoringCase(name, "deflate") || Scan.equalIgnoringCase(name, "compress")
      || Scan.equalIgnoringCase(name, "x-compress") || Scan.equalIgnoringCase(name, "identity")
    {
      return .registered
    }
    return .unknown
  }
}
