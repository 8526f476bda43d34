import BowlineCore
import BowlinePool
import Testing

private func at(_ milliseconds: Int) -> Instant {
  Instant(nanoseconds: 7_000_000_000).advanced(milliseconds: milliseconds)
}

/// How many replays the requests of the last ten seconds pay for: `replay.budget` and
/// `replay.budget-least`.
struct RetryBudgetTests {
  /// A budget that is asked in the middle of an expectation.
  private final class Purse {
    private var budget: RetryBudget

    init(percent: Int, least: Int) throws {
      var settings = Settings()
      try settings.set(.replayBudget, to: percent)
      try settings.set(.replayBudgetLeast, to: least)
      budget = RetryBudget(settings, now: at(0))
    }

    func countRequest(_ now: Instant) { budget.countRequest(now) }
    func countReplay(_ now: Instant) { budget.countReplay(now) }
    func isSpent(_ now: Instant) -> Bool { budget.isSpent(now) }

    /// Replays until none is allowed any more; how many they were.
    func spend(_ now: Instant) -> Int {
      var count = 0
      while !budget.isSpent(now), count < 10_000 {
        budget.countReplay(now)
        count += 1
      }
      return count
    }
  }

  @Test func aFewAreAlwaysAllowed() throws {
    let purse = try Purse(percent: 20, least: 10)
    #expect(purse.spend(at(0)) == 10)
    #expect(purse.spend(at(9_000)) == 0)
  }

  @Test func theOthersAreAShareOfTheRequests() throws {
    let purse = try Purse(percent: 20, least: 10)
    for _ in 0..<1000 { purse.countRequest(at(0)) }
    #expect(purse.spend(at(0)) == 200)
    purse.countRequest(at(1))
    #expect(purse.isSpent(at(1)))
    for _ in 0..<4 { purse.countRequest(at(2)) }
    #expect(purse.spend(at(2)) == 1)
  }

  @Test func noneAtAll() throws {
    let purse = try Purse(percent: 0, least: 0)
    for _ in 0..<1000 { purse.countRequest(at(0)) }
    #expect(purse.isSpent(at(0)))
  }

  @Test func withoutAShareOnlyTheLeastIsLeft() throws {
    let purse = try Purse(percent: 0, least: 3)
    for _ in 0..<1000 { purse.countRequest(at(0)) }
    #expect(purse.spend(at(0)) == 3)
  }

  /// What happened in one second leaves the window ten seconds after that second began.
  @Test func theWindowMoves() throws {
    let purse = try Purse(percent: 0, least: 4)
    for second in [0, 3, 3, 8] { purse.countReplay(at(second * 1000 + 500)) }
    #expect(purse.isSpent(at(9_999)))
    #expect(purse.spend(at(10_000)) == 1)
    #expect(purse.spend(at(12_999)) == 0)
    #expect(purse.spend(at(13_000)) == 2)
    // Long after, everything is forgotten, and a second is a second again.
    #expect(purse.spend(at(100_500)) == 4)
    #expect(purse.spend(at(109_900)) == 0)
    #expect(purse.spend(at(110_500)) == 4)
  }

  /// Against a plain list of what happened.
  @Test(arguments: 1...20)
  func asAListWouldHaveIt(seed: Int) throws {
    var random = Seeded(seed)
    let purse = try Purse(percent: 30, least: 2)
    var happened: [(second: Int, isReplay: Bool)] = []
    var now = 0
    for _ in 0..<2_000 {
      now += random.below(400) == 0 ? 15_300 : random.below(90)
      let second = now / 1000
      happened.removeAll { $0.second <= second - 10 }
      let requests = happened.count { !$0.isReplay }
      let replays = happened.count { $0.isReplay }
      let isSpent = replays >= 2 && (replays + 1) * 100 > requests * 30
      #expect(purse.isSpent(at(now)) == isSpent)
      if random.below(3) == 0 {
        purse.countReplay(at(now))
        happened.append((second, true))
      } else {
        purse.countRequest(at(now))
        happened.append((second, false))
      }
    }
  }
}

/// The wait before a replay: `replay.backoff-low` and `replay.backoff-high`.
struct BackoffTests {
  private func backoff(_ low: Int, _ high: Int) throws -> Backoff {
    var settings = Settings()
    try settings.set(.replayBackoffLow, to: low)
    try settings.set(.replayBackoffHigh, to: high)
    return Backoff(settings)
  }

  @Test func theCeilingDoublesUpToItsTop() throws {
    #expect((0...6).map(Backoff(Settings()).ceiling) == [0, 25, 50, 100, 200, 250, 250])
    #expect((0...3).map(try backoff(60_000, 600_000).ceiling) == [0, 60_000, 120_000, 240_000])
    #expect((0...3).map(try backoff(0, 0).ceiling) == [0, 0, 0, 0])
    #expect(try backoff(60_000, 600_000).ceiling(after: .max) == 600_000)
  }

  /// The keep-alive race says nothing about the origin: nobody waits for it.
  @Test func theFirstReplayIsAtOnce() throws {
    #expect(try backoff(60_000, 600_000).wait(after: 0, random: .max) == 0)
  }

  /// Full jitter: every wait from nothing to the ceiling, about as often as any other.
  @Test func theWaitIsAnythingUpToTheCeiling() throws {
    var random = Seeded(4)
    var seen = [Int](repeating: 0, count: 51)
    for _ in 0..<51_000 { seen[Backoff(Settings()).wait(after: 2, random: random.next())] += 1 }
    #expect(seen.allSatisfy { (800...1200).contains($0) })
  }

  @Test func theLowerMustNotBeAboveTheHigher() throws {
    var settings = Settings()
    try settings.set(.replayBackoffLow, to: 300)
    let refusal = #expect(throws: Settings.Refusal.self) { try settings.checkTogether() }
    #expect(
      refusal?.sentence == "`replay.backoff-low` must not be larger than `replay.backoff-high`")
    try settings.set(.replayBackoffHigh, to: 300)
    try settings.checkTogether()
  }
}
