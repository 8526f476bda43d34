import BowlineCore
import Testing

@Suite struct SocketAddressTests {
  /// RFC 5952: what is typed, and how it is written.
  @Test(arguments: [
    ("192.0.2.7:80", "192.0.2.7:80"), ("0.0.0.0:0", "0.0.0.0:0"),
    ("255.255.255.255:65535", "255.255.255.255:65535"), (":8080", "[::]:8080"),
    ("[::]:1", "[::]:1"), ("[::1]:443", "[::1]:443"),
    ("[2001:db8::7]:80", "[2001:db8::7]:80"),
    // §4.1 leading zeros, §4.3 lower case
    ("[2001:0DB8::0007]:80", "[2001:db8::7]:80"),
    // §4.2.1 as short as possible, §4.2.2 not for a single group
    ("[2001:db8:0:0:0:0:2:1]:80", "[2001:db8::2:1]:80"),
    ("[2001:db8:0:1:1:1:1:1]:80", "[2001:db8:0:1:1:1:1:1]:80"),
    ("[2001:db8::1:1:1:1:1]:80", "[2001:db8:0:1:1:1:1:1]:80"),
    // §4.2.3 the longest run, the first of equals
    ("[2001:0:0:1:0:0:0:1]:80", "[2001:0:0:1::1]:80"),
    ("[2001:db8:0:0:1:0:0:1]:80", "[2001:db8::1:0:0:1]:80"),
    ("[1::]:80", "[1::]:80"), ("[1:2:3:4:5:6:7::]:80", "[1:2:3:4:5:6:7:0]:80"),
    ("[::2:3:4:5:6:7:8]:80", "[0:2:3:4:5:6:7:8]:80"),
    ("[1:2:3:4:5:6:7:8]:80", "[1:2:3:4:5:6:7:8]:80"),
    ("[64:ff9b::192.0.2.33]:80", "[64:ff9b::c000:221]:80"),
    // An IPv4 address in IPv6 clothes is that IPv4 address.
    ("[::ffff:192.0.2.7]:80", "192.0.2.7:80"), ("[::ffff:c000:207]:80", "192.0.2.7:80"),
  ])
  func literalsAreReadAndWritten(typed: String, written: String) throws {
    let address = try #require(SocketAddress(typed))
    #expect(address.description == written)
    #expect(SocketAddress(written) == address)
  }

  @Test(arguments: [
    "", "80", ":", "192.0.2.7", "192.0.2.7:", "192.0.2.7:65536", "192.0.2.7:+80", "192.0.2.7:8a",
    "192.0.2:80", "192.0.2.256:80", "192.0.2.07:80", "192.0.2.1.1:80", "192.0..1:80", "1.2.3.-4:80",
    "localhost:80", "::1", "::1:80", "[::1]", "[::1:80", "::1]:80", "[]:80", "[1.2.3.4]:80",
    "[:::]:80", "[1::2::3]:80", "[1:2:3:4:5:6:7]:80", "[1:2:3:4:5:6:7:8:9]:80",
    "[1:2:3:4::5:6:7:8]:80", "[:1:2:3:4:5:6:7]:80", "[12345::]:80", "[g::]:80", "[+1::]:80",
    "[1.2.3.4::]:80", "[1.2.3.4::1]:80", "[::1.2.3.4:1]:80", "[::1.2.3]:80", "[::1%eth0]:80",
    "[1:2:3:4:5:6:7:1.2.3.4]:80", " 192.0.2.7:80", "192.0.2.7:80 ", "[::1] :80", "1\u{301}.2.3.4:1",
    "١.2.3.4:80",
  ])
  func otherTextIsRefused(typed: String) {
    #expect(SocketAddress(typed) == nil)
  }

  @Test(arguments: 0..<200)
  func anyAddressComesBack(seed: Int) {
    var random = Seeded(seed)
    var groups = (0..<8).map { _ in random.below(3) == 0 ? 0 : random.below(65536) }
    if random.below(4) == 0 { groups = [0, 0, 0, 0, 0, 65535] + groups[6...] }
    func half(_ part: ArraySlice<Int>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
    let address = SocketAddress(
      high: half(groups[..<4]), low: half(groups[4...]), port: UInt16(random.below(65536)))
    #expect(SocketAddress(address.description) == address)
    #expect(SocketAddress(host: address.host, port: address.port) == address)
  }

  @Test func addressesKnowWhatTheyAre() throws {
    func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text)) }
    #expect(SocketAddress.loopback(80).description == "127.0.0.1:80")
    #expect(try address("127.8.9.1:1").isLoopback)
    #expect(try address("[::1]:1").isLoopback)
    #expect(try !address("[::2]:1").isLoopback)
    #expect(try !address("128.0.0.1:1").isLoopback)
    #expect(try address("0.0.0.0:1").isUnspecified)
    #expect(try address(":1").isUnspecified)
    #expect(try !address("0.0.0.1:1").isUnspecified)
    #expect(try address("1.2.3.4:1").isIPv4)
    #expect(try !address("[::1.2.3.4]:1").isIPv4)
  }
}
