package import BowlineCore

/// What is known of a failed attempt when the question is whether to send the request again.
package struct Attempt: Sendable {
  package var method: Method
  /// How far it had come.
  package var evidence: Evidence
  /// It was made on a connection that had carried exchanges before.
  package var wasReused: Bool
  /// Every byte of the request that was sent, or is still to be sent, is at hand.
  package var isWhole: Bool
  /// Automatic attempts made before this one.
  package var replays: Int
  /// We gave up waiting: the upstream may still be at work.
  package var timedOut: Bool

  package init(
    method: Method, evidence: Evidence, wasReused: Bool, isWhole: Bool, replays: Int,
    timedOut: Bool = false
  ) {
    self.method = method
    self.evidence = evidence
    self.wasReused = wasReused
    self.isWhole = isWhole
    self.replays = replays
    self.timedOut = timedOut
  }
}

/// The answer, with its reason.
package enum ReplayVerdict: Equatable, Sendable {
  case replay
  case refuse(Refusal)

  package enum Refusal: Equatable, Sendable {
    /// A response byte came back: the request was at work.
    case responseBegan
    /// `replay.attempts` are used up.
    case attemptsUsedUp
    /// Part of the body is no longer at hand.
    case bodyGone
    /// The request may have been executed, and doing it twice is not the same as doing it once.
    case notIdempotent
    /// A new connection failed: sending again would hit the same origin in the same state.
    case notReused
    /// The upstream is slow, not gone: sending again would give it the same work twice.
    case stillAtWork
  }
}

extension Pool {
  /// Decides whether a request may be sent again by ourselves. The only place that does.
  ///
  /// RFC 9110 §9.2.2: a proxy must not repeat a non-idempotent request. So one is repeated only
  /// when no byte of it was handed to the kernel. An idempotent one is repeated once, when it was
  /// on a reused connection that died without a byte coming back: that is the keep-alive race. A
  /// reset proves nothing about what the origin has done.
  package static func replay(_ attempt: Attempt, allowed: Int) -> ReplayVerdict {
    if attempt.evidence == .responseBegan { return .refuse(.responseBegan) }
    if attempt.replays >= allowed { return .refuse(.attemptsUsedUp) }
    if !attempt.isWhole { return .refuse(.bodyGone) }
    if !attempt.wasReused { return .refuse(.notReused) }
    if attempt.timedOut { return .refuse(.stillAtWork) }
    switch attempt.evidence {
    case .notConnected, .nothingWritten: return .replay
    case .partlyWritten, .allWritten:
      return attempt.method.isIdempotent ? .replay : .refuse(.notIdempotent)
    case .responseBegan: return .refuse(.responseBegan)
    }
  }
}
