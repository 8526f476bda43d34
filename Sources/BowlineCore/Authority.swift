/// A host with an optional port, as in Host, absolute-form and CONNECT. RFC 3986 §3.2, without
/// userinfo, which is an error in HTTP (RFC 9110 §4.2.4).
package struct Authority: Equatable, Sendable {
  /// The host, brackets of an IPv6 literal included, as a range of the text that was read.
  package let host: Range<Int>
  /// The port; nil when there is none or it is empty (`h:`).
  package let port: UInt16?
  /// True for an IPv6 literal in brackets.
  package let isBracketed: Bool

  /// Why a text is no authority.
  package struct Refusal: Error, Equatable, Sendable {
    /// Offset of the offending byte in the text.
    package let offset: Int
  }

  /// Reads `host [":" port]`. An empty text gives an empty host; callers decide about that.
  ///
  /// A comma is legal in a registered name, and refused: it is a list of hosts by accident or
  /// worse.
  package static func parse(_ text: Span<UInt8>) -> Result<Authority, Refusal> {
    let count = text.count
    let bracketed = count > 0 && text[0] == 0x5b
    let hostEnd: Int
    switch bracketed ? endOfLiteral(text) : endOfName(text) {
    case .success(let end): hostEnd = end
    case .failure(let refusal): return .failure(refusal)
    }
    if hostEnd == count {
      return .success(Authority(host: 0..<hostEnd, port: nil, isBracketed: bracketed))
    }
    // endOfName and endOfLiteral stop at a colon or at the end only.
    var port: UInt32 = 0
    var at = hostEnd + 1
    while at < count {
      let digit = text[at] &- 0x30
      if digit > 9 { return .failure(Refusal(offset: at)) }
      port = port * 10 + UInt32(digit)
      if port > 65535 { return .failure(Refusal(offset: at)) }
      at += 1
    }
    let given = hostEnd + 1 < count
    if given && hostEnd == 0 { return .failure(Refusal(offset: 0)) }
    return .success(
      Authority(
        host: 0..<hostEnd, port: given ? UInt16(truncatingIfNeeded: port) : nil,
        isBracketed: bracketed))
  }

  /// True for most authorities with a host: letters, digits, hyphens and dots, and a port or none.
  /// `parse` decides about the others. The authority stands in `range` of `bytes`.
  package static func isPlain(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let end = range.upperBound
    var at = Scan.endOfHostName(bytes, from: range.lowerBound)
    if range.isEmpty || at == range.lowerBound { return false }
    if at >= end { return true }
    if bytes[at] != 0x3a || end - at > 6 { return false }
    at += 1
    var port: UInt32 = 0
    while at < end {
      let digit = bytes[at] &- 0x30
      if digit > 9 { return false }
      port = port &* 10 &+ UInt32(digit)
      at += 1
    }
    return port <= 65535
  }

  /// reg-name = *( unreserved / pct-encoded / sub-delims ), up to the colon.
  private static func endOfName(_ text: Span<UInt8>) -> Result<Int, Refusal> {
    let count = text.count
    var at = 0
    while at < count {
      let byte = text[at]
      if byte == 0x3a { return .success(at) }
      if byte == 0x25 {
        guard at + 2 < count, isHexadecimal(text[at + 1]), isHexadecimal(text[at + 2]) else {
          return .failure(Refusal(offset: at))
        }
        at += 3
        continue
      }
      if !isNameByte(byte) { return .failure(Refusal(offset: at)) }
      at += 1
    }
    return .success(count)
  }

  /// "[" IPv6address "]". The address itself is read by whoever connects; here only its alphabet is
  /// looked at. No zone and no later version of IP.
  private static func endOfLiteral(_ text: Span<UInt8>) -> Result<Int, Refusal> {
    let count = text.count
    var at = 1
    var colons = 0
    while at < count, text[at] != 0x5d {
      if text[at] == 0x3a {
        colons += 1
      } else if !isHexadecimal(text[at]) && text[at] != 0x2e {
        return .failure(Refusal(offset: at))
      }
      at += 1
    }
    if at == count || colons < 2 || at > 46 { return .failure(Refusal(offset: at)) }
    at += 1
    if at < count && text[at] != 0x3a { return .failure(Refusal(offset: at)) }
    return .success(at)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 6
  }

  /// unreserved / sub-delims, without the comma.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    if (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 { return true }
    switch byte {
    case 0x2d, 0x2e, 0x5f, 0x7e: return true  // - . _ ~
    case 0x21, 0x24, 0x26...0x2b, 0x3b, 0x3d: return true  // ! $ & ' ( ) * + ; =
    default: return false
    }
  }
}
