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

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777 as Int64?),
    ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
    ("Sun Nov 06 08:49:60 1994", 784_111_800), ("Monday, 01-Jan-74 00:00:00 GMT", 3_281_990_400),
    ("Sun, 6 Nov 1994 08:49:37 GMT", nil), ("Sun, 31 Nov 1994 08:49:37 GMT", nil),
    ("Sun, 06 Nov 1994 24:49:37 GMT", nil), ("Sun, 29 Feb 1900 00:00:00 GMT", nil),
  ])
  func datesAreReadPlainly(_ text: String, _ moment: Int64?) {
    #expect(PlainDate(Array(text.utf8))?.moment(now: 1_735_689_600) == moment)
  }

  @Test(arguments: [
    ("bytes=0-4", ByteRange.part(0..<5)), ("bytes=9-99", .part(9..<10)),
    ("bytes=-3", .part(7..<10)), ("bytes=-99", .part(0..<10)), ("bytes=10-", .unsatisfiable),
    ("bytes=-0", .unsatisfiable), ("bytes=4-3", .whole), ("bytes=0-1,3-4", .whole),
    ("bytes=+1-2", .whole), ("lines=0-1", .whole),
  ])
  func rangesAreReadPlainly(_ text: String, _ range: ByteRange) {
    #expect(RangeInvariants.plain(Array(text.utf8), 10) == range)
  }

  @Test(arguments: [
    ("8.8.8.8", true), ("10.0.0.1", false), ("64:ff9b::a9fe:a9fe", false),
    ("2002:808:808::", true), ("2606:4700::1111", true), ("fd00::1", false), ("::1", false),
  ])
  func addressesAreJudgedPlainly(_ text: String, _ isPublic: Bool) throws {
    let address = try #require(SocketAddress(host: text, port: 80))
    #expect(PlainReach.isPublic(address) == isPublic)
  }

  @Test func everyEdgeOfAClosedNetworkIsJudgedAsPlainly() {
    let edges = PlainReach.edges
    #expect(edges.count == 88 && edges.contains { $0.host == "198.19.255.255" })
    for address in edges {
      #expect(address.isPublic == PlainReach.isPublic(address), "\(address.host)")
    }
  }
}
