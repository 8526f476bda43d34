package import BowlineCore

/// A request that waits for a connection.
package struct Waiter: Sendable, Equatable {
  /// Names the request on its loop.
  package let ticket: Handle
  /// Which loop it is on.
  package let loop: UInt16
  /// It takes no connection that has rested for long.
  package let isCareful: Bool
  /// It waits for another loop's idle connection although a place was free.
  package let takesOver: Bool
  package let deadline: Instant

  package init(
    _ ticket: Handle, loop: UInt16, isCareful: Bool = false, takesOver: Bool = false,
    deadline: Instant
  ) {
    self.ticket = ticket
    self.loop = loop
    self.isCareful = isCareful
    self.takesOver = takesOver
    self.deadline = deadline
  }
}

/// Requests that wait for a connection, first come first served.
///
/// A ring of entries. A request that gave up leaves an empty place, skipped later; so leaving costs
/// a search, and coming and going at the ends costs nothing.
package struct WaitingLine: Sendable {
  private var places: [Waiter?] = []
  private var head = 0
  /// Requests that wait now.
  package private(set) var count = 0

  package init() {}

  package mutating func append(_ waiter: Waiter) {
    if head > 32 && head * 2 > places.count {
      places.removeSubrange(0..<head)
      head = 0
    }
    places.append(waiter)
    count += 1
  }

  /// Puts back in front who was taken out, and could not be served.
  package mutating func putBack(_ waiter: Waiter) {
    if head > 0 {
      head -= 1
      places[head] = waiter
    } else {
      places.insert(waiter, at: 0)
    }
    count += 1
  }

  /// Takes the first of whom `matches` is true.
  package mutating func takeFirst(where matches: (Waiter) -> Bool = { _ in true }) -> Waiter? {
    var index = head
    while index < places.count {
      if let waiter = places[index], matches(waiter) {
        take(index)
        return waiter
      }
      index += 1
    }
    return nil
  }

  /// Takes the first of `loop` whose deadline has passed. Deadlines are in the order of the line.
  package mutating func expire(loop: UInt16, now: Instant) -> Waiter? {
    var index = head
    while index < places.count {
      if let waiter = places[index] {
        if waiter.deadline > now { return nil }
        if waiter.loop == loop {
          take(index)
          return waiter
        }
      }
      index += 1
    }
    return nil
  }

  /// True when `ticket` of `loop` was waiting.
  package mutating func remove(_ ticket: Handle, loop: UInt16) -> Bool {
    takeFirst { $0.ticket == ticket && $0.loop == loop } != nil
  }

  /// The first deadline of `loop`.
  package func firstDeadline(loop: UInt16) -> Instant? {
    var index = head
    while index < places.count {
      if let waiter = places[index], waiter.loop == loop { return waiter.deadline }
      index += 1
    }
    return nil
  }

  /// How many wait who take no connection that has rested for long.
  package var carefulCount: Int {
    places.dropFirst(head).reduce(0) { $0 + ($1?.isCareful ?? false ? 1 : 0) }
  }

  private mutating func take(_ index: Int) {
    places[index] = nil
    count -= 1
    if count == 0 {
      places.removeAll(keepingCapacity: true)
      head = 0
      return
    }
    while head < places.count, places[head] == nil { head += 1 }
  }
}
