import BowlineTransport
import Simulation
import Testing

@Suite struct SimulationTests {
  @Test func aSeedGivesOneHistory() throws {
    let bell = try Doorbell()
    for seed in 1...4 as ClosedRange<UInt64> {
      let once = try Simulation.run(seed: seed, bell: bell)
      let again = try Simulation.run(seed: seed, isVerbose: true, bell: bell)
      #expect(once.digest == again.digest)
      #expect(once.tally.steps == again.tally.steps)
    }
  }
}
