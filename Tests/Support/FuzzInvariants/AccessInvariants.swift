import BowlineCore
import BowlineProxy

/// What the operator of a forward proxy types. The first line is a destination, `host:port`, the
/// second an address that it leads to; each further line is a rule, a denial with `!` before it.
enum AccessInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let lines = input.split(separator: 0x0a, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    var rules: [AccessRule] = []
    var plain: [PlainRule] = []
    for line in lines.dropFirst(2).prefix(32) {
      let permits = !line.hasPrefix("!")
      let text = permits ? line : String(line.dropFirst())
      let rule = AccessRule(text, permits: permits)
      let expected = PlainRule(text, permits: permits)
      try require(
        (rule == nil) == (expected == nil), "`\(text)`: \(rule != nil), plainly \(expected != nil)")
      guard let rule, let expected else { continue }
      try require(
        AccessRule(expected.text, permits: permits) == rule,
        "`\(text)` means `\(expected.text)`, which is read as another rule")
      rules.append(rule)
      plain.append(expected)
    }
    try checkDecisions(lines, rules, plain)
  }

  private static func checkDecisions(
    _ lines: [String], _ rules: [AccessRule], _ plain: [PlainRule]
  ) throws(Violation) {
    let place = lines[0].lowercased().split(separator: ":", omittingEmptySubsequences: false)
    guard place.count == 2, let port = UInt16(place[1]), place[0].utf8.allSatisfy({ $0 < 0x80 })
    else { return }
    let host = String(place[0])
    let access = AccessRules(rules, listeners: [.loopback(8080)])
    let named = plain.first { $0.decides(host, port) }
    for isTunnel in [false, true] {
      let permits = access.permits(host: host, port: port, isTunnel: isTunnel)
      if named?.permits == false { try require(!permits, "\(host) is denied and permitted") }
      if named?.permits != false && !isTunnel { try require(permits, "\(host) is not permitted") }
      guard lines.count > 1, var address = SocketAddress(host: lines[1], port: 0) else { continue }
      address.port = port
      let ruled = plain.first { $0.decides(address) }
      var expected = named?.permits != false && (ruled?.permits ?? PlainReach.isPublic(address))
      if address.host == "127.0.0.1" && port == 8080 { expected = false }
      if isTunnel && port != 443 && named?.port == nil && ruled?.port == nil { expected = false }
      let dials = access.permits(address, host: host, isTunnel: isTunnel)
      try require(dials == expected, "\(address) of \(host), tunnel \(isTunnel): \(dials)")
      // The first question is asked before addresses are known, and must not refuse too much.
      try require(permits || !dials, "\(address) is permitted and \(host) is not")
    }
  }
}

/// A rule, taken apart from behind.
private struct PlainRule {
  let permits: Bool
  private(set) var port: UInt16?
  private var host: String?
  private var network: (address: SocketAddress, length: Int)?

  init?(_ typed: String, permits: Bool) {
    self.permits = permits
    guard typed.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    var body = Array(typed.utf8).map(lower)
    let isBracketed = body.first == 0x5b
    let bracket = body.firstIndex(of: 0x5d)
    if isBracketed && bracket == nil { return nil }
    if let colon = body.lastIndex(of: 0x3a), !isBracketed || colon > bracket ?? 0 {
      guard let number = plainNumber(body[(colon + 1)...], most: 1 << 20), number > 0,
        number < 1 << 16
      else { return nil }
      port = UInt16(number)
      body = Array(body[..<colon])
    }
    if !isBracketed && body.contains(0x3a) { return nil }
    let parts = body.split(separator: 0x2f, maxSplits: 1, omittingEmptySubsequences: false)
    guard let left = parts.first else { return nil }
    if isBracketed {
      guard left.last == 0x5d else { return nil }
      guard let address = SocketAddress(host: visible(left.dropFirst().dropLast()), port: 0),
        !address.isIPv4
      else { return nil }
      network = (address, 128)
    } else if let address = SocketAddress(host: visible(left), port: 0) {
      network = (address, 32)
    }
    if parts.count == 2 {
      guard let (address, most) = network,
        let length = plainNumber(parts[1], most: 1 << 20), length <= most
      else { return nil }
      network = (address, Int(length))
    }
    if network != nil { return }
    let name = visible(body)
    host = name
    if name == "*" { return }
    let labels = name.hasPrefix("*.") ? name.dropFirst(2) : name[...]
    let letters = labels.utf8.allSatisfy {
      isDigit($0) || (0x61...0x7a).contains($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
    }
    guard letters, (1...253).contains(labels.utf8.count), !labels.hasPrefix("."),
      !labels.hasSuffix(".")
    else { return nil }
  }

  /// As we would write it.
  var text: String {
    var text = host ?? ""
    if let network {
      let first = PlainReach.first(of: network.address, network.length)
      text = (first.isIPv4 ? first.host : "[\(first.host)]") + "/\(network.length)"
    }
    return text + (port.map { ":\($0)" } ?? "")
  }

  func decides(_ name: String, _ port: UInt16) -> Bool {
    guard let host, self.port ?? port == port else { return false }
    if host == "*" || host == name { return true }
    let end = Array(host.utf8).dropFirst()
    return host.hasPrefix("*.") && Array(name.utf8).suffix(end.count) == end
  }

  func decides(_ address: SocketAddress) -> Bool {
    guard let network, port ?? address.port == address.port else { return false }
    return PlainReach.isIn(address, network.address, network.length)
  }
}
