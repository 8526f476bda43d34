import BowlineCore
import BowlineJournal
import BowlinePool
import Testing

/// One loop's pool with its ledger: conversations about who gets which connection.
struct PoolTalk {
  var pool: Pool
  var ledger: Ledger
  /// Connections that rest on other loops.
  var elsewhere = 0

  init(
    connections: Int = 2, waiting: Int = 3, waitTimeout: Int = 5000, maxAge: Int = 60_000,
    maxUses: Int = 100, proven: Int = 1000, takeOver: Int = 8
  ) throws {
    var settings = Settings()
    try settings.set(.upstreamConnections, to: connections)
    try settings.set(.upstreamWaiting, to: waiting)
    try settings.set(.upstreamWaitTimeout, to: waitTimeout)
    try settings.set(.upstreamMaxAge, to: maxAge)
    try settings.set(.upstreamMaxUses, to: maxUses)
    try settings.set(.upstreamProven, to: proven)
    try settings.set(.upstreamTakeOver, to: takeOver)
    let limits = PoolLimits(settings)
    pool = Pool(limits: limits)
    ledger = Ledger(limits)
  }

  static let start = Instant(nanoseconds: 1_000_000_000_000)

  static func at(_ milliseconds: Int) -> Instant { start.advanced(milliseconds: milliseconds) }

  /// Names of requests and of connections.
  static func ticket(_ number: Int) -> Handle { Handle(index: UInt32(number), generation: 1) }
  static func link(_ number: Int) -> Handle { Handle(index: UInt32(number), generation: 3) }

  mutating func shelf(_ need: Need = .any, at time: Int) -> ShelfDecision {
    pool.reuse(need, now: Self.at(time))
  }

  /// A request that finds nothing on the shelf.
  mutating func place(_ ticket: Int, _ need: Need = .any, at time: Int) -> PlaceDecision {
    pool.place(
      Self.ticket(ticket), loop: 0, need, ledger: &ledger, elsewhere: elsewhere,
      now: Self.at(time))
  }

  /// A request for which a connection is dialled, with success.
  mutating func open(_ ticket: Int, at time: Int) {
    #expect(place(ticket, .fresh, at: time) == .dial)
    pool.dialled()
  }

  mutating func giveBack(
    _ link: Int, opened: Int = 0, uses: Int = 1, limit: ReuseLimit = ReuseLimit(),
    learned: Int? = nil, at time: Int
  ) -> PoolReturn {
    pool.learned = learned
    return pool.giveBack(
      Self.link(link), opened: Self.at(opened), uses: uses, limit: limit, now: Self.at(time))
  }

  /// The socket of a connection that was given up is closed.
  mutating func closed() -> Waiter? {
    pool.closed()
    return ledger.release()
  }

  mutating func cancel(_ ticket: Int, loop: UInt16 = 0) -> Bool {
    ledger.cancel(Self.ticket(ticket), loop: loop)
  }

  mutating func expire(loop: UInt16 = 0, at time: Int) -> Handle? {
    ledger.expire(loop: loop, now: Self.at(time))?.ticket
  }

  mutating func lose(_ link: Int) -> Pool.Resting? { pool.idleEnded(Self.link(link)) }

  mutating func retireExpired(at time: Int) -> Handle? {
    pool.retireExpired(now: Self.at(time))?.link
  }

  mutating func retireAll() -> [Handle] { pool.retireAll() }

  mutating func windowEnded() -> Int { pool.windowEnded() }

  mutating func takeForWaiting() -> Waiter? { ledger.takeForWaiting() }

  mutating func takeWaiter() -> Waiter? { ledger.takeWaiter(proven: true) }

  /// A place is free without a connection of this loop.
  mutating func release() -> Handle? { ledger.release()?.ticket }

  /// A connection is at hand: who of those that wait gets it.
  mutating func serve(proven: Bool = true) -> Handle? {
    ledger.takeWaiter(proven: proven)?.ticket
  }
}

struct PoolTests {
  private typealias Talk = PoolTalk

  @Test func dialsThenReuses() throws {
    var talk = try PoolTalk()
    #expect(talk.shelf(at: 0) == .none(.newNoneIdle))
    #expect(talk.place(1, at: 0) == .dial)
    #expect(talk.pool.dialling == 1 && talk.ledger.open == 1)
    talk.pool.dialled()
    #expect(talk.pool.leased == 1)
    #expect(talk.giveBack(1, at: 10) == .rest(until: Talk.at(60_000)))
    #expect(talk.pool.idleCount == 1)
    #expect(talk.shelf(at: 35) == .reuse(Talk.link(1), ReuseLimit(), rested: 25))
    #expect(talk.pool.open == 1 && talk.ledger.open == 1)
  }

  @Test func takesTheOneUsedLastSoThatTheRestAgeOut() throws {
    var talk = try PoolTalk(connections: 3)
    for number in 1...3 { talk.open(number, at: 0) }
    for number in [2, 1, 3] { _ = talk.giveBack(number, at: 1) }
    for _ in 0..<10 {
      #expect(talk.shelf(at: 2) == .reuse(Talk.link(3), ReuseLimit(), rested: 1))
      _ = talk.giveBack(3, at: 1)
    }
    #expect(talk.shelf(at: 4) == .reuse(Talk.link(3), ReuseLimit(), rested: 3))
    #expect(talk.shelf(at: 4) == .reuse(Talk.link(1), ReuseLimit(), rested: 3))
    #expect(talk.shelf(at: 4) == .reuse(Talk.link(2), ReuseLimit(), rested: 3))
    #expect(talk.shelf(at: 4) == .none(.newNoneIdle))
  }

  // covers: K01, R191
  @Test func fortyRequestsNeverHaveMoreThanSixConnectionsAndAreServedInOrder() throws {
    var talk = try PoolTalk(connections: 6, waiting: 100)
    var served: [Handle] = []
    for number in 0..<40 {
      switch talk.place(number, at: 0) {
      case .dial:
        talk.pool.dialled()
        served.append(Talk.ticket(number))
      case .wait(let until): #expect(until == Talk.at(5000))
      case .refuse: Issue.record("the line is long enough")
      }
      #expect(talk.ledger.open <= 6)
    }
    #expect(served.count == 6 && talk.ledger.waiting == 34)
    for round in 0..<34 {
      // Whatever is given back rests for a moment, and goes to the first in line.
      #expect(talk.giveBack(round % 6, uses: round, at: 1) == .rest(until: Talk.at(60_000)))
      let next = talk.serve()
      served.append(try #require(next))
      talk.pool.lendTop()
      #expect(talk.ledger.open == 6 && talk.pool.open == 6)
    }
    #expect(served == (0..<40).map(Talk.ticket))
    #expect(talk.serve() == nil)
  }

  @Test func refusesWhenTheLineIsFull() throws {
    var talk = try PoolTalk(connections: 1, waiting: 2)
    #expect(talk.place(1, at: 0) == .dial)
    #expect(talk.place(2, at: 0) == .wait(until: Talk.at(5000)))
    #expect(talk.place(3, at: 0) == .wait(until: Talk.at(5000)))
    #expect(talk.place(4, at: 0) == .refuse)
    #expect(talk.cancel(2, loop: 0) == true)
    #expect(talk.place(5, at: 1) == .wait(until: Talk.at(5001)))
  }

  @Test func waitingMayBeSwitchedOff() throws {
    var talk = try PoolTalk(connections: 1, waiting: 0)
    #expect(talk.place(1, at: 0) == .dial)
    #expect(talk.place(2, at: 0) == .refuse)
  }

  @Test func aWaitEndsAtItsDeadlineAndNotBefore() throws {
    var talk = try PoolTalk(connections: 1)
    _ = talk.place(1, at: 0)
    _ = talk.place(2, at: 0)
    _ = talk.place(3, at: 100)
    #expect(talk.ledger.firstDeadline(loop: 0) == Talk.at(5000))
    #expect(talk.expire(loop: 0, at: 4999) == nil)
    #expect(talk.expire(loop: 1, at: 5000) == nil)
    #expect(talk.expire(loop: 0, at: 5000) == Talk.ticket(2))
    #expect(talk.expire(loop: 0, at: 5000) == nil)
    #expect(talk.ledger.firstDeadline(loop: 0) == Talk.at(5100))
    #expect(talk.expire(loop: 0, at: 9000) == Talk.ticket(3))
    #expect(talk.ledger.firstDeadline(loop: 0) == nil)
    #expect(talk.cancel(3, loop: 0) == false)
  }

  @Test func whoGaveUpIsNotServed() throws {
    var talk = try PoolTalk(connections: 1)
    for number in 1...4 { _ = talk.place(number, at: number) }
    talk.pool.dialled()
    #expect(talk.cancel(2, loop: 0) == true)
    #expect(talk.cancel(2, loop: 0) == false)
    #expect(talk.cancel(3, loop: 1) == false)
    #expect(talk.serve() == Talk.ticket(3))
  }

  @Test func aFreePlaceGoesToWhoWaits() throws {
    var talk = try PoolTalk(connections: 1)
    _ = talk.place(1, at: 0)
    _ = talk.place(2, at: 0)
    talk.pool.dialFailed()
    #expect(talk.release() == Talk.ticket(2))
    #expect(talk.ledger.open == 1)
    talk.pool.dialForWaiting()
    talk.pool.dialled()
    talk.pool.discarded()
    // Not before its socket is closed.
    #expect(talk.ledger.open == 1 && talk.pool.closing == 1)
    #expect(talk.closed() == nil)
    #expect(talk.ledger.open == 0 && talk.pool.open == 0)
  }

  @Test func aLostIdleConnectionMakesRoom() throws {
    var talk = try PoolTalk(connections: 1)
    talk.open(1, at: 0)
    _ = talk.giveBack(1, at: 1)
    #expect(talk.lose(2) == nil)
    let lost = talk.lose(1)
    #expect(lost?.since == Talk.at(1))
    #expect(talk.lose(1) == nil)
    #expect(talk.release() == nil)
    #expect(talk.place(2, at: 2) == .dial)
  }

  @Test func connectionsAgeAndWearOut() throws {
    var talk = try PoolTalk(connections: 3)
    for number in 1...3 { talk.open(number, at: 0) }
    #expect(talk.giveBack(1, uses: 1, at: 60_000) == .close(.usPoolAge))
    #expect(talk.giveBack(2, opened: 1, uses: 99, at: 60_000) == .rest(until: Talk.at(60_001)))
    #expect(talk.giveBack(3, opened: 1, uses: 100, at: 60_000) == .close(.usPoolUses))
    #expect(talk.pool.closing == 2 && talk.pool.idleCount == 1)
    // It rests no longer than it may live.
    #expect(talk.shelf(at: 60_001) == .retire(Talk.link(2), .usPoolAge))
    #expect(talk.pool.closing == 3)
  }

  @Test func aReplayDoesNotGetAnIdleConnection() throws {
    var talk = try PoolTalk(connections: 2)
    talk.open(1, at: 0)
    _ = talk.giveBack(1, at: 1)
    #expect(talk.shelf(.fresh, at: 2) == .none(.newAfterReplay))
    #expect(talk.place(2, .fresh, at: 2) == .dial)
    #expect(talk.pool.idleCount == 1)
  }

  @Test func whatRestsIsClosedForADrain() throws {
    var talk = try PoolTalk(connections: 3)
    for number in 1...3 { talk.open(number, at: 0) }
    _ = talk.giveBack(1, at: 1)
    _ = talk.giveBack(2, at: 1)
    #expect(talk.retireAll() == [Talk.link(1), Talk.link(2)])
    #expect(talk.pool.open == 3 && talk.pool.closing == 2)
    #expect(talk.retireAll() == [])
  }

  // MARK: Risk

  /// A request that cannot be sent again takes a connection only while it is proven.
  @Test func aPostTakesAConnectionThatWasJustUsedOrANewOne() throws {
    var talk = try PoolTalk(connections: 2, proven: 1000)
    talk.open(1, at: 0)
    _ = talk.giveBack(1, at: 0)
    #expect(talk.shelf(.proven, at: 1001) == .none(.newNotProven))
    #expect(talk.place(2, .proven, at: 1001) == .dial)
    #expect(talk.shelf(.any, at: 1001) == .reuse(Talk.link(1), ReuseLimit(), rested: 1001))
    _ = talk.giveBack(1, at: 2000)
    #expect(talk.shelf(.proven, at: 3000) == .reuse(Talk.link(1), ReuseLimit(), rested: 1000))
  }

  /// At the limit it waits: for a proven one, or until one that rests gives its place up.
  @Test func atTheLimitAPostTakesNoneThatHasRestedForLong() throws {
    var talk = try PoolTalk(connections: 2)
    for number in 1...2 { talk.open(number, at: 0) }
    _ = talk.giveBack(1, at: 0)
    _ = talk.giveBack(2, at: 1)
    #expect(talk.shelf(.proven, at: 5000) == .none(.newNotProven))
    #expect(talk.place(3, .proven, at: 5000) == .wait(until: Talk.at(10_000)))
    #expect(talk.serve(proven: false) == nil)
    #expect(talk.ledger.carefulWaiting == 1)
    let oldest = talk.pool.retireOldest()
    #expect(oldest == Talk.link(1))
    let next = talk.closed()
    #expect(next?.ticket == Talk.ticket(3))
    #expect(talk.ledger.open == 2)
  }

  // MARK: Several loops

  @Test func takesOneOverWhenManyRestElsewhere() throws {
    var talk = try PoolTalk(connections: 20, takeOver: 8)
    talk.elsewhere = 8
    #expect(talk.place(1, at: 0) == .dial)
    talk.elsewhere = 9
    #expect(talk.place(2, at: 0) == .wait(until: Talk.at(5000)))
    // Never for a request that must not meet a connection that has rested.
    #expect(talk.place(3, .proven, at: 0) == .dial)
    #expect(talk.place(4, .fresh, at: 0) == .dial)
    // None came of it: it dials.
    let waiter = talk.takeForWaiting()
    #expect(waiter?.takesOver == true)
    #expect(talk.ledger.open == 4)
  }

  @Test func aFullLineIsNoReasonToRefuseWhileThereArePlaces() throws {
    var talk = try PoolTalk(connections: 20, waiting: 0)
    talk.elsewhere = 9
    #expect(talk.place(1, at: 0) == .dial)
  }

  @Test func aConnectionKeepsItsPlaceOnTheWayToAnotherLoop() throws {
    var here = try PoolTalk(connections: 1)
    var there = try PoolTalk(connections: 1)
    here.open(1, at: 0)
    let decision = there.pool.place(
      Talk.ticket(2), loop: 1, .any, ledger: &here.ledger, elsewhere: 0, now: Talk.at(1))
    #expect(decision == .wait(until: Talk.at(5001)))
    _ = here.giveBack(1, at: 2)
    let next = here.takeWaiter()
    let waiter = try #require(next)
    #expect(waiter.loop == 1 && waiter.ticket == Talk.ticket(2))
    here.pool.sendTop()
    #expect(here.pool.open == 0 && here.ledger.open == 1)
    there.pool.received()
    #expect(there.pool.leased == 1 && here.ledger.open == 1)
  }

  @Test func whoCouldNotBeServedIsFirstAgain() throws {
    var talk = try PoolTalk(connections: 1)
    for number in 1...4 { _ = talk.place(number, at: 0) }
    let next = talk.takeWaiter()
    let first = try #require(next)
    talk.ledger.putBack(first)
    #expect(talk.ledger.waiting == 3)
    for number in 2...4 { #expect(talk.serve() == Talk.ticket(number)) }
    talk.ledger.putBack(first)
    #expect(talk.serve() == Talk.ticket(2))
    #expect(talk.ledger.waiting == 0)
  }

  // MARK: How long one rests

  @Test func whatWasLearnedEndsARest() throws {
    var talk = try PoolTalk()
    talk.open(1, at: 0)
    #expect(talk.giveBack(1, learned: 900, at: 0) == .rest(until: Talk.at(900)))
    #expect(talk.pool.nextExpiry == Talk.at(900))
    #expect(talk.retireExpired(at: 899) == nil)
    let expired = talk.pool.retireExpired(now: Talk.at(900))
    #expect(expired?.link == Talk.link(1) && expired?.reason == .usPoolLearned)
    #expect(talk.retireExpired(at: 900) == nil)
    #expect(talk.pool.nextExpiry == .distantFuture)
  }

  @Test func theEarliestOfThreeEndsARest() throws {
    var talk = try PoolTalk()
    var hint = ReuseLimit(roundTrip: 0)
    hint.told(ReuseLimitTests.hint("timeout=5"))
    talk.open(1, at: 0)
    #expect(talk.giveBack(1, limit: hint, learned: 4500, at: 0) == .rest(until: Talk.at(4000)))
    #expect(talk.shelf(at: 4000) == .retire(Talk.link(1), .usPoolHint))
    talk.open(2, at: 58_000)
    #expect(talk.giveBack(2, limit: hint, at: 58_000) == .rest(until: Talk.at(60_000)))
    #expect(talk.shelf(at: 60_000) == .retire(Talk.link(2), .usPoolAge))
  }

  // MARK: How many rest

  @Test func surplusIsClosedByHalfAWindow() throws {
    var talk = try PoolTalk(connections: 100)
    for number in 1...40 { talk.open(number, at: 0) }
    for number in 1...40 { _ = talk.giveBack(number, at: 1) }
    // The window saw forty in use.
    #expect(talk.windowEnded() == 0)
    // Now nothing is used: the need falls by halves, and so does what rests beyond it.
    var counts: [Int] = []
    for _ in 0..<8 {
      let surplus = talk.windowEnded()
      for _ in 0..<surplus { _ = talk.pool.retireOldest() }
      counts.append(talk.pool.idleCount)
    }
    #expect(counts == [35, 25, 17, 11, 8, 6, 5, 4])
  }

  @Test func aSteadyLoadKeepsWhatItNeeds() throws {
    var talk = try PoolTalk(connections: 100)
    for number in 1...10 { talk.open(number, at: 0) }
    for number in 1...10 { _ = talk.giveBack(number, at: 1) }
    for _ in 0..<20 {
      #expect(talk.windowEnded() == 0)
      var taken: [Int] = []
      for _ in 0..<10 {
        guard case .reuse(let link, _, _) = talk.shelf(at: 2) else { break }
        taken.append(Int(link.index))
      }
      #expect(taken.count == 10)
      for link in taken { _ = talk.giveBack(link, at: 2) }
    }
  }
}
