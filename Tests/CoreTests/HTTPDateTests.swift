import BowlineCore
import Testing

@Suite struct HTTPDateTests {
  private func text(_ seconds: Int64) -> String {
    var out = ByteBuffer()
    HTTPDate.append(seconds, to: &out)
    return String(decoding: (0..<out.count).map { out[$0] }, as: UTF8.self)
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
  ])
  func writesDates(_ seconds: Int64, _ expected: String) {
    #expect(text(seconds) == expected)
  }

  /// The time of a file may be any number: the least one made the process trap, and years of three
  /// or five digits are no HTTP date.
  @Test(arguments: [
    (Int64.min, "Sat, 01 Jan 0000 00:00:00 GMT"), (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
    (-62_135_596_801, "Sun, 31 Dec 0000 23:59:59 GMT"),
    (-59_011_459_200, "Fri, 01 Jan 0100 00:00:00 GMT"),
    (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func staysWithinFourDigitsOfAYear(_ seconds: Int64, _ expected: String) {
    #expect(text(seconds) == expected)
    #expect(text(seconds).utf8.count == HTTPDate.length)
  }
}
