import BowlineCore
import BowlineJournal
import BowlinePool
import Testing

/// What is known of a next hop: every event in every state.
struct HopTests {
  private static let memory = 600_000
  private static let start = PoolTalk.start

  private static func hop(_ state: Hop.State) -> Hop {
    var hop = Hop()
    switch state {
    case .unproven: break
    case .proven: hop.answered(.http11, sign: false, second: true)
    case .suspect: hop.answered(.http11, sign: true, second: false)
    case .hung: _ = hop.fellSilent(start)
    case .trying:
      _ = hop.fellSilent(start.advanced(milliseconds: -memory))
      #expect(hop.connected(start, memory: memory) == true)
    }
    #expect(hop.state == state)
    return hop
  }

  @Test(
    arguments: [
      (.unproven, .unproven, .suspect), (.proven, .proven, .proven), (.suspect, .suspect, .suspect),
      (.hung, .hung, .hung), (.trying, .trying, .trying),
    ] as [(Hop.State, Hop.State, Hop.State)])
  func firstAnswersOnlyRaiseSuspicion(_ state: Hop.State, _ plain: Hop.State, _ sign: Hop.State) {
    var hop = Self.hop(state)
    hop.answered(.http11, sign: false, second: false)
    #expect(hop.state == plain)
    hop.answered(.http11, sign: true, second: false)
    #expect(hop.state == sign)
    #expect(!hop.speaksOld)
    hop.answered(.http10, sign: false, second: false)
    #expect(hop.speaksOld)
    #expect(hop.state == sign)
  }

  @Test func anOldVersionIsASign() {
    var hop = Hop()
    hop.answered(.http10, sign: false, second: false)
    #expect(hop.state == .suspect)
    #expect(hop.isWatched)
    hop.answered(.http11, sign: false, second: false)
    #expect(!hop.speaksOld)
  }

  @Test(arguments: [Hop.State.unproven, .proven, .suspect, .hung, .trying])
  func aSecondAnswerIsAProof(_ state: Hop.State) {
    var hop = Self.hop(state)
    hop.answered(.http11, sign: true, second: true)
    #expect(hop.state == .proven)
    #expect(!hop.isWatched)
    #expect(!hop.isHung)
    // What a dumb relay can never do is not forgotten.
    #expect(hop.fellSilent(Self.start) == false)
    #expect(hop.state == .proven)
  }

  @Test(arguments: [Hop.State.unproven, .suspect, .hung, .trying])
  func silenceOnReuseEndsReuse(_ state: Hop.State) {
    var hop = Self.hop(state)
    #expect(hop.fellSilent(Self.start) == true)
    #expect(hop.isHung)
    #expect(!hop.isWatched)
    #expect(hop.connected(Self.start, memory: Self.memory) == false)
  }

  @Test func onlyAProvenHopOf11IsSettled() {
    for state in [Hop.State.unproven, .suspect, .hung, .trying] {
      #expect(!Self.hop(state).isSettled)
    }
    var hop = Self.hop(.proven)
    #expect(hop.isSettled)
    hop.answered(.http10, sign: false, second: false)
    #expect(!hop.isSettled)
    hop.answered(.http11, sign: false, second: false)
    #expect(hop.isSettled)
  }

  @Test func onlyASuspectOrTriedHopIsWatched() {
    #expect(!Self.hop(.unproven).isWatched)
    #expect(Self.hop(.suspect).isWatched)
    #expect(Self.hop(.trying).isWatched)
    #expect(!Self.hop(.hung).isWatched)
  }

  @Test func oneConnectionIsTriedWhenTheMemoryFades() {
    var hop = Self.hop(.hung)
    let early = Self.start.advanced(milliseconds: Self.memory - 1)
    let late = Self.start.advanced(milliseconds: Self.memory)
    #expect(hop.connected(early, memory: Self.memory) == false)
    #expect(hop.connected(late, memory: Self.memory) == true)
    #expect(hop.state == .trying)
    // One only; another when this one came to nothing.
    #expect(hop.connected(late, memory: Self.memory) == false)
    #expect(hop.connected(late.advanced(milliseconds: Self.memory), memory: Self.memory) == true)
    #expect(hop.fellSilent(late) == true)
    #expect(hop.connected(late, memory: Self.memory) == false)
  }

  @Test func otherHopsKeepEveryConnection() {
    for state in [Hop.State.unproven, .proven, .suspect] {
      var hop = Self.hop(state)
      #expect(hop.connected(Self.start, memory: Self.memory) == true)
      #expect(hop.state == state)
    }
  }
}

/// What an upstream's Keep-Alive says about one connection.
struct ReuseLimitTests {
  private static let start = PoolTalk.start

  private static func limit(_ field: String, roundTrip: Int = 0) -> ReuseLimit {
    var limit = ReuseLimit(roundTrip: roundTrip)
    limit.told(hint(field))
    return limit
  }

  static func hint(_ field: String) -> KeepAliveHint {
    var head = HeadBlock()
    head.compose(status: 200)
    head.add(.connection, "keep-alive")
    head.add(.keepAlive) { $0.append(utf8: field) }
    return KeepAliveHint(head, ConnectionOptions(head))
  }

  // covers: R163
  @Test(arguments: [
    ("timeout=5", 0, 4000), ("timeout=5", 300, 4000), ("timeout=5", 3500, 1500),
    ("timeout=2", 0, 1000), ("timeout=4294967295", 0, Int.max),
  ])
  func timeIsShortenedByAMargin(_ field: String, _ roundTrip: Int, _ rest: Int) {
    let limit = Self.limit(field, roundTrip: roundTrip)
    #expect(!limit.forbidsReuse)
    let end = rest == .max ? .distantFuture : Self.start.advanced(milliseconds: rest)
    #expect(limit.end(from: Self.start) == end)
  }

  // covers: R163
  @Test(arguments: [
    ("timeout=0", 0), ("timeout=1", 0), ("timeout=5", 5000), ("max=0", 0),
    ("timeout=60, max=0", 0),
  ])
  func aSecondOrLessIsNoReuse(_ field: String, _ roundTrip: Int) {
    #expect(Self.limit(field, roundTrip: roundTrip).forbidsReuse)
  }

  @Test func requestsAreCountedDownUntilTheNextWord() {
    var limit = Self.limit("max=2")
    limit.used()
    #expect(!limit.forbidsReuse)
    limit.used()
    #expect(limit.forbidsReuse)
    limit.told(Self.hint("max=1"))
    #expect(!limit.forbidsReuse)
    limit.told(Self.hint("timeout=9"))
    limit.used()
    limit.used()
    #expect(limit.forbidsReuse)
  }

  @Test func nothingSaidIsNoLimit() {
    var limit = ReuseLimit()
    limit.used()
    #expect(!limit.forbidsReuse)
    #expect(limit.end(from: Self.start) == .distantFuture)
  }

  @Test func thePoolGivesOutWhatHasNotExpired() throws {
    var talk = try PoolTalk(connections: 3)
    for number in 1...3 { talk.open(number, at: 0) }
    let long = Self.limit("timeout=9")
    _ = talk.giveBack(1, limit: long, at: 0)
    _ = talk.giveBack(2, limit: Self.limit("timeout=2"), at: 0)
    #expect(talk.giveBack(3, limit: Self.limit("max=0"), at: 0) == .close(.usPoolHint))
    #expect(talk.pool.nextExpiry == PoolTalk.at(1000))
    #expect(talk.shelf(at: 1000) == .retire(PoolTalk.link(2), .usPoolHint))
    #expect(talk.shelf(at: 1000) == .reuse(PoolTalk.link(1), long, rested: 1000))
    #expect(talk.pool.leased == 1 && talk.pool.closing == 2)
  }

  @Test func thePoolFindsWhatExpiresWhileItRests() throws {
    var talk = try PoolTalk(connections: 3)
    for number in 1...2 { talk.open(number, at: 0) }
    _ = talk.giveBack(1, limit: Self.limit("timeout=2"), at: 0)
    _ = talk.giveBack(2, at: 0)
    #expect(talk.retireExpired(at: 999) == nil)
    #expect(talk.retireExpired(at: 1000) == PoolTalk.link(1))
    #expect(talk.retireExpired(at: 1000) == nil)
    #expect(talk.pool.nextExpiry == PoolTalk.at(60_000))
    #expect(talk.pool.idleCount == 1)
  }

  @Test func aHungHopKeepsNothing() throws {
    var talk = try PoolTalk()
    talk.open(1, at: 0)
    let isHung = talk.pool.hop.fellSilent(Self.start)
    #expect(isHung)
    #expect(talk.giveBack(1, at: 0) == .close(.usPoolHop))
    #expect(talk.closed() == nil)
    #expect(talk.pool.open == 0 && talk.ledger.open == 0)
  }
}
