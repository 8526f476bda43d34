/// An IPv4 or IPv6 address with its port, as a value.
///
/// IPv4 addresses are held IPv4-mapped (::ffff:a.b.c.d), so that comparing two addresses compares
/// their bytes; `isIPv4` says how it is written.
package struct SocketAddress: Hashable, Sendable {
  /// The 16 address bytes, first half, most significant byte first.
  package let high: UInt64
  /// The 16 address bytes, second half.
  package let low: UInt64
  /// Scope of a link-local IPv6 address; else 0.
  package let scope: UInt32
  /// Port in host order.
  package var port: UInt16

  package init(high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
    self.high = high
    self.low = low
    self.port = port
    self.scope = scope
  }

  /// The IPv4 address whose 32 bits are `bits` (most significant byte first).
  package init(ipv4 bits: UInt32, port: UInt16) {
    self.init(high: 0, low: 0xffff_0000_0000 | UInt64(bits), port: port)
  }

  /// 127.0.0.1 at `port`.
  package static func loopback(_ port: UInt16) -> SocketAddress {
    SocketAddress(ipv4: 0x7f00_0001, port: port)
  }

  /// True for addresses written as four decimal numbers.
  package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

  /// True for 0.0.0.0 and ::.
  package var isUnspecified: Bool { isIPv4 ? low & 0xffff_ffff == 0 : high == 0 && low == 0 }

  /// True for 127.0.0.0/8 and ::1.
  package var isLoopback: Bool { isIPv4 ? low >> 24 & 0xff == 127 : high == 0 && low == 1 }

  /// The address without its port: `192.0.2.7` or `2001:db8::7` (RFC 5952).
  package var host: String {
    var bytes = ByteBuffer(capacity: 48)
    appendHost(to: &bytes)
    var text = ""
    for index in 0..<bytes.count { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
    return text
  }
}

extension SocketAddress: CustomStringConvertible {
  /// `192.0.2.7:80` or `[2001:db8::7]:80`.
  package var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}

extension SocketAddress {
  /// Parses a literal: `192.0.2.7:80`, `[2001:db8::7]:80`, or `:80` (every IPv4 and IPv6 address).
  /// Names are not resolved here.
  ///
  /// - Returns: nil when `text` is no such literal.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      let port = UInt16(digits)
    else { return nil }
    let host = text[..<colon]
    if host.isEmpty {
      self.init(high: 0, low: 0, port: port)
    } else if host.first == "[" && host.last == "]" {
      let inside = host.dropFirst().dropLast()
      guard inside.contains(":") else { return nil }
      self.init(host: String(inside), port: port)
    } else {
      if host.contains(":") { return nil }
      self.init(host: String(host), port: port)
    }
  }

  /// Parses an address literal without port: `192.0.2.7` or `2001:db8::7`.
  package init?(host: String, port: UInt16) {
    if let bits = Self.ipv4(host[...]) {
      self.init(ipv4: bits, port: port)
      return
    }
    let halves = host.split(separator: "::", omittingEmptySubsequences: false)
    guard host.contains(":"), halves.count <= 2 else { return nil }
    guard let front = Self.groups(halves[0], mayEndIPv4: halves.count == 1) else { return nil }
    guard let back = halves.count == 2 ? Self.groups(halves[1], mayEndIPv4: true) : []
    else { return nil }
    let missing = 8 - front.count - back.count
    guard halves.count == 2 ? missing >= 1 : missing == 0 else { return nil }
    let all = front + Array(repeating: 0, count: missing) + back
    self.init(
      high: all[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
      low: all[4..<8].reduce(0) { $0 << 16 | UInt64($1) }, port: port)
  }

  private static func ipv4(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard part.count <= 3, part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        part.count == 1 || part.first != "0", let number = UInt8(part)
      else { return nil }
      bits = bits << 8 | UInt32(number)
    }
    return bits
  }

  /// The groups of 16 bits that `text` lists. Only the end of the whole address may be written as
  /// an IPv4 address (RFC 4291 §2.2).
  private static func groups(_ text: Substring, mayEndIPv4: Bool) -> [UInt16]? {
    if text.isEmpty { return [] }
    var found: [UInt16] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if mayEndIPv4, index == parts.count - 1, let bits = ipv4(part) {
        found += [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
      } else {
        guard (1...4).contains(part.count), part.first != "+", part.first != "-",
          let group = UInt16(part, radix: 16)
        else { return nil }
        found.append(group)
      }
    }
    return found.count <= 8 ? found : nil
  }
}
