/// A date as a form of RFC 9110 §5.6.7 writes it, found by trying every form.
package struct PlainDate {
  /// With two digits in RFC 850.
  private let year: Int64
  private let isShort: Bool
  private let month: Int
  private let day: Int64
  private let second: Int64

  private struct Form {
    /// A `0` stands for a digit, everything else for itself.
    let bytes: [UInt8]
    let month: Int
    let isShort: Bool
    let endsWithYear: Bool
  }

  private static let forms: [Form] = {
    var forms: [Form] = []
    let longNames = [
      "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    for (month, name) in PlainCalendar.months.enumerated() {
      func add(_ text: String, isShort: Bool = false, endsWithYear: Bool = false) {
        forms.append(
          Form(
            bytes: Array(text.utf8), month: month, isShort: isShort, endsWithYear: endsWithYear))
      }
      for weekday in longNames {
        let short = weekday.prefix(3)
        add("\(short), 00 \(name) 0000 00:00:00 GMT")
        add("\(weekday), 00-\(name)-00 00:00:00 GMT", isShort: true)
        add("\(short) \(name) 00 00:00:00 0000", endsWithYear: true)
        add("\(short) \(name)  0 00:00:00 0000", endsWithYear: true)
      }
    }
    return forms
  }()

  /// The date that `text` is; nil when no form fits, or there is no such moment.
  package init?(_ text: [UInt8]) {
    guard let form = Self.forms.first(where: { Self.fits(text, $0) }) else { return nil }
    var numbers = text.split { !isDigit($0) }.compactMap { Int64(visible($0)) }
    guard numbers.count == 5 else { return nil }
    // Day, year, hour, minute, second.
    if form.endsWithYear { numbers.insert(numbers.removeLast(), at: 1) }
    guard numbers[2] < 24, numbers[3] < 60, numbers[4] <= 60 else { return nil }
    (day, year) = (numbers[0], numbers[1])
    second = numbers[2] * 3600 + numbers[3] * 60 + numbers[4]
    month = form.month
    isShort = form.isShort
  }

  /// The moment, when it is read at `now`; nil when its month has no such day.
  package func moment(now: Int64) -> Int64? {
    let whole = isShort ? century(now: min(max(now, 0), PlainCalendar.last)) : year
    guard day >= 1, day <= PlainCalendar.length(month, whole) else { return nil }
    return PlainCalendar.seconds(whole, month, day) + second
  }

  /// The last such year that is not more than 50 years ahead.
  private func century(now: Int64) -> Int64 {
    let (thisYear, thisMonth, today) = PlainCalendar.day(now / 86_400)
    let limit = PlainCalendar.seconds(thisYear + 50, thisMonth, today) + now % 86_400
    var candidate = thisYear + 50
    while candidate % 100 != year
      || PlainCalendar.seconds(candidate, month, day) + second > limit
    {
      candidate -= 1
    }
    return candidate
  }

  private static func fits(_ text: [UInt8], _ form: Form) -> Bool {
    text.count == form.bytes.count
      && zip(text, form.bytes).allSatisfy { $1 == 0x30 ? isDigit($0) : $0 == $1 }
  }
}

/// A calendar that counts days one year after the other. Months are counted from 0, days from 1.
enum PlainCalendar {
  static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  /// 0000-01-01T00:00:00 and 9999-12-31T23:59:59.
  static let first: Int64 = -62_167_219_200
  static let last: Int64 = 253_402_300_799

  /// A day past the month's end is that much later.
  static func seconds(_ year: Int64, _ month: Int, _ day: Int64) -> Int64 {
    let before = (0..<month).reduce(Int64(0)) { $0 + length($1, year) }
    return (daysBefore(year) + before + day - 1) * 86_400
  }

  /// The day `days` after 1 January 1970.
  static func day(_ days: Int64) -> (year: Int64, month: Int, day: Int64) {
    var year = 1970 + days / 366
    while daysBefore(year + 1) <= days { year += 1 }
    var rest = days - daysBefore(year)
    var month = 0
    while rest >= length(month, year) {
      rest -= length(month, year)
      month += 1
    }
    return (year, month, rest + 1)
  }

  static func length(_ month: Int, _ year: Int64) -> Int64 {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return lengths[month]
  }

  /// Days from 1 January 1970 to 1 January of `year`.
  private static func daysBefore(_ year: Int64) -> Int64 {
    if year == 0 { return -719_528 }
    let past = year - 1
    return past * 365 + past / 4 - past / 100 + past / 400 - 719_162
  }
}
