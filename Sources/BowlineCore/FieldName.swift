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
    }
  }

  /// The interned name that `bytes` spells without regard to case, or `.other`.
  package init(_ bytes: Span<UInt8>) {
    let count = bytes.count
    guard count >= 2 && count <= 25 else {
      self = .other
      return
    }
    let chains = Self.chains
    var candidate = chains.first[Self.slot(count, bytes[0], bytes[count - 1])]
    while candidate != 0 {
      let name = FieldName(rawValue: candidate) ?? .other
      if Scan.equalIgnoringCase(bytes, name.text) {
        self = name
        return
      }
      candidate = chains.next[Int(candidate)]
    }
    self = .other
  }

  /// Hash of length, first and last letter: the names above share a slot rarely.
  private static func slot(_ count: Int, _ first: UInt8, _ last: UInt8) -> Int {
    (count &* 7 &+ Int(first & 0x1f) &* 11 &+ Int(last & 0x1f) &* 3) & 127
  }

  private static let chains: (first: [UInt8], next: [UInt8]) = {
    var first = [UInt8](repeating: 0, count: 128)
    var next = [UInt8](repeating: 0, count: FieldName.allCases.count)
    for name in FieldName.allCases where name != .other {
      let text = Array(name.text.description.utf8)
      let slot = slot(text.count, text[0], text[text.count - 1])
      next[Int(name.rawValue)] = first[slot]
      first[slot] = name.rawValue
    }
    return (first, next)
  }()
}
