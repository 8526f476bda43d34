// May a request be sent again? One function decides: `Pool.replay`.
//
// A connection that was kept may be closed by its origin at the moment we use it. That is nobody's
// fault, and the client need not know: an idempotent request that was on it is sent once more, at
// once, on a new connection. Everything else here is a limit on that.
//
// The order of the questions is the order of the answers in the log. First what makes a replay
// wrong whatever we still hold and whatever the settings spare (the response began, the request may
// have been executed), then what makes it impossible (the body is gone), then what makes it unwise
// (too late, too many).

package import BowlineCore

/// The settings that replays are governed by, looked up once.
package struct ReplayRules: Sendable {
  /// Automatic attempts after the first.
  package let attempts: Int
  /// Bytes of a request's body that are kept for a replay.
  package let body: Int
  /// A FIN with nothing acknowledged is proof enough for every method.
  package let afterFin: Bool
  /// Milliseconds from the first question for a connection, after which nothing begins.
  package let deadline: Int
  package let backoff: Backoff

  package init(_ settings: Settings) {
    attempts = settings[.replayAttempts]
    body = settings[.replayBody]
    afterFin = settings[.replayAfterFin] == 1
    deadline = settings[.replayDeadline]
    backoff = Backoff(settings)
  }
}

/// What is known of a failed attempt when the question is whether to send the request again.
package struct Attempt: Sendable {
  package var method: Method
  /// How far it had come.
  package var evidence: Evidence
  /// It was made on a connection that was open before the request asked for it.
  package var wasReused: Bool
  /// Every byte of the request that was sent, or is still to be sent, is at hand.
  package var isWhole: Bool
  /// Automatic attempts made so far; 0 when the first has failed.
  package var replays: Int
  /// We gave up waiting: the upstream may still be at work.
  package var timedOut: Bool
  /// Milliseconds from the first question for a connection until the replay would begin.
  package var elapsed: Int
  /// Too many of the last requests were replays.
  package var budgetIsSpent: Bool

  package init(
    method: Method, evidence: Evidence, wasReused: Bool, isWhole: Bool, replays: Int,
    timedOut: Bool = false, elapsed: Int = 0, budgetIsSpent: Bool = false
  ) {
    self.method = method
    self.evidence = evidence
    self.wasReused = wasReused
    self.isWhole = isWhole
    self.replays = replays
    self.timedOut = timedOut
    self.elapsed = elapsed
    self.budgetIsSpent = budgetIsSpent
  }
}

/// The answer, with its reason.
package enum ReplayVerdict: Equatable, Sendable {
  case replay
  case refuse(ReplayRefusal)
}

extension Pool {
  /// Decides whether a request may be sent again by ourselves. The only place that does.
  ///
  /// RFC 9110 §9.2.2: a proxy must not repeat a non-idempotent request. So one is repeated only
  /// when no byte of it was handed to the kernel, or, where `replay.after-fin` says so, when the
  /// peer had ended its stream before its kernel acknowledged a byte. An idempotent one is repeated
  /// when it was on a reused connection that died without a byte coming back: that is the
  /// keep-alive race. A reset proves nothing about what the origin has done: it may have executed
  /// the request while its ACK was still delayed.
  ///
  /// The first attempt is repeated only if its connection was reused. What follows a replay may be
  /// repeated on new connections too, if `replay.attempts` leaves room: 1 leaves none.
  package static func replay(_ attempt: Attempt, _ rules: ReplayRules) -> ReplayVerdict {
    if case .responseBegan = attempt.evidence { return .refuse(.responseBegan) }
    if rules.attempts == 0 { return .refuse(.switchedOff) }
    if attempt.replays >= rules.attempts { return .refuse(.attemptsUsedUp) }
    if !attempt.wasReused && attempt.replays == 0 { return .refuse(.notReused) }
    if attempt.timedOut { return .refuse(.stillAtWork) }
    if !isHarmless(attempt, rules) { return .refuse(.notIdempotent) }
    if !attempt.isWhole { return .refuse(.bodyGone) }
    if attempt.elapsed >= rules.deadline { return .refuse(.deadlineOver) }
    return attempt.budgetIsSpent ? .refuse(.budgetSpent) : .replay
  }

  /// True when sending the request again does no more than sending it once.
  private static func isHarmless(_ attempt: Attempt, _ rules: ReplayRules) -> Bool {
    switch attempt.evidence {
    case .notConnected, .nothingWritten: true
    case .unacknowledged: rules.afterFin || attempt.method.isIdempotent
    case .partlyWritten, .allWritten:
      #if BOWLINE_BUG_REPLAY
        true
      #else
        attempt.method.isIdempotent
      #endif
    case .responseBegan: false
    }
  }
}
