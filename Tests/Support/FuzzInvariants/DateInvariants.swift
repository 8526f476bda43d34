import BowlineCore

/// The first eight bytes as a number of seconds (little-endian), written as an HTTP date and read
/// back, by a plain calendar and by ourselves.
enum DateInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let number = input.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let seconds = Int64(bitPattern: number)
    let (first, last) = (PlainCalendar.first, PlainCalendar.last)
    try checkDate(of: min(max(seconds, first), last), written(seconds))
    // The years that can be written, evenly.
    let inRange = first + Int64(number % UInt64(last - first + 1))
    try checkDate(of: inRange, written(inRange))
  }

  static func written(_ seconds: Int64) -> [UInt8] {
    var out = ByteBuffer()
    HTTPDate.append(seconds, to: &out)
    return array(out.span)
  }

  private static func checkDate(of seconds: Int64, _ text: [UInt8]) throws(Violation) {
    let isPlain = text.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
    try require(isPlain && text.suffix(4) == Array(" GMT".utf8)[...], visible(text))
    try require(text.count == HTTPDate.length, "\(visible(text)) has \(text.count) bytes")
    let words = text.split(separator: 0x20).map(visible)
    try require(words.count == 6 && words[0].hasSuffix(","), visible(text))
    guard let day = Int64(words[1]), let month = PlainCalendar.months.firstIndex(of: words[2]),
      let year = Int64(words[3]),
      let weekday = PlainCalendar.weekdays.firstIndex(of: String(words[0].prefix(3)))
    else { throw Violation(visible(text)) }
    let clock = words[4].split(separator: ":").compactMap { Int64($0) }
    try require(clock.count == 3, visible(text))
    let midnight = PlainCalendar.seconds(year, month, day)
    let again = midnight + clock[0] * 3600 + clock[1] * 60 + clock[2]
    try require(again == seconds, "\(seconds) is written \(visible(text)), which is \(again)")
    let days = midnight / 86_400
    try require(((days + 4) % 7 + 7) % 7 == weekday, "\(visible(text)): the day of the week")

    try checkReading(of: seconds, visible(text))
    let blankDay = day < 10 ? " \(day)" : "\(day)"
    try checkReading(
      of: seconds, "\(words[0].prefix(3)) \(words[2]) \(blankDay) \(words[4]) \(words[3])")
    // Read in its own time, a year of two digits is of its century.
    if seconds >= 0 {
      try checkReading(
        of: seconds, "Sunday, \(words[1])-\(words[2])-\(words[3].suffix(2)) \(words[4]) GMT")
    }
  }

  private static func checkReading(of seconds: Int64, _ text: String) throws(Violation) {
    let bytes = Array(text.utf8)
    let again = HTTPDate.moment(bytes.span, now: seconds)
    try require(
      again == seconds, "\(text) is \(seconds), and read as \(again.map(String.init) ?? "nothing")")
  }
}

/// The input as an HTTP date, in any of the three forms.
enum DateTextInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let plain = PlainDate(input)
    let span = Int64(mark(input) % UInt64(PlainCalendar.last))
    for now in [784_111_777, 1_800_000_000, .min, .max, span] {
      let moment = HTTPDate.moment(input.span, now: now)
      let expected = plain?.moment(now: now)
      try require(
        moment == expected, "at \(now) read as \(moment ?? -1), plainly as \(expected ?? -1)")
      guard let moment else { continue }
      // A leap second at the end of all years is the only one that cannot be written.
      let text = DateInvariants.written(moment)
      let again = HTTPDate.moment(text.span, now: now)
      try require(
        again == min(moment, PlainCalendar.last), "\(moment) is written \(visible(text))")
    }
  }
}
