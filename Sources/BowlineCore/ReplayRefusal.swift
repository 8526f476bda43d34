/// Why a request whose attempt failed was not sent again.
package enum ReplayRefusal: UInt8, Sendable, CaseIterable {
  /// A response byte came back: the request was at work.
  case responseBegan
  /// `replay.attempts` is 0.
  case switchedOff
  /// `replay.attempts` are used up.
  case attemptsUsedUp
  /// A new connection failed: sending again would hit the same origin in the same state.
  case notReused
  /// The upstream is slow, not gone: sending again would give it the same work twice.
  case stillAtWork
  /// The request may have been executed, and doing it twice is not the same as doing it once.
  case notIdempotent
  /// Part of the body is no longer at hand.
  case bodyGone
  /// It would begin later than `replay.deadline`.
  case deadlineOver
  /// `replay.budget` is spent: too many of the last requests were replays.
  case budgetSpent

  /// The code: `replay.refused` in the log.
  package var code: StaticString {
    switch self {
    case .responseBegan: "response-began"
    case .switchedOff: "switched-off"
    case .attemptsUsedUp: "attempts-used-up"
    case .notReused: "not-reused"
    case .stillAtWork: "still-at-work"
    case .notIdempotent: "not-idempotent"
    case .bodyGone: "body-gone"
    case .deadlineOver: "deadline-over"
    case .budgetSpent: "budget-spent"
    }
  }
}
