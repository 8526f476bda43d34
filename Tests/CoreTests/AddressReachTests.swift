import BowlineCore
import Testing

@Suite struct AddressReachTests {
  @Test(arguments: [
    "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::",
    "2001:0:1:2::", "2001:db8::1", "100::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::5", "4000::1", "2001:2::1", "2001:10::1", "2001:1f:ffff::1", "3fff::1", "3fff:fff:ffff::1",
  ])
  func notPublic(_ text: String) throws {
    let address = try #require(SocketAddress(host: text, port: 80))
    #expect(!address.isPublic)
  }

  @Test(arguments: [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.1", "169.253.1.1", "172.15.1.1", "172.32.0.1", "192.167.1.1",
    "192.169.1.1", "198.17.1.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111",
    "2a00:1450:4001::", "64:ff9b::808:808", "2002:808:808::", "::ffff:8.8.8.8", "2001:4860::8888",
    "2001:2:1::1", "2001:20::1", "3fff:1000::1",
  ])
  func isPublic(_ text: String) throws {
    let address = try #require(SocketAddress(host: text, port: 80))
    #expect(address.isPublic)
  }

  @Test(arguments: [
    ("10.0.0.0", 8, "10.255.255.255", true), ("10.0.0.0", 8, "11.0.0.0", false),
    ("0.0.0.0", 0, "8.8.8.8", true), ("0.0.0.0", 0, "2001:4860::8888", false),
    ("::", 0, "2001:4860::8888", true), ("::", 0, "8.8.8.8", false),
    ("192.0.2.7", 32, "192.0.2.7", true), ("192.0.2.7", 32, "192.0.2.8", false),
    ("2001:db8::", 32, "2001:db8:1::", true), ("2001:db8::", 32, "2001:db9::", false),
    ("fd00::", 65, "fd00::7fff:0:0:1", true), ("fd00::", 65, "fd00::8000:0:0:1", false),
    ("10.0.0.0", 8, "::ffff:10.1.2.3", true),
  ])
  func prefixes(_ network: String, _ length: Int, _ other: String, _ isIn: Bool) throws {
    let address = try #require(SocketAddress(host: network, port: 0))
    let prefix = try #require(NetworkPrefix(address, length: length))
    #expect(prefix.contains(try #require(SocketAddress(host: other, port: 99))) == isIn)
  }

  @Test func aPrefixIsNotLongerThanItsAddress() throws {
    #expect(NetworkPrefix(.loopback(0), length: 33) == nil)
    #expect(NetworkPrefix(.loopback(0), length: .max) == nil)
    #expect(NetworkPrefix(.loopback(0), length: -1) == nil)
    #expect(NetworkPrefix(SocketAddress(high: 1, low: 1, port: 0), length: 129) == nil)
  }
}

@Suite struct HopCountTests {
  @Test(arguments: [
    (["1.1 hop"], true), (["1.0 a, 1.1 HOP (comment)"], true), (["1.0 a", "HTTP/1.1   hop"], true),
    (["1.1 hop2"], false), (["1.1 ahop"], false), (["hop 1.1"], false), (["1.1"], false),
    ([",,"], false), ([], false), (["1.1 a (1.1 hop)"], false),
  ])
  func ownNameInVia(_ lines: [String], _ isThere: Bool) {
    var name = ByteBuffer(capacity: 8)
    name.append(utf8: "hop")
    let head = request("GET", "/", lines.map { ("Via", $0) })
    #expect(Via.names(name, in: head) == isThere)
  }

  // covers: R275
  @Test(arguments: [
    ("OPTIONS", ["0"], MaxForwards.left(0)), ("TRACE", ["7"], .left(7)),
    ("TRACE", ["007"], .left(7)), ("OPTIONS", ["999999999"], .left(1_000_000)),
    ("GET", ["0"], .none), ("OPTIONS", [], .none), ("OPTIONS", ["abc"], .malformed),
    ("OPTIONS", ["-1"], .malformed), ("OPTIONS", [""], .malformed),
    ("OPTIONS", ["1", "1"], .malformed), ("OPTIONS", ["99999999999999999999"], .malformed),
  ])
  func hopsLeft(_ method: String, _ values: [String], _ expected: MaxForwards) {
    #expect(MaxForwards(request(method, "/x", values.map { ("Max-Forwards", $0) })) == expected)
  }
}
