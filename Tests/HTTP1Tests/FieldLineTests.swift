import BowlineCore
import BowlineHTTP1
import Testing

private let start = "GET / HTTP/1.1\r\nHost: h\r\n"
private let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"

@Suite struct FieldLineTests {
  static let refused: [Example] = [
    refusal("R010: bare CR in a value", "X: a\rb", "bareCR@29"),
    refusal("R010: CR CR LF", "X: a\r", "bareCR@29"),
    refusal("R040: SP before the colon", "Content-Length : 5", "whitespaceBeforeColon@39"),
    refusal("R040: HTAB before the colon", "X\t: h", "whitespaceBeforeColon@26"),
    refusal("R044: folded", "X: a\r\n b", "foldedLine@31"),
    refusal("R044: folded coding", "Transfer-Encoding:\r\n chunked", "foldedLine@45"),
    refusal("R047: empty name", ": x", "fieldNameSyntax@25"),
    refusal("R047: SP in the name", "X Y: 1", "fieldNameSyntax@26"),
    refusal("R047: parenthesis in the name", "X(: 1", "fieldNameSyntax@26"),
    refusal("R047: NUL in the name", "X\0: 1", "controlByte@26"),
    refusal("R047: no colon", "nonsense", "missingColon@33"),
    refusal("R048: NUL in the value", "X: a\0b", "controlByte@29"),
    refusal("R048: SOH in the value", "X: a\u{1}b", "controlByte@29"),
    refusal("R048: DEL in the value", "X: a\u{7f}b", "controlByte@29"),
    refusal("R056: VT in the name", "Transfer-Encoding\u{b}: chunked", "controlByte@42"),
    refusal("R056: full-width letter in the name", "\u{ef}\u{bc}\u{b4}E: x", "fieldNameSyntax@25"),
    refusal(
      "R058: a line of 100 kB", "X: " + String(repeating: "a", count: 100_000),
      "fieldLineTooLong@16409", 431),
    refusal(
      "R058: 10,000 fields", (0..<10_000).map { _ in "X: 1" }.joined(separator: "\r\n"),
      "tooManyFields@1219", 431),
    refusal(
      "R058: 100 kB in lines of 1 kB",
      (0..<100).map { _ in "X: " + String(repeating: "a", count: 1020) }.joined(separator: "\r\n"),
      "headTooLong@65536", 431),
    refusal(
      "R058: the head's limit is reached inside a line that is too long too",
      (0..<5).map { "X: " + String(repeating: "a", count: $0 < 4 ? 16_000 : 20_000) }
        .joined(separator: "\r\n"),
      "headTooLong@65536", 431),
    refusal(
      "R053: 10,000 commas in Connection", "Connection: " + String(repeating: ",", count: 10_000),
      "tooManyFields@25"),
  ]

  private static func refusal(
    _ name: String, _ lines: String, _ fault: String, _ status: Int = 400
  ) -> Example {
    Example(
      name, start + lines + "\r\n\r\n" + canary, ["fault " + fault, "\(status), close (fault)"])
  }

  // covers: R010, R040, R044, R047, R048, R053, R056, R058
  @Test(arguments: refused, Split.all)
  func refuses(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let accepted: [Example] = [
    accepted("R042: whitespace around a value", "X: \t v \t", "X: v"),
    accepted("no whitespace", "X:v", "X: v"),
    accepted("empty value", "X:", "X: "),
    accepted("R008: bytes above 7F", "X: \u{c0}\u{8a}\u{ff}", "X: \u{c0}\u{8a}\u{ff}"),
    accepted("HTAB inside a value", "X: a\tb", "X: a\tb"),
    accepted("every token character", "!#$%&'*+-.^_`|~09azAZ: v", "!#$%&'*+-.^_`|~09azAZ: v"),
  ]

  private static func accepted(_ name: String, _ line: String, _ field: String) -> Example {
    Example(
      name, start + line + "\r\n\r\n" + canary,
      [
        "GET / none | Host: h | " + field, "end", "200", "GET /canary none | Host: h", "end", "200",
      ],
      showsFields: true)
  }

  // covers: R042
  @Test(arguments: accepted, Split.all)
  func accepts(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R042, R056, R070, R143
  @Test(
    arguments: [
      ("Content-Length:\t5 ", "length(5)"),
      ("Content-Length: 0005", "length(5)"),
      ("Transfer_Encoding: chunked\r\nContent-Length: 5", "length(5)"),
      ("Close: 1\r\nContent-Length: 5", "length(5)"),
    ], Split.all)
  func framesTheBody(_ line: (String, String), _ split: Split) {
    let example = Example(
      "", "POST / HTTP/1.1\r\nHost: h\r\n" + line.0 + "\r\n\r\nhello" + canary,
      ["POST / " + line.1, "body hello", "end", "200", "GET /canary none", "end", "200"])
    #expect(example.run(split).log == example.expected)
  }

  /// A head of the largest size is read, and what it costs to hold it is bounded.
  @Test(arguments: [Split.whole, .byteByByte, .random(3)])
  func readsTheLargestHead(_ split: Split) {
    let lines = (0..<63).map { _ in "X: " + String(repeating: "a", count: 1019) + "\r\n" }.joined()
    let rest = 65536 - start.utf8.count - lines.utf8.count - 7
    let head = start + lines + "Y: " + String(repeating: "b", count: rest) + "\r\n\r\n"
    #expect(head.utf8.count == 65536)
    #expect(Example("", head, []).run(split).log == ["GET / none", "end", "200"])
    let longer = head.replacing("Y: ", with: "Y: b")
    #expect(
      Example("", longer, []).run(split).log == [
        "fault headTooLong@65536", "431, close (fault)",
      ])
  }
}
