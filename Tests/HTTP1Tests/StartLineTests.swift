import BowlineCore
import BowlineHTTP1
import Testing

/// The canary: a second request behind the bytes under test. It may be answered only where framing
/// is understood.
private let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"
private let host = "\r\nHost: h\r\n\r\n"

@Suite struct StartLineTests {
  static let accepted: [Example] = [
    Example(
      "plain", "GET / HTTP/1.1" + host + canary,
      ["GET / none", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "R002: a later minor acts as 1.1", "GET / HTTP/1.9" + host, ["GET / none", "end", "200"]),
    Example("R011: empty lines", "\r\n\r\nGET / HTTP/1.1" + host, ["GET / none", "end", "200"]),
    Example(
      "R011: between requests too", "GET / HTTP/1.1" + host + "\r\n" + canary,
      ["GET / none", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "R017: a target of 7,900 bytes",
      "GET /" + String(repeating: "a", count: 7899) + " HTTP/1.1" + host,
      ["GET /" + String(repeating: "a", count: 7899) + " none", "end", "200"]),
    Example(
      "R018: the method is case-sensitive and travels", "get / HTTP/1.1" + host,
      ["get / none", "end", "200"]),
    Example(
      "R021: 1.0 without Host", "GET / HTTP/1.0\r\n\r\n",
      ["GET / none", "end", "200, close (oldVersion)"]),
    Example(
      "R026: absolute-form", "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n",
      ["GET http://a/x none", "end", "200"]),
    Example("asterisk", "OPTIONS * HTTP/1.1" + host, ["OPTIONS * none", "end", "200"]),
  ]

  // covers: R002, R011, R017
  @Test(arguments: accepted, Split.all)
  func accepts(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let refused: [Example] = [
    refusal("R001: version in lower case", "GET / http/1.1", "versionSyntax@6"),
    refusal("R001: two-digit minor", "GET / HTTP/1.10", "versionSyntax@6"),
    refusal("R001: no minor", "GET / HTTP/1", "versionSyntax@6"),
    refusal("R001: leading zero", "GET / HTTP/01.1", "versionSyntax@6"),
    refusal("R003: version 3.0", "GET / HTTP/3.0", "versionUnsupported@11", 505),
    refusal("R003: the preface of HTTP/2", "PRI * HTTP/2.0", "versionUnsupported@11", 505),
    refusal("R009: bare LF", "GET / HTTP/1.1\nHost: h", "bareLF@14"),
    refusal("R010: bare CR in the target", "GET /\rx HTTP/1.1", "bareCR@5"),
    refusal("R010: NUL in the target", "GET /\0 HTTP/1.1", "controlByte@5"),
    refusal(
      "R013: a line that begins with SP", "GET / HTTP/1.1\r\n Host: evil", "leadingWhitespace@16"),
    refusal("R014: a TLS hello", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}", "controlByte@0"),
    refusal("R014: garbage", "GARBAGE", "targetSyntax@7"),
    refusal("R014: a status line", "HTTP/1.1 200 OK", "methodSyntax@4"),
    refusal("R015: two SP", "GET  / HTTP/1.1", "targetSyntax@4"),
    refusal("R015: HTAB", "GET\t/ HTTP/1.1", "methodSyntax@3"),
    refusal("R015: SP in front", " GET / HTTP/1.1", "methodSyntax@0"),
    refusal("R015: SP behind", "GET / HTTP/1.1 ", "versionSyntax@6"),
    refusal(
      "R016: a method of 1,000 bytes", String(repeating: "M", count: 1000) + " / HTTP/1.1",
      "methodTooLong@64", 501),
    refusal(
      "R016: a target of 100 kB", "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1",
      "targetTooLong@16384", 414),
    refusal("R019: SP in the target", "GET /a b HTTP/1.1", "versionSyntax@7"),
    refusal("R027: authority-form without CONNECT", "GET h:80 HTTP/1.1", "targetForm@4"),
    refusal("R027: CONNECT with a path", "CONNECT /x HTTP/1.1", "targetForm@8"),
    refusal("R027: CONNECT without a port", "CONNECT h HTTP/1.1", "targetForm@9"),
    refusal("R027: CONNECT with an empty port", "CONNECT h: HTTP/1.1", "targetForm@9"),
    refusal("R027: CONNECT with port 99999", "CONNECT h:99999 HTTP/1.1", "targetForm@14"),
    refusal("R027: CONNECT with port 0", "CONNECT h:0 HTTP/1.1", "targetForm@9"),
    refusal("R028: asterisk without OPTIONS", "GET * HTTP/1.1", "targetForm@4"),
    refusal("R030: empty host", "GET http:///x HTTP/1.1", "targetForm@11"),
    refusal("R030: userinfo", "GET http://u@h/x HTTP/1.1", "targetForm@12"),
    refusal("R035: fragment", "GET /a#b HTTP/1.1", "targetSyntax@6"),
    refusal("R171: HTTP/0.9", "GET /", "versionSyntax@5"),
    refusal("only empty lines", String(repeating: "\r\n", count: 9), "emptyLines@16"),
    refusal("obs-text in the target", "GET /\u{e9} HTTP/1.1", "targetSyntax@5"),
  ]

  private static func refusal(
    _ name: String, _ start: String, _ fault: String, _ status: Int = 400
  ) -> Example {
    Example(name, start + host + canary, ["fault " + fault, "\(status), close (fault)"])
  }

  // Every refusal is answered once, with close, and the canary behind it is never read.
  // covers: R001, R003, R009, R010, R013, R014, R015, R016, R019, R027, R030, R171
  // covers: R255
  @Test(arguments: refused, Split.all)
  func refuses(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let hosts: [Example] = [
    refusedHost("none", "X: y", "hostMissing@24"),
    refusedHost("two", "Host: a\r\nHost: b", "hostRepeated@25"),
    refusedHost("two alike", "Host: a\r\nHost: a", "hostRepeated@25"),
    refusedHost("SP inside", "Host: a b", "hostSyntax@23"),
    refusedHost("a path", "Host: a/b", "hostSyntax@23"),
    refusedHost("a port that is none", "Host: a:b", "hostSyntax@24"),
    refusedHost("userinfo", "Host: u@a", "hostSyntax@23"),
    refusedHost("open bracket", "Host: [::1", "hostSyntax@26"),
    refusedHost("a list", "Host: a,b", "hostSyntax@23"),
    refusedHost("empty", "Host:", "hostSyntax@21"),
    refusedHost("port 65536", "Host: a:65536", "hostSyntax@28"),
  ]

  private static func refusedHost(_ name: String, _ lines: String, _ fault: String) -> Example {
    Example(
      "Host: " + name, "GET / HTTP/1.1\r\n" + lines + "\r\n\r\n" + canary,
      ["fault " + fault, "400, close (fault)"])
  }

  // covers: R021
  @Test(arguments: hosts, Split.all)
  func refusesHosts(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R033
  @Test(arguments: Split.all)
  func refusesConnectWithBody(_ split: Split) {
    let example = Example(
      "", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
      ["fault connectWithBody@33", "400, close (fault)"])
    #expect(example.run(split).log == example.expected)
  }

  // covers: R036
  @Test func doesNotActOnPartOfAHead() {
    var talk = Conversation(server: ())
    talk.receive(bytes("GET / HTTP/1.1\r\nHost: h\r\n"))
    #expect(talk.log.isEmpty)
    #expect(!talk.machine.isIdle)
    talk.receive(bytes("\r\n"))
    #expect(talk.log == ["GET / none", "end", "200"])
    #expect(talk.machine.isIdle)
  }

  // covers: R004, R007
  @Test func answersWithItsOwnVersion() {
    let old = Example("", "GET / HTTP/1.0\r\n\r\n", []).run(.whole)
    #expect(old.written == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    let current = Example("", "GET / HTTP/1.1" + host, []).run(.whole)
    #expect(current.written == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
  }

  @Test func endlessLinesAreRefusedWhenTheyCrossTheLimit() {
    var talk = Conversation(server: ())
    let piece = [UInt8](repeating: 0x61, count: 1000)
    talk.receive(bytes("GET /"))
    var sent = 5
    while talk.log.isEmpty && sent < 1_000_000 {
      talk.receive(piece)
      sent += piece.count
    }
    #expect(talk.log.first == "fault targetTooLong@16384")
    #expect(sent < 16384 + 1000 + 5)
    #expect(talk.head.bytes.capacity <= 64 << 10)
  }
}
