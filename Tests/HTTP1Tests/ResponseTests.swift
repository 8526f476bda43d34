import BowlineCore
import BowlineHTTP1
import Testing

private let next = "HTTP/1.1 201 Second\r\nContent-Length: 0\r\n\r\n"
private let two = ["GET", "GET"]

@Suite struct ResponseTests {
  static let statusLines: [Example] = [
    Example(
      "R038: no SP, no reason", to: two, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n" + next,
      ["200 length(0)", "end", "201 length(0)", "end"]),
    Example(
      "R038: no reason", to: two, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n" + next,
      ["200 length(0)", "end", "201 length(0)", "end"]),
    Example(
      "R038: a reason in Latin-1", to: two,
      "HTTP/1.1 200 N\u{e9}\r\nContent-Length: 0\r\n\r\n" + next,
      ["200 length(0)", "end", "201 length(0)", "end"]),
    Example(
      "R039: unknown codes", to: two,
      "HTTP/1.1 299 X\r\nContent-Length: 0\r\n\r\nHTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n",
      ["299 length(0)", "end", "799 length(0)", "end"]),
    Example("R039: two digits", to: two, "HTTP/1.1 20 OK\r\n\r\n", ["fault statusSyntax@11"]),
    Example("four digits", to: two, "HTTP/1.1 2000 OK\r\n\r\n", ["fault statusSyntax@12"]),
    Example("below 100", to: two, "HTTP/1.1 099 OK\r\n\r\n", ["fault statusSyntax@9"]),
    Example("a letter", to: two, "HTTP/1.1 2x0 OK\r\n\r\n", ["fault statusSyntax@10"]),
    Example("two SP", to: two, "HTTP/1.1  200 OK\r\n\r\n", ["fault statusSyntax@9"]),
    Example("not HTTP", to: two, "SSH-2.0-OpenSSH_9.2p1\r\n", ["fault statusSyntax@0"]),
    Example(
      "another major version", to: two, "HTTP/2.0 200 OK\r\n\r\n", ["fault versionUnsupported@5"]),
    Example(
      "R041: whitespace before the colon is removed", to: two, "HTTP/1.1 204 X\r\nX-A : 1\r\n\r\n",
      ["204 none | X-A: 1", "end"], showsFields: true),
    Example(
      "R041: but not for framing fields", to: two,
      "HTTP/1.1 200 X\r\nTransfer-Encoding : chunked\r\n\r\n", ["fault whitespaceBeforeColon@33"]),
    Example(
      "R045: folded", to: two, "HTTP/1.1 200 X\r\nA: b\r\n c\r\n\r\n", ["fault foldedLine@22"]),
    Example("R047: no colon", to: two, "HTTP/1.1 200 X\r\nabc\r\n\r\n", ["fault missingColon@19"]),
    Example(
      "R059: a field of 1 MB", to: two,
      "HTTP/1.1 200 X\r\nA: " + String(repeating: "b", count: 1 << 20) + "\r\n\r\n",
      ["fault fieldLineTooLong@16400"]),
  ]

  // covers: R038, R059
  @Test(arguments: statusLines, Split.all)
  func readsHeads(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let framing: [Example] = [
    Example(
      "R091: HEAD", to: ["HEAD", "GET"], "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + next,
      ["200 none", "end", "201 length(0)", "end"]),
    Example(
      "R091: 304", to: two, "HTTP/1.1 304 X\r\nContent-Length: 100\r\n\r\n" + next,
      ["304 none", "end", "201 length(0)", "end"]),
    Example(
      "R091: 204 with a length and bytes", to: ["GET"],
      "HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello",
      ["204 none", "end", "fault unexpectedBytes@0"]),
    Example(
      "R092: 2xx to CONNECT", to: ["CONNECT"],
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\u{16}\u{3}\u{1}raw bytes",
      ["200 tunnel", "tunnel", "body \u{16}\u{3}\u{1}raw bytes", "eof completes body"], ends: true),
    Example(
      "4xx to CONNECT is framed", to: ["CONNECT", "GET"],
      "HTTP/1.1 407 X\r\nContent-Length: 2\r\n\r\nno" + next,
      ["407 length(2)", "body no", "end", "201 length(0)", "end"]),
    Example(
      "R093: both fields", to: two,
      "HTTP/1.1 200 X\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ["fault lengthAndCoding@35"]),
    Example(
      "R094: gzip", to: two, "HTTP/1.1 200 X\r\nTransfer-Encoding: gzip\r\n\r\nabc",
      ["200 untilClose", "body abc", "eof completes body"], ends: true),
    Example(
      "gzip below chunked cannot be undone", to: two,
      "HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", ["fault codingUnknown@35"]),
    Example(
      "R095: 5, 6", to: two, "HTTP/1.1 200 X\r\nContent-Length: 5, 6\r\n\r\nhello",
      ["fault contentLengthDiffers@35"]),
    Example(
      "R106: +5", to: two, "HTTP/1.1 200 X\r\nContent-Length: +5\r\n\r\nhello",
      ["fault contentLengthSyntax@32"]),
    Example(
      "R106: +5 to HEAD", to: ["HEAD"], "HTTP/1.1 200 X\r\nContent-Length: +5\r\n\r\n",
      ["fault contentLengthSyntax@32"]),
    Example(
      "R097: 60 of 100", to: two,
      "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + String(repeating: "b", count: 60),
      ["200 length(100)", "body " + String(repeating: "b", count: 60), "eof truncatedBody@99"],
      ends: true),
    Example(
      "R098: no length", to: two, "HTTP/1.0 200 X\r\n\r\nabc",
      ["200 untilClose", "body abc", "eof completes body"], ends: true),
    Example(
      "1.0 with a coding", to: two, "HTTP/1.0 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ["fault codingOnOldVersion@16"]),
    Example(
      "R100: a second response to one request", to: ["GET"],
      "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok" + next,
      ["200 length(2)", "body ok", "end", "fault unexpectedBytes@0"]),
    Example(
      "R109: a broken chunk", to: two,
      "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx",
      ["200 chunked", "body ok", "fault chunkSizeSyntax@53"]),
    Example(
      "R110: a half head", to: two,
      "HTTP/1.1 301 X\r\nLocat", ["eof truncatedHead@21"], ends: true),
    Example("no byte at all", to: two, "", ["eof truncatedHead@0"], ends: true),
  ]

  // covers: K04, K05, R091, R092, R093, R094, R096, R097, R098, R100, R109, R110, S162, S163
  @Test(arguments: framing, Split.all)
  func framesBodies(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let between: [Example] = [
    Example(
      "R167: 1.0 with a length", to: two, "HTTP/1.0 200 X\r\nContent-Length: 2\r\n\r\nok",
      ["200 length(2)", "body ok", "end", "closes oldVersion"]),
    Example(
      "R156: 1.0 that keeps alive", to: two,
      "HTTP/1.0 200 X\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok" + next,
      ["200 length(2)", "body ok", "end", "201 length(0)", "end"]),
    Example(
      "close", to: two, "HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nok",
      ["200 length(2)", "body ok", "end", "closes peerAsked"]),
    Example(
      "R152: until close", to: two, "HTTP/1.1 200 X\r\n\r\nok",
      ["200 untilClose", "body ok", "eof completes body"], ends: true),
    Example(
      "R173: a response that nobody asked for", to: ["GET"], next + "\r\n" + next,
      ["201 length(0)", "end", "fault unexpectedBytes@0"]),
    Example(
      "R173: an empty line on an idle connection", to: ["GET"], next + "\r\n",
      ["201 length(0)", "end"]),
    Example(
      "R090: an unasked 408", to: ["GET"], next + "HTTP/1.1 408 X\r\n\r\n",
      ["201 length(0)", "end", "fault unexpectedBytes@0"]),
    Example(
      "R174: HEAD, then GET", to: ["HEAD", "GET"],
      "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nx",
      ["200 none", "end", "200 length(1)", "body x", "end"]),
  ]

  // covers: R152, R156, R167, R173, R174
  @Test(arguments: between, Split.all)
  func goesOnOrCloses(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  static let interim: [Example] = [
    Example(
      "R224: many, and the final one", to: two,
      "HTTP/1.1 103 X\r\nLink: a\r\n\r\nHTTP/1.1 100 X\r\n\r\n"
        + "HTTP/1.1 102 X\r\n\r\nHTTP/1.1 199 X\r\n\r\n"
        + next,
      [
        "103 informational | Link: a", "100 informational", "102 informational",
        "199 informational", "201 length(0) | Content-Length: 0", "end",
      ], showsFields: true),
    Example(
      "R225: no body whatever it says", to: two,
      "HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n" + next,
      ["103 informational", "201 length(0)", "end"]),
    Example(
      "close in a 1xx is not read as the final word", to: two,
      "HTTP/1.1 100 X\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n" + next,
      ["100 informational", "200 length(0)", "end", "201 length(0)", "end"]),
    Example(
      "R251: 101 that was not asked for", to: two,
      "HTTP/1.1 101 X\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\nraw", ["fault upgradeUnasked@9"]
    ),
    Example(
      "101 that was", to: ["UPGRADE"],
      "HTTP/1.1 101 X\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\nraw",
      ["101 tunnel", "tunnel", "body raw"]),
    Example(
      "the end behind a 1xx", to: two, "HTTP/1.1 100 X\r\n\r\n",
      ["100 informational", "eof truncatedHead@0"], ends: true),
  ]

  // covers: R224, R225, R251
  @Test(arguments: interim, Split.all)
  func readsInterimResponses(_ example: Example, _ split: Split) {
    #expect(example.run(split).log == example.expected)
  }

  // covers: R224
  @Test func limitsInterimResponses() {
    var talk = Conversation(client: ["GET"])
    for _ in 0..<100 { talk.receive(bytes("HTTP/1.1 103 X\r\n\r\n")) }
    #expect(talk.log == Array(repeating: "103 informational", count: 100))
    talk.receive(bytes("HTTP/1.1 103 X\r\n\r\n"))
    #expect(talk.log.last == "fault tooManyInformational@0")
  }
}
