// Records carry instants of the monotonic clock; logs want the time of day. A WallClock is one
// moment read on both clocks, which is all that the conversion needs.

package import BowlineCore

/// One moment on both clocks.
package struct WallClock: Sendable {
  /// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
  package let nanoseconds: Int64
  /// The same moment on the loops' clock.
  package let instant: Instant

  /// - Parameters:
  ///   - seconds: UTC seconds since 1970.
  ///   - nanoseconds: the rest, 0 to 999,999,999.
  ///   - instant: the same moment on the monotonic clock.
  package init(seconds: Int64, nanoseconds: Int64, instant: Instant) {
    self.nanoseconds = seconds &* 1_000_000_000 &+ nanoseconds
    self.instant = instant
  }

  /// Nanoseconds since 1970 at `moment`.
  package func nanoseconds(at moment: Instant) -> Int64 { nanoseconds &+ moment.since(instant) }
}

extension ByteBuffer {
  /// Appends a UTC time to the millisecond: `2026-08-01T12:34:56.789Z` (RFC 3339). Times before
  /// 1970 are written as 1970.
  mutating func append(utc nanoseconds: Int64) {
    let milliseconds = UInt64(max(0, nanoseconds) / 1_000_000)
    let seconds = milliseconds / 1000
    let date = CivilDate(days: seconds / 86_400)
    let second = seconds % 86_400
    append(decimal: date.year, digits: 4)
    append(UInt8(ascii: "-"))
    append(decimal: date.month, digits: 2)
    append(UInt8(ascii: "-"))
    append(decimal: date.day, digits: 2)
    append(UInt8(ascii: "T"))
    append(decimal: second / 3600, digits: 2)
    append(UInt8(ascii: ":"))
    append(decimal: second / 60 % 60, digits: 2)
    append(UInt8(ascii: ":"))
    append(decimal: second % 60, digits: 2)
    append(UInt8(ascii: "."))
    append(decimal: milliseconds % 1000, digits: 3)
    append(UInt8(ascii: "Z"))
  }
}

/// A day of the Gregorian calendar.
struct CivilDate {
  let year: UInt64
  let month: UInt64
  let day: UInt64

  /// The day that lies `days` after 1970-01-01.
  ///
  /// The year is taken to begin in March, so that the leap day is its last. From March on, months
  /// have 153 days in every five, which makes the month a division.
  init(days: UInt64) {
    let shifted = days + 719_468  // Days since 0000-03-01.
    let era = shifted / 146_097  // 400 years.
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}
