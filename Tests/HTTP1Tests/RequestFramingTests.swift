import BowlineCore
import BowlineHTTP1
import Testing

private let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"

@Suite struct RequestFramingTests {
  // Every refusal is answered once, with close; the canary behind the body is never a request.
  static let refused: [Example] = [
    refusal("R067: +5", "Content-Length: +5", "contentLengthSyntax@42"),
    refusal("R067: -1", "Content-Length: -1", "contentLengthSyntax@42"),
    refusal("R067: 5.0", "Content-Length: 5.0", "contentLengthSyntax@43"),
    refusal("R067: 0x5", "Content-Length: 0x5", "contentLengthSyntax@43"),
    refusal("R067: 5 5", "Content-Length: 5 5", "contentLengthSyntax@43"),
    refusal("R067: 5a", "Content-Length: 5a", "contentLengthSyntax@43"),
    refusal("R067: empty", "Content-Length: ", "contentLengthSyntax@42"),
    refusal(
      "R067: 26 digits", "Content-Length: 99999999999999999999999999", "contentLengthTooLarge@42"),
    refusal("R067: 5,", "Content-Length:  5,", "contentLengthSyntax@44"),
    refusal("R067: in quotes", "Content-Length: \"5\"", "contentLengthSyntax@42"),
    refusal("R068: 5, 5", "Content-Length: 5, 5", "contentLengthRepeated@45"),
    refusal(
      "R068: two lines alike", "Content-Length: 5\r\nContent-Length: 5",
      "contentLengthRepeated@45"),
    refusal(
      "R069: two lines", "Content-Length: 5\r\nContent-Length: 6", "contentLengthDiffers@45"),
    refusal("R069: a list", "Content-Length: 5, 6", "contentLengthDiffers@45"),
    refusal(
      "R069: the second is no number", "Content-Length: 5\r\nContent-Length: x",
      "contentLengthSyntax@61"),
    refusal("R070: 2^63", "Content-Length: 9223372036854775808", "contentLengthTooLarge@42"),
    refusal("R070: 2^64", "Content-Length: 18446744073709551616", "contentLengthTooLarge@42"),
    refusal("R070: 2^64 + 5", "Content-Length: 18446744073709551621", "contentLengthTooLarge@42"),
    refusal(
      "R071: length, then coding", "Content-Length: 4\r\nTransfer-Encoding: chunked",
      "lengthAndCoding@45"),
    refusal(
      "R071: coding, then length", "Transfer-Encoding: chunked\r\nContent-Length: 4",
      "lengthAndCoding@54"),
    refusal("R074: gzip", "Transfer-Encoding: gzip", "codingNotFinal@45"),
    refusal("R074: chunked, gzip", "Transfer-Encoding: chunked, gzip", "codingNotFinal@54"),
    refusal("R074: chunked, identity", "Transfer-Encoding: chunked, identity", "codingNotFinal@54"),
    refusal("R074: identity", "Transfer-Encoding: identity", "codingNotFinal@45"),
    refusal("R075: foo, chunked", "Transfer-Encoding: foo, chunked", "codingUnknown@45", 501),
    refusal("R075: xchunked", "Transfer-Encoding: xchunked", "codingUnknown@45", 501),
    refusal("R075: chunke d", "Transfer-Encoding: chunke d", "codingSyntax@51"),
    refusal("R075: in quotes", "Transfer-Encoding: \"chunked\"", "codingSyntax@45"),
    refusal("R075: chunked;q=1", "Transfer-Encoding: chunked;q=1", "codingSyntax@52"),
    refusal("R075: VT chunked", "Transfer-Encoding: \u{b}chunked", "controlByte@45"),
    refusal("R118: chunked;x=1", "Transfer-Encoding: chunked;x=1", "codingSyntax@52"),
    refusal("R077: chunked, chunked", "Transfer-Encoding: chunked, chunked", "codingRepeated@54"),
    refusal(
      "R077: in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "codingRepeated@73"),
    refusal(
      "R078: two lines are one list", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
      "codingUnknown@45", 501),
    refusal(
      "R078: order counts", "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
      "codingNotFinal@73"),
    refusal("R078: empty", "Transfer-Encoding:", "codingNotFinal@26"),
    refusal("R133: gzip;a=b", "Transfer-Encoding: gzip;a=b, chunked", "codingSyntax@49"),
  ]

  private static func refusal(
    _ name: String, _ lines: String, _ fault: String, _ status: Int = 400
  ) -> Example {
    Example(
      name, "POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n\r\n0\r\n\r\n" + canary,
      ["fault " + fault, "\(status), close (fault)"])
  }

  // covers: R067, R068, R069, R070, R071, R074, R075, R077, R078, R118, R133
  @Test(arguments: refused, Split.all)
  func refuses(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R079
  @Test(
    arguments: [
      "Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
      "Connection: keep-alive\r\nTransfer-Encoding: chunked",
    ], Split.all)
  func refusesACodingInAnOldVersion(_ lines: String, _ split: Split) {
    let example = Example(
      "", "POST / HTTP/1.0\r\nHost: h\r\n" + lines + "\r\n\r\n0\r\n\r\n" + canary, [])
    let log = example.run(split).log
    #expect(log.count == 2)
    #expect(log.first?.hasPrefix("fault codingOnOldVersion@") == true)
    #expect(log.last == "400, close (fault)")
  }

  static let accepted: [Example] = [
    Example(
      "R064: neither field, whatever the method",
      "POST / HTTP/1.1\r\nHost: h\r\n\r\n" + canary,
      ["POST / none", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "R065: exactly the length",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + canary,
      ["POST / length(3)", "body abc", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "a length of 0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" + canary,
      ["POST / length(0)", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "R076: codings compare without case",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        + canary,
      ["POST / chunked", "body abc", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "R053: empty members of a list",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ,, chunked ,\r\n\r\n0\r\n\r\n" + canary,
      ["POST / chunked", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "R085: GET with a body",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + canary,
      ["GET / length(5)", "body hello", "end", "200", "GET /canary none", "end", "200"]),
    Example(
      "the request asked to close: the canary is not read",
      "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc" + canary,
      ["POST / length(3)", "body abc", "end", "200, close (peerAsked)"]),
  ]

  // covers: R064, R065, R076, R085
  @Test(arguments: accepted, Split.all)
  func accepts(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let truncated: [Example] = [
    Example(
      "R066: a length not met", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello",
      ["POST / length(10)", "body hello", "eof truncatedBody@53"], ends: true),
    Example(
      "R123: no last chunk",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      ["POST / chunked", "body hello", "eof truncatedBody@66"], ends: true),
    Example(
      "R122: no empty line behind the last chunk",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n",
      ["POST / chunked", "eof truncatedBody@65"], ends: true),
    Example("half a head", "POST / HT", ["eof truncatedHead@9"], ends: true),
    Example("nothing", "", ["eof clean"], ends: true),
    Example(
      "R211: behind a whole request", canary, ["GET /canary none", "end", "200", "eof clean"],
      ends: true),
  ]

  // covers: R066, R122, R123
  @Test(arguments: truncated, Split.all)
  func noticesTheEndOfTheStream(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R087
  @Test func refusesABodyOverTheLimitBeforeReadingIt() {
    var declared = Conversation(server: ())
    declared.limits.body = 4
    declared.receive(bytes("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"))
    #expect(declared.log == ["fault bodyTooLarge@47", "413, close (fault)"])

    var chunked = Conversation(server: ())
    chunked.limits.body = 4
    chunked.receive(
      bytes(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"))
    #expect(
      chunked.log == [
        "POST / chunked", "body abc", "fault bodyTooLarge@66", "413, close (fault)",
      ])
  }
}
