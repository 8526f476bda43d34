import BowlineCore
import Testing

@Suite struct HTTPDateReadingTests {
  /// Tue, 01 Jul 2025 00:00:00 GMT.
  private static let now: Int64 = 1_751_328_000

  private func moment(_ text: String, now: Int64 = Self.now) -> Int64? {
    HTTPDate.moment(bytes(text).span, now: now)
  }

  private func written(_ seconds: Int64) -> String {
    var out = ByteBuffer()
    HTTPDate.append(seconds, to: &out)
    return String(decoding: (0..<out.count).map { out[$0] }, as: UTF8.self)
  }

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
    ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Sun Nov 06 08:49:37 1994", 784_111_777),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
    ("Wed Nov 16 08:49:37 1994", 784_975_777), ("Wednesday, 16-Nov-94 08:49:37 GMT", 784_975_777),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
    ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
    ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
    // The second that was added at the end of 2016.
    ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
    // The name of the day is not held against the date.
    ("Mon, 06 Nov 1994 08:49:37 GMT", 784_111_777),
  ])
  func readsTheThreeForms(_ text: String, _ seconds: Int64) {
    #expect(moment(text) == seconds)
  }

  @Test(arguments: [
    "", "0", "now", "784111777", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
    "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 NOV 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 gmt", "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
    "Wed, 30 Feb 1994 08:49:37 GMT", "Wed, 29 Feb 1900 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Dec 1994 08:49:37 GMT",
    "Sun; 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, +6 Nov 1994 08:49:37 GMT", "Abc, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Abc 1994 08:49:37 GMT", "Sun, 06 Nov 19x4 08:49:37 GMT",
    "Sun, 06 Nov 1994 08-49-37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun, 06-Nov-94 08:49:37 GMT", "Someday, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06 Nov 94 08:49:37 GMT", "Sunday, 30-Feb-94 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 EST", "Sun Nov   6 08:49:37 1994", "Sun Nov  x 08:49:37 1994",
    "Sun Nov 31 08:49:37 1994", "Sun Nov  0 08:49:37 1994", "Sun Nov  6 08:49:37 94  ",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  ])
  func whatIsNoDateIsNone(_ text: String) {
    #expect(moment(text) == nil)
  }

  /// More than 50 years ahead is the latest past year with these digits.
  @Test(arguments: [
    (2025, "25", 2025), (2025, "24", 2024), (2025, "75", 2075), (2025, "76", 1976),
    (2025, "99", 1999), (2025, "00", 2000), (1999, "49", 2049), (1999, "50", 1950),
    (2095, "10", 2110), (2095, "46", 2046), (1970, "20", 2020), (1970, "21", 1921),
  ])
  func aYearOfTwoDigitsIsTheOneNearby(_ year: Int, _ digits: String, _ meant: Int) {
    // As long after the beginning of the year as the date itself: 50 years ahead are not more.
    let now = HTTPDate.days(year: year, month: 7, day: 1) * 86_400
    let expected = HTTPDate.days(year: meant, month: 7, day: 1) * 86_400
    for name in ["Monday", "Wednesday"] {
      #expect(moment("\(name), 01-Jul-\(digits) 00:00:00 GMT", now: now) == expected)
    }
  }

  @Test(arguments: [Int64.min, -1, 0, .max])
  func anyPresentWillDo(_ now: Int64) {
    #expect(moment("Sunday, 06-Nov-94 08:49:37 GMT", now: now) != nil)
    #expect(moment("Monday, 29-Feb-00 00:00:00 GMT", now: now) != nil)
  }

  /// Every day from 1970 to 9999, against a calendar that counts.
  @Test func daysAndDatesAreTheSameForEightThousandYears() {
    var days: Int64 = 0
    var wrong = 0
    for year in 1970...9999 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for (month, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        .enumerated()
      {
        for day in 1...length {
          let civil = HTTPDate.civil(days)
          let isSame =
            civil.year == year && civil.month == month + 1 && civil.day == day
            && HTTPDate.days(year: year, month: month + 1, day: day) == days
          if !isSame { wrong += 1 }
          days += 1
        }
      }
    }
    #expect(wrong == 0)
    #expect(days * 86_400 == 253_402_300_800)
  }

  /// A date in each month, at another second of the day and on every day of the week.
  @Test func whatIsWrittenIsReadAgain() {
    var wrong: [String] = []
    for month in 0..<8030 * 12 {
      let seconds = Int64(month) * 2_629_743 + Int64(month % 86_400) * 7
      if seconds > 253_402_300_799 { break }
      let text = written(seconds)
      if text.utf8.count != HTTPDate.length || moment(text) != seconds { wrong.append(text) }
    }
    #expect(wrong == [])
  }
}
