// Audited: reads the kernel's clocks into a local value.

package import BowlineCore
internal import Glibc

/// The system's clocks. For the loop and the command; rooms above take the time from their loop.
package enum Clock {
  /// CLOCK_MONOTONIC.
  package static func monotonic() -> Instant {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Nanoseconds since 1970 (UTC).
  package static func wallNanoseconds() -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Seconds since 1970 (UTC).
  package static func wallSeconds() -> Int64 { Int64(time(nil)) }
}
