import BowlineCore
import BowlinePool
import Testing

/// An origin of the tests: at which age it closes a connection that rests, and what it measures to.
struct RestingOrigin: Sendable, CustomTestStringConvertible {
  enum Habit: Sendable {
    /// A timer for each connection.
    case exact(Int)
    /// A look at all connections once in so many milliseconds.
    case sweep(Int, every: Int)
    /// A timeout that differs by up to so many percent, both ways.
    case jitter(Int, percent: Int)
    /// Any age below.
    case random(below: Int)
  }

  let habit: Habit
  var testDescription: String { "\(habit)" }

  func age(_ random: inout Seeded) -> Int {
    switch habit {
    case .exact(let age): age
    case .sweep(let age, let every): age + random.below(every)
    case .jitter(let age, let percent):
      age + age * (random.below(2 * percent + 1) - percent) / 100
    case .random(let most): 1 + random.below(most)
    }
  }
}

/// A pool that obeys the lesson, one connection at a time: it comes to rest, and either a request
/// comes for it in time, or its origin closes it, or it has rested for as long as it may.
struct RestingPool {
  static let memory = 600_000
  static let ownLimit = 30_000

  var lesson = RestLesson()
  var random: Seeded
  var now = PoolTalk.start
  /// Closes by the origin that were seen.
  var closes = 0
  /// Closes after which something was believed first.
  var closesNeeded: Int?
  /// Limits, one for each connection that came to rest while there was one.
  var limits: [Int] = []
  /// Connections that came to rest.
  var rests = 0

  init(seed: Int) { random = Seeded(seed) }

  var limit: Int? { lesson.limit(now: now, roundTrip: 1, memory: Self.memory) }
  var belief: RestLesson.Belief? { lesson.belief(now: now, memory: Self.memory) }

  var minutes: Int64 { now.since(PoolTalk.start) / 60_000_000_000 }

  mutating func pass(_ milliseconds: Int) { now = now.advanced(milliseconds: milliseconds) }

  /// One rest. Gaps between requests are of all lengths; what is measured is up to 3 ms more than
  /// what the origin measures.
  mutating func rest(_ origin: RestingOrigin, gap longest: Int = 20_000) {
    let gap = 1 + random.below(longest)
    let age = origin.age(&random)
    let limit = limit
    rests += 1
    if let limit { limits.append(limit) }
    let most = min(limit ?? Self.ownLimit, Self.ownLimit)
    if age < min(gap, most) {
      pass(age)
      close(age + random.below(4))
    } else {
      pass(min(gap, most))
      if gap <= most { lesson.survived(rest: gap, now: now) }
    }
    // The exchange that follows, or the next connection.
    pass(300 + random.below(500))
  }

  mutating func close(_ age: Int) {
    closes += 1
    lesson.closed(afterRest: age, now: now)
    if closesNeeded == nil, belief != nil { closesNeeded = closes }
  }

  /// All of an origin's connections end at one moment, at different ages below `most`.
  mutating func restart(_ connections: Int, below most: Int, taking milliseconds: Int = 0) {
    for _ in 0..<connections {
      lesson.closed(afterRest: random.below(most), now: now)
      pass(milliseconds / connections)
    }
    pass(1000)
  }
}

struct RestLessonTests {
  private static let seeds = 1...100

  @Test(arguments: [200, 1000, 5000, 15_000])
  func anExactTimeoutTakesTwoCloses(age: Int) {
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      while pool.minutes < 8 { pool.rest(RestingOrigin(habit: .exact(age))) }
      #expect(pool.closesNeeded == 2, "seed \(seed)")
      // Obeyed, it costs nothing more.
      #expect(pool.closes == 2, "seed \(seed)")
      #expect(pool.limits.allSatisfy { $0 <= age && $0 * 10 >= age * 8 }, "seed \(seed)")
    }
  }

  @Test func aSweepIsLearnedByItsBeginning() {
    let origin = RestingOrigin(habit: .sweep(5000, every: 1000))
    var most = 0
    var above = 0
    var limits = 0
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      for _ in 0..<400 { pool.rest(origin) }
      most = max(most, pool.closesNeeded ?? .max)
      limits += pool.limits.count
      above += pool.limits.count { $0 > 5000 }
      #expect(pool.limits.allSatisfy { $0 < 6000 && $0 >= 4000 }, "seed \(seed)")
    }
    #expect(most <= 5)
    // The least of few ages may lie above what is meant; closes below it correct that.
    #expect(above * 10 < limits)
  }

  @Test func aTimeoutThatVariesIsLearnedByItsLeast() {
    let origin = RestingOrigin(habit: .jitter(5000, percent: 20))
    var most = 0
    var deaths = 0
    var rests = 0
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      for _ in 0..<400 { pool.rest(origin) }
      most = max(most, pool.closesNeeded ?? .max)
      deaths += pool.closes
      rests += pool.rests
      #expect(pool.limits.allSatisfy { $0 <= 5401 && $0 >= 3600 }, "seed \(seed)")
    }
    #expect(most <= 8)
    #expect(deaths * 20 < rests)
  }

  @Test(arguments: [0, 100, 1000])
  func aRestartSaysNothing(milliseconds: Int) {
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      for _ in 0..<10 {
        pool.pass(60_000)
        pool.restart(20, below: 20_000, taking: milliseconds)
        #expect(pool.belief == nil, "seed \(seed)")
      }
    }
  }

  @Test func aRestartChangesNoBelief() {
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      for _ in 0..<50 { pool.rest(RestingOrigin(habit: .exact(5000))) }
      let before = pool.limit
      pool.restart(20, below: 4500)
      #expect(before != nil && pool.limit == before, "seed \(seed)")
    }
  }

  /// Many connections came to rest together and reach the timeout together: that is one close.
  @Test func closesOfOneMomentAreOne() {
    var pool = RestingPool(seed: 1)
    for _ in 0..<10 { pool.close(5000) }
    #expect(pool.belief == nil)
    pool.pass(5000)
    for age in [5010, 5003, 5007] { pool.close(age) }
    #expect(pool.belief?.age == 5000)
    #expect(pool.belief?.samples == 2)
    #expect(pool.belief?.learned == pool.now)
    // A moment that turns out to be a restart takes back what it has said.
    pool.close(60)
    #expect(pool.belief == nil)
  }

  @Test func aTimeoutThatChangesIsLearnedAnew() {
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      for _ in 0..<100 { pool.rest(RestingOrigin(habit: .exact(5000))) }
      #expect(pool.belief.map { 5000...5003 ~= $0.age } == true, "seed \(seed)")
      // Shorter: two closes tell.
      let closes = pool.closes
      for _ in 0..<100 { pool.rest(RestingOrigin(habit: .exact(1000))) }
      #expect(pool.belief.map { 1000...1003 ~= $0.age } == true, "seed \(seed)")
      #expect(pool.closes == closes + 2, "seed \(seed)")
      // Longer again: nothing tells until the belief is too old. Then two closes do.
      let learned = pool.belief?.learned ?? pool.now
      while pool.now.since(learned) < Int64(RestingPool.memory - 30_000) * 1_000_000 {
        pool.rest(RestingOrigin(habit: .exact(5000)))
        #expect(pool.limit ?? .max <= 1000, "seed \(seed)")
      }
      pool.pass(60_000)
      #expect(pool.belief == nil, "seed \(seed)")
      for _ in 0..<100 { pool.rest(RestingOrigin(habit: .exact(5000))) }
      #expect(pool.belief.map { 5000...5003 ~= $0.age } == true, "seed \(seed)")
      #expect(pool.closes == closes + 4, "seed \(seed)")
    }
  }

  /// It cannot be told from a timeout by two closes that happen to agree. It must stay rare, and
  /// within what the origin does.
  @Test func closesAtRandomAreSeldomBelieved() {
    var believed = 0
    var rests = 0
    for seed in Self.seeds {
      var pool = RestingPool(seed: seed)
      for _ in 0..<100 { pool.rest(RestingOrigin(habit: .random(below: 60_000))) }
      believed += pool.limits.count
      rests += pool.rests
      #expect(pool.limits.allSatisfy { $0 < 30_000 }, "seed \(seed)")
    }
    #expect(believed * 3 < rests)
  }

  /// An origin with a limit of requests closes right behind the last response.
  @Test func closesBehindAResponseAreNoTimeout() {
    var pool = RestingPool(seed: 7)
    for _ in 0..<1000 {
      pool.close(pool.random.below(10))
      pool.pass(1000)
    }
    #expect(pool.belief == nil)
    #expect(pool.limit == nil)
  }

  @Test func oneCloseByItselfIsNothing() {
    var pool = RestingPool(seed: 1)
    pool.close(1400)
    #expect(pool.belief == nil)
    for _ in 0..<3 {
      pool.pass(6000)
      pool.close(5000)
    }
    #expect(pool.belief?.age == 5000)
    pool.pass(1000)
    pool.close(4000)
    pool.pass(1000)
    #expect(pool.belief?.age == 5000)
  }

  /// Ages that agree within 10 % take three closes, not two.
  @Test func roughAgreementTakesThree() {
    var pool = RestingPool(seed: 1)
    for (age, believed) in [(5400, nil), (5000, nil), (5200, 5000)] as [(Int, Int?)] {
      pool.close(age)
      pool.pass(10_000)
      #expect(pool.belief?.age == believed)
    }
  }

  @Test func aLongerRestSpeaksAgainstIt() {
    var pool = RestingPool(seed: 1)
    for _ in 0..<2 {
      pool.close(1000)
      pool.pass(2000)
    }
    #expect(pool.limit == 900)
    // A sweep could explain this much.
    pool.lesson.survived(rest: 2000, now: pool.now)
    #expect(pool.limit == 900)
    pool.lesson.survived(rest: 2001, now: pool.now)
    #expect(pool.belief == nil)
    // It recurs: one of several servers behind one address.
    for _ in 0..<2 {
      pool.close(1000)
      pool.pass(2000)
    }
    #expect(pool.limit == 900)
    // A close at a greater age says the same as an answer.
    pool.close(2001)
    #expect(pool.belief == nil)
  }

  @Test func whatWasLearnedAges() {
    var pool = RestingPool(seed: 1)
    pool.close(5000)
    pool.pass(10_000)
    pool.close(5000)
    let learned = pool.now
    for memory in [1000, 60_000, 86_400_000] {
      func limit(_ age: Int) -> Int? {
        pool.lesson.limit(now: learned.advanced(milliseconds: age), roundTrip: 1, memory: memory)
      }
      // The first of the two is 10 s older.
      #expect(limit(max(0, memory - 10_001)) == (memory > 10_000 ? 4500 : nil))
      #expect(limit(memory) == nil)
    }
  }

  /// One sample after the other is forgotten; what is left must still agree.
  @Test func samplesAgeOneByOne() {
    var pool = RestingPool(seed: 1)
    for age in [5000, 5300, 5310] {
      pool.close(age)
      pool.pass(10_000)
    }
    // They were seen 30, 20 and 10 s ago.
    for (memory, age, samples) in [
      (30_001, 5000, 3), (30_000, 5300, 2), (20_001, 5300, 2), (20_000, nil, 0), (10_000, nil, 0),
    ] as [(Int, Int?, Int)] {
      let belief = pool.lesson.belief(now: pool.now, memory: memory)
      #expect(belief?.age == age)
      #expect((belief?.samples ?? 0) == samples)
    }
  }

  @Test func theMarginIsARoundTripOrATenth() {
    var pool = RestingPool(seed: 1)
    for _ in 0..<2 {
      pool.close(1000)
      pool.pass(2000)
    }
    for (roundTrip, limit) in [(0, 900), (100, 900), (300, 700), (990, 10), (991, 0), (5000, 0)] {
      #expect(
        pool.lesson.limit(now: pool.now, roundTrip: roundTrip, memory: 60_000) == limit)
    }
  }

  @Test func noNumberDoesHarm() {
    var pool = RestingPool(seed: 1)
    for age in [Int.min, -1, 0, 9, 10, 11, Int(UInt32.max), Int.max, Int.max] {
      pool.lesson.closed(afterRest: age, now: pool.now)
      pool.lesson.survived(rest: age, now: pool.now)
      _ = pool.lesson.limit(now: pool.now, roundTrip: .max, memory: .max)
      _ = pool.lesson.limit(now: pool.now, roundTrip: 0, memory: 0)
      pool.pass(1000)
    }
    let age = Int(UInt32.max)
    #expect(pool.lesson.belief(now: pool.now, memory: 60_000)?.age == age)
    // Another loop's clock may be ahead by a moment.
    pool.lesson.closed(afterRest: 5000, now: Instant(nanoseconds: 0))
    // An origin that closes after 12 ms is not reused after a rest.
    var hasty = RestingPool(seed: 1)
    for _ in 0..<2 {
      hasty.close(11)
      hasty.pass(1000)
    }
    #expect(hasty.limit == 0)
  }
}
