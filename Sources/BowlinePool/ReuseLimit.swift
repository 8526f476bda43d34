package import BowlineCore

/// For how long, and how often, one connection may be used again by its upstream's own word.
///
/// The word is a hint, given after a response. What it says of time is shortened by a margin, so
/// that our request is not on its way when the upstream closes: a round trip, or a second if that
/// is longer.
package struct ReuseLimit: Sendable, Equatable, BitwiseCopyable {
  /// Milliseconds at rest after which it is not used again.
  private var rest = Int32.max
  private var margin: Int32
  /// Requests that it may still carry.
  private var uses = UInt32.max

  /// No limit yet. `roundTrip` is in milliseconds.
  package init(roundTrip: Int = 0) {
    margin = Int32(clamping: max(roundTrip, 1000))
  }

  /// The upstream has said something. Its last word holds.
  package mutating func told(_ hint: KeepAliveHint) {
    if let timeout = hint.timeout {
      rest = Int32(clamping: max(Int64(timeout) * 1000 - Int64(margin), 0))
    }
    if let max = hint.max { uses = max }
  }

  /// A request goes out on the connection.
  package mutating func used() {
    if uses > 0 && uses < .max { uses -= 1 }
  }

  /// True when it must not be used again at all.
  package var forbidsReuse: Bool { rest == 0 || uses == 0 }

  /// When it must not be used any more, if it comes to rest at `now`.
  package func end(from now: Instant) -> Instant {
    rest == .max ? .distantFuture : now.advanced(milliseconds: Int(rest))
  }
}
