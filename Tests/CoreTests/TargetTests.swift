import BowlineCore
import Testing

@Suite struct TargetTests {
  private static func words(_ method: Method, _ target: String) -> String {
    let bytes = bytes(target)
    func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    switch Target.form(method, bytes.span) {
    case .success(.origin): return "origin"
    case .success(.asterisk): return "asterisk"
    case .success(.absolute(let scheme, let authority, let path)):
      return "\(scheme) [\(part(authority))] [\(part(path))]"
    case .success(.authority(let host, let port)): return "[\(part(host))] \(port)"
    case .failure(let fault): return "\(fault.kind)@\(fault.offset)"
    }
  }

  @Test(
    arguments: [
      (Method.get, "/", "origin"),
      (.get, "/a?b=http://c/", "origin"),
      (.get, "//a", "origin"),
      (.options, "/*", "origin"),
      (.options, "*", "asterisk"),
      (.get, "*", "targetForm@0"),
      (.options, "**", "targetForm@0"),
      (.get, "http://h", "http [h] []"),
      (.get, "HTTP://h/p?q", "http [h] [/p?q]"),
      (.get, "https://h:8443?q", "https [h:8443] [?q]"),
      (.get, "http://[::1]:80/", "http [[::1]:80] [/]"),
      (.get, "http://h:/x", "http [h:] [/x]"),
      (.get, "http:///x", "targetForm@7"),
      (.get, "http://:80/x", "targetForm@7"),
      (.get, "http://u@h/x", "targetForm@8"),
      (.get, "http://u:p@h/x", "targetForm@9"),
      (.get, "http://h:65536/", "targetForm@13"),
      (.get, "http:/h/x", "targetForm@0"),
      (.get, "ftp://h/x", "targetForm@0"),
      (.get, "h:80", "targetForm@0"),
      (.get, "a", "targetForm@0"),
      (.get, "/a#b", "targetSyntax@2"),
      (.get, "http://h#b", "targetSyntax@8"),
      (.get, "", "targetSyntax@0"),
      (.get, "/a\u{e9}", "targetSyntax@2"),
      (.connect, "h:443", "[h] 443"),
      (.connect, "[2001:db8::1]:1", "[[2001:db8::1]] 1"),
      (.connect, "h:65535", "[h] 65535"),
      (.connect, "h", "targetForm@1"),
      (.connect, "h:", "targetForm@1"),
      (.connect, "h:0", "targetForm@1"),
      (.connect, "h:65536", "targetForm@6"),
      (.connect, ":443", "targetForm@0"),
      (.connect, "/x", "targetForm@0"),
      (.connect, "http://h/", "targetForm@5"),
      (.connect, "u@h:1", "targetForm@1"),
    ])
  func forms(_ method: Method, _ target: String, _ expected: String) {
    #expect(Self.words(method, target) == expected)
  }

  @Test(
    arguments: [
      ("h", "h -"), ("h:80", "h 80"), ("h:", "h -"), ("a.b-c_d~e", "a.b-c_d~e -"), ("", " -"),
      ("%41b", "%41b -"), ("[::]", "[::] -"), ("[::1]:8", "[::1] 8"), ("1.2.3.4:5", "1.2.3.4 5"),
      ("h:00080", "h 80"), ("a!$&'()*+;=b", "a!$&'()*+;=b -"),
      ("a b", "refused@1"), ("a/b", "refused@1"), ("a:b", "refused@2"), ("u@a", "refused@1"),
      ("[::1", "refused@4"), ("[::1]x", "refused@5"), ("[]", "refused@1"), ("[:1]", "refused@3"),
      ("[fe80::1%25eth0]", "refused@8"), ("a,b", "refused@1"), ("a:1:2", "refused@3"),
      ("h:65536", "refused@6"), ("h:99999999999999999999999", "refused@6"), (":1", "refused@0"),
      ("%4", "refused@0"), ("%zz", "refused@0"), ("a\\b", "refused@1"), ("a\u{e9}", "refused@1"),
      ("a?b", "refused@1"), ("::1", "refused@1"),
    ])
  func authorities(_ text: String, _ expected: String) {
    let bytes = bytes(text)
    let outcome: String
    switch Authority.parse(bytes.span) {
    case .failure(let refusal): outcome = "refused@\(refusal.offset)"
    case .success(let authority):
      let host = String(decoding: bytes[authority.host], as: UTF8.self)
      outcome = "\(host) \(authority.port.map { "\($0)" } ?? "-")"
    }
    #expect(outcome == expected)
  }

  /// The short way may leave an authority to the long one, but never take one that it refuses.
  @Test func aPlainAuthorityIsAnAuthority() {
    // Among other bytes, that would be taken, too, if the end were overlooked.
    func isPlain(_ text: [UInt8]) -> Bool {
      let around = bytes("aa1") + text + bytes("1234567890a")
      return Authority.isPlain(around.span, 3..<3 + text.count)
    }
    var random = Seeded(1)
    let letters = bytes("aZ09.-:_@,[]%/\u{0}\u{80}\u{1f}")
    var plain = 0
    for number in 0..<20_000 {
      let length = random.below(24)
      let usual = random.below(3) > 0
      let text = (0..<length).map { _ in letters[random.below(usual ? 7 : letters.count)] }
      if !isPlain(text) { continue }
      plain += 1
      guard case .success(let authority) = Authority.parse(text.span), !authority.host.isEmpty
      else {
        Issue.record("round \(number): \(text) was taken")
        continue
      }
    }
    #expect(plain > 500)
    for text in ["www.example.com", "127.0.0.1:65535", "h", "h:", "A-b.9:0"] {
      #expect(isPlain(bytes(text)))
    }
    for text in ["", ":80", "h:65536", "h:100000", "h:x", "[::1]"] {
      #expect(!isPlain(bytes(text)))
    }
  }

  @Test(
    arguments: [
      ("GET", "/", "h", nil),
      ("GET", "/", nil, .hostMissing),
      ("GET", "/", "", .hostSyntax),
      ("GET", "/", "a b", .hostSyntax),
      // The target carries the authority: Host must be there and be valid, and is not used.
      ("GET", "http://a/", "b", nil),
      ("GET", "http://a/", "", nil),
      ("GET", "http://a/", nil, .hostMissing),
      ("GET", "http://a/", "b/c", .hostSyntax),
      ("OPTIONS", "*", "", nil),
      ("CONNECT", "h:1", "h:1", nil),
      ("CONNECT", "h", "h", .targetForm),
    ] as [(String, String, String?, FaultKind?)])
  func requestRules(_ method: String, _ target: String, _ host: String?, _ kind: FaultKind?) {
    let fields = host.map { [("Host", $0)] } ?? []
    let fault = RequestRules.check(request(method, target, fields))
    #expect(fault?.kind == kind)
  }

  @Test func anOldRequestNeedsNoHost() {
    let none = RequestRules.check(request("GET", "/", version: .http10, []))
    #expect(none == nil)
    let two = RequestRules.check(
      request("GET", "/", version: .http10, [("Host", "a"), ("Host", "a")]))
    #expect(two?.kind == .hostRepeated)
  }
}
