// What is done for the connections that rest: closed in time, kept in number, given up when
// descriptors are short.

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool

extension Upstreams {
  // MARK: The end of a rest

  /// A connection came to rest, and may be used until `end`.
  func noteRest(until end: Instant) {
    if state.value.nextWindow == nil { beginWindow() }
    guard end < state.value.nextExpiry else { return }
    state.value.nextExpiry = end
    links.wake(state.value.number, at: end)
  }

  /// Closes the connections that have rested for as long as they may.
  func closeExpired(_ now: Instant) {
    guard now >= state.value.nextExpiry else { return }
    state.value.nextExpiry = .distantFuture
    var next = Instant.distantFuture
    for origin in state.value.pools.indices {
      while let expired = state.value.pools[origin].retireExpired(now: now) {
        giveUp(expired.link, expired.reason)
      }
      noteResting(origin)
      next = min(next, state.value.pools[origin].nextExpiry)
    }
    guard next < .distantFuture else { return }
    state.value.nextExpiry = next
    links.wake(state.value.number, at: next)
  }

  // MARK: How many rest

  /// From now on the windows of the demand are counted.
  func beginWindow() {
    guard state.value.nextWindow == nil else { return }
    let end = links.now.advanced(milliseconds: Demand.window)
    state.value.nextWindow = end
    links.wake(state.value.number, at: end)
  }

  /// Closes what rests beyond the need, opens what is to be kept warm, and forgets origins.
  func endWindow(_ now: Instant) {
    guard let end = state.value.nextWindow, now >= end else { return }
    state.value.nextWindow = nil
    var isQuiet = true
    for origin in state.value.pools.indices {
      var surplus = state.value.pools[origin].windowEnded()
      if origin < state.value.configured { surplus = keepWarm(origin, surplus) }
      for _ in 0..<surplus {
        guard let oldest = state.value.pools[origin].retireOldest() else { break }
        giveUp(oldest, .usPoolSurplus)
      }
      noteResting(origin)
      age(origin)
      forgetUnused(origin, now)
      if !state.value.pools[origin].isUnused { isQuiet = false }
    }
    let hasNamed = state.value.origins.count - state.value.vacant.count > state.value.configured
    if !isQuiet || hasNamed || links.settings[.upstreamWarm] > 0 { beginWindow() }
  }

  /// Opens what lacks of `upstream.warm`, our share of it. Returns how much of `surplus` may go.
  private func keepWarm(_ origin: Int, _ surplus: Int) -> Int {
    let warm = links.settings[.upstreamWarm]
    if warm == 0 || links.isDraining { return surplus }
    let share = (warm + neighbours.loops - 1) / neighbours.loops
    let pool = state.value.pools[origin]
    let lacking = share - pool.leased - pool.dialling - pool.idleCount
    for _ in 0..<max(lacking, 0) {
      guard state.value.shared[origin].withLedger({ $0.take() }) else { break }
      state.value.pools[origin].dialForWaiting()
      startDial(.none, origin: origin, .newNoneIdle)
    }
    return max(0, min(surplus, -lacking))
  }

  /// Forgets an origin that no request has named for `upstream.origin-age`.
  private func forgetUnused(_ origin: Int, _ now: Instant) {
    let age = links.settings[.originAge]
    guard mayForget(origin),
      now >= state.value.origins[origin].used.advanced(milliseconds: age)
    else { return }
    forget(origin)
  }

  // MARK: Descriptors

  /// No descriptor is left: closes idle connections, the oldest of each upstream first, at most
  /// eight. False when none rests on this loop.
  func relieve() -> Bool {
    var left = 8
    var hasMore = true
    while left > 0 && hasMore {
      hasMore = false
      for origin in state.value.pools.indices where left > 0 {
        guard let oldest = state.value.pools[origin].retireOldest() else { continue }
        giveUp(oldest, .usPoolPressure)
        noteResting(origin)
        left -= 1
        hasMore = true
      }
    }
    return left < 8
  }

  /// Accepting found no descriptor.
  package func descriptorsAreShort() { _ = relieve() }

  /// Descriptors were freed: dials that failed for want of one go on.
  func resumeRelieved() {
    while let dial = state.value.relieved.popLast() { attempt(dial) }
  }

  // MARK: What is learned

  /// A connection ended while it rested.
  func noteLost(_ resting: Pool.Resting, _ origin: Int, _ reason: EndReason) {
    guard case .upstreamClosedIdle = reason else { return }
    noteClosed(afterRest: Int(links.now.since(resting.since) / 1_000_000), origin)
  }

  /// The upstream has ended a connection after so many milliseconds of rest.
  func noteClosed(afterRest rest: Int, _ origin: Int) {
    learn(origin) { [now = links.now] in $0.closed(afterRest: rest, now: now) }
  }

  /// A request was answered on a connection that had rested so many milliseconds. Speaks only
  /// against what was seen before.
  func noteSurvived(_ rest: Int, _ origin: Int) {
    learn(origin) { [now = links.now] in $0.survived(rest: rest, now: now) }
  }

  private func learn(_ origin: Int, _ change: (inout RestLesson) -> Void) {
    let known = state.value.shared[origin].learn(
      now: links.now, roundTrip: state.value.origins[origin].roundTrip,
      memory: links.settings[.learnedAge], change)
    note(known, origin)
  }

  /// What was learned holds for this loop from now on.
  func note(_ known: SharedOrigin.Rest, _ origin: Int) {
    state.value.pools[origin].learned = known.limit
    state.value.pools[origin].isLearning = known != .unknown
  }

  /// What was learned long ago is forgotten.
  func age(_ origin: Int) {
    if state.value.pools[origin].isLearning { learn(origin) { _ in } }
  }
}
