// Who gets which connection.
//
// One pool serves one upstream on one loop. It is a value: it knows connections and waiting
// requests by handle, never touches a socket, and answers each question with a decision and its
// reason. The shell (Upstream) performs the decisions.
//
// A connection is counted from the dial on: dialling, leased or idle, never two of them. The sum
// never exceeds the limit. Idle connections are a stack: the one used last is taken first, so the
// rest can age out (LIFO). Waiting requests are a line: first come, first served, bounded, each
// with a deadline.

package import BowlineCore

/// The limits of one pool, from `Settings`.
package struct PoolLimits: Sendable {
  /// Connections, dialling ones included.
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

  package init(_ settings: Settings) {
    connections = settings[.upstreamConnections]
    waiting = settings[.upstreamWaiting]
    waitTimeout = settings[.upstreamWaitTimeout]
    maxAge = settings[.upstreamMaxAge]
    maxUses = settings[.upstreamMaxUses]
    hungMemory = settings[.hungMemory]
  }
}

/// What the pool decided for a request.
package enum PoolDecision: Equatable, Sendable {
  /// Use this idle connection.
  case reuse(Handle, ReuseLimit = ReuseLimit())
  /// This one has rested for as long as its upstream's hint allows: close it, and ask again.
  case expired(Handle)
  /// Open a connection for it: none is idle and the limit leaves room.
  case dial
  /// It waits: the limit is reached.
  case wait(until: Instant)
  /// The waiting line is full, or waiting is switched off.
  case refuse
}

/// What becomes of a connection that was given back.
package enum PoolReturn: Equatable, Sendable {
  /// It is idle now.
  case keep
  /// A waiting request takes it over.
  case hand(to: Handle)
  /// It is too old; close it.
  case closeForAge
  /// It was used often enough; close it.
  case closeForUses
  /// Its upstream has said that it takes no further request on it; close it.
  case closeForHint
  /// Its upstream does not keep connections; close it.
  case closeForHop
}

/// The connections and the waiting line of one upstream on one loop.
package struct Pool: Sendable {
  package let limits: PoolLimits
  /// What is known of the upstream itself.
  package var hop = Hop()
  private var idle: [Resting] = []
  private var line = WaitingLine()
  /// Connections being dialled.
  package private(set) var dialling = 0
  /// Connections in the hands of requests.
  package private(set) var leased = 0

  /// A connection at rest, and until when it may be used again.
  private struct Resting: Sendable {
    let link: Handle
    let limit: ReuseLimit
    let end: Instant
  }

  package init(limits: PoolLimits) {
    self.limits = limits
    idle.reserveCapacity(64)
  }

  /// Connections at rest.
  package var idleCount: Int { idle.count }
  /// Requests waiting.
  package var waitingCount: Int { line.count }
  /// Connections that count against the limit.
  package var open: Int { dialling + leased + idle.count }

  // MARK: Requests

  /// A request asks for a connection.
  ///
  /// - Parameters:
  ///   - ticket: names the request in later decisions.
  ///   - fresh: do not reuse (the attempt before died on a reused connection).
  ///   - now: when.
  /// - Returns: what to do, counted already.
  package mutating func ask(_ ticket: Handle, fresh: Bool, now: Instant) -> PoolDecision {
    defer { assertInvariant() }
    if !fresh, let last = idle.popLast() {
      if now >= last.end { return .expired(last.link) }
      leased += 1
      return .reuse(last.link, last.limit)
    }
    if open < limits.connections {
      dialling += 1
      return .dial
    }
    guard line.count < limits.waiting else { return .refuse }
    let deadline = now.advanced(milliseconds: limits.waitTimeout)
    line.append(ticket, deadline: deadline)
    return .wait(until: deadline)
  }

  /// The request no longer wants a connection. True when it was waiting.
  package mutating func cancel(_ ticket: Handle) -> Bool { line.remove(ticket) }

  /// The next request whose wait is over, or nil. Deadlines are in the order of the line.
  package mutating func expire(now: Instant) -> Handle? { line.expire(now: now) }

  /// When the first waiting request gives up.
  package var nextDeadline: Instant? { line.firstDeadline }

  // MARK: Connections

  /// A dial succeeded; the connection is in the hands of the request it was dialled for.
  package mutating func dialled() {
    precondition(dialling > 0, "a dial that the pool did not ask for")
    dialling -= 1
    leased += 1
    assertInvariant()
  }

  /// A dial failed. The place is free again.
  package mutating func dialFailed() {
    precondition(dialling > 0, "a dial that the pool did not ask for")
    dialling -= 1
  }

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
    precondition(leased > 0, "a connection that was not leased")
    defer { assertInvariant() }
    if now >= opened.advanced(milliseconds: limits.maxAge) {
      leased -= 1
      return .closeForAge
    }
    if uses >= limits.maxUses {
      leased -= 1
      return .closeForUses
    }
    if limit.forbidsReuse || hop.isHung {
      leased -= 1
      return hop.isHung ? .closeForHop : .closeForHint
    }
    if let next = line.takeFirst() { return .hand(to: next) }
    leased -= 1
    idle.append(Resting(link: link, limit: limit, end: limit.end(from: now)))
    return .keep
  }

  /// A leased connection is gone.
  package mutating func discarded() {
    precondition(leased > 0, "a connection that was not leased")
    leased -= 1
  }

  /// An idle connection is gone. True when it was idle here.
  package mutating func idleEnded(_ link: Handle) -> Bool {
    guard let index = idle.lastIndex(where: { $0.link == link }) else { return false }
    idle.remove(at: index)
    return true
  }

  /// A place is free: the waiting request to dial for, if there is one. Counts the dial.
  package mutating func dialForWaiting() -> Handle? {
    guard open < limits.connections, let ticket = line.takeFirst() else { return nil }
    dialling += 1
    return ticket
  }

  /// Takes every idle connection out, to be closed (drain).
  package mutating func takeIdle() -> [Handle] {
    let taken = idle.map(\.link)
    idle.removeAll()
    return taken
  }

  /// Takes an idle connection out that has rested for as long as its upstream's hint allows; nil
  /// when there is none.
  package mutating func takeExpired(now: Instant) -> Handle? {
    guard let index = idle.firstIndex(where: { $0.end <= now }) else { return nil }
    return idle.remove(at: index).link
  }

  /// When `takeExpired` will find the next one; never, when no idle connection has a hint.
  package var nextExpiry: Instant { idle.reduce(.distantFuture) { min($0, $1.end) } }

  private func assertInvariant() {
    assert(dialling >= 0 && leased >= 0)
    assert(open <= limits.connections, "more connections than the limit")
    assert(line.count <= limits.waiting, "more waiting than the limit")
  }
}
