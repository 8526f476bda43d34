// Connections being made: the lookup of a name, then its addresses in order.

package import BowlineCore
import BowlineExchange
package import BowlineJournal
import BowlinePool
package import BowlineTransport

extension Upstreams {
  /// Begins a connection that has a place. `reason` is why it is a new one.
  func startDial(_ ticket: Handle, origin: Int, _ reason: LeaseReason) {
    let dial = dials.insert(
      Dial(ticket: ticket, origin: origin, reason: reason, began: links.now))
    if ticket == .none { dials[dial].isCancelled = true }
    if hasAddresses(origin) {
      attempt(dial)
    } else {
      dials[dial].isResolving = true
      lookUp(origin)
    }
  }

  func attempt(_ dial: Handle) {
    let address = state.value.origins[dials[dial].origin].addresses[dials[dial].address]
    let link = links.dial(address, owner: state.value.number, since: dials[dial].began)
    state.value.dialling.append(DiallingLink(link: link, dial: dial))
  }

  package func linkOpened(_ link: Handle) {
    guard let index = state.value.dialling.lastIndex(where: { $0.link == link }) else { return }
    let handle = state.value.dialling.remove(at: index).dial
    if let rules, let facts = links.addresses(link),
      !rules.permits(connectedTo: facts.peer, from: facts.local)
    {
      // Its place is free when the socket is: the dial ends with the link.
      state.value.dialling.append(DiallingLink(link: link, dial: handle))
      links.close(link, .policyRefusedDestination)
      return
    }
    let dial = dials.remove(handle)
    let origin = dial.origin
    state.value.origins[origin].roundTrip = Int(
      links.now.since(links.facts(link).opened) / 1_000_000)
    state.value.pools[origin].dialled()
    state.value.members.set(link, origin)
    if dial.isCancelled && state.value.origins[origin].isTunnel {
      // Raw bytes are for the one who asked.
      state.value.pools[origin].discarded()
      giveUp(link, .usAbortedClientGone)
    } else if dial.isCancelled {
      #if !BOWLINE_BUG_CANCELLED
        rest(link, origin: origin, firstLimit(link))
      #endif
    } else {
      state.value.taker?.leaseGranted(
        dial.ticket, lease(new: link, origin: origin, dial.reason))
    }
  }

  package func linkEnded(_ link: Handle, _ reason: EndReason, _ error: NetworkError?) {
    if let index = state.value.dialling.lastIndex(where: { $0.link == link }) {
      dialEnded(state.value.dialling.remove(at: index).dial, reason, error)
    } else if let (origin, isClosing) = state.value.members.remove(link) {
      if isClosing {
        closed(origin)
        if !state.value.relieved.isEmpty { resumeRelieved() }
      } else if let resting = state.value.pools[origin].idleEnded(link) {
        noteResting(origin)
        noteLost(resting, origin, reason)
        placeIsFree(origin)
      }
      // Else it is leased: whoever holds the lease gives it up, and the place with it.
    }
  }

  /// One address failed: the next is tried, while there is one and time is left.
  private func dialEnded(_ handle: Handle, _ reason: EndReason, _ error: NetworkError?) {
    let origin = dials[handle].origin
    let isLast = dials[handle].address + 1 >= state.value.origins[origin].addresses.count
    if case .usErrorDescriptors = reason, !dials[handle].wasRelieved, relieve() {
      dials[handle].wasRelieved = true
      state.value.relieved.append(handle)
      return
    }
    if !isLast && !dials[handle].isCancelled && reason != .upstreamTimeoutDialling
      && reason != .usShutdown && reason != .policyRefusedDestination
    {
      dials[handle].address += 1
      attempt(handle)
      return
    }
    giveUp(dial: handle, reason, error)
  }

  /// The dial has failed for good. No socket of it is open.
  func giveUp(dial handle: Handle, _ reason: EndReason, _ error: NetworkError?) {
    let dial = dials.remove(handle)
    state.value.pools[dial.origin].dialFailed()
    if !dial.isCancelled {
      state.value.taker?.leaseRefused(dial.ticket, origin: dial.origin, reason, error)
    }
    placeIsFree(dial.origin)
  }

  /// A time that somebody asked for has come.
  package func wokenAt(_ now: Instant) {
    closeExpired(now)
    endWindow(now)
    makeRoom(now)
    for origin in state.value.pools.indices { expireWaiting(origin, now) }
    giveUpLookups(now)
  }
}
