// At which age an origin closes connections that rest.
//
// Most servers close an idle connection after a fixed time and tell nobody which. A proxy that
// keeps connections longer sends requests into closing ones. A GET is sent again then; a POST fails
// that need not have. So the pool learns the age from the closes it sees, and stops reusing
// connections a little before it.
//
// What is evidence? A timeout shows itself as closes at different moments with the same age. What
// else closes connections does not:
//
// - A restart or a drain of the origin closes many at one moment, at different ages. So closes
//   within a quarter of a second are one moment, and a moment is one sample, at its least age; if
//   its ages are far apart, it is none.
// - A limit of requests closes right behind a response. Ages below 10 ms are not looked at.
// - One close by itself may be anything. So ages must agree, and be half of what is remembered.
//   Two that agree within 2 % are enough, because servers with a timer for each connection are that
//   exact and chance seldom is; three within 10 %; or, from servers that sweep now and then or vary
//   their timeout, five of which three quarters lie within 60 %. The least age that is believable
//   counts: a sweep of every second closes at T to T + 1 s, and T is what must not be passed.
// - A connection that lived on after a longer rest, because a request on it was answered or because
//   it was closed at a greater age, speaks against what was learned before: samples of less than
//   half its rest are dropped. Half, because of the sweeps. An origin of several servers with
//   different timeouts brings them back at once.
//
// A belief ends the evidence for itself: who obeys the limit sees no more closes, and rests no
// longer. So it stands until its samples are older than `upstream.learned-age`. Then connections
// rest longer again, some die, and the next two closes teach what holds now. A timeout that became
// shorter shows at once, since connections still rest that long.
//
// Chance can agree, too: an origin that closes at random is believed now and then. The price is
// that connections are not kept as long as they might, and it ages like everything.
//
// Nothing that an origin does can make a limit longer than the pool's own, because the pool takes
// the least of all. The worst is no reuse after any rest.

package import BowlineCore

/// What is known of how long one upstream keeps connections that rest.
package struct RestLesson: Sendable, BitwiseCopyable {
  /// What is believed, for showing.
  package struct Belief: Equatable, Sendable, BitwiseCopyable {
    /// Milliseconds at rest after which the upstream closes.
    package let age: Int
    /// Moments at which it did, as far as they are remembered.
    package let samples: Int
    /// When it was seen last.
    package let learned: Instant
  }

  private struct Sample: BitwiseCopyable {
    /// Milliseconds at rest; 0 is no sample.
    var rest: UInt32 = 0
    var at = Instant(nanoseconds: 0)

    func counts(since oldest: Instant) -> Bool { rest > 0 && at > oldest }
  }

  /// The closes that were seen at one moment.
  private struct Moment: BitwiseCopyable {
    var began = Instant(nanoseconds: 0)
    var last = Instant(nanoseconds: 0)
    /// Of the ages; 0 before the first moment.
    var least: UInt32 = 0
    var most: UInt32 = 0

    /// A restart goes on while one close follows the other; of anything else a new moment begins
    /// in time, or an origin that always closes something would be one moment for ever.
    func includes(_ now: Instant) -> Bool {
      least > 0 && now.since(isSpread ? last : began) <= RestLesson.momentLength
    }

    /// True for a restart: a sweep of every second would not explain its ages.
    var isSpread: Bool {
      Int(most) > RestLesson.upper(least, percent: 25) + min(Int(least), 1000)
    }

    mutating func add(_ rest: UInt32, now: Instant) {
      least = min(least, rest)
      most = max(most, rest)
      last = now
    }
  }

  /// What all samples say together, worked out when they change: it is asked with every request.
  private struct Summary: BitwiseCopyable {
    var belief: Belief?
    /// The least age among the samples.
    var least = UInt32.max
    var oldest = Instant.distantFuture
    var newest = Instant(nanoseconds: .min)
  }

  /// In nanoseconds.
  private static let momentLength: Int64 = 250_000_000
  /// Milliseconds below which a rest is none: the close belongs to the response before it.
  private static let shortest = 10

  // Few, so that what holds now is soon the half of it.
  private var samples = InlineArray<8, Sample>(repeating: Sample())
  private var moment = Moment()
  private var summary = Summary()

  package init() {}

  /// True while nothing is remembered: what lives on has nothing to speak against.
  package var isEmpty: Bool { summary.least == .max }

  // MARK: Learning

  /// The upstream ended a connection that had carried nothing for so long: its FIN or reset was
  /// seen, or a request died on it without a byte in return.
  ///
  /// - Parameters:
  ///   - milliseconds: since its last response, or since it was opened if it was never used.
  ///   - now: when.
  package mutating func closed(afterRest milliseconds: Int, now: Instant) {
    if milliseconds < Self.shortest { return }
    let rest = UInt32(clamping: milliseconds)
    forget(below: rest)
    if moment.includes(now) {
      moment.add(rest, now: now)
      forget(of: moment.began)
    } else {
      moment = Moment(began: now, last: now, least: rest, most: rest)
    }
    if !moment.isSpread { remember(Sample(rest: moment.least, at: moment.began)) }
    summarize()
  }

  /// A request was answered on a connection that had rested so long.
  ///
  /// - Parameters:
  ///   - milliseconds: since its last response, or since it was opened.
  ///   - now: when.
  package mutating func survived(rest milliseconds: Int, now: Instant) {
    // Nearly every request comes through here, and nearly none teaches anything.
    if milliseconds <= 2 * Int(summary.least) { return }
    forget(below: UInt32(clamping: milliseconds))
    summarize()
  }

  /// Drops the samples that a rest of `rest` speaks against.
  private mutating func forget(below rest: UInt32) {
    for index in samples.indices where Int(samples[index].rest) * 2 < Int(rest) {
      samples[index].rest = 0
    }
  }

  private mutating func forget(of moment: Instant) {
    for index in samples.indices where samples[index].at == moment { samples[index].rest = 0 }
  }

  /// Puts `sample` where none is, or in place of the oldest.
  private mutating func remember(_ sample: Sample) {
    var place = 0
    for index in samples.indices {
      if samples[index].rest == 0 {
        place = index
        break
      }
      if samples[index].at < samples[place].at { place = index }
    }
    samples[place] = sample
  }

  // MARK: Asking

  /// How long a connection may rest and be used again.
  ///
  /// - Parameters:
  ///   - now: when.
  ///   - roundTrip: milliseconds to the upstream and back.
  ///   - memory: milliseconds after which a sample is forgotten (`upstream.learned-age`).
  /// - Returns: milliseconds, 0 for no rest at all; nil while nothing is believed.
  package func limit(now: Instant, roundTrip: Int, memory: Int) -> Int? {
    guard let belief = belief(now: now, memory: memory) else { return nil }
    let left = belief.age - max(roundTrip, (belief.age + 9) / 10)
    return left < Self.shortest ? 0 : left
  }

  /// What is believed now; nil for nothing.
  package func belief(now: Instant, memory: Int) -> Belief? {
    let forgotten = now.advanced(milliseconds: -memory)
    if summary.newest <= forgotten { return nil }
    return summary.oldest > forgotten ? summary.belief : believed(since: forgotten)
  }

  private mutating func summarize() {
    summary = Summary()
    for index in samples.indices where samples[index].rest > 0 {
      summary.least = min(summary.least, samples[index].rest)
      summary.oldest = min(summary.oldest, samples[index].at)
      summary.newest = max(summary.newest, samples[index].at)
    }
    summary.belief = believed(since: Instant(nanoseconds: .min))
  }

  private func believed(since oldest: Instant) -> Belief? {
    let remembered = support(1, .max, since: oldest).samples
    var exact: UInt32?
    var vague: UInt32?
    for index in samples.indices where samples[index].counts(since: oldest) {
      let rest = samples[index].rest
      if agree(rest, since: oldest, of: remembered) {
        exact = min(exact ?? rest, rest)
      } else if agreeVaguely(rest, since: oldest, of: remembered) {
        vague = min(vague ?? rest, rest)
      }
    }
    guard let age = exact ?? vague else { return nil }
    let found = support(age, Self.upper(age, percent: 60), since: oldest)
    return Belief(age: Int(age), samples: found.samples, learned: found.last)
  }

  /// True when enough ages agree with `rest`, which is the least of them.
  private func agree(_ rest: UInt32, since oldest: Instant, of remembered: Int) -> Bool {
    let within2 = support(rest, Self.upper(rest, percent: 2), since: oldest).samples
    if within2 >= 2 && within2 * 2 >= remembered { return true }
    let within10 = support(rest, Self.upper(rest, percent: 10), since: oldest).samples
    return within10 >= 3 && within10 * 2 >= remembered
  }

  private func agreeVaguely(_ rest: UInt32, since oldest: Instant, of remembered: Int) -> Bool {
    let within60 = support(rest, Self.upper(rest, percent: 60), since: oldest).samples
    return within60 >= 5 && within60 * 4 >= remembered * 3
  }

  /// The samples with ages from `least` to `most`, and the last of them.
  private func support(
    _ least: UInt32, _ most: Int, since oldest: Instant
  ) -> (samples: Int, last: Instant) {
    var count = 0
    var last = Instant(nanoseconds: .min)
    for index in samples.indices where samples[index].counts(since: oldest) {
      let sample = samples[index]
      guard sample.rest >= least && Int(sample.rest) <= most else { continue }
      count += 1
      last = max(last, sample.at)
    }
    return (count, last)
  }

  /// The greatest age that agrees with `rest`: a millisecond is what clocks may differ by.
  private static func upper(_ rest: UInt32, percent: Int) -> Int {
    Int(rest) + Int(rest) * percent / 100 + 1
  }
}
