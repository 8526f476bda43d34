package import BowlineCore
internal import Glibc

/// The system's clocks, for those who do not live on a loop. A loop reads its own once per turn.
package enum SystemClock {
  /// Nanoseconds since 1970 (UTC), and the same moment on the loops' clock (CLOCK_MONOTONIC).
  package static func read() -> (wall: Int64, monotonic: Instant) {
    (read(CLOCK_REALTIME), Instant(nanoseconds: read(CLOCK_MONOTONIC)))
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
