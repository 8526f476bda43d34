import BowlineCore
import BowlineProxy
import Testing

/// Where a forward proxy may go.
@Suite struct AccessRulesTests {
  private func rules(_ texts: [String], listeners: [SocketAddress] = []) -> AccessRules {
    AccessRules(
      texts.compactMap { text in
        let denies = text.hasPrefix("-")
        return AccessRule(denies ? String(text.dropFirst()) : text, permits: !denies)
      }, listeners: listeners)
  }

  /// Whether a request for `host:port`, which leads to `address`, may go there.
  private func permits(
    _ rules: AccessRules, _ host: String, _ address: String, _ port: UInt16 = 80,
    isTunnel: Bool = false
  ) throws -> Bool {
    let place = try #require(SocketAddress(host: address, port: port))
    return rules.permits(host: host, port: port, isTunnel: isTunnel)
      && rules.permits(place, host: host, isTunnel: isTunnel)
  }

  // covers: R259
  @Test func withoutRulesPublicAddressesAndPort443ForTunnels() throws {
    let none = rules([])
    #expect(try permits(none, "a.example", "8.8.8.8"))
    #expect(try permits(none, "a.example", "8.8.8.8", 8080))
    #expect(try permits(none, "a.example", "8.8.8.8", 443, isTunnel: true))
    for port: UInt16 in [22, 25, 80, 8443] {
      #expect(!(try permits(none, "x", "8.8.8.8", port, isTunnel: true)))
    }
    for address in [
      "127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1",
    ] {
      #expect(!(try permits(none, "a.example", address)))
      #expect(!(try permits(none, "a.example", address, 443, isTunnel: true)))
    }
  }

  @Test func aNameRuleNeverOpensTheWayToAnAddressInside() throws {
    let named = rules(["inside.example"])
    #expect(try permits(named, "inside.example", "8.8.8.8"))
    #expect(!(try permits(named, "inside.example", "127.0.0.1")))
    let both = rules(["inside.example", "127.0.0.0/8:80"])
    #expect(try permits(both, "inside.example", "127.0.0.1"))
    #expect(!(try permits(both, "inside.example", "127.0.0.1", 81)))
    #expect(!(try permits(both, "inside.example", "10.0.0.1")))
  }

  @Test func theFirstRuleThatSpeaksDecides() throws {
    let listed = rules(["*.good.example", "good.example", "-*"])
    #expect(try permits(listed, "good.example", "8.8.8.8"))
    #expect(try permits(listed, "a.b.good.example", "8.8.8.8"))
    #expect(!(try permits(listed, "notgood.example", "8.8.8.8")))
    let nets = rules(["-10.1.0.0/16", "10.0.0.0/8", "-0.0.0.0/0"])
    #expect(!(try permits(nets, "x", "10.1.2.3")))
    #expect(try permits(nets, "x", "10.2.2.3"))
    #expect(!(try permits(nets, "x", "8.8.8.8")))
  }

  @Test func aRuleThatNamesThePortOpensItForTunnels() throws {
    #expect(try permits(rules(["*:8443"]), "x", "8.8.8.8", 8443, isTunnel: true))
    #expect(!(try permits(rules(["*"]), "x", "8.8.8.8", 8443, isTunnel: true)))
    #expect(try permits(rules(["8.8.8.8:22"]), "x", "8.8.8.8", 22, isTunnel: true))
    #expect(!(try permits(rules(["8.8.8.8:22"]), "x", "8.8.4.4", 22, isTunnel: true)))
    #expect(try permits(rules(["[::1]:9000"]), "x", "::1", 9000, isTunnel: true))
  }

  @Test func ourOwnListenersAreNoDestination() throws {
    let own = rules(
      ["127.0.0.0/8", "10.0.0.0/8"],
      listeners: [.loopback(8080), SocketAddress(high: 0, low: 0, port: 3128)])
    #expect(!(try permits(own, "localhost", "127.0.0.1", 8080)))
    #expect(try permits(own, "localhost", "127.0.0.1", 8081))
    #expect(!(try permits(own, "localhost", "127.0.0.1", 3128)))
    let ours = try #require(SocketAddress(host: "10.0.0.5", port: 3128))
    var from = ours
    from.port = 50_000
    #expect(!own.permits(connectedTo: ours, from: from))
    #expect(own.permits(connectedTo: ours, from: .loopback(50_000)))
  }

  @Test(arguments: [
    "", ":", "*:", "*:0", "*:65536", "*:x", "a b", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/", "[::1",
    "[10.0.0.1]", "[::1]x", "*.", ".example.com", "example.com.", "http://example.com", "a/b",
    "2001:db8::1/32",
    "10.0.0.0/8/9", "user@host", "*example.com", "-10.0.0.0/8",
  ])
  func noRule(_ text: String) {
    #expect(AccessRule(text, permits: true) == nil)
  }

  /// 96 is added to the length of an IPv4 network: it must not trap.
  @Test(arguments: [
    "10.0.0.0/9223372036854775807", "10.0.0.0/9223372036854775711", "[::]/9223372036854775807",
  ])
  func theLargestLengthIsRefused(_ text: String) {
    #expect(AccessRule(text, permits: true) == nil)
  }

  /// U+212A is a letter of its own, whose small letter is k.
  @Test func theKelvinSignIsNoLetterOfAName() {
    #expect(AccessRule("\u{212a}.example.com", permits: true) == nil)
    #expect(AccessRule("*.\u{212a}.example.com", permits: true) == nil)
  }

  @Test func rulesAreReadWithoutCase() throws {
    #expect(
      AccessRule("EXAMPLE.com:80", permits: true)
        == AccessRule(.host("example.com"), port: 80, permits: true))
    #expect(
      AccessRule("*.Example.com", permits: false)
        == AccessRule(.hostsBelow(".example.com"), port: nil, permits: false))
    let address = try #require(SocketAddress(host: "2001:db8::", port: 0))
    let network = try #require(NetworkPrefix(address, length: 32))
    #expect(
      AccessRule("[2001:DB8::]/32:443", permits: true)
        == AccessRule(.network(network), port: 443, permits: true))
  }
}
