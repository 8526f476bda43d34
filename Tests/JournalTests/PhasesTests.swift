import BowlineCore
import BowlineJournal
import Testing

@Suite struct PhasesTests {
  private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  private func milliseconds(_ phases: Phases) -> [Int64?] {
    Phases.names.indices.map { phases[$0].map { $0 / 1_000_000 } }
  }

  @Test func aNewConnectionHasEveryPhaseThatIsMeasured() {
    var marks = ExchangeMarks(began: at(0))
    marks.headReceived = at(1)
    marks.leaseAsked = at(1)
    marks.dialBegan = at(3)
    marks.dialEnded = at(8)
    marks.leased = at(9)
    marks.requestSent = at(13)
    marks.responseBegan = at(30)
    marks.ended = at(37)
    // queued is 1 to 3 and 8 to 9.
    #expect(milliseconds(marks.phases) == [3, nil, 5, nil, 4, 17, 7])
    #expect(marks.duration == 37_000_000)
  }

  @Test func aReusedConnectionHasDashesNotZeroes() {
    var marks = ExchangeMarks(began: at(0))
    marks.leaseAsked = at(1)
    marks.leased = at(1)
    marks.requestSent = at(2)
    marks.responseBegan = at(10)
    marks.ended = at(11)
    #expect(milliseconds(marks.phases) == [0, nil, nil, nil, 1, 8, 1])
  }

  @Test func anExchangeWithoutAnUpstreamOnlyReceives() {
    var marks = ExchangeMarks(began: at(0))
    marks.responseBegan = at(2)
    marks.ended = at(5)
    #expect(milliseconds(marks.phases) == [nil, nil, nil, nil, nil, nil, 3])
  }

  @Test func aPhaseThatTheEndInterruptedLastedUntilThen() {
    var waitedForConnection = ExchangeMarks(began: at(0))
    waitedForConnection.leaseAsked = at(1)
    waitedForConnection.ended = at(5001)
    #expect(milliseconds(waitedForConnection.phases) == [5000, nil, nil, nil, nil, nil, nil])

    var connecting = waitedForConnection
    connecting.dialBegan = at(2)
    #expect(milliseconds(connecting.phases) == [1, nil, 4999, nil, nil, nil, nil])

    var sending = ExchangeMarks(began: at(0))
    sending.leaseAsked = at(0)
    sending.leased = at(0)
    sending.ended = at(7)
    #expect(milliseconds(sending.phases) == [0, nil, nil, nil, 7, nil, nil])

    var waiting = sending
    waiting.requestSent = at(1)
    waiting.ended = at(60_001)
    #expect(milliseconds(waiting.phases) == [0, nil, nil, nil, 1, 60_000, nil])
  }

  @Test func anEarlyResponseEndsSendingAndNothingWasWaitedFor() {
    var marks = ExchangeMarks(began: at(0))
    marks.leaseAsked = at(0)
    marks.leased = at(0)
    marks.responseBegan = at(4)
    marks.requestSent = at(9)
    marks.ended = at(20)
    #expect(milliseconds(marks.phases) == [0, nil, nil, nil, 4, 0, 16])
  }

  @Test func anExchangeThatLivesHasNoDuration() {
    #expect(ExchangeMarks(began: at(5)).duration == nil)
    #expect(milliseconds(ExchangeMarks(began: at(5)).phases) == Array(repeating: nil, count: 7))
  }

  /// Any marks whatever, ordered or not: no phase is negative. Ordered ones: they never overlap.
  @Test func timelinesAreOrdered() {
    var state: UInt64 = 20_260_801
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33 % bound
    }
    for round in 0..<20_000 {
      let isOrdered = round % 2 == 0
      var clock: Int64 = 0
      func mark(always: Bool = false) -> Instant? {
        clock = isOrdered ? clock + Int64(next(50)) : Int64(next(1000))
        return always || next(4) > 0 ? Instant(nanoseconds: clock) : nil
      }
      var marks = ExchangeMarks(began: mark(always: true) ?? at(0))
      marks.leaseAsked = mark()
      marks.dialBegan = mark()
      marks.dialEnded = marks.dialBegan == nil ? nil : mark()
      marks.leased = mark()
      marks.requestSent = mark()
      marks.responseBegan = mark()
      marks.ended = mark(always: true)
      let phases = Phases.names.indices.compactMap { marks.phases[$0] }
      #expect(phases.allSatisfy { $0 >= 0 })
      if isOrdered { #expect(phases.reduce(0, +) <= marks.duration ?? -1) }
    }
  }
}
