import BowlineCore
import BowlineHTTP1
import Testing

private let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
private let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"

@Suite struct ChunkedTests {
  static let accepted: [Example] = [
    whole("R113: one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    whole("two chunks", "5\r\nhello\r\nA\r\n world out\r\n0\r\n\r\n", "hello world out"),
    whole("no chunk", "0\r\n\r\n", nil),
    whole(
      "hexadecimal in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
      "01234567890123456789a"),
    whole("R114: zeros in front", "00000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
    whole("R119: an extension", "5;foo=\"b;c\"\r\nhello\r\n0;x\r\n\r\n", "hello"),
    whole("a quoted quote", "5;foo=\"b\\\"c\"\r\nhello\r\n0\r\n\r\n", "hello"),
    whole("R121: whitespace in an extension", "5 ; a = b\r\nhello\r\n0\t;b\r\n\r\n", "hello"),
    whole("R122: several zeros", "000\r\n\r\n", nil),
    whole("data that looks like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n"),
    whole("R122: a trailer", "0\r\nX: 1\r\n\r\n", nil, trailers: " | X: 1"),
    whole(
      "trailers", "1\r\na\r\n0\r\nX-Sum: \t9 \r\nY:\r\n\r\n", "a", trailers: " | X-Sum: 9 | Y: "),
    whole(
      "R125: trailers never alter the message",
      "1\r\na\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n"
        + "Host: x\r\nConnection: close\r\n\r\n",
      "a",
      trailers: " | Content-Length: 5 | Transfer-Encoding: gzip | Host: x | Connection: close"),
  ]

  private static func whole(
    _ name: String, _ wire: String, _ body: String?, trailers: String = ""
  ) -> Example {
    Example(
      name, head + wire + canary,
      ["POST / chunked | Host: h | Transfer-Encoding: chunked"]
        + (body.map { ["body " + $0] } ?? []) + [
          "end" + trailers, "200", "GET /canary none | Host: h", "end", "200",
        ],
      showsFields: true)
  }

  // covers: R113, R114, R119, R121, R122, R125
  @Test(arguments: accepted, Split.all)
  func accepts(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R113
  @Test(arguments: 0...18)
  func decodesAtEverySplit(_ cut: Int) {
    let wire = bytes("5\r\nhello\r\n0;e=\"q\"\r\n\r\n")
    var talk = Conversation(server: ())
    talk.receive(bytes(head))
    talk.receive(Array(wire[..<cut]))
    talk.receive(Array(wire[cut...]))
    #expect(talk.log == ["POST / chunked", "body hello", "end", "200"])
  }

  static let refused: [Example] = [
    refusal("R114: 2^64 - 1", "FFFFFFFFFFFFFFFF\r\n", "chunkSizeTooLarge", 15),
    refusal("R114: 17 digits", "10000000000000005\r\n", "chunkSizeTooLarge", 16),
    refusal("R114: 1,000 digits", String(repeating: "1", count: 1000), "chunkSizeTooLarge", 16),
    refusal(
      "R114: 20,000 zeros", String(repeating: "0", count: 20_000), "chunkExtensionTooLong", 16385),
    refusal("R115: 0x5", "0x5\r\nhello", "chunkSizeSyntax", 1),
    refusal("R115: +5", "+5\r\nhello", "chunkSizeSyntax", 0),
    refusal("R115: -1", "-1\r\nhello", "chunkSizeSyntax", 0),
    refusal("R115: SP before", " 5\r\nhello", "chunkSizeSyntax", 0),
    refusal("R115: SP behind", "5 \r\nhello", "chunkSizeSyntax", 2),
    refusal("R115: empty", "\r\nhello", "chunkSizeSyntax", 0),
    refusal("R115: g", "g\r\nhello", "chunkSizeSyntax", 0),
    refusal("R116: size too small", "5\r\nhelloX\r\n", "chunkLineEnd", 8, body: "hello"),
    refusal("R116: LF behind the data", "5\r\nhello\n", "chunkLineEnd", 8, body: "hello"),
    refusal("R116: CR without LF", "5\r\nhello\rX", "chunkLineEnd", 9, body: "hello"),
    refusal("R116: size too large", "6\r\nhello\r\n0\r\n\r\n", "chunkLineEnd", 9, body: "hello\r"),
    refusal("R117: LF in an extension", "5;a\nhello\r\n", "chunkLineEnd", 3),
    refusal("R117: CR in place of CRLF", "5\rhello\r\n", "chunkLineEnd", 2),
    refusal("R117: CR in an extension", "5;a\rb\r\nhello", "chunkLineEnd", 4),
    refusal("R117: LF behind the size", "5\nhello\r\n", "chunkSizeSyntax", 1),
    refusal("R119: CRLF in quotes", "5;a=\"\r\n\"\r\nhello", "chunkLineEnd", 5),
    refusal("R119: LF in quotes", "5;a=\"\n\"\r\nhello", "chunkLineEnd", 5),
    refusal("R119: NUL in quotes", "5;a=\"\0\"\r\nhello", "chunkLineEnd", 5),
    refusal("R119: CR behind a backslash", "5;a=\"\\\r\n\"\r\nhello", "chunkLineEnd", 6),
    refusal(
      "R120: 1 MB of extension", "5;" + String(repeating: "e", count: 1 << 20),
      "chunkExtensionTooLong", 16385),
    refusal("a folded trailer", "0\r\nX: 1\r\n y\r\n\r\n", "trailerSyntax", 9),
    refusal("a trailer without a colon", "0\r\nX\r\n\r\n", "trailerSyntax", 4),
    refusal("a trailer with NUL", "0\r\nX: \0\r\n\r\n", "trailerSyntax", 6),
    refusal("CR without LF at the end", "0\r\n\rX", "trailerSyntax", 4),
    refusal("LF at the end", "0\r\n\n", "trailerSyntax", 3),
    refusal(
      "a long trailer line", "0\r\nX: " + String(repeating: "a", count: 20_000), "trailerTooLong",
      3 + 16384, 431),
    refusal(
      "trailers without end", "0\r\n" + String(repeating: "X: 1\r\n", count: 1000),
      "trailerTooLong", 3 + 1200, 431),
  ]

  private static func refusal(
    _ name: String, _ wire: String, _ fault: String, _ offset: Int, _ status: Int = 400,
    body: String? = nil
  ) -> Example {
    Example(
      name, head + wire + canary,
      ["POST / chunked"] + (body.map { ["body " + $0] } ?? [])
        + ["fault \(fault)@\(56 + offset)", "\(status), close (fault)"])
  }

  // covers: R114, R115, R116, R117, R119, R120
  @Test(arguments: refused, Split.all)
  func refuses(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R120
  @Test func countsExtensionsOfAllChunksTogether() {
    var talk = Conversation(server: ())
    talk.receive(bytes(head))
    let chunk = bytes("1;" + String(repeating: "e", count: 4095) + "\r\na\r\n")
    for _ in 0..<4 { talk.receive(chunk) }
    #expect(talk.log == ["POST / chunked", "body aaaa"])
    talk.receive(chunk)
    #expect(talk.log.last == "400, close (fault)")
    #expect(talk.log[2].hasPrefix("fault chunkExtensionTooLong@"))
  }
}
