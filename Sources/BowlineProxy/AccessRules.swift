// Where a forward proxy may go.
//
// Rules are tried in the order in which they were given, and the first that speaks about the
// question decides it. There are two questions, and both must be answered with yes:
//
//   the host, as the request wrote it    host rules; without one: yes
//   each address that it leads to        network rules; without one: public addresses only
//
// So a rule about a name never opens the way to an address inside: whoever runs the name server of
// an allowed name cannot point it at us. CONNECT is for port 443 alone, unless a rule that permits
// the destination names the port.

package import BowlineCore

/// One `--allow` or `--deny`.
package struct AccessRule: Sendable, Equatable {
  /// What it speaks about.
  package enum Subject: Sendable, Equatable {
    /// `*`: every host.
    case everyHost
    /// `example.com`, in lower case.
    case host(String)
    /// `*.example.com`: every host whose name ends so. Holds the end, with its dot.
    case hostsBelow(String)
    /// `10.0.0.0/8`, or a single address.
    case network(NetworkPrefix)
  }

  package let subject: Subject
  /// The port that it is about; nil for every port.
  package let port: UInt16?
  package let permits: Bool

  package init(_ subject: Subject, port: UInt16?, permits: Bool) {
    self.subject = subject
    self.port = port
    self.permits = permits
  }

  /// True when it decides about `host`; nil when it is about addresses.
  func matches(host: String, port: UInt16) -> Bool {
    if let own = self.port, own != port { return false }
    switch subject {
    case .everyHost: return true
    case .host(let name): return name == host
    case .hostsBelow(let end): return host.hasSuffix(end)
    case .network: return false
    }
  }

  func matches(_ address: SocketAddress) -> Bool {
    guard case .network(let network) = subject else { return false }
    if let own = port, own != address.port { return false }
    return network.contains(address)
  }
}

/// The rules of a forward proxy, in order.
package struct AccessRules: Sendable {
  private let rules: [AccessRule]
  /// Where we listen ourselves: never a destination.
  private let listeners: [SocketAddress]

  package init(_ rules: [AccessRule] = [], listeners: [SocketAddress] = []) {
    self.rules = rules
    self.listeners = listeners
  }

  /// May requests for `host` go on at all, before its addresses are known?
  ///
  /// - Parameters:
  ///   - host: in lower case, without brackets and without a dot at its end.
  ///   - port: of the destination.
  ///   - isTunnel: asked for with CONNECT.
  /// - Returns: false when no address of it could be permitted.
  package func permits(host: String, port: UInt16, isTunnel: Bool) -> Bool {
    let rule = hostRule(host, port)
    if rule?.permits == false { return false }
    if !isTunnel || port == 443 || rule?.port != nil { return true }
    return rules.contains { rule in
      guard case .network = rule.subject else { return false }
      return rule.permits && rule.port == port
    }
  }

  /// May `address`, which `host` leads to, be dialled?
  package func permits(_ address: SocketAddress, host: String, isTunnel: Bool) -> Bool {
    let name = hostRule(host, address.port)
    if name?.permits == false || isOurs(address) { return false }
    let rule = rules.first { $0.matches(address) }
    guard rule?.permits ?? address.isPublic else { return false }
    return !isTunnel || address.port == 443 || name?.port != nil || rule?.port != nil
  }

  /// May a connection that has come about be used? Not when both its ends are ours: a listener on
  /// every address is met at any of them.
  package func permits(connectedTo peer: SocketAddress, from local: SocketAddress) -> Bool {
    guard peer.high == local.high && peer.low == local.low else { return true }
    return !listeners.contains { $0.isUnspecified && $0.port == peer.port }
  }

  private func hostRule(_ host: String, _ port: UInt16) -> AccessRule? {
    rules.first { $0.matches(host: host, port: port) }
  }

  private func isOurs(_ address: SocketAddress) -> Bool {
    listeners.contains { own in
      own.port == address.port
        && (own.high == address.high && own.low == address.low
          || own.isUnspecified && (address.isLoopback || address.isUnspecified))
    }
  }
}

extension AccessRule {
  /// Reads a rule as typed: `*`, `*.example.com`, `example.com:8443`, `10.0.0.0/8`,
  /// `192.0.2.7:8443`, `[2001:db8::]/32`, `[::1]:9000`.
  ///
  /// - Returns: nil when `text` is none.
  package init?(_ text: String, permits: Bool) {
    // Some letters outside of ASCII have a small letter inside: the Kelvin sign becomes a k.
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    var rest = text.lowercased()[...]
    var address: SocketAddress?
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      address = SocketAddress(host: String(rest[rest.index(after: rest.startIndex)..<end]), port: 0)
      if address == nil || address?.isIPv4 == true { return nil }
      rest = rest[rest.index(after: end)...]
    } else {
      let end = rest.firstIndex { $0 == "/" || $0 == ":" } ?? rest.endIndex
      address = SocketAddress(host: String(rest[..<end]), port: 0)
      if address != nil { rest = rest[end...] }
    }
    var length: Int?
    if address != nil, rest.first == "/" {
      let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits) else { return nil }
      length = number
      rest = rest.dropFirst(1 + digits.count)
    }
    var port: UInt16?
    if let colon = rest.lastIndex(of: ":") {
      let digits = rest[rest.index(after: colon)...]
      guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = UInt16(digits),
        number > 0
      else { return nil }
      port = number
      rest = rest[..<colon]
    }
    if let address {
      guard rest.isEmpty,
        let network = NetworkPrefix(address, length: length ?? (address.isIPv4 ? 32 : 128))
      else { return nil }
      self.init(.network(network), port: port, permits: permits)
    } else {
      guard let subject = Self.host(String(rest)) else { return nil }
      self.init(subject, port: port, permits: permits)
    }
  }

  private static func host(_ text: String) -> Subject? {
    if text == "*" { return .everyHost }
    let isBelow = text.hasPrefix("*.")
    let name = isBelow ? text.dropFirst(2) : text[...]
    let isName =
      !name.isEmpty && name.utf8.count <= 253
      && name.utf8.allSatisfy {
        $0 == 0x2d || $0 == 0x2e || $0 == 0x5f || $0 &- 0x30 < 10 || $0 &- 0x61 < 26
      } && name.first != "." && name.last != "."
    guard isName else { return nil }
    return isBelow ? .hostsBelow("." + name) : .host(String(name))
  }
}
