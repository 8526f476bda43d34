import BowlineCore
import Testing

@Suite struct InstantTests {
  @Test func instantsMove() {
    let start = Instant(nanoseconds: 5)
    #expect(start.advanced(milliseconds: 2).nanoseconds == 2_000_005)
    #expect(start.advanced(milliseconds: -1).nanoseconds == -999_995)
    #expect(start.advanced(milliseconds: 3).since(start) == 3_000_000)
    #expect(start < start.advanced(milliseconds: 1))
  }

  @Test func timeHasEnds() {
    let start = Instant(nanoseconds: 5)
    #expect(start.advanced(milliseconds: .max) == .distantFuture)
    #expect(Instant.distantFuture.advanced(milliseconds: 1) == .distantFuture)
    #expect(start.advanced(milliseconds: .min) < start)
    #expect(Instant(nanoseconds: .min).advanced(milliseconds: -1) < start)
  }
}
