package import BowlineCore

/// The first 16 bytes as an address, the next 16 as another, one byte as the length of a network.
enum ReachInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let bytes = input + Array(repeating: 0, count: 33)
    let address = Self.address(bytes[0..<16])
    try checkReach(of: address)
    try checkReach(of: Self.address(bytes[16..<32]))
    try checkReach(of: Self.address(Array(repeating: 0, count: 10) + [0xff, 0xff] + bytes[0..<4]))
    try checkNetwork(address, Self.address(bytes[16..<32]), length: Int(bytes[32]))
    let near = SocketAddress(
      high: address.high, low: address.low ^ 1 << UInt64(bytes[32] & 63), port: 1)
    try checkNetwork(address, near, length: Int(bytes[32]))
  }

  private static func address(_ bytes: some Collection<UInt8>) -> SocketAddress {
    let halves = (bytes.prefix(8), bytes.dropFirst(8))
    return SocketAddress(
      high: halves.0.reduce(0) { $0 << 8 | UInt64($1) },
      low: halves.1.reduce(0) { $0 << 8 | UInt64($1) }, port: 80)
  }

  private static func checkReach(of address: SocketAddress) throws(Violation) {
    let expected = PlainReach.isPublic(address)
    try require(
      address.isPublic == expected, "\(address.host) is public: \(!expected); plainly not so")
    let again = SocketAddress(host: address.host, port: 80)
    try require(again == address, "\(address.host) is another when it is read again")
    if address.isLoopback || address.isUnspecified {
      try require(!address.isPublic, "\(address.host) is public")
    }
  }

  private static func checkNetwork(
    _ address: SocketAddress, _ other: SocketAddress, length: Int
  ) throws(Violation) {
    guard let network = NetworkPrefix(address, length: length) else {
      try require(length > (address.isIPv4 ? 32 : 128), "\(address.host)/\(length) is refused")
      return
    }
    try require(length <= (address.isIPv4 ? 32 : 128), "\(address.host)/\(length) is a network")
    try require(network.contains(address), "\(address.host) is not in its own network")
    try require(
      network.contains(other) == PlainReach.isIn(other, address, length),
      "\(other.host) in \(address.host)/\(length)")
  }
}

/// Networks by comparing bits as text.
package enum PlainReach {
  /// Networks of the registries of special-purpose addresses that are no place of the Internet, and
  /// multicast.
  private static let closed = networks([
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001::/32", "2001:2::/48", "2001:10::/28",
    "2001:db8::/32", "3fff::/20",
  ])
  private static let unicast = networks(["2000::/3"])
  private static let sixToFour = networks(["2002::/16"])
  private static let translated = networks(["64:ff9b::/96"])

  private struct Network {
    let address: SocketAddress
    let length: Int
  }

  private static func networks(_ texts: [String]) -> [Network] {
    texts.compactMap { text in
      let parts = text.split(separator: "/").map(String.init)
      guard let address = SocketAddress(host: parts[0], port: 0), let length = Int(parts[1])
      else { return nil }
      return Network(address: address, length: length)
    }
  }

  package static func isPublic(_ address: SocketAddress) -> Bool {
    func lies(_ networks: [Network]) -> Bool {
      networks.contains { isIn(address, $0.address, $0.length) }
    }
    if lies(translated) {
      return isPublic(SocketAddress(ipv4: UInt32(address.low & 0xffff_ffff), port: 0))
    }
    if lies(sixToFour) {
      return isPublic(SocketAddress(ipv4: UInt32(address.high >> 16 & 0xffff_ffff), port: 0))
    }
    return !lies(closed) && (address.isIPv4 || lies(unicast))
  }

  /// The first and the last address of each of these networks, and their neighbours outside.
  package static var edges: [SocketAddress] {
    (closed + unicast + sixToFour + translated).flatMap { network in
      let first = first(of: network.address, network.length)
      let own = (first.isIPv4 ? 96 : 0) + network.length
      let high = first.high | (own >= 64 ? 0 : .max >> UInt64(own))
      let low = first.low | (own <= 64 ? .max : .max >> UInt64(own - 64))
      let (before, isBefore) = first.low.subtractingReportingOverflow(1)
      let (after, isAfter) = low.addingReportingOverflow(1)
      return [
        first, SocketAddress(high: high, low: low, port: 0),
        SocketAddress(high: first.high &- (isBefore ? 1 : 0), low: before, port: 0),
        SocketAddress(high: high &+ (isAfter ? 1 : 0), low: after, port: 0),
      ]
    }
  }

  /// True when `address` and `network` are of one family and share `length` bits.
  static func isIn(_ address: SocketAddress, _ network: SocketAddress, _ length: Int) -> Bool {
    address.isIPv4 == network.isIPv4
      && bits(address).prefix(length) == bits(network).prefix(length)
  }

  /// 32 or 128 zeros and ones.
  static func bits(_ address: SocketAddress) -> [UInt8] {
    let halves = [address.high, address.low]
    let all = halves.flatMap { half in (0..<64).map { UInt8(half >> (63 - $0) & 1) } }
    return address.isIPv4 ? Array(all.suffix(32)) : all
  }

  /// The address whose bits behind the first `length` are zeros.
  static func first(of address: SocketAddress, _ length: Int) -> SocketAddress {
    let kept = bits(address).prefix(length)
    let all = kept + Array(repeating: 0, count: (address.isIPv4 ? 32 : 128) - kept.count)
    if address.isIPv4 {
      return SocketAddress(ipv4: all.reduce(0) { $0 << 1 | UInt32($1) }, port: 0)
    }
    return SocketAddress(
      high: all.prefix(64).reduce(0) { $0 << 1 | UInt64($1) },
      low: all.dropFirst(64).reduce(0) { $0 << 1 | UInt64($1) }, port: 0)
  }
}
