import BowlineCore
import BowlineTransport
import Testing

@Suite struct TimerWheelTests {
  private func instant(milliseconds: Int) -> Instant {
    Instant(nanoseconds: Int64(milliseconds) * 1_000_000)
  }

  private func expire(_ wheel: inout TimerWheel, at milliseconds: Int) -> [UInt64] {
    var expired: [UInt64] = []
    wheel.advance(to: instant(milliseconds: milliseconds), expired: &expired)
    return expired
  }

  @Test func firesInOrderOfTimeThenInsertion() {
    var wheel = TimerWheel()
    wheel.schedule(token: 1, at: instant(milliseconds: 70))
    wheel.schedule(token: 2, at: instant(milliseconds: 5))
    wheel.schedule(token: 3, at: instant(milliseconds: 70))
    wheel.schedule(token: 4, at: instant(milliseconds: 5))
    #expect(wheel.nextDeadline == instant(milliseconds: 5))
    #expect(expire(&wheel, at: 4) == [])
    #expect(expire(&wheel, at: 5) == [2, 4])
    wheel.schedule(token: 5, at: instant(milliseconds: 70))
    #expect(expire(&wheel, at: 69) == [])
    wheel.schedule(token: 6, at: instant(milliseconds: 70))
    #expect(expire(&wheel, at: 3_600_000) == [1, 3, 5, 6])
    #expect(wheel.nextDeadline == nil)
    #expect(wheel.count == 0)
  }

  @Test func neverFiresEarly() {
    var wheel = TimerWheel()
    wheel.schedule(token: 1, at: Instant(nanoseconds: 1_000_001))
    #expect(wheel.nextDeadline == instant(milliseconds: 2))
    #expect(expire(&wheel, at: 1) == [])
    #expect(expire(&wheel, at: 2) == [1])
  }

  @Test func aDeadlineThatHasPassedFiresAtTheNextAdvance() {
    var wheel = TimerWheel(now: instant(milliseconds: 1000))
    wheel.schedule(token: 1, at: instant(milliseconds: 3))
    #expect(wheel.nextDeadline == instant(milliseconds: 1000))
    #expect(expire(&wheel, at: 1000) == [1])
    wheel.schedule(token: 2, at: instant(milliseconds: 1000))
    #expect(expire(&wheel, at: 999) == [2])
  }

  @Test func theEndOfTimeNeverComes() {
    var wheel = TimerWheel()
    wheel.schedule(token: 1, at: .distantFuture)
    #expect(wheel.nextDeadline == nil)
    wheel.schedule(token: 2, at: Instant(nanoseconds: .max - 1))
    #expect(wheel.nextDeadline != nil)
    #expect(expire(&wheel, at: 1_000_000_000) == [])
    #expect(wheel.count == 1)
  }

  /// What the wheel must do, said plainly: a list sorted by (tick, insertion).
  private struct Model {
    var entries: [(tick: Int64, order: Int, token: UInt64)] = []
    var current: Int64 = 0
    var inserted = 0

    mutating func schedule(token: UInt64, at deadline: Instant) {
      let tick = (deadline.nanoseconds + 999_999) / 1_000_000
      entries.append((max(tick, current), inserted, token))
      inserted += 1
    }

    mutating func advance(to now: Instant) -> [UInt64] {
      current = max(current, now.nanoseconds / 1_000_000)
      let due = entries.filter { $0.tick <= current }
      entries.removeAll { $0.tick <= current }
      return due.sorted { ($0.tick, $0.order) < ($1.tick, $1.order) }.map(\.token)
    }

    var nextDeadline: Instant? {
      entries.map(\.tick).min().map { Instant(nanoseconds: $0 * 1_000_000) }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func agreesWithASortedList(seed: UInt64) {
    var random = SplitMix(seed: seed)
    var now = Instant(nanoseconds: Int64(random.next(below: 1 << 50)))
    var wheel = TimerWheel(now: now)
    var model = Model()
    _ = model.advance(to: now)
    var token: UInt64 = 0
    for _ in 0..<4000 {
      if random.next(below: 3) > 0 {
        token += 1
        // Spans of every size: below a tick up to months.
        let span = Int64(random.next() >> (12 + random.next(below: 50)))
        let deadline = Instant(nanoseconds: now.nanoseconds + span - Int64(random.next(below: 9)))
        wheel.schedule(token: token, at: deadline)
        model.schedule(token: token, at: deadline)
      } else {
        // Mostly to the next deadline, as a loop does; at times a jump.
        if let next = model.nextDeadline, random.next(below: 4) > 0 {
          now = max(now, next)
        } else {
          now = Instant(
            nanoseconds: now.nanoseconds + Int64(random.next() >> (14 + random.next(below: 48))))
        }
        var expired: [UInt64] = []
        wheel.advance(to: now, expired: &expired)
        #expect(expired == model.advance(to: now))
      }
      #expect(wheel.nextDeadline == model.nextDeadline)
      #expect(wheel.count == model.entries.count)
    }
  }
}
