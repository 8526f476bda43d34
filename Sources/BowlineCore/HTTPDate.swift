/// HTTP-date. It is written in one form only, IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`; three
/// are read. RFC 9110 §5.6.7.
package enum HTTPDate {
  /// Length of an IMF-fixdate in bytes.
  package static let length = 29

  /// 0000-01-01T00:00:00 to 9999-12-31T23:59:59: the years that four digits write.
  private static let writable: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

  /// Appends the date of `moment`, in seconds since 1970-01-01T00:00:00Z. A moment that four digits
  /// of a year cannot write becomes the nearest that they can: a file may have any time.
  package static func append(_ moment: Int64, to out: inout ByteBuffer) {
    let seconds = min(max(moment, writable.lowerBound), writable.upperBound)
    let days = seconds.floored(by: 86_400)
    let second = seconds - days * 86_400
    let (year, month, day) = civil(days)
    out.append(weekday(Int(days - days.floored(by: 7) * 7)))
    out.append(", ")
    appendTwo(day, to: &out)
    out.append(0x20)
    out.append(monthName(month))
    out.append(0x20)
    appendTwo(year / 100, to: &out)
    appendTwo(year, to: &out)
    out.append(0x20)
    appendTwo(Int(second / 3600), to: &out)
    out.append(0x3a)
    appendTwo(Int(second / 60 % 60), to: &out)
    out.append(0x3a)
    appendTwo(Int(second % 60), to: &out)
    out.append(" GMT")
  }

  /// Year, month (1-12) and day (1-31) of the proleptic Gregorian calendar, from days since 1970.
  package static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
    // Days are counted from 1 March of year 0, so that the leap day is the last of its year.
    let shifted = days + 719_468
    let era = shifted.floored(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
    return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
  }

  /// The inverse: days from 1970-01-01 to a day of the proleptic Gregorian calendar. A day past the
  /// month's end is that much later.
  package static func days(year: Int, month: Int, day: Int) -> Int64 {
    let shifted = Int64(month <= 2 ? year - 1 : year)
    let era = shifted.floored(by: 400)
    let yearOfEra = shifted - era * 400
    let monthFromMarch = Int64(month > 2 ? month - 3 : month + 9)
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + Int64(day) - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func appendTwo(_ number: Int, to out: inout ByteBuffer) {
    out.append(UInt8(0x30 + number / 10 % 10))
    out.append(UInt8(0x30 + number % 10))
  }

  /// Of the day that is `index` days behind a Thursday: 1 January 1970 was one.
  static func weekday(_ index: Int) -> StaticString {
    switch index {
    case 0: "Thu"
    case 1: "Fri"
    case 2: "Sat"
    case 3: "Sun"
    case 4: "Mon"
    case 5: "Tue"
    default: "Wed"
    }
  }

  /// Of the month 1 to 12.
  static func monthName(_ month: Int) -> StaticString {
    switch month {
    case 1: "Jan"
    case 2: "Feb"
    case 3: "Mar"
    case 4: "Apr"
    case 5: "May"
    case 6: "Jun"
    case 7: "Jul"
    case 8: "Aug"
    case 9: "Sep"
    case 10: "Oct"
    case 11: "Nov"
    default: "Dec"
    }
  }
}

extension Int64 {
  func floored(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
