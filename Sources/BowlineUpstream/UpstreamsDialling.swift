// Connections being made: the lookup of a name, then its addresses in order.

package import BowlineCore
import BowlineExchange
package import BowlineJournal
import BowlinePool
package import BowlineTransport

extension Upstreams {
  func startDial(_ ticket: Handle, origin: Int) {
    let dial = dials.insert(Dial(ticket: ticket, origin: origin, began: links.now))
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

  func dialForWaiting(_ origin: Int) {
    guard let ticket = state.value.pools[origin].dialForWaiting() else { return }
    startDial(ticket, origin: origin)
  }

  package func linkOpened(_ link: Handle) {
    guard let index = state.value.dialling.lastIndex(where: { $0.link == link }) else { return }
    let handle = state.value.dialling.remove(at: index).dial
    if let rules, let facts = links.addresses(link),
      !rules.permits(connectedTo: facts.peer, from: facts.local)
    {
      links.close(link, .policyRefusedDestination)
      giveUp(handle, .policyRefusedDestination, nil)
      return
    }
    let dial = dials.remove(handle)
    state.value.pools[dial.origin].dialled()
    if dial.isCancelled && state.value.origins[dial.origin].isTunnel {
      // Raw bytes are for the one who asked.
      state.value.pools[dial.origin].discarded()
      links.close(link, .usAbortedClientGone)
    } else if dial.isCancelled {
      put(link, origin: dial.origin, firstLimit(link))
    } else {
      state.value.taker?.leaseGranted(dial.ticket, lease(new: link, origin: dial.origin))
    }
  }

  package func linkEnded(_ link: Handle, _ reason: EndReason, _ error: NetworkError?) {
    if let index = state.value.dialling.lastIndex(where: { $0.link == link }) {
      dialEnded(state.value.dialling.remove(at: index).dial, reason, error)
    } else if let origin = state.value.members.origin(link) {
      state.value.members.remove(link)
      if state.value.pools[origin].idleEnded(link) { dialForWaiting(origin) }
    }
  }

  /// One address failed: the next is tried, while there is one and time is left.
  private func dialEnded(_ handle: Handle, _ reason: EndReason, _ error: NetworkError?) {
    let origin = dials[handle].origin
    let isLast = dials[handle].address + 1 >= state.value.origins[origin].addresses.count
    if !isLast && !dials[handle].isCancelled && reason != .upstreamTimeoutDialling
      && reason != .usShutdown
    {
      dials[handle].address += 1
      attempt(handle)
      return
    }
    giveUp(handle, reason, error)
  }

  /// The dial has failed for good.
  func giveUp(_ handle: Handle, _ reason: EndReason, _ error: NetworkError?) {
    let dial = dials.remove(handle)
    state.value.pools[dial.origin].dialFailed()
    if !dial.isCancelled {
      state.value.taker?.leaseRefused(dial.ticket, origin: dial.origin, reason, error)
    }
    dialForWaiting(dial.origin)
  }

  /// The wait of the first in line may be over.
  package func wokenAt(_ now: Instant) {
    closeExpired(now)
    for origin in state.value.pools.indices {
      while let ticket = state.value.pools[origin].expire(now: now) {
        state.value.taker?.leaseRefused(ticket, origin: origin, .policyTimeoutWaiting, nil)
      }
      if let next = state.value.pools[origin].nextDeadline {
        links.wake(state.value.number, at: next)
      }
    }
    giveUpLookups(now)
  }
}
