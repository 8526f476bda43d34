import BowlineCore
import BowlineHTTP1
import FuzzInvariants
import Testing

/// An invariant that cannot fail shows nothing: each helper is given something wrong once.
@Suite struct InvariantTests {
  @Test func anotherTranscriptForAnotherCutIsFound() throws {
    func read(_ cut: Cut) -> Transcript {
      var transcript = Transcript()
      transcript.note(.fault(Fault(.bareLF, at: cut == .derived ? 4 : 3)))
      return transcript
    }
    #expect(throws: Violation.self) {
      try Cut.compare { (cut) throws(Violation) in read(cut) }
    }
    try Cut.compare([.whole, .byteByByte]) { (cut) throws(Violation) in read(cut) }
  }

  @Test(arguments: [
    ("5\r\nhello\r\n0\r\n\r\nrest", "hello", true), ("5;a=\"\\\"\r\"", "", false),
    ("5;a=\"b;c\" \r\nhello\r\n0;x\r\nA: b\r\n\r\n", "hello", true), ("5 \r\nhello", "", false),
    ("8000000000000000\r\n", "", false), ("0\r\nA : b\r\n\r\n", "", false),
    ("00\r\n\r\n", "", true), ("5\nhello", "", false), ("5\r\nhello\n", "hello", false),
  ])
  func chunksAreReadPlainly(_ text: String, _ data: String, _ isWhole: Bool) {
    let plain = PlainChunks(Array(text.utf8))
    #expect(String(decoding: plain.data, as: UTF8.self) == data)
    if case .whole = plain.outcome { #expect(isWhole) } else { #expect(!isWhole) }
  }

  @Test(arguments: [
    ("Content-Length: 5\r\n\r\n", PlainFields.Meaning.framed(.length(5))),
    ("Content-Length: 5\r\nContent-Length: 5\r\n\r\n", .refused),
    ("Content-Length: 9223372036854775808\r\n\r\n", .refused),
    ("Transfer-Encoding: ,chunked\r\n\r\n", .framed(.chunked)),
    ("Transfer-Encoding: gzip, chunked\r\n\r\n", .refused),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", .refused),
    ("A: b\r\n\r\n", .framed(.none)),
  ])
  func fieldsAreReadPlainly(_ text: String, _ meaning: PlainFields.Meaning) throws {
    let plain = try #require(PlainFields(Array(text.utf8), .request))
    #expect(plain.framing(isRequest: true, isOld: false) == meaning)
  }

  @Test(arguments: [
    "A : b\r\n\r\n", "A: b\nC: d\r\n\r\n", " A: b\r\n\r\n", "A\r\n\r\n", "A: b\r\n",
  ])
  func badFieldsAreRefusedPlainly(_ text: String) {
    #expect(PlainFields(Array(text.utf8), .request) == nil)
  }
}
