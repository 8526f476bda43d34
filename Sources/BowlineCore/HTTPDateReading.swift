// The three forms of HTTP-date that a recipient must read (RFC 9110 §5.6.7):
//
//   Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
//   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850
//   Sun Nov  6 08:49:37 1994          asctime()
//
// Every byte counts, and case too. Only the name of the day is not held against the date: it says
// nothing that the date does not say, and old software gets it wrong.

extension HTTPDate {
  /// The moment that `text` says.
  ///
  /// - Parameters:
  ///   - text: a field's value.
  ///   - now: the present, from which the century of an RFC 850 year follows.
  /// - Returns: seconds since 1970-01-01T00:00:00Z; nil when it is no HTTP-date.
  package static func moment(_ text: Span<UInt8>, now: Int64) -> Int64? {
    switch text.count {
    case 24: asctime(text)
    case 29: imfFixdate(text)
    case 30...33: rfc850(text, now: now)
    default: nil
    }
  }

  private static func imfFixdate(_ text: Span<UInt8>) -> Int64? {
    guard isDayName(text.extracting(0..<3)), Scan.equal(text.extracting(3..<5), ", "),
      let day = number(text, 5..<7), text[7] == 0x20, let month = month(text, at: 8),
      text[11] == 0x20, let year = number(text, 12..<16), text[16] == 0x20,
      let second = secondOfDay(text, at: 17), Scan.equal(text.extracting(25..<29), " GMT")
    else { return nil }
    return moment(year, month, day, second)
  }

  private static func asctime(_ text: Span<UInt8>) -> Int64? {
    guard isDayName(text.extracting(0..<3)), text[3] == 0x20, let month = month(text, at: 4),
      text[7] == 0x20, let day = number(text, text[8] == 0x20 ? 9..<10 : 8..<10),
      text[10] == 0x20, let second = secondOfDay(text, at: 11), text[19] == 0x20,
      let year = number(text, 20..<24)
    else { return nil }
    return moment(year, month, day, second)
  }

  private static func rfc850(_ text: Span<UInt8>, now: Int64) -> Int64? {
    let name = text.count - 24
    let rest = text.extracting(name..<text.count)
    guard isLongDayName(text.extracting(0..<name)), Scan.equal(rest.extracting(0..<2), ", "),
      let day = number(rest, 2..<4), rest[4] == 0x2d, let month = month(rest, at: 5),
      rest[8] == 0x2d, let digits = number(rest, 9..<11), rest[11] == 0x20,
      let second = secondOfDay(rest, at: 12), Scan.equal(rest.extracting(20..<24), " GMT")
    else { return nil }
    // More than 50 years ahead means the latest such year that is past.
    let present = min(max(now, 0), 253_402_300_799)
    let today = civil(present / 86_400)
    let limit =
      days(year: today.year + 50, month: today.month, day: today.day) * 86_400 + present % 86_400
    var year = (today.year / 100 + 1) * 100 + digits
    while days(year: year, month: month, day: day) * 86_400 + second > limit { year -= 100 }
    return moment(year, month, day, second)
  }

  private static func moment(_ year: Int, _ month: Int, _ day: Int, _ second: Int64) -> Int64? {
    let first = days(year: year, month: month, day: day)
    let (_, sameMonth, sameDay) = civil(first)
    // 30 February would be in March.
    guard day >= 1, sameMonth == month, sameDay == day else { return nil }
    return first * 86_400 + second
  }

  /// `08:49:37`, as seconds. 60 is a leap second, and the same as the next minute's first.
  private static func secondOfDay(_ text: Span<UInt8>, at start: Int) -> Int64? {
    guard let hour = number(text, start..<start + 2), hour < 24, text[start + 2] == 0x3a,
      let minute = number(text, start + 3..<start + 5), minute < 60, text[start + 5] == 0x3a,
      let second = number(text, start + 6..<start + 8), second <= 60
    else { return nil }
    return Int64(hour * 3600 + minute * 60 + second)
  }

  /// Digits only, no more than four.
  private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var number = 0
    for index in range {
      let digit = text[index] &- 0x30
      if digit > 9 { return nil }
      number = number * 10 + Int(digit)
    }
    return number
  }

  private static func month(_ text: Span<UInt8>, at start: Int) -> Int? {
    let name = text.extracting(start..<start + 3)
    for month in 1...12 where Scan.equal(name, monthName(month)) { return month }
    return nil
  }

  private static func isDayName(_ name: Span<UInt8>) -> Bool {
    for index in 0..<7 where Scan.equal(name, weekday(index)) { return true }
    return false
  }

  private static func isLongDayName(_ name: Span<UInt8>) -> Bool {
    Scan.equal(name, "Sunday") || Scan.equal(name, "Monday") || Scan.equal(name, "Tuesday")
      || Scan.equal(name, "Wednesday") || Scan.equal(name, "Thursday")
      || Scan.equal(name, "Friday") || Scan.equal(name, "Saturday")
  }
}
