import BowlineCore
import BowlinePool
import Testing

/// Conversations with a pool: what a request asks, what comes back, what the pool decides.
struct PoolTests {
  static let start = Instant(nanoseconds: 1_000_000_000_000)

  static func pool(
    connections: Int = 2, waiting: Int = 3, waitTimeout: Int = 5000, maxAge: Int = 60_000,
    maxUses: Int = 100
  ) throws -> Pool {
    var settings = Settings()
    try settings.set(.upstreamConnections, to: connections)
    try settings.set(.upstreamWaiting, to: waiting)
    try settings.set(.upstreamWaitTimeout, to: waitTimeout)
    try settings.set(.upstreamMaxAge, to: maxAge)
    try settings.set(.upstreamMaxUses, to: maxUses)
    return Pool(limits: PoolLimits(settings))
  }

  /// Names of requests and of connections.
  static func ticket(_ number: Int) -> Handle { Handle(index: UInt32(number), generation: 1) }
  static func link(_ number: Int) -> Handle { Handle(index: UInt32(number), generation: 3) }

  private func at(_ milliseconds: Int) -> Instant {
    Self.start.advanced(milliseconds: milliseconds)
  }

  @Test func dialsThenReuses() throws {
    var pool = try Self.pool()
    #expect(pool.ask(Self.ticket(1), fresh: false, now: at(0)) == .dial)
    #expect(pool.dialling == 1)
    pool.dialled()
    #expect(pool.leased == 1)
    #expect(pool.giveBack(Self.link(1), opened: at(0), uses: 1, now: at(10)) == .keep)
    #expect(pool.idleCount == 1)
    #expect(pool.ask(Self.ticket(2), fresh: false, now: at(20)) == .reuse(Self.link(1)))
    #expect(pool.open == 1)
  }

  @Test func takesTheOneUsedLastSoThatTheRestAgeOut() throws {
    var pool = try Self.pool(connections: 3)
    for number in 1...3 {
      _ = pool.ask(Self.ticket(number), fresh: false, now: at(0))
      pool.dialled()
    }
    for number in [2, 1, 3] {
      #expect(pool.giveBack(Self.link(number), opened: at(0), uses: 1, now: at(1)) == .keep)
    }
    for _ in 0..<10 {
      #expect(pool.ask(Self.ticket(9), fresh: false, now: at(2)) == .reuse(Self.link(3)))
      #expect(pool.giveBack(Self.link(3), opened: at(0), uses: 2, now: at(3)) == .keep)
    }
    #expect(pool.ask(Self.ticket(4), fresh: false, now: at(4)) == .reuse(Self.link(3)))
    #expect(pool.ask(Self.ticket(5), fresh: false, now: at(4)) == .reuse(Self.link(1)))
    #expect(pool.ask(Self.ticket(6), fresh: false, now: at(4)) == .reuse(Self.link(2)))
  }

  // covers: K01, R191
  @Test func fortyRequestsNeverHaveMoreThanSixConnectionsAndAreServedInOrder() throws {
    var pool = try Self.pool(connections: 6, waiting: 100)
    var served: [Handle] = []
    var leased: [Handle] = []
    for number in 0..<40 {
      switch pool.ask(Self.ticket(number), fresh: false, now: at(0)) {
      case .dial:
        pool.dialled()
        leased.append(Self.link(number))
        served.append(Self.ticket(number))
      case .wait(let until): #expect(until == at(5000))
      case .reuse, .expired, .refuse: Issue.record("nothing is idle, and the line is long enough")
      }
      #expect(pool.open <= 6)
    }
    #expect(leased.count == 6)
    #expect(pool.waitingCount == 34)
    for round in 0..<34 {
      let link = leased[round % 6]
      let returned = pool.giveBack(link, opened: at(0), uses: round, now: at(1))
      guard case .hand(let next) = returned else {
        Issue.record("somebody waits")
        return
      }
      served.append(next)
      #expect(pool.open == 6)
    }
    #expect(served == (0..<40).map(Self.ticket))
    #expect(pool.giveBack(leased[0], opened: at(0), uses: 40, now: at(1)) == .keep)
  }

  @Test func refusesWhenTheLineIsFull() throws {
    var pool = try Self.pool(connections: 1, waiting: 2)
    #expect(pool.ask(Self.ticket(1), fresh: false, now: at(0)) == .dial)
    #expect(pool.ask(Self.ticket(2), fresh: false, now: at(0)) == .wait(until: at(5000)))
    #expect(pool.ask(Self.ticket(3), fresh: false, now: at(0)) == .wait(until: at(5000)))
    #expect(pool.ask(Self.ticket(4), fresh: false, now: at(0)) == .refuse)
    #expect(pool.cancel(Self.ticket(2)) == true)
    #expect(pool.ask(Self.ticket(5), fresh: false, now: at(1)) == .wait(until: at(5001)))
  }

  @Test func waitingMayBeSwitchedOff() throws {
    var pool = try Self.pool(connections: 1, waiting: 0)
    #expect(pool.ask(Self.ticket(1), fresh: false, now: at(0)) == .dial)
    #expect(pool.ask(Self.ticket(2), fresh: false, now: at(0)) == .refuse)
  }

  @Test func aWaitEndsAtItsDeadlineAndNotBefore() throws {
    var pool = try Self.pool(connections: 1)
    _ = pool.ask(Self.ticket(1), fresh: false, now: at(0))
    _ = pool.ask(Self.ticket(2), fresh: false, now: at(0))
    _ = pool.ask(Self.ticket(3), fresh: false, now: at(100))
    #expect(pool.nextDeadline == at(5000))
    #expect(pool.expire(now: at(4999)) == nil)
    #expect(pool.expire(now: at(5000)) == Self.ticket(2))
    #expect(pool.expire(now: at(5000)) == nil)
    #expect(pool.nextDeadline == at(5100))
    #expect(pool.expire(now: at(9000)) == Self.ticket(3))
    #expect(pool.nextDeadline == nil)
    #expect(pool.cancel(Self.ticket(3)) == false)
  }

  @Test func whoGaveUpIsNotServed() throws {
    var pool = try Self.pool(connections: 1)
    for number in 1...4 { _ = pool.ask(Self.ticket(number), fresh: false, now: at(number)) }
    pool.dialled()
    #expect(pool.cancel(Self.ticket(2)) == true)
    #expect(pool.cancel(Self.ticket(2)) == false)
    #expect(pool.nextDeadline == at(5003))
    let returned = pool.giveBack(Self.link(1), opened: at(0), uses: 1, now: at(10))
    #expect(returned == .hand(to: Self.ticket(3)))
  }

  @Test func aFailedDialMakesRoomForWhoWaits() throws {
    var pool = try Self.pool(connections: 1)
    _ = pool.ask(Self.ticket(1), fresh: false, now: at(0))
    _ = pool.ask(Self.ticket(2), fresh: false, now: at(0))
    #expect(pool.dialForWaiting() == nil)
    pool.dialFailed()
    #expect(pool.dialForWaiting() == Self.ticket(2))
    #expect(pool.dialling == 1)
    pool.dialled()
    pool.discarded()
    #expect(pool.dialForWaiting() == nil)
    #expect(pool.open == 0)
  }

  @Test func aLostIdleConnectionMakesRoom() throws {
    var pool = try Self.pool(connections: 1)
    _ = pool.ask(Self.ticket(1), fresh: false, now: at(0))
    pool.dialled()
    _ = pool.giveBack(Self.link(1), opened: at(0), uses: 1, now: at(1))
    #expect(pool.idleEnded(Self.link(2)) == false)
    #expect(pool.idleEnded(Self.link(1)) == true)
    #expect(pool.idleEnded(Self.link(1)) == false)
    #expect(pool.ask(Self.ticket(2), fresh: false, now: at(2)) == .dial)
  }

  @Test func connectionsAgeAndWearOut() throws {
    var pool = try Self.pool(connections: 4, maxAge: 60_000, maxUses: 100)
    for number in 1...4 {
      _ = pool.ask(Self.ticket(number), fresh: false, now: at(0))
      pool.dialled()
    }
    let late = at(60_000)
    #expect(pool.giveBack(Self.link(1), opened: at(0), uses: 1, now: late) == .closeForAge)
    #expect(pool.giveBack(Self.link(2), opened: at(1), uses: 99, now: late) == .keep)
    #expect(pool.giveBack(Self.link(3), opened: at(1), uses: 100, now: late) == .closeForUses)
    #expect(pool.leased == 1)
    #expect(pool.idleCount == 1)
    // Its place goes to who waits, not to the worn connection.
    for number in 5...7 { _ = pool.ask(Self.ticket(number), fresh: true, now: late) }
    #expect(pool.waitingCount == 1)
    #expect(pool.giveBack(Self.link(4), opened: at(0), uses: 1, now: late) == .closeForAge)
    #expect(pool.dialForWaiting() == Self.ticket(7))
  }

  @Test func aFreshRequestDoesNotGetAnIdleConnection() throws {
    var pool = try Self.pool(connections: 2)
    _ = pool.ask(Self.ticket(1), fresh: false, now: at(0))
    pool.dialled()
    _ = pool.giveBack(Self.link(1), opened: at(0), uses: 1, now: at(1))
    #expect(pool.ask(Self.ticket(2), fresh: true, now: at(2)) == .dial)
    #expect(pool.idleCount == 1)
  }

  @Test func drainingTakesTheIdleOnesOut() throws {
    var pool = try Self.pool(connections: 3)
    for number in 1...3 {
      _ = pool.ask(Self.ticket(number), fresh: false, now: at(0))
      pool.dialled()
    }
    _ = pool.giveBack(Self.link(1), opened: at(0), uses: 1, now: at(1))
    _ = pool.giveBack(Self.link(2), opened: at(0), uses: 1, now: at(1))
    #expect(pool.takeIdle() == [Self.link(1), Self.link(2)])
    #expect(pool.open == 1)
    #expect(pool.takeIdle() == [])
  }
}
