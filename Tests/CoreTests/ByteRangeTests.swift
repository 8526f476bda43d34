import BowlineCore
import Testing

@Suite struct ByteRangeTests {
  @Test(arguments: [
    ("bytes=0-9", ByteRange.part(0..<10)), ("bytes=0-0", .part(0..<1)),
    ("bytes=99-99", .part(99..<100)), ("bytes=90-", .part(90..<100)), ("bytes=0-", .part(0..<100)),
    ("bytes=-10", .part(90..<100)), ("bytes=-1", .part(99..<100)), ("bytes=-100", .part(0..<100)),
    ("BYTES=0-9", .part(0..<10)), ("bytes=000-0009", .part(0..<10)),
    ("bytes=,0-9,", .part(0..<10)), ("bytes= 0-9", .part(0..<10)),
    // Longer than there is: what there is.
    ("bytes=90-100", .part(90..<100)), ("bytes=0-99999", .part(0..<100)),
    ("bytes=-101", .part(0..<100)),
    // Wider than a number.
    ("bytes=0-18446744073709551615", .part(0..<100)),
    ("bytes=1-99999999999999999999999999", .part(1..<100)),
    ("bytes=-99999999999999999999999999", .part(0..<100)),
    ("bytes=18446744073709551615-", .unsatisfiable),
    ("bytes=18446744073709551616-18446744073709551617", .unsatisfiable),
    ("bytes=99999999999999999999999999-", .unsatisfiable),
    // Not there.
    ("bytes=100-", .unsatisfiable), ("bytes=100-100", .unsatisfiable), ("bytes=-0", .unsatisfiable),
    // Several, another unit, or no range.
    ("bytes=0-1,3-4", .whole), ("bytes=0-1, 200-", .whole), ("bytes=0-9,0-9", .whole),
    ("lines=0-9", .whole), ("bytes", .whole), ("bytes=", .whole), ("bytes=,", .whole),
    ("bytes=-", .whole), ("bytes=9-0", .whole), ("bytes=9", .whole), ("bytes=a-b", .whole),
    ("bytes=0-b", .whole), ("bytes=0-9x", .whole), ("bytes=+1-2", .whole), ("bytes=--1", .whole),
    ("bytes=0--1", .whole), ("bytes=0 -9", .whole), ("bytes=0- 9", .whole), ("bytes 0-9", .whole),
    ("bytes =0-9", .whole), ("", .whole), ("0-9", .whole), ("bytes=0x0-9", .whole),
    ("bytes=1-0-", .whole),
  ])
  func aRangeOfAHundredBytes(_ value: String, _ expected: ByteRange) {
    #expect(ByteRange(bytes(value).span, of: 100) == expected)
  }

  @Test(arguments: ["bytes=0-", "bytes=0-0", "bytes=5-", "bytes=-5", "bytes=-0"])
  func ofNothingTheRangeIsIgnored(_ value: String) {
    #expect(ByteRange(bytes(value).span, of: 0) == .whole)
  }

  @Test func theLargestSizeIsNoTrap() {
    func range(_ value: String) -> ByteRange { ByteRange(bytes(value).span, of: .max) }
    #expect(range("bytes=0-") == .part(0..<UInt64.max))
    #expect(range("bytes=18446744073709551614-") == .part(.max - 1..<UInt64.max))
    #expect(range("bytes=18446744073709551615-") == .unsatisfiable)
    #expect(range("bytes=-1") == .part(.max - 1..<UInt64.max))
  }

  private func range(
    _ method: String, _ fields: [(String, String)], tag: String = #""1""#,
    now: Int64 = 800_000_000
  ) -> ByteRange {
    var current = Validators()
    current.tag.append(utf8: tag)
    current.modified = 784_111_777
    return ByteRange(request(method, "/", fields), of: 100, current, now: now)
  }

  @Test func onlyGETHasRanges() {
    #expect(range("GET", [("Range", "bytes=0-9")]) == .part(0..<10))
    #expect(range("HEAD", [("Range", "bytes=0-9")]) == .whole)
    #expect(range("POST", [("Range", "bytes=0-9")]) == .whole)
    #expect(range("GET", []) == .whole)
    #expect(range("GET", [("Range", "bytes=0-9"), ("Range", "bytes=0-9")]) == .whole)
  }

  @Test(arguments: [
    (#""1""#, true), (#""2""#, false), (#"W/"1""#, false), (#""1", "2""#, false), ("*", false),
    ("Sun, 06 Nov 1994 08:49:37 GMT", true), ("Sunday, 06-Nov-94 08:49:37 GMT", true),
    ("Sun, 06 Nov 1994 08:49:36 GMT", false), ("Sun, 06 Nov 1994 08:49:38 GMT", false),
    ("", false), ("1", false),
  ])
  func aRangeWithIfRangeNeedsExactlyThis(_ value: String, _ counts: Bool) {
    let fields = [("Range", "bytes=10-"), ("If-Range", value)]
    #expect(range("GET", fields) == (counts ? .part(10..<100) : .whole))
    // Without a Range it says nothing; and what is not there is not asked for either.
    #expect(range("GET", [("If-Range", value)]) == .whole)
    let beyond = [("Range", "bytes=100-"), ("If-Range", value)]
    #expect(range("GET", beyond) == (counts ? .unsatisfiable : .whole))
  }

  @Test func aWeakValidatorNeverJoinsTwoParts() {
    let tagged = [("Range", "bytes=10-"), ("If-Range", #"W/"1""#)]
    #expect(range("GET", tagged, tag: #"W/"1""#) == .whole)
    let stripped = [("Range", "bytes=10-"), ("If-Range", #""1""#)]
    #expect(range("GET", stripped, tag: #"W/"1""#) == .whole)
    let dated = [("Range", "bytes=10-"), ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT")]
    #expect(range("GET", dated, now: 784_111_778) == .whole)
    #expect(range("GET", dated, now: 784_111_779) == .part(10..<100))
    let twice = [("Range", "bytes=10-"), ("If-Range", #""1""#), ("If-Range", #""1""#)]
    #expect(range("GET", twice) == .whole)
  }
}
