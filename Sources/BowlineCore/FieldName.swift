/// Interned names of the fields that the rules look at. Every other name is `.other` and is known
/// by its bytes only. Names compare without case (RFC 9110 §5.1).
package enum FieldName: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case other
  // Framing and this connection: RFC 9112, RFC 9110 §7.6.1
  case connection, contentLength, transferEncoding, te, trailer, upgrade, keepAlive
  case proxyConnection, http2Settings
  // Routing and forwarding
  case host, via, forwarded, xForwardedFor, xForwardedProto, xForwardedHost, maxForwards
  // Authentication per hop: RFC 9110 §11.7
  case proxyAuthenticate, proxyAuthorization, proxyAuthenticationInfo
  // Others that some rule reads
  case expect, date, server, contentType, contentRange, contentEncoding, range, authorization
  case cookie, setCookie, cacheControl, location, etag, lastModified, ifModifiedSince, ifNoneMatch
  case userAgent, accept, acceptEncoding, acceptLanguage, referer, allow, retryAfter
  case ifMatch, ifUnmodifiedSince, ifRange, acceptRanges

  /// True for the names that have a case here.
  package var isInterned: Bool { rawValue != 0 }

  /// The name as we write it; empty for `.other`.
  package var text: StaticString {
    switch self {
    case .other: ""
    case .connection: "Connection"
    case .contentLength: "Content-Length"
    case .transferEncoding: "Transfer-Encoding"
    case .te: "TE"
    case .trailer: "Trailer"
    case .upgrade: "Upgrade"
    case .keepAlive: "Keep-Alive"
    case .proxyConnection: "Proxy-Connection"
    case .http2Settings: "HTTP2-Settings"
    case .host: "Host"
    case .via: "Via"
    case .forwarded: "Forwarded"
    case .xForwardedFor: "X-Forwarded-For"
    case .xForwardedProto: "X-Forwarded-Proto"
    case .xForwardedHost: "X-Forwarded-Host"
    case .maxForwards: "Max-Forwards"
    case .proxyAuthenticate: "Proxy-Authenticate"
    case .proxyAuthorization: "Proxy-Authorization"
    case .proxyAuthenticationInfo: "Proxy-Authentication-Info"
    case .expect: "Expect"
    case .date: "Date"
    case .server: "Server"
    case .contentType: "Content-Type"
    case .contentRange: "Content-Range"
    case .contentEncoding: "Content-Encoding"
    case .range: "Range"
    case .authorization: "Authorization"
    case .cookie: "Cookie"
    case .setCookie: "Set-Cookie"
    case .cacheControl: "Cache-Control"
    case .location: "Location"
    case .etag: "ETag"
    case .lastModified: "Last-Modified"
    case .ifModifiedSince: "If-Modified-Since"
    case .ifNoneMatch: "If-None-Match"
    case .userAgent: "User-Agent"
    case .accept: "Accept"
    case .acceptEncoding: "Accept-Encoding"
    case .acceptLanguage: "Accept-Language"
    case .referer: "Referer"
    case .allow: "Allow"
    case .retryAfter: "Retry-After"
    case .ifMatch: "If-Match"
    case .ifUnmodifiedSince: "If-Unmodified-Since"
    case .ifRange: "If-Range"
    case .acceptRanges: "Accept-Ranges"
    }
  }

  /// The interned name that `bytes` spells without regard to case, or `.other`.
  package init(_ bytes: Span<UInt8>) { self = Scan.name(bytes) }
}

// Names as words: a name is known by its length and a word or two, all of them constants, so that
// no text is read and nothing is looked up. Every word holds eight bytes in lower case, the first
// byte lowest.
extension FieldName {
  /// A name of up to eight bytes, zeros behind it.
  init(short word: UInt64) {
    switch word {
    case Scan.word(of: "host"): self = .host
    case Scan.word(of: "accept"): self = .accept
    case Scan.word(of: "cookie"): self = .cookie
    case Scan.word(of: "date"): self = .date
    case Scan.word(of: "server"): self = .server
    case Scan.word(of: "referer"): self = .referer
    case Scan.word(of: "etag"): self = .etag
    case Scan.word(of: "te"): self = .te
    case Scan.word(of: "via"): self = .via
    case Scan.word(of: "upgrade"): self = .upgrade
    case Scan.word(of: "range"): self = .range
    case Scan.word(of: "expect"): self = .expect
    case Scan.word(of: "allow"): self = .allow
    case Scan.word(of: "trailer"): self = .trailer
    case Scan.word(of: "location"): self = .location
    case Scan.word(of: "if-match"): self = .ifMatch
    case Scan.word(of: "if-range"): self = .ifRange
    default: self = .other
    }
  }

  /// A name of 9 to 16 bytes: its first eight and its last eight.
  static func named(_ count: Int, first: UInt64, last: UInt64) -> FieldName {
    @inline(__always)
    func spells(_ text: StaticString) -> Bool {
      first == Scan.word(of: text, at: 0)
        && last == Scan.word(of: text, at: text.utf8CodeUnitCount &- 8)
    }
    switch count {
    case 9:
      if spells("forwarded") { return .forwarded }
    case 10:
      if spells("connection") { return .connection }
      if spells("user-agent") { return .userAgent }
      if spells("keep-alive") { return .keepAlive }
      if spells("set-cookie") { return .setCookie }
    case 11:
      if spells("retry-after") { return .retryAfter }
    case 12:
      if spells("content-type") { return .contentType }
      if spells("max-forwards") { return .maxForwards }
    case 13:
      if spells("cache-control") { return .cacheControl }
      if spells("last-modified") { return .lastModified }
      if spells("if-none-match") { return .ifNoneMatch }
      if spells("authorization") { return .authorization }
      if spells("content-range") { return .contentRange }
      if spells("accept-ranges") { return .acceptRanges }
    case 14:
      if spells("content-length") { return .contentLength }
      if spells("http2-settings") { return .http2Settings }
    case 15:
      if spells("accept-encoding") { return .acceptEncoding }
      if spells("accept-language") { return .acceptLanguage }
      if spells("x-forwarded-for") { return .xForwardedFor }
    case 16:
      if spells("content-encoding") { return .contentEncoding }
      if spells("x-forwarded-host") { return .xForwardedHost }
      if spells("proxy-connection") { return .proxyConnection }
    default: break
    }
    return .other
  }

  /// A name of 17 to 25 bytes: its first, second and last eight, and those from the sixteenth on or
  /// the last, whichever come first.
  static func named(
    _ count: Int, first: UInt64, second: UInt64, third: UInt64, last: UInt64
  ) -> FieldName {
    @inline(__always)
    func spells(_ text: StaticString) -> Bool {
      let end = text.utf8CodeUnitCount &- 8
      return first == Scan.word(of: text, at: 0) && second == Scan.word(of: text, at: 8)
        && third == Scan.word(of: text, at: min(16, end)) && last == Scan.word(of: text, at: end)
    }
    switch count {
    case 17:
      if spells("transfer-encoding") { return .transferEncoding }
      if spells("x-forwarded-proto") { return .xForwardedProto }
      if spells("if-modified-since") { return .ifModifiedSince }
    case 18:
      if spells("proxy-authenticate") { return .proxyAuthenticate }
    case 19:
      if spells("proxy-authorization") { return .proxyAuthorization }
      if spells("if-unmodified-since") { return .ifUnmodifiedSince }
    case 25:
      if spells("proxy-authentication-info") { return .proxyAuthenticationInfo }
    default: break
    }
    return .other
  }
}
