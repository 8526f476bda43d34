import BowlineCore
import BowlinePool
import Testing

/// The rules with every setting at its default, but for those given.
private func rules(_ values: KeyValuePairs<SettingID, Int> = [:]) throws -> ReplayRules {
  var settings = Settings()
  for (id, value) in values { try settings.set(id, to: value) }
  return ReplayRules(settings)
}

/// `Pool.replay`: every combination of what is known of a failed attempt (RFC 9110 §9.2.2).
struct ReplayTests {
  /// By evidence: what becomes of an idempotent request and of another, on a reused connection,
  /// with every byte at hand, at the first failure; and of another with `replay.after-fin`.
  private static let table:
    [(
      evidence: Evidence, idempotent: ReplayVerdict, other: ReplayVerdict, afterFin: ReplayVerdict
    )] = [
      (.notConnected, .replay, .replay, .replay),
      (.nothingWritten, .replay, .replay, .replay),
      (.unacknowledged, .replay, .refuse(.notIdempotent), .replay),
      (.partlyWritten, .replay, .refuse(.notIdempotent), .refuse(.notIdempotent)),
      (.allWritten, .replay, .refuse(.notIdempotent), .refuse(.notIdempotent)),
      (
        .responseBegan, .refuse(.responseBegan), .refuse(.responseBegan), .refuse(.responseBegan)
      ),
    ]

  private static let idempotent: [Method] = [.get, .head, .options, .trace, .put, .delete]
  private static let other: [Method] = [.post, .patch, .connect, .other]

  private func attempt(
    _ method: Method, _ evidence: Evidence, reused: Bool = true, replays: Int = 0
  ) -> Attempt {
    Attempt(
      method: method, evidence: evidence, wasReused: reused, isWhole: true, replays: replays)
  }

  @Test func theTableIsComplete() {
    #expect(Self.table.map(\.evidence) == Evidence.allCases)
    #expect(Set(Self.idempotent + Self.other) == Set(Method.allCases))
  }

  // covers: K31, S170, R187
  @Test func aReusedConnectionThatDied() throws {
    let usual = try rules()
    let afterFin = try rules([.replayAfterFin: 1])
    for row in Self.table {
      for method in Self.idempotent {
        #expect(Pool.replay(attempt(method, row.evidence), usual) == row.idempotent)
        #expect(Pool.replay(attempt(method, row.evidence), afterFin) == row.idempotent)
      }
      for method in Self.other {
        #expect(Pool.replay(attempt(method, row.evidence), usual) == row.other)
        #expect(Pool.replay(attempt(method, row.evidence), afterFin) == row.afterFin)
      }
    }
  }

  /// Everything that speaks against a replay, at once and in every combination: the first in the
  /// registry's order is the one that is told.
  @Test func theFirstReasonThatHoldsIsTheAnswer() throws {
    for reasons in 0..<(1 << ReplayRefusal.allCases.count) {
      let holding = ReplayRefusal.allCases.filter { reasons >> Int($0.rawValue) & 1 == 1 }
      let isOff = holding.contains(.switchedOff)
      let isUsedUp = holding.contains(.attemptsUsedUp)
      let isNew = holding.contains(.notReused)
      // With no attempts allowed none is left either, and what follows a replay may be new.
      if isUsedUp != (isUsedUp || isOff) || isNew && isUsedUp && !isOff { continue }
      var attempt = Attempt(
        method: .get, evidence: .allWritten, wasReused: !isNew, isWhole: true, replays: 0)
      if isUsedUp && !isOff { attempt.replays = 2 }
      if holding.contains(.responseBegan) { attempt.evidence = .responseBegan }
      if holding.contains(.stillAtWork) { attempt.timedOut = true }
      if holding.contains(.notIdempotent) { attempt.method = .post }
      if holding.contains(.bodyGone) { attempt.isWhole = false }
      if holding.contains(.deadlineOver) { attempt.elapsed = 60_000 }
      if holding.contains(.budgetSpent) { attempt.budgetIsSpent = true }
      let verdict = Pool.replay(attempt, try rules([.replayAttempts: isOff ? 0 : 2]))
      #expect(verdict == (holding.first.map { .refuse($0) } ?? .replay), "\(holding)")
    }
  }

  /// Silence is no death: what is slow must not get the same work twice.
  @Test func aTimeoutIsNoReasonToSendAgain() throws {
    for evidence in Evidence.allCases where evidence != .responseBegan {
      var attempt = attempt(.get, evidence)
      attempt.timedOut = true
      #expect(Pool.replay(attempt, try rules()) == .refuse(.stillAtWork))
    }
  }

  // covers: S167, R186
  @Test func aReplayIsNotReplayed() throws {
    let usual = try rules()
    #expect(usual.attempts == 1)
    for method in Self.idempotent {
      #expect(Pool.replay(attempt(method, .allWritten), usual) == .replay)
      for reused in [false, true] {
        let second = attempt(method, .allWritten, reused: reused, replays: 1)
        #expect(Pool.replay(second, usual) == .refuse(.attemptsUsedUp))
      }
    }
  }

  /// More than one is for whoever asks: `replay.attempts`. It begins with a reused connection.
  @Test func whatFollowsAReplayMayBeOnNewConnections() throws {
    let three = try rules([.replayAttempts: 3])
    #expect(Pool.replay(attempt(.get, .allWritten, reused: false), three) == .refuse(.notReused))
    for replays in 1...2 {
      let again = attempt(.get, .allWritten, reused: false, replays: replays)
      #expect(Pool.replay(again, three) == .replay)
      let post = attempt(.post, .allWritten, reused: false, replays: replays)
      #expect(Pool.replay(post, three) == .refuse(.notIdempotent))
      let unconnected = attempt(.post, .notConnected, reused: false, replays: replays)
      #expect(Pool.replay(unconnected, three) == .replay)
    }
    #expect(
      Pool.replay(attempt(.get, .allWritten, reused: false, replays: 3), three)
        == .refuse(.attemptsUsedUp))
  }

  /// `replay.deadline` counts from the first question for a connection.
  @Test func nothingBeginsAfterTheDeadline() throws {
    let short = try rules([.replayDeadline: 500])
    var attempt = attempt(.get, .allWritten)
    attempt.elapsed = 499
    #expect(Pool.replay(attempt, short) == .replay)
    attempt.elapsed = 500
    #expect(Pool.replay(attempt, short) == .refuse(.deadlineOver))
  }

  // covers: S171
  @Test func idempotentIsNotTheSameAsSafe() throws {
    #expect(!Method.put.isSafe && Method.put.isIdempotent && !Method.post.isIdempotent)
    #expect(Pool.replay(attempt(.put, .allWritten), try rules()) == .replay)
    #expect(
      Pool.replay(attempt(.post, .allWritten), try rules()) == .refuse(.notIdempotent))
  }
}
