// Which addresses lie on the public Internet, by the registries of special-purpose addresses
// (RFC 6890) and what has been added to them. A proxy that serves others goes nowhere else unasked:
// its own loopback, its neighbours and its cloud's metadata service trust it more than its clients.

extension SocketAddress {
  /// True for a unicast address that the whole Internet could mean.
  ///
  /// An IPv4 address inside an IPv6 one (mapped, compatible, translated by NAT64, 6to4) is judged
  /// as the IPv4 address that it leads to.
  package var isPublic: Bool {
    if isIPv4 { return Self.isPublic(ipv4: UInt32(truncatingIfNeeded: low)) }
    // ::a.b.c.d, and with it :: and ::1.
    if high == 0 && low >> 32 == 0 { return false }
    // 64:ff9b::/96
    if high == 0x0064_ff9b_0000_0000 && low >> 32 == 0 {
      return Self.isPublic(ipv4: UInt32(truncatingIfNeeded: low))
    }
    // 64:ff9b:1::/48, for local use
    if high >> 16 == 0x0064_ff9b_0001 { return false }
    // 2002::/16
    if high >> 48 == 0x2002 {
      return Self.isPublic(ipv4: UInt32(truncatingIfNeeded: high >> 16))
    }
    // Teredo hides an address in the last bits; 2001:db8::/32 and 3fff::/20 are for books,
    // 2001:2::/48 for benchmarks, and 2001:10::/28 names no place.
    if high >> 32 == 0x2001_0000 || high >> 32 == 0x2001_0db8 || high >> 44 == 0x3fff0
      || high >> 16 == 0x2001_0002_0000 || high >> 36 == 0x200_1001
    {
      return false
    }
    // What is left of 2000::/3 is global unicast; fc00::/7, fe80::/10 and ff00::/8 are not.
    return high >> 61 == 1
  }

  private static func isPublic(ipv4 bits: UInt32) -> Bool {
    switch bits >> 24 {
    case 0, 10, 127, 224...255: false
    case 100: bits >> 22 != 0x191  // 100.64.0.0/10, shared
    case 169: bits >> 16 != 0xa9fe  // 169.254.0.0/16, link-local
    case 172: bits >> 20 != 0xac1  // 172.16.0.0/12
    case 192: bits >> 16 != 0xc0a8 && bits >> 8 != 0xc00000 && bits >> 8 != 0xc00002
    case 198: bits >> 17 != 0x6309 && bits >> 8 != 0xc63364  // benchmarks, books
    case 203: bits >> 8 != 0xcb0071
    default: true
    }
  }
}

/// A network: the addresses that share their first bits.
package struct NetworkPrefix: Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64
  /// Bits that count, of the 128 of the mapped form.
  package let length: Int

  /// The network of `address` with `length` bits as written: 0...32 for IPv4, 0...128 for IPv6.
  ///
  /// - Returns: nil when there are not so many bits.
  package init?(_ address: SocketAddress, length: Int) {
    guard length >= 0, length <= (address.isIPv4 ? 32 : 128) else { return nil }
    let bits = address.isIPv4 ? length + 96 : length
    self.length = bits
    high = address.high & Self.mask(bits)
    low = address.low & Self.mask(bits - 64)
  }

  /// True when `address` lies in the network. An IPv4 address lies in IPv4 networks only.
  package func contains(_ address: SocketAddress) -> Bool {
    let isWrittenIPv4 = length >= 96 && high == 0 && low >> 32 == 0xffff
    if address.isIPv4 != isWrittenIPv4 { return false }
    return address.high & Self.mask(length) == high && address.low & Self.mask(length - 64) == low
  }

  private static func mask(_ bits: Int) -> UInt64 {
    bits <= 0 ? 0 : bits >= 64 ? .max : ~(.max >> UInt64(bits))
  }
}
