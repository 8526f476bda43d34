// The shell around the pools: performs their decisions. One per loop.
//
// A request asks for a connection with a ticket (its own handle). The answer comes at once, or
// later through `LeaseTaker`: when its dial is done, when another request gives a connection back,
// or with the reason why there is none. A ticket is answered exactly once unless it is cancelled.
//
// What the loops share of an upstream is its ledger (`SharedOrigin`): the places for connections,
// and the line of those who wait for one. A connection that is given back while somebody waits goes
// to the first in line; if that is a request of another loop, the link moves there with a message
// (UpstreamsWaiting.swift). It keeps its place on the way.

package import BowlineCore
package import BowlineExchange
package import BowlineJournal
package import BowlinePool
package import BowlineTransport

/// Who asked for connections: told what came of it.
package protocol LeaseTaker: AnyObject {
  /// A connection for the request named `ticket`.
  func leaseGranted(_ ticket: Handle, _ lease: consuming Lease)
  /// True while the request still wants a connection.
  func wants(_ ticket: Handle) -> Bool
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
  let neighbours: Neighbours
  let names: (any NameSource)?
  let rules: (any DestinationRules)?

  /// What changes with every request. Held, so that reaching it costs no bookkeeping.
  struct State: ~Copyable {
    var number: UInt16 = 0
    /// The configured ones, then those that requests named.
    var origins: [Origin]
    /// One pool for each origin, and what it shares with other loops.
    var pools: [Pool]
    var shared: [SharedOrigin]
    /// Our place among the neighbours.
    var loop = 0
    /// Other loops may have connections to the same upstreams.
    var hasNeighbours = false
    /// Where the origins that requests named are, by the hash of their keys.
    var places = OriginPlaces()
    /// Some upstream has answered in version 1.0.
    var hasOldHop = false
    /// When the next idle connection has rested for as long as it may.
    var nextExpiry = Instant.distantFuture
    /// When idle connections make room for those that cannot take them; nil while nobody waits so.
    var roomAt: Instant?
    /// When the next window of the demand is over; nil while nothing rests.
    var nextWindow: Instant?
    /// Origins that were configured; those that requests named follow.
    let configured: Int
    /// Whose turn it is.
    var nextOrigin: Int
    /// Dials to be tried again when the connections that make room for them are closed.
    var relieved: [Handle] = []
    /// Places in the table that are free.
    var vacant: [Int] = []
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
    let reason: LeaseReason
    var address = 0
    var began: Instant
    /// Nobody waits for it: what it brings rests.
    var isCancelled = false
    /// Tried again once, when no descriptor was left and some were freed.
    var wasRelieved = false
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
  ///   - neighbours: the loops of the process; nil when this is the only one.
  ///   - names: looks up the names of origins that requests name; nil when none can.
  ///   - rules: which of their addresses may be dialled; nil for all.
  package init(
    links: Links, origins: [Origin], neighbours: Neighbours? = nil,
    names: (any NameSource)? = nil, rules: (any DestinationRules)? = nil
  ) {
    self.links = links
    self.names = names
    self.rules = rules
    let neighbours =
      neighbours ?? Neighbours(loops: 1, origins: origins.count, settings: links.settings)
    self.neighbours = neighbours
    let limits = PoolLimits(links.settings)
    let first = Int(truncatingIfNeeded: links.network.random() >> 1) % max(origins.count, 1)
    state = Held(
      State(
        origins: origins, pools: origins.map { _ in Pool(limits: limits) },
        shared: origins.indices.map { neighbours.shared($0) }, configured: origins.count,
        nextOrigin: first))
    state.value.number = links.register(self)
    state.value.loop = neighbours.join(links.mailbox, owner: state.value.number)
    state.value.hasNeighbours = neighbours.loops > 1
    for origin in origins.indices {
      state.value.shared[origin].setPlace(origin, on: state.value.loop)
    }
    if !origins.isEmpty && links.settings[.upstreamWarm] > 0 { beginWindow() }
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
  ///   - need: what the request asks of a connection.
  /// - Returns: the lease, or that `LeaseTaker` will be told, or that there is none.
  package func lease(_ ticket: Handle, origin: Int, _ need: Need) -> LeaseOutcome {
    while true {
      switch state.value.pools[origin].reuse(need, now: links.now) {
      case .reuse(let link, let limit, let rested):
        noteResting(origin)
        if isUsable(link, need, rested: rested) {
          return .ready(lease(again: link, origin: origin, .reused, limit, rested: rested))
        }
        state.value.pools[origin].discarded()
        giveUp(link, .upstreamClosedIdle)
      case .retire(let link, let reason):
        noteResting(origin)
        giveUp(link, reason)
      case .none(let reason):
        return place(ticket, origin: origin, need, reason)
      }
    }
  }

  /// Nothing on our own shelf fits.
  private func place(
    _ ticket: Handle, origin: Int, _ need: Need, _ reason: LeaseReason
  ) -> LeaseOutcome {
    let shared = state.value.shared[origin]
    let loop = state.value.loop
    let elsewhere = state.value.hasNeighbours ? shared.restingElsewhere(than: loop) : 0
    let decision = shared.withLedger { ledger in
      state.value.pools[origin].place(
        ticket, loop: UInt16(truncatingIfNeeded: loop), need, ledger: &ledger,
        elsewhere: elsewhere, now: links.now)
    }
    switch decision {
    case .dial:
      startDial(ticket, origin: origin, reason)
      return .pending(isWaiting: false)
    case .wait(let deadline):
      links.wake(state.value.number, at: deadline)
      if state.value.pools[origin].idleCount > 0 {
        makeRoomSoon()
      } else if state.value.hasNeighbours {
        wish(origin)
      }
      return .pending(isWaiting: true)
    case .refuse:
      return .refused
    }
  }

  /// An idle connection is read-armed, so its end is usually known. What may have arrived since the
  /// last turn is looked at when the risk is worth a system call.
  func isUsable(_ link: Handle, _ need: Need, rested: Int) -> Bool {
    guard links.isReusable(link) else { return false }
    if case .any = need, rested < 10 { return true }
    return links.isQuiet(link)
  }

  /// The request no longer wants its connection. A dial under way goes on, for the pool.
  package func cancel(_ ticket: Handle, origin: Int) {
    if state.value.pools[origin].waiting > 0 {
      let loop = UInt16(truncatingIfNeeded: state.value.loop)
      if state.value.shared[origin].withLedger({ $0.cancel(ticket, loop: loop) }) {
        state.value.pools[origin].waiting -= 1
        return
      }
    }
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
    #if !BOWLINE_BUG_SURPLUS
      if links.mayHoldMore(link) && !links.isQuiet(link) {
        discard(lease, .upstreamUnexpectedBytes)
        return
      }
    #endif
    let limit = lease.limit
    if lease.rested > 0 && state.value.pools[origin].isLearning {
      noteSurvived(Int(lease.rested), origin)
    }
    lease.settle()
    rest(link, origin: origin, limit)
  }

  /// A leased connection comes to rest, or to whoever waits.
  func rest(_ link: Handle, origin: Int, _ limit: ReuseLimit) {
    let facts = links.facts(link)
    if state.value.hasNeighbours { note(state.value.shared[origin].learned, origin) }
    // While nothing rested no window has ended, and nothing was forgotten.
    if state.value.nextWindow == nil { age(origin) }
    let decision = state.value.pools[origin].giveBack(
      link, opened: facts.opened.advanced(milliseconds: -ageLead(facts.id)),
      uses: Int(facts.exchanges), limit: limit, now: links.now)
    switch decision {
    case .rest(let end):
      noteRest(until: end)
      if state.value.hasNeighbours {
        noteResting(origin)
        if state.value.shared[origin].isAwaited { serveWaiting(origin) }
      } else if state.value.pools[origin].waiting > 0 {
        serveWaiting(origin)
      }
    case .close(let reason):
      giveUp(link, reason)
    }
  }

  /// Closes a connection that the pool has given up. Its place is free when its end is reported.
  func giveUp(_ link: Handle, _ reason: EndReason) {
    state.value.members.markClosing(link)
    links.close(link, reason)
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
    if links.exists(link) {
      giveUp(link, reason)
    } else {
      closed(origin)
    }
  }

  /// Closes what is idle (drain).
  package func closeIdle() {
    for origin in state.value.pools.indices { closeIdle(origin, .usDrain) }
  }

  func closeIdle(_ origin: Int, _ reason: EndReason) {
    for link in state.value.pools[origin].retireAll() { giveUp(link, reason) }
    noteResting(origin)
  }

  /// The authority of an origin, for a request that names none.
  package func authority(_ origin: Int) -> String { state.value.origins[origin].authority }
}

/// Which origin an open link leads to: a table by the link's position in its slab.
struct LinkIndex {
  private struct Place {
    var generation: UInt32 = 0
    var origin: Int32 = -1
    var isClosing = false
  }

  private var places: [Place] = []

  mutating func set(_ link: Handle, _ origin: Int) {
    while places.count <= Int(link.index) { places.append(Place()) }
    places[Int(link.index)] = Place(
      generation: link.generation, origin: Int32(truncatingIfNeeded: origin))
  }

  /// The pool has given the link up, and waits for its end.
  mutating func markClosing(_ link: Handle) {
    guard Int(link.index) < places.count else { return }
    if places[Int(link.index)].generation == link.generation {
      places[Int(link.index)].isClosing = true
    }
  }

  /// Forgets a link. Returns where it led to, and whether the pool had given it up; nil when it is
  /// not known.
  mutating func remove(_ link: Handle) -> (origin: Int, isClosing: Bool)? {
    guard Int(link.index) < places.count else { return nil }
    let place = places[Int(link.index)]
    guard place.generation == link.generation, place.origin >= 0 else { return nil }
    places[Int(link.index)] = Place()
    return (Int(place.origin), place.isClosing)
  }
}
