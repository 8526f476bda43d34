package import BowlineCore
package import BowlinePool
internal import Synchronization

/// What the loops of a process share about one upstream.
///
/// Its ledger stands behind a lock, held for a few lines when a connection comes or goes or a
/// request waits. Two kinds of numbers can be read without it: how many requests wait, and how many
/// connections rest on each loop. A loop that lets a connection rest writes the second and then
/// reads the first; a loop whose request waits does it the other way round. So one of the two
/// always sees the other, and nobody waits while a connection rests unseen.
package final class SharedOrigin: Sendable {
  private final class Number: Sendable {
    let value = Atomic(0)
  }

  private let ledger: Mutex<Ledger>
  private let awaited = Atomic(0)
  private let resting: [Number]
  private let lesson = Mutex(RestLesson())
  private let rest = Atomic(Rest.unknown.rawValue)
  /// Where each loop has it in its own table, from 1; 0 is nowhere.
  private let places: [Number]

  package init(loops: Int, _ limits: PoolLimits) {
    ledger = Mutex(Ledger(limits))
    resting = (0..<loops).map { _ in Number() }
    places = (0..<loops).map { _ in Number() }
  }

  /// Changes the ledger. Keep it short, and call nothing that waits.
  func withLedger<Result: Sendable>(_ change: (inout Ledger) -> Result) -> Result {
    ledger.withLock { ledger in
      let result = change(&ledger)
      awaited.store(ledger.waiting, ordering: .sequentiallyConsistent)
      return result
    }
  }

  /// True when some request waits for a connection.
  var isAwaited: Bool { awaited.load(ordering: .sequentiallyConsistent) > 0 }

  /// Places in use: connections of all loops, from the dial until the socket is closed.
  package var open: Int { ledger.withLock(\.open) }

  /// Requests that wait and would take any connection.
  package var waitingForAny: Int { ledger.withLock { $0.waiting - $0.carefulWaiting } }

  /// Requests that wait.
  package var waiting: Int { awaited.load(ordering: .sequentiallyConsistent) }

  // MARK: Resting connections

  func setResting(_ count: Int, on loop: Int) {
    resting[loop].value.store(count, ordering: .sequentiallyConsistent)
  }

  /// Connections that rest on other loops than `loop`.
  func restingElsewhere(than loop: Int) -> Int {
    var sum = 0
    for index in resting.indices where index != loop {
      sum += resting[index].value.load(ordering: .sequentiallyConsistent)
    }
    return sum
  }

  /// The other loop on which most connections rest; nil when none does.
  func richest(except loop: Int) -> Int? {
    var found: (loop: Int, count: Int)?
    for index in resting.indices where index != loop {
      let count = resting[index].value.load(ordering: .sequentiallyConsistent)
      if count > found?.count ?? 0 { found = (index, count) }
    }
    return found?.loop
  }

  // MARK: How long a connection may rest

  /// What was learned, readable without a lock: milliseconds, or one of two words.
  struct Rest: Equatable {
    let rawValue: Int
    /// Nothing is known, and nothing was seen.
    static let unknown = Rest(rawValue: -1)
    /// Some closes were seen, and nothing is believed yet.
    static let unsettled = Rest(rawValue: -2)

    /// Milliseconds that a connection may rest; nil is not known.
    var limit: Int? { rawValue < 0 ? nil : rawValue }
  }

  var learned: Rest { Rest(rawValue: rest.load(ordering: .relaxed)) }

  /// What is believed, in words; nil when nothing is.
  package func lesson(now: Instant, memory: Int) -> String? {
    lesson.withLock { $0.belief(now: now, memory: memory) }.map {
      "closes connections that rest \(SettingUnit.milliseconds.text($0.age)) "
        + "(seen at \($0.samples) moments)"
    }
  }

  /// Learns, and returns what is known then.
  ///
  /// - Parameters:
  ///   - now: when.
  ///   - roundTrip: to the upstream, in milliseconds.
  ///   - memory: `upstream.learned-age`.
  ///   - change: what was seen.
  /// - Returns: what the loops may go by from now on.
  func learn(
    now: Instant, roundTrip: Int, memory: Int, _ change: (inout RestLesson) -> Void
  ) -> Rest {
    lesson.withLock { lesson in
      change(&lesson)
      let limit = lesson.limit(now: now, roundTrip: roundTrip, memory: memory)
      let known = limit.map(Rest.init(rawValue:)) ?? (lesson.isEmpty ? .unknown : .unsettled)
      rest.store(known.rawValue, ordering: .relaxed)
      return known
    }
  }

  // MARK: Places in the loops' tables

  func setPlace(_ place: Int?, on loop: Int) {
    places[loop].value.store((place ?? -1) + 1, ordering: .relaxed)
  }

  func place(on loop: Int) -> Int? {
    let place = places[loop].value.load(ordering: .relaxed)
    return place == 0 ? nil : place - 1
  }
}
