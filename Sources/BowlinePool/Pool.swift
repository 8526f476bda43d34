// Who gets which connection.
//
// One pool serves one upstream on one loop; the `Ledger` holds what its loops share. Both are
// values: they know connections and requests by handle, never touch a socket, and answer each
// question with a decision and its reason. The shell (Upstream) performs the decisions.
//
// A request first looks at its own loop's shelf. Idle connections are a stack: the one used last is
// taken first, so the rest can age out (LIFO). A request that is not idempotent takes it only while
// it is proven, that is, has rested for no longer than `upstream.proven`: if it turned out to be
// dead, nobody could send the request again. When the shelf has nothing, the ledger decides: dial,
// take one over from another loop, wait, or refuse.
//
// A connection is not kept for longer than its upstream will keep it: each rest has an end, the
// earliest of what the upstream has said (its Keep-Alive field), what it was seen to do, and the
// connection's own greatest age.

package import BowlineCore
package import BowlineJournal

/// The limits of one pool, from `Settings`.
package struct PoolLimits: Sendable {
  /// Connections of all loops, dialling ones included.
  package var connections: Int
  /// Requests that may wait.
  package var waiting: Int
  /// Milliseconds a request may wait.
  package var waitTimeout: Int
  /// Milliseconds after which a connection is too old to be reused.
  package var maxAge: Int
  /// Exchanges after which a connection is not reused.
  package var maxUses: Int
  /// Milliseconds for which a hung request is held against the upstream.
  package var hungMemory: Int
  /// Milliseconds of rest after which a connection is not proven any more.
  package var proven: Int
  /// Idle connections of other loops above which one is taken over.
  package var takeOver: Int

  package init(_ settings: Settings) {
    connections = settings[.upstreamConnections]
    waiting = settings[.upstreamWaiting]
    waitTimeout = settings[.upstreamWaitTimeout]
    maxAge = settings[.upstreamMaxAge]
    maxUses = settings[.upstreamMaxUses]
    hungMemory = settings[.hungMemory]
    proven = settings[.upstreamProven]
    takeOver = settings[.upstreamTakeOver]
  }
}

/// What a request asks of a connection.
package enum Need: UInt8, Sendable {
  /// Idempotent: it can be sent again if the connection turns out to be dead.
  case any
  /// Not idempotent: the connection must be proven.
  case proven
  /// The attempt before died on a reused one, or raw bytes go over it.
  case fresh
}

/// What the shelf has for a request.
package enum ShelfDecision: Equatable, Sendable {
  /// Use this connection, which has rested for so many milliseconds.
  case reuse(Handle, ReuseLimit, rested: Int)
  /// Its rest is over: close it, and ask again.
  case retire(Handle, EndReason)
  /// None fits, for this reason: ask the ledger.
  case none(LeaseReason)
}

/// What a request does that found nothing on its loop's shelf.
package enum PlaceDecision: Equatable, Sendable {
  /// Open a connection: it has a place.
  case dial
  /// Wait in line.
  case wait(until: Instant)
  /// The waiting line is full, or waiting is switched off.
  case refuse
}

/// What becomes of a connection that was given back.
package enum PoolReturn: Equatable, Sendable {
  /// It rests, until then at most.
  case rest(until: Instant)
  /// Close it, for this reason. Counted as closing.
  case close(EndReason)
}

/// The connections of one upstream on one loop.
package struct Pool: Sendable {
  package let limits: PoolLimits
  /// What is known of the upstream itself.
  package var hop = Hop()
  /// Requests of this loop that wait in the line, or to whom an answer is under way.
  package var waiting = 0
  /// Milliseconds of rest that the upstream is known to allow; nil is not known.
  package var learned: Int?
  /// Something was seen of that: what lives on says something too.
  package var isLearning = false
  private var idle: [Resting] = []
  private var demand = Demand()
  /// Connections being dialled.
  package private(set) var dialling = 0
  /// Connections in the hands of requests.
  package private(set) var leased = 0
  /// Connections given up whose sockets are not closed yet.
  package private(set) var closing = 0

  /// A connection at rest, since when, and until when it may be used again.
  package struct Resting: Sendable {
    package let link: Handle
    package let limit: ReuseLimit
    package let since: Instant
    package let end: Instant
    /// Why it is closed when the end has come.
    package let reason: EndReason
  }

  package init(limits: PoolLimits) {
    self.limits = limits
    idle.reserveCapacity(64)
  }

  /// Connections at rest.
  package var idleCount: Int { idle.count }
  /// Connections of this loop that have a place.
  package var open: Int { dialling + leased + idle.count + closing }
  /// Nobody uses or wants it.
  package var isUnused: Bool { open == 0 && waiting == 0 }

  /// Counts an event by the table. Connections at rest are counted by the shelf itself.
  private mutating func count(_ event: PoolEvent) {
    switch event.from {
    case .dialling: dialling -= 1
    case .leased: leased -= 1
    case .closing: closing -= 1
    case .idle, nil: break
    }
    switch event.to {
    case .dialling: dialling += 1
    case .leased:
      leased += 1
      demand.use(leased)
    case .closing: closing += 1
    case .idle, nil: break
    }
    assert(dialling >= 0 && leased >= 0 && closing >= 0, "\(event) from nowhere")
  }

  // MARK: Requests

  /// A request looks at the shelf.
  ///
  /// - Parameters:
  ///   - need: what it asks of a connection.
  ///   - now: when.
  /// - Returns: what there is, counted already.
  package mutating func reuse(_ need: Need, now: Instant) -> ShelfDecision {
    if case .fresh = need { return .none(.newAfterReplay) }
    guard let last = idle.last else { return .none(.newNoneIdle) }
    if now >= last.end {
      idle.removeLast()
      count(.retired)
      return .retire(last.link, last.reason)
    }
    let rested = Int(now.since(last.since) / 1_000_000)
    // What lies below has rested for longer.
    if case .proven = need, rested > limits.proven { return .none(.newNotProven) }
    idle.removeLast()
    count(.lent)
    return .reuse(last.link, last.limit, rested: rested)
  }

  /// A request found nothing on the shelf.
  ///
  /// - Parameters:
  ///   - ticket: names it.
  ///   - loop: the number of this loop.
  ///   - need: what it asks of a connection.
  ///   - ledger: of the upstream.
  ///   - elsewhere: connections that rest on other loops.
  ///   - now: when.
  /// - Returns: what to do, counted already.
  package mutating func place(
    _ ticket: Handle, loop: UInt16, _ need: Need, ledger: inout Ledger, elsewhere: Int,
    now: Instant
  ) -> PlaceDecision {
    var takesOver = false
    if case .any = need { takesOver = elsewhere > limits.takeOver && ledger.open < ledger.limit }
    if !takesOver && ledger.take() {
      count(.dialBegun)
      return .dial
    }
    var isCareful = true
    if case .any = need { isCareful = false }
    let until = ledger.wait(
      ticket, loop: loop, isCareful: isCareful, takesOver: takesOver, now: now)
    guard let until else {
      guard ledger.take() else { return .refuse }
      count(.dialBegun)
      return .dial
    }
    waiting += 1
    return .wait(until: until)
  }

  /// A waiting request has got a place.
  package mutating func dialForWaiting() { count(.dialBegun) }

  // MARK: Connections

  /// A dial succeeded; the connection is in the hands of the request it was dialled for.
  package mutating func dialled() { count(.dialSucceeded) }

  /// A dial failed, and its socket is closed.
  package mutating func dialFailed() { count(.dialFailed) }

  /// A connection comes back in good order.
  ///
  /// - Parameters:
  ///   - link: the connection.
  ///   - opened: when it was dialled.
  ///   - uses: exchanges it has carried.
  ///   - limit: what its upstream has said about further ones.
  ///   - now: when.
  /// - Returns: what becomes of it, counted already.
  package mutating func giveBack(
    _ link: Handle, opened: Instant, uses: Int, limit: ReuseLimit = ReuseLimit(), now: Instant
  ) -> PoolReturn {
    if let reason = refusal(opened: opened, uses: uses, limit: limit, now: now) {
      count(.discarded)
      return .close(reason)
    }
    var end = opened.advanced(milliseconds: limits.maxAge)
    var reason = EndReason.usPoolAge
    let hinted = limit.end(from: now)
    if hinted < end {
      end = hinted
      reason = .usPoolHint
    }
    if let learned, now.advanced(milliseconds: learned) < end {
      end = now.advanced(milliseconds: learned)
      reason = .usPoolLearned
    }
    count(.rested)
    idle.append(Resting(link: link, limit: limit, since: now, end: end, reason: reason))
    return .rest(until: end)
  }

  private func refusal(
    opened: Instant, uses: Int, limit: ReuseLimit, now: Instant
  ) -> EndReason? {
    if now >= opened.advanced(milliseconds: limits.maxAge) { return .usPoolAge }
    if uses >= limits.maxUses { return .usPoolUses }
    if hop.isHung { return .usPoolHop }
    if limit.forbidsReuse { return .usPoolHint }
    return learned == 0 ? .usPoolLearned : nil
  }

  /// A leased connection is not to be used again. Its socket is about to be closed.
  package mutating func discarded() { count(.discarded) }

  /// The socket of a connection that was given up is closed.
  package mutating func closed() { count(.closed) }

  /// A connection comes from another loop, for a request.
  package mutating func received() { count(.received) }

  /// The connection that was used last, to be given to somebody who waits. It stays.
  package var top: Resting? { idle.last }

  /// The one on top goes to another loop.
  package mutating func sendTop() {
    idle.removeLast()
    count(.sent)
  }

  /// The one on top is used by a request of this loop.
  package mutating func lendTop() {
    idle.removeLast()
    count(.lent)
  }

  /// The one on top is closed.
  package mutating func retireTop() {
    idle.removeLast()
    count(.retired)
  }

  /// An idle connection has ended. nil when it was not idle here.
  package mutating func idleEnded(_ link: Handle) -> Resting? {
    guard let index = idle.lastIndex(where: { $0.link == link }) else { return nil }
    count(.lost)
    return idle.remove(at: index)
  }

  // MARK: Closing what rests

  /// Takes the one that has rested for longest out, to be closed.
  package mutating func retireOldest() -> Handle? {
    guard let oldest = idle.first else { return nil }
    idle.removeFirst()
    count(.retired)
    return oldest.link
  }

  /// Takes every idle connection out, to be closed.
  package mutating func retireAll() -> [Handle] {
    let taken = idle.map(\.link)
    for _ in taken { count(.retired) }
    idle.removeAll(keepingCapacity: true)
    return taken
  }

  /// Takes an idle connection out whose rest is over; nil when there is none.
  package mutating func retireExpired(now: Instant) -> (link: Handle, reason: EndReason)? {
    guard let index = idle.firstIndex(where: { $0.end <= now }) else { return nil }
    let expired = idle.remove(at: index)
    count(.retired)
    return (expired.link, expired.reason)
  }

  /// When `retireExpired` will find the next one.
  package var nextExpiry: Instant { idle.reduce(.distantFuture) { min($0, $1.end) } }

  /// A window of the demand is over. Returns how many idle connections are surplus: the oldest.
  package mutating func windowEnded() -> Int {
    demand.windowEnded(used: leased + dialling, idle: idle.count)
  }
}
