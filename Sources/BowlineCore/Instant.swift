/// A point of the monotonic clock, in nanoseconds since an arbitrary start.
///
/// Machines take it as an argument and never read a clock. One value is read per loop turn.
@frozen
@usableFromInline
package struct Instant: Comparable, Hashable, Sendable {
  /// Nanoseconds since the clock's start.
  @usableFromInline package let nanoseconds: Int64

  @inlinable
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Later than every deadline.
  @inlinable
  package static var distantFuture: Instant { Instant(nanoseconds: .max) }

  @inlinable
  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

  /// This instant moved by `milliseconds`; saturates at the ends of time.
  @inlinable
  package func advanced(milliseconds: Int) -> Instant {
    let (scaled, overflow) = Int64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
    let (sum, past) = nanoseconds.addingReportingOverflow(scaled)
    if !overflow && !past { return Instant(nanoseconds: sum) }
    return milliseconds < 0 ? Instant(nanoseconds: .min) : .distantFuture
  }

  /// Nanoseconds from `earlier` to this instant.
  @inlinable
  package func since(_ earlier: Instant) -> Int64 { nanoseconds &- earlier.nanoseconds }
}
