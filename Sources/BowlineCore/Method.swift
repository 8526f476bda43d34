/// A request method that this project knows by name; others are `.other` and travel as bytes.
/// RFC 9110 §9; method names are case-sensitive.
package enum Method: UInt8, Sendable, CaseIterable {
  case other, get, head, post, put, delete, connect, options, trace, patch

  /// The method's name on the wire; empty for `.other`.
  package var name: StaticString {
    switch self {
    case .other: ""
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .connect: "CONNECT"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .patch: "PATCH"
    }
  }

  /// The known method that `bytes` spells exactly, or `.other`.
  package init(_ bytes: Span<UInt8>) {
    switch bytes.count {
    case 3: self = Scan.equal(bytes, "GET") ? .get : Scan.equal(bytes, "PUT") ? .put : .other
    case 4: self = Scan.equal(bytes, "POST") ? .post : Scan.equal(bytes, "HEAD") ? .head : .other
    case 5:
      self = Scan.equal(bytes, "PATCH") ? .patch : Scan.equal(bytes, "TRACE") ? .trace : .other
    case 6: self = Scan.equal(bytes, "DELETE") ? .delete : .other
    case 7:
      self =
        Scan.equal(bytes, "OPTIONS") ? .options : Scan.equal(bytes, "CONNECT") ? .connect : .other
    default: self = .other
    }
  }

  /// The same of a method and the space behind it in one word, zeros behind them.
  init(word: UInt64) {
    switch word {
    case Scan.word(of: "GET "): self = .get
    case Scan.word(of: "POST "): self = .post
    case Scan.word(of: "HEAD "): self = .head
    case Scan.word(of: "PUT "): self = .put
    case Scan.word(of: "DELETE "): self = .delete
    case Scan.word(of: "PATCH "): self = .patch
    case Scan.word(of: "OPTIONS "): self = .options
    case Scan.word(of: "CONNECT "): self = .connect
    case Scan.word(of: "TRACE "): self = .trace
    default: self = .other
    }
  }

  /// Safe: asks for no change of state (RFC 9110 §9.2.1).
  package var isSafe: Bool {
    switch self {
    case .get, .head, .options, .trace: true
    case .other, .post, .put, .delete, .connect, .patch: false
    }
  }

  /// Idempotent: sent twice it intends the same as once (RFC 9110 §9.2.2). Unknown methods are not.
  package var isIdempotent: Bool {
    switch self {
    case .get, .head, .options, .trace, .put, .delete: true
    case .other, .post, .connect, .patch: false
    }
  }
}

/// The HTTP version of a message. RFC 9110 §2.5.
@usableFromInline
package struct Version: Hashable, Comparable, Sendable {
  @usableFromInline package let major: UInt8
  @usableFromInline package let minor: UInt8

  @inlinable
  package init(major: UInt8, minor: UInt8) {
    self.major = major
    self.minor = minor
  }

  /// `HTTP/1.` and a digit in one word; nil for anything else.
  @inline(__always)
  init?(word: UInt64) {
    let digit = UInt8(truncatingIfNeeded: word &>> 56) &- 0x30
    if word &<< 8 != Scan.word(of: "HTTP/1.") &<< 8 || digit > 9 { return nil }
    self.init(major: 1, minor: digit)
  }

  @inlinable package static var http10: Version { Version(major: 1, minor: 0) }
  @inlinable package static var http11: Version { Version(major: 1, minor: 1) }

  @inlinable
  package static func < (a: Version, b: Version) -> Bool {
    a.major != b.major ? a.major < b.major : a.minor < b.minor
  }
}

/// A status code: 100 to 999 (three digits). RFC 9110 §15.
package struct Status: RawRepresentable, Hashable, Sendable, ExpressibleByIntegerLiteral {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }
  package init(integerLiteral value: UInt16) { rawValue = value }

  /// 1xx: an interim response (RFC 9110 §15.2).
  package var isInformational: Bool { rawValue &- 100 < 100 }
  /// 2xx.
  package var isSuccessful: Bool { rawValue &- 200 < 100 }
  /// Responses that never have content: 1xx, 204, 304 (RFC 9112 §6.3 rule 1).
  package var forbidsContent: Bool { isInformational || rawValue == 204 || rawValue == 304 }

  /// The reason phrase we write (RFC 9110 §15); empty for codes we do not know.
  package var reason: StaticString {
    switch rawValue {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 103: "Early Hints"
    case 200: "OK"
    case 204: "No Content"
    case 205: "Reset Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 508: "Loop Detected"
    default: ""
    }
  }
}
