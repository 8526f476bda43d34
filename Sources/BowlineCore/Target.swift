/// The four forms of a request target. RFC 9112 §3.2.
package enum Target: Equatable, Sendable {
  /// `/path?query`.
  case origin
  /// `http://authority/path?query`: ranges of the target's bytes. The path may be empty.
  case absolute(scheme: Scheme, authority: Range<Int>, path: Range<Int>)
  /// `host:port`, with CONNECT only: the host as a range of the target's bytes.
  case authority(host: Range<Int>, port: UInt16)
  /// `*`, with OPTIONS only.
  case asterisk

  /// A scheme that this project speaks.
  package enum Scheme: UInt8, Sendable {
    case http, https
  }

  /// The form of `bytes`, or the fault. The fault's offset counts from the target's first byte.
  ///
  /// A fragment is never sent (RFC 9110 §7.1), so `#` is refused. Other schemes are refused.
  package static func form(_ method: Method, _ bytes: Span<UInt8>) -> Result<Target, Fault> {
    let count = bytes.count
    if count == 0 { return .failure(Fault(.targetSyntax, at: 0)) }
    let end = Scan.endOfTarget(bytes, from: 0)
    if end < count { return .failure(Fault(.targetSyntax, at: end)) }
    if method == .connect { return authorityForm(bytes) }
    if bytes[0] == 0x2f { return checkingFragment(bytes, .origin) }
    if count == 1 && bytes[0] == 0x2a {
      return method == .options ? .success(.asterisk) : .failure(Fault(.targetForm, at: 0))
    }
    return absoluteForm(bytes)
  }

  private static func checkingFragment(
    _ bytes: Span<UInt8>, _ form: Target
  ) -> Result<Target, Fault> {
    for index in bytes.indices where bytes[index] == 0x23 {
      return .failure(Fault(.targetSyntax, at: index))
    }
    return .success(form)
  }

  private static func authorityForm(_ bytes: Span<UInt8>) -> Result<Target, Fault> {
    switch Authority.parse(bytes) {
    case .failure(let refusal):
      return .failure(Fault(.targetForm, at: refusal.offset))
    case .success(let authority):
      guard let port = authority.port, port > 0, !authority.host.isEmpty else {
        return .failure(Fault(.targetForm, at: authority.host.upperBound))
      }
      return .success(.authority(host: authority.host, port: port))
    }
  }

  private static func absoluteForm(_ bytes: Span<UInt8>) -> Result<Target, Fault> {
    let scheme: Scheme
    let start: Int
    if startsWith(bytes, "http://") {
      scheme = .http
      start = 7
    } else if startsWith(bytes, "https://") {
      scheme = .https
      start = 8
    } else {
      return .failure(Fault(.targetForm, at: 0))
    }
    var end = start
    while end < bytes.count, bytes[end] != 0x2f, bytes[end] != 0x3f, bytes[end] != 0x23 { end += 1 }
    switch Authority.parse(bytes.extracting(start..<end)) {
    case .failure(let refusal):
      return .failure(Fault(.targetForm, at: start + refusal.offset))
    case .success(let authority):
      if authority.host.isEmpty { return .failure(Fault(.targetForm, at: start)) }
      return checkingFragment(
        bytes, .absolute(scheme: scheme, authority: start..<end, path: end..<bytes.count))
    }
  }

  private static func startsWith(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    return bytes.count >= count && Scan.equalIgnoringCase(bytes.extracting(0..<count), text)
  }
}
