package import BowlineCore

/// For how long, and how often, one connection may be used again by its upstream's own word.
///
/// The word is a hint, given after a response. What it says of time is shortened by a margin, so
/// that our request is not on its way when the upstream closes: a round trip, or a second if that
/// is longer.
package struct ReuseLimit: Sendable, Equatable, BitwiseCopyable {
  // One word, because it is moved along with every request: milliseconds at rest (32 bits), then
  // requests that may still be sent, then the margin in milliseconds (16 bits each). All bits set
  // in one of the first two is no limit.
  private var word: UInt64

  private static let unlimited: UInt64 = 0xffff_ffff_ffff

  /// No limit yet. `roundTrip` is in milliseconds.
  package init(roundTrip: Int = 0) {
    word = UInt64(UInt16(clamping: max(roundTrip, 1000))) << 48 | Self.unlimited
  }

  private var rest: UInt32 { UInt32(truncatingIfNeeded: word) }
  private var uses: UInt16 { UInt16(truncatingIfNeeded: word >> 32) }
  private var margin: UInt64 { word >> 48 }

  private mutating func set(rest: UInt32, uses: UInt16) {
    word = margin << 48 | UInt64(uses) << 32 | UInt64(rest)
  }

  /// The upstream has said something. Its last word holds.
  package mutating func told(_ hint: KeepAliveHint) {
    if let timeout = hint.timeout {
      let milliseconds = UInt64(timeout) * 1000
      let left = milliseconds > margin ? milliseconds - margin : 0
      set(rest: UInt32(clamping: left), uses: uses)
    }
    if let max = hint.max { set(rest: rest, uses: UInt16(clamping: max)) }
  }

  /// A request goes out on the connection.
  package mutating func used() {
    if uses != 0 && uses != .max { set(rest: rest, uses: uses - 1) }
  }

  /// True when nothing was said.
  package var isUnlimited: Bool { word & Self.unlimited == Self.unlimited }

  /// True when it must not be used again at all.
  package var forbidsReuse: Bool { rest == 0 || uses == 0 }

  /// When it must not be used any more, if it comes to rest at `now`.
  package func end(from now: Instant) -> Instant {
    rest == .max ? .distantFuture : now.advanced(milliseconds: Int(rest))
  }
}
