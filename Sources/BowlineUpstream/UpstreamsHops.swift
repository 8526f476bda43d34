// What the upstreams have shown of themselves, and what follows for the use of connections.

package import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool

extension Upstreams {
  // MARK: Leases

  /// A lease on a connection that was open already.
  func lease(
    again link: Handle, origin: Int, _ reason: LeaseReason, _ limit: ReuseLimit, rested: Int
  ) -> Lease {
    var limit = limit
    limit.used()
    var facts: LeaseFacts = [.reused, .second, .settled]
    if !state.value.pools[origin].hop.isSettled { facts = unsettledFacts(link, origin) }
    return Lease(link: link, origin: origin, facts, reason, limit: limit, rested: rested)
  }

  private func unsettledFacts(_ link: Handle, _ origin: Int) -> LeaseFacts {
    if links.exchangeCount(link) == 0 { return .reused }
    let isWatched = state.value.pools[origin].hop.isWatched
    return isWatched ? [.reused, .second, .watched] : [.reused, .second]
  }

  /// A lease on a connection that was dialled for it.
  func lease(new link: Handle, origin: Int, _ reason: LeaseReason) -> Lease {
    let memory = state.value.pools[origin].limits.hungMemory
    let keeps = state.value.pools[origin].hop.connected(links.now, memory: memory)
    var reason = reason
    if !keeps, case .newNoneIdle = reason { reason = .newHopCloses }
    return Lease(link: link, origin: origin, keeps ? [] : .last, reason, limit: firstLimit(link))
  }

  /// The limit of a connection on which nothing was said yet. The time that connecting took is one
  /// round trip.
  func firstLimit(_ link: Handle) -> ReuseLimit {
    ReuseLimit(roundTrip: Int(links.now.since(links.facts(link).opened) / 1_000_000))
  }

  // MARK: What is learned

  /// The head of a final response has come on a leased connection.
  ///
  /// - Parameters:
  ///   - origin: from which upstream.
  ///   - version: of the response.
  ///   - sign: the head holds the keep-alive option or the Keep-Alive field.
  ///   - second: the connection had carried an exchange before.
  package func answered(_ origin: Int, _ version: Version, sign: Bool, second: Bool) {
    state.value.pools[origin].hop.answered(version, sign: sign, second: second)
    if version < .http11 { state.value.hasOldHop = true }
  }

  /// True when a request hung on a connection of the upstream, and none is reused.
  package func isHung(_ origin: Int) -> Bool { state.value.pools[origin].hop.isHung }

  /// True when the upstream is known to speak HTTP/1.0.
  package func speaksOld(_ origin: Int) -> Bool {
    state.value.hasOldHop && state.value.pools[origin].hop.speaksOld
  }

  /// A lease ended without a byte coming back in time: that says something about the hop if its
  /// connection had carried an exchange before. A relay that waits for its end does not read
  /// either.
  func noteEnd(_ lease: borrowing Lease, _ reason: EndReason, _ evidence: Evidence) {
    switch reason {
    case .upstreamClosedOnReuse, .upstreamResetOnReuse, .upstreamClosedWaiting,
      .upstreamResetWaiting:
      // The last two are of a connection that had only rested, if it is not new.
      if lease.wasReused { noteClosed(afterRest: Int(lease.rested), lease.origin) }
      return
    case .upstreamHungOnReuse, .upstreamTimeoutResponse, .upstreamStalledWrite: break
    default: return
    }
    if case .responseBegan = evidence { return }
    guard lease.isSecond else { return }
    let origin = lease.origin
    guard state.value.pools[origin].hop.fellSilent(links.now) else { return }
    closeIdle(origin, .usPoolHop)
  }
}
