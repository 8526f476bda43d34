// What the loops of a process share about one upstream: its places, and the line for them.
//
// A connection has a place from the moment it is dialled until its socket is closed, on whichever
// loop it is. There are never more than the limit. A place that becomes free goes to the first in
// the line, and so does a connection that is given back. So nobody overtakes, and nobody waits
// while a place is free, but for those who wait on purpose: to take over a connection that rests on
// another loop.
//
// A value. The shell keeps it behind a lock that is held for these few lines only, and touched when
// a connection comes or goes or somebody waits, never for a request that finds one on its own loop.

package import BowlineCore

/// The places of one upstream, and who waits for one.
package struct Ledger: Sendable {
  /// Most connections, on all loops.
  package let limit: Int
  /// Most requests that may wait.
  package let waitingLimit: Int
  /// Milliseconds that a request may wait.
  package let waitTimeout: Int
  /// Places in use.
  package private(set) var open = 0
  private var line = WaitingLine()

  package init(_ limits: PoolLimits) {
    limit = limits.connections
    waitingLimit = limits.waiting
    waitTimeout = limits.waitTimeout
  }

  /// Requests that wait now.
  package var waiting: Int { line.count }

  /// Takes a place for a connection to be dialled. False when there is none.
  package mutating func take() -> Bool {
    #if BOWLINE_BUG_LIMIT
      let isFull = open > limit
    #else
      let isFull = open >= limit
    #endif
    if !isFull { open += 1 }
    return !isFull
  }

  /// A socket was closed. Its place is free, unless somebody is returned: then it is theirs.
  package mutating func release() -> Waiter? {
    precondition(open > 0, "a place given back twice")
    if let next = line.takeFirst() { return next }
    open -= 1
    return nil
  }

  /// Takes the first in line and a place for it, if there are both.
  package mutating func takeForWaiting() -> Waiter? {
    guard open < limit, let next = line.takeFirst() else { return nil }
    open += 1
    return next
  }

  /// Puts a request into the line. nil when that is full.
  package mutating func wait(
    _ ticket: Handle, loop: UInt16, isCareful: Bool, takesOver: Bool, now: Instant
  ) -> Instant? {
    guard line.count < waitingLimit else { return nil }
    let deadline = now.advanced(milliseconds: waitTimeout)
    line.append(
      Waiter(ticket, loop: loop, isCareful: isCareful, takesOver: takesOver, deadline: deadline))
    return deadline
  }

  /// Takes who gets a connection that is at hand; `proven` when it has not rested for long.
  package mutating func takeWaiter(proven: Bool) -> Waiter? {
    proven ? line.takeFirst() : line.takeFirst { !$0.isCareful }
  }

  /// Puts back in front whom the connection could not be given.
  package mutating func putBack(_ waiter: Waiter) { line.putBack(waiter) }

  /// The request no longer wants a connection. False when it does not wait.
  package mutating func cancel(_ ticket: Handle, loop: UInt16) -> Bool {
    line.remove(ticket, loop: loop)
  }

  /// The next request of `loop` whose wait is over.
  package mutating func expire(loop: UInt16, now: Instant) -> Waiter? {
    line.expire(loop: loop, now: now)
  }

  /// When the first request of `loop` gives up.
  package func firstDeadline(loop: UInt16) -> Instant? { line.firstDeadline(loop: loop) }

  /// Requests that take no connection that has rested for long.
  package var carefulWaiting: Int { line.carefulCount }
}
