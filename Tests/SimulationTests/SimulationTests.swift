import BowlineTransport
import Simulation
import Testing

@Suite struct SimulationTests {
  private func run(_ seed: UInt64, isVerbose: Bool = false) throws -> Verdict {
    try Simulation.run(seed: seed, isVerbose: isVerbose, bell: Doorbell())
  }

  @Test func aSeedGivesOneHistory() throws {
    for seed in 1...4 as ClosedRange<UInt64> {
      let once = try run(seed)
      let again = try run(seed, isVerbose: true)
      #expect(once.digest == again.digest, "seed \(seed)")
      #expect(once.tally.steps == again.tally.steps, "seed \(seed)")
      #expect(!again.trace.isEmpty && !again.conversation.isEmpty && once.trace.isEmpty)
    }
    #expect(try run(1).digest != run(2).digest)
  }

  /// The first seeds of `make simulate`, which runs thousands in release.
  @Test func nothingIsLostAndNothingIsDoneTwice() throws {
    var tally = Tally()
    for seed in 1...60 as ClosedRange<UInt64> {
      let verdict = try run(seed)
      #expect(verdict.violation == nil, "make simulate SEED=\(seed)")
      tally += verdict.tally
    }
    #expect(tally.seeds == 60)
    #expect(tally.exchanges >= 60 * 20)
    #expect(tally.reused > 0 && tally.waited > 0 && tally.replays > 0)
  }

  @Test(arguments: FoundSeed.all)
  func whatWasFoundStaysFixed(found: FoundSeed) throws {
    #expect(try run(found.seed).violation == nil, "\(found.what)")
  }
}

/// A seed in which a bug shows: one that the product had, or one of `make simulate-bugs`. What a
/// seed means changes with `Scenario`: who changes that looks for the seeds anew.
struct FoundSeed: Sendable, CustomTestStringConvertible {
  let seed: UInt64
  let what: String

  var testDescription: String { "\(seed): \(what)" }

  static let all: [FoundSeed] = [
    FoundSeed(
      seed: 229, what: "REPLAY: a POST was sent again after part of it had been written"),
    FoundSeed(
      seed: 5, what: "LIMIT: a connection more than the limit; TRUNCATION: half a body was whole"),
    FoundSeed(
      seed: 18_076, what: "SURPLUS: bytes behind a response were taken for the answer to the next"),
    FoundSeed(
      seed: 15, what: "CANCELLED: the connection of a client that had gone was lost to its pool"),
  ]
}
