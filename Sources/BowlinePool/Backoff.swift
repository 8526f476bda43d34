package import BowlineCore

/// How long to wait before a request is sent again: exponential, with full jitter.
///
/// Full jitter, because whoever failed together must not come back together. The first replay
/// waits for nothing: a connection that died on reuse says nothing about its origin.
package struct Backoff: Sendable {
  /// Milliseconds: the most that the first wait takes, and the most that any takes.
  private let low: Int
  private let high: Int

  package init(_ settings: Settings) {
    low = settings[.replayBackoffLow]
    high = settings[.replayBackoffHigh]
  }

  /// The longest wait, in milliseconds, when `replays` replays were made.
  package func ceiling(after replays: Int) -> Int {
    if replays == 0 { return 0 }
    // Both are bounded by the registry, so nothing overflows.
    return min(high, low << min(replays - 1, 16))
  }

  /// Milliseconds to wait when `replays` replays were made: anything up to the ceiling.
  package func wait(after replays: Int, random: UInt64) -> Int {
    Int(random % UInt64(ceiling(after: replays) + 1))
  }
}
