package import BowlineCore

/// Requests that wait for a connection, first come first served.
///
/// A ring of entries. A request that gave up leaves an empty place, skipped later; so leaving costs
/// a search, and coming and going at the ends costs nothing.
package struct WaitingLine: Sendable {
  private struct Place: Sendable {
    var ticket: Handle
    var deadline: Instant
  }

  private var places: [Place] = []
  private var head = 0
  /// Requests that wait now.
  package private(set) var count = 0

  package init() {}

  /// When the first in line gives up.
  package var firstDeadline: Instant? {
    var index = head
    while index < places.count {
      if places[index].ticket != .none { return places[index].deadline }
      index += 1
    }
    return nil
  }

  package mutating func append(_ ticket: Handle, deadline: Instant) {
    if head > 32 && head * 2 > places.count {
      places.removeSubrange(0..<head)
      head = 0
    }
    places.append(Place(ticket: ticket, deadline: deadline))
    count += 1
  }

  package mutating func takeFirst() -> Handle? {
    while head < places.count {
      let ticket = places[head].ticket
      head += 1
      if ticket != .none {
        count -= 1
        forgetIfEmpty()
        return ticket
      }
    }
    forgetIfEmpty()
    return nil
  }

  /// Takes the first in line if its deadline has passed.
  package mutating func expire(now: Instant) -> Handle? {
    guard let deadline = firstDeadline, deadline <= now else { return nil }
    return takeFirst()
  }

  package mutating func remove(_ ticket: Handle) -> Bool {
    var index = head
    while index < places.count {
      if places[index].ticket == ticket {
        places[index].ticket = .none
        count -= 1
        forgetIfEmpty()
        return true
      }
      index += 1
    }
    return false
  }

  private mutating func forgetIfEmpty() {
    if count == 0 {
      places.removeAll(keepingCapacity: true)
      head = 0
    }
  }
}
