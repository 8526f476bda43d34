import BowlineCore
import BowlinePool
import Testing

/// `Pool.replay`: every combination of what is known of a failed attempt (RFC 9110 §9.2.2).
struct ReplayTests {
  /// By evidence: what becomes of an idempotent request and of another, on a reused connection,
  /// with every byte at hand, at the first failure.
  private static let table:
    [(evidence: Evidence, idempotent: ReplayVerdict, other: ReplayVerdict)] = [
      (.notConnected, .replay, .replay),
      (.nothingWritten, .replay, .replay),
      (.partlyWritten, .replay, .refuse(.notIdempotent)),
      (.allWritten, .replay, .refuse(.notIdempotent)),
      (.responseBegan, .refuse(.responseBegan), .refuse(.responseBegan)),
    ]

  private static let idempotent: [Method] = [.get, .head, .options, .trace, .put, .delete]
  private static let other: [Method] = [.post, .patch, .connect, .other]

  private func verdict(
    _ method: Method, _ evidence: Evidence, reused: Bool = true, whole: Bool = true,
    replays: Int = 0, allowed: Int = 1
  ) -> ReplayVerdict {
    Pool.replay(
      Attempt(
        method: method, evidence: evidence, wasReused: reused, isWhole: whole, replays: replays),
      allowed: allowed)
  }

  @Test func theTableIsComplete() {
    #expect(Self.table.map(\.evidence) == Evidence.allCases)
    #expect(Set(Self.idempotent + Self.other) == Set(Method.allCases))
  }

  // covers: K31
  @Test func aReusedConnectionThatDied() {
    for row in Self.table {
      for method in Self.idempotent { #expect(verdict(method, row.evidence) == row.idempotent) }
      for method in Self.other { #expect(verdict(method, row.evidence) == row.other) }
    }
  }

  /// Silence is no death: what is slow must not get the same work twice.
  @Test func aTimeoutIsNoReasonToSendAgain() {
    for evidence in Evidence.allCases where evidence != .responseBegan {
      let attempt = Attempt(
        method: .get, evidence: evidence, wasReused: true, isWhole: true, replays: 0,
        timedOut: true)
      #expect(Pool.replay(attempt, allowed: 1) == .refuse(.stillAtWork))
    }
  }

  @Test func everyOtherCombinationIsRefused() {
    for evidence in Evidence.allCases {
      for method in Method.allCases {
        for replays in 0...3 {
          for allowed in 0...3 {
            for whole in [false, true] {
              for reused in [false, true] {
                let verdict = verdict(
                  method, evidence, reused: reused, whole: whole, replays: replays,
                  allowed: allowed)
                if evidence == .responseBegan {
                  #expect(verdict == .refuse(.responseBegan))
                } else if replays >= allowed {
                  #expect(verdict == .refuse(.attemptsUsedUp))
                } else if !whole {
                  #expect(verdict == .refuse(.bodyGone))
                } else if !reused {
                  #expect(verdict == .refuse(.notReused))
                } else {
                  #expect(verdict == self.verdict(method, evidence))
                }
              }
            }
          }
        }
      }
    }
  }

  // covers: S167
  @Test func aReplayIsNotReplayed() {
    let standard = Settings()[.replayAttempts]
    #expect(standard == 1)
    for method in Self.idempotent {
      #expect(verdict(method, .allWritten, replays: 0, allowed: standard) == .replay)
      #expect(
        verdict(method, .allWritten, replays: 1, allowed: standard) == .refuse(.attemptsUsedUp))
    }
  }

  // covers: S171
  @Test func idempotentIsNotTheSameAsSafe() {
    #expect(!Method.put.isSafe && Method.put.isIdempotent && !Method.post.isIdempotent)
    #expect(verdict(.put, .allWritten) == .replay)
    #expect(verdict(.post, .allWritten) == .refuse(.notIdempotent))
  }
}
