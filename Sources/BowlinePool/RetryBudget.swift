package import BowlineCore

/// How many replays the requests of the last ten seconds pay for.
///
/// When an origin dies under load, every replay is a request more for what is left of it. So
/// replays may be a share of the requests and no more. A few are always allowed: on a quiet proxy
/// one dead connection must not be visible.
///
/// The window moves by the second. A request costs a comparison and an increment.
package struct RetryBudget: Sendable {
  private static let bucketMilliseconds = 1000

  private struct Bucket: BitwiseCopyable {
    var requests: UInt32 = 0
    var replays: UInt32 = 0
  }

  private let percent: Int
  private let least: Int
  /// A ring: the one at `newest` is being filled.
  private var buckets = InlineArray<10, Bucket>(repeating: Bucket())
  private var newest = 0
  private var newestEnds: Instant

  package init(_ settings: Settings, now: Instant) {
    percent = settings[.replayBudget]
    least = settings[.replayBudgetLeast]
    newestEnds = now.advanced(milliseconds: Self.bucketMilliseconds)
  }

  /// A request was taken on.
  package mutating func countRequest(_ now: Instant) {
    if now >= newestEnds { advance(to: now) }
    buckets[newest].requests &+= 1
  }

  /// A request is sent again.
  package mutating func countReplay(_ now: Instant) {
    if now >= newestEnds { advance(to: now) }
    buckets[newest].replays &+= 1
  }

  /// True when one replay more would be too many.
  package mutating func isSpent(_ now: Instant) -> Bool {
    if now >= newestEnds { advance(to: now) }
    var requests = 0
    var replays = 0
    for index in buckets.indices {
      requests += Int(buckets[index].requests)
      replays += Int(buckets[index].replays)
    }
    return replays >= least && (replays + 1) * 100 > requests * percent
  }

  /// Empties what has left the window.
  private mutating func advance(to now: Instant) {
    for _ in buckets.indices where now >= newestEnds {
      newest = newest + 1 == buckets.count ? 0 : newest + 1
      buckets[newest] = Bucket()
      newestEnds = newestEnds.advanced(milliseconds: Self.bucketMilliseconds)
    }
    if now < newestEnds { return }
    // All are empty. The edges of the buckets stay where they were.
    let late = Int(now.since(newestEnds) / 1_000_000) / Self.bucketMilliseconds
    newestEnds = newestEnds.advanced(milliseconds: (late + 1) * Self.bucketMilliseconds)
  }
}
