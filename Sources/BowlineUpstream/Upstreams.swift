// The shell around the pools: performs their decisions. One per loop.
//
// A request asks for a connection with a ticket (its own handle). The answer comes at once, or
// later through `LeaseTaker`: when its dial is done, when another request gives a connection back,
// or with the reason why there is none. A ticket is answered exactly once unless it is cancelled.

package import BowlineCore
package import BowlineExchange
package import BowlineJournal
import BowlinePool
package import BowlineTransport

/// Who asked for connections: told what came of it.
package protocol LeaseTaker: AnyObject {
  /// A connection for the request named `ticket`.
  func leaseGranted(_ ticket: Handle, _ lease: consuming Lease)
  /// An answer to what the taker asked of another thread, sent to `Upstreams.number`.
  func messageArrived(_ message: any OwnerMessage)
  /// There is none. The dial failed, or the wait was over.
  func leaseRefused(_ ticket: Handle, origin: Int, _ reason: EndReason, _ error: NetworkError?)
}

/// The upstreams of one loop.
package final class Upstreams: LinkOwner {
  let links: Links
  let state: Held<State>
  let dials = Slab<Dial>()
  let names: (any NameSource)?
  let rules: (any DestinationRules)?

  /// What changes with every request. Held, so that reaching it costs no bookkeeping.
  struct State: ~Copyable {
    var number: UInt16 = 0
    /// The configured ones, then those that requests named.
    var origins: [Origin]
    /// One pool for each origin.
    var pools: [Pool]
    var nextOrigin: Int
    /// Where the origins that requests named are, by the hash of their keys.
    var places = OriginPlaces()
    /// Some upstream has answered in version 1.0.
    var hasOldHop = false
    /// When the next idle connection has rested for as long as its upstream's hint allows.
    var nextExpiry = Instant.distantFuture
    /// Which dial a link under way belongs to, and which origin an open link leads to.
    var dialling: [DiallingLink] = []
    var members = LinkIndex()
    /// Holds us; let go when the loop has ended. A weak reference would make every retain of a role
    /// take the slow path.
    var taker: (any LeaseTaker)?
  }

  /// A connection attempt: one request's, through the origin's addresses in order.
  struct Dial: ~Copyable {
    let ticket: Handle
    let origin: Int
    var address = 0
    var began: Instant
    var isCancelled = false
    /// Waits for the addresses of its origin.
    var isResolving = false
  }

  struct DiallingLink {
    let link: Handle
    let dial: Handle
  }

  /// - Parameters:
  ///   - links: the loop's links.
  ///   - origins: the configured ones.
  ///   - names: looks up the names of origins that requests name; nil when none can.
  ///   - rules: which of their addresses may be dialled; nil for all.
  package init(
    links: Links, origins: [Origin], names: (any NameSource)? = nil,
    rules: (any DestinationRules)? = nil
  ) {
    self.links = links
    self.names = names
    self.rules = rules
    let limits = PoolLimits(links.settings)
    let first = Int(truncatingIfNeeded: links.network.random() >> 1) % max(origins.count, 1)
    state = Held(
      State(origins: origins, pools: origins.map { _ in Pool(limits: limits) }, nextOrigin: first))
    state.value.number = links.register(self)
  }

  /// Names who asks for connections, once, before the first is asked for.
  package func serve(_ taker: any LeaseTaker) { state.value.taker = taker }

  package func loopEnded() { state.value.taker = nil }

  /// The number under which messages reach this object, and through it its taker.
  package var number: UInt16 { state.value.number }

  /// The next upstream in turn.
  package func pick() -> Int {
    let origin = state.value.nextOrigin
    state.value.nextOrigin = origin + 1 == state.value.origins.count ? 0 : origin + 1
    return origin
  }

  // MARK: Requests

  /// Asks for a connection to `origin`.
  ///
  /// - Parameters:
  ///   - ticket: names the request in the answer.
  ///   - origin: which upstream of the list.
  ///   - fresh: do not reuse an idle one.
  ///   - careful: look at an idle connection before using it, because the request cannot be sent
  ///     again if the connection turns out to be dead.
  /// - Returns: the lease, or that `LeaseTaker` will be told, or that there is none.
  package func lease(
    _ ticket: Handle, origin: Int, fresh: Bool = false, careful: Bool
  ) -> LeaseOutcome {
    while true {
      switch state.value.pools[origin].ask(ticket, fresh: fresh, now: links.now) {
      case .reuse(let link, let limit):
        if isUsable(link, careful: careful) {
          return .ready(lease(again: link, origin: origin, limit))
        }
        // It died at rest. Its end will be reported; its place is free already.
        state.value.pools[origin].discarded()
        state.value.members.remove(link)
      case .expired(let link):
        closeForHint(link, origin)
      case .dial:
        startDial(ticket, origin: origin)
        return .pending(isWaiting: false)
      case .wait(let deadline):
        links.wake(state.value.number, at: deadline)
        return .pending(isWaiting: true)
      case .refuse:
        return .refused
      }
    }
  }

  /// An idle connection is read-armed, so its end is usually known. What may have arrived since the
  /// last turn is looked at when the risk is worth a system call.
  private func isUsable(_ link: Handle, careful: Bool) -> Bool {
    guard links.isReusable(link) else { return false }
    let rest = links.now.since(links.facts(link).progress)
    if !careful && rest < 10_000_000 { return true }
    return links.isQuiet(link)
  }

  /// The request no longer wants its connection. A dial under way goes on, for the pool.
  package func cancel(_ ticket: Handle, origin: Int) {
    if state.value.pools[origin].cancel(ticket) { return }
    for handle in dials.handles where dials[handle].ticket == ticket {
      dials[handle].isCancelled = true
    }
  }

  // MARK: Leases

  /// The exchange ended in good order: the connection may be used again.
  package func giveBack(_ lease: consuming Lease) {
    let link = lease.link
    let origin = lease.origin
    guard links.isReusable(link) else {
      let reason: EndReason =
        lease.isLast
        ? .usPoolHop
        : links.exists(link) && links.willClose(link) ? .upstreamAskedClose : .usPoolSurplus
      discard(lease, reason)
      return
    }
    if links.mayHoldMore(link) && !links.isQuiet(link) {
      discard(lease, .upstreamUnexpectedBytes)
      return
    }
    let limit = lease.limit
    lease.settle()
    put(link, origin: origin, limit)
  }

  func put(_ link: Handle, origin: Int, _ limit: ReuseLimit) {
    let facts = links.facts(link)
    let decision = state.value.pools[origin].giveBack(
      link, opened: facts.opened.advanced(milliseconds: -ageLead(facts.id)),
      uses: Int(facts.exchanges), limit: limit, now: links.now)
    switch decision {
    case .keep:
      state.value.members.set(link, origin)
      if !limit.isUnlimited { noteRest(until: limit.end(from: links.now)) }
    case .hand(let ticket):
      state.value.taker?.leaseGranted(ticket, lease(again: link, origin: origin, limit))
    case .closeForAge:
      links.close(link, .usPoolAge)
      dialForWaiting(origin)
    case .closeForUses:
      links.close(link, .usPoolUses)
      dialForWaiting(origin)
    case .closeForHint:
      links.close(link, .usPoolHint)
      dialForWaiting(origin)
    case .closeForHop:
      links.close(link, .usPoolHop)
      dialForWaiting(origin)
    }
  }

  /// Connections count as up to a tenth of `upstream.max-age` older than they are, each by its own
  /// number, so that those dialled together are not all replaced together.
  private func ageLead(_ id: ConnectionID) -> Int {
    let spread = UInt64(links.settings[.upstreamMaxAge] / 10)
    return spread == 0 ? 0 : Int((id.rawValue &* 0x9e37_79b9_7f4a_7c15 >> 33) % spread)
  }

  /// The connection must not be used again. `evidence` is of the exchange that failed on it.
  package func discard(
    _ lease: consuming Lease, _ reason: EndReason, _ evidence: Evidence = .responseBegan
  ) {
    noteEnd(lease, reason, evidence)
    let link = lease.link
    let origin = lease.origin
    lease.settle()
    state.value.pools[origin].discarded()
    links.close(link, reason)
    dialForWaiting(origin)
  }

  /// Closes what is idle (drain).
  package func closeIdle() {
    for origin in state.value.pools.indices { closeIdle(origin, .usDrain) }
  }

  func closeIdle(_ origin: Int, _ reason: EndReason) {
    for link in state.value.pools[origin].takeIdle() {
      state.value.members.remove(link)
      links.close(link, reason)
    }
  }

  /// The authority of an origin, for a request that names none.
  package func authority(_ origin: Int) -> String { state.value.origins[origin].authority }
}

/// Which origin an idle link leads to: a table by the link's position in its slab.
struct LinkIndex {
  private struct Place {
    var generation: UInt32 = 0
    var origin: Int32 = -1
  }

  private var places: [Place] = []

  mutating func set(_ link: Handle, _ origin: Int) {
    while places.count <= Int(link.index) { places.append(Place()) }
    places[Int(link.index)] = Place(
      generation: link.generation, origin: Int32(truncatingIfNeeded: origin))
  }

  func origin(_ link: Handle) -> Int? {
    guard Int(link.index) < places.count else { return nil }
    let place = places[Int(link.index)]
    return place.generation == link.generation && place.origin >= 0 ? Int(place.origin) : nil
  }

  mutating func remove(_ link: Handle) {
    guard Int(link.index) < places.count else { return }
    if places[Int(link.index)].generation == link.generation {
      places[Int(link.index)] = Place()
    }
  }
}
