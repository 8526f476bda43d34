import BowlineCore

/// The first eight bytes as a number of seconds (little-endian), written as an HTTP date and read
/// back by a calendar that counts days one year after the other.
enum DateInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let number = input.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let seconds = Int64(bitPattern: number)
    var out = ByteBuffer()
    HTTPDate.append(seconds, to: &out)
    try checkDate(of: min(max(seconds, first), last), out)
    // The years that can be written, evenly.
    let inRange = first + Int64(number % UInt64(last - first + 1))
    out.removeAll()
    HTTPDate.append(inRange, to: &out)
    try checkDate(of: inRange, out)
  }

  /// 0000-01-01T00:00:00 and 9999-12-31T23:59:59.
  private static let first: Int64 = -62_167_219_200
  private static let last: Int64 = 253_402_300_799

  private static func checkDate(
    of seconds: Int64, _ out: borrowing ByteBuffer
  ) throws(Violation) {
    let text = array(out.span)
    let isPlain = text.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
    try require(isPlain && text.suffix(4) == Array(" GMT".utf8)[...], visible(text))
    try require(text.count == HTTPDate.length, "\(visible(text)) has \(text.count) bytes")
    let words = text.split(separator: 0x20).map(visible)
    try require(words.count == 6 && words[0].hasSuffix(","), visible(text))
    guard let day = Int64(words[1]), let month = months.firstIndex(of: words[2]),
      let year = Int64(words[3]), let weekday = weekdays.firstIndex(of: String(words[0].prefix(3)))
    else { throw Violation(visible(text)) }
    let clock = words[4].split(separator: ":").compactMap { Int64($0) }
    try require(clock.count == 3, visible(text))
    let days = daysBefore(year) + daysBefore(month, isLeap(year)) + day - 1
    let again = days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    try require(again == seconds, "\(seconds) is written \(visible(text)), which is \(again)")
    try require(((days + 4) % 7 + 7) % 7 == weekday, "\(visible(text)): the day of the week")
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

  private static func isLeap(_ year: Int64) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  /// Days from 1 January 1970 to 1 January of `year`.
  private static func daysBefore(_ year: Int64) -> Int64 {
    if year == 0 { return -719_528 }
    let past = year - 1
    return past * 365 + past / 4 - past / 100 + past / 400 - 719_162
  }

  private static func daysBefore(_ month: Int, _ isLeap: Bool) -> Int64 {
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return lengths[..<month].reduce(0, +)
  }
}
