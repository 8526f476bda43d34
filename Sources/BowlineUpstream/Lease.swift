package import BowlineCore
import BowlineExchange
package import BowlineJournal
import BowlinePool
import BowlineTransport

/// The right to use one upstream connection for one exchange.
///
/// Given back in good order or discarded, once: both consume it. One that is forgotten trips an
/// assertion, because its place in the pool would be lost.
package struct Lease: ~Copyable {
  /// The connection.
  package let link: Handle
  /// For how long, and how often, the upstream lets it be used again.
  var limit: ReuseLimit
  private let place: Int32
  /// Milliseconds that the connection had rested.
  let rested: UInt32
  let facts: LeaseFacts
  /// Why this connection and no other.
  package let reason: LeaseReason

  init(
    link: Handle, origin: Int, _ facts: LeaseFacts, _ reason: LeaseReason, limit: ReuseLimit,
    rested: Int = 0
  ) {
    self.link = link
    place = Int32(truncatingIfNeeded: origin)
    self.facts = facts
    self.reason = reason
    self.limit = limit
    self.rested = UInt32(clamping: rested)
  }

  /// Which upstream of the list it leads to.
  package var origin: Int { Int(place) }

  /// It was open before this exchange asked for it.
  package var wasReused: Bool { facts.contains(.reused) }
  /// It had carried exchanges before this one. Not looked up on a settled hop: true then.
  package var isSecond: Bool { facts.contains(.second) }
  /// Nothing is to be learned about the next hop, unless its version changes.
  package var isSettled: Bool { facts.contains(.settled) }
  /// The next hop does not keep connections: the request says `Connection: close`.
  package var isLast: Bool { facts.contains(.last) }
  /// The next hop may never answer a second request: silence is cut short.
  package var isWatched: Bool { facts.contains(.watched) }

  /// The upstream has said how it keeps the connection.
  package mutating func told(_ hint: KeepAliveHint) { limit.told(hint) }

  /// Ends the lease without a word: the pool has been told.
  consuming func settle() { discard self }

  deinit { assertionFailure("a lease was forgotten") }
}

/// What is true of a lease: one byte, because it is moved along with every request.
struct LeaseFacts: OptionSet, BitwiseCopyable {
  let rawValue: UInt8
  static let reused = LeaseFacts(rawValue: 1)
  static let second = LeaseFacts(rawValue: 2)
  static let settled = LeaseFacts(rawValue: 4)
  static let last = LeaseFacts(rawValue: 8)
  static let watched = LeaseFacts(rawValue: 16)
}

/// What became of a request for a connection.
package enum LeaseOutcome: ~Copyable {
  /// Here it is.
  case ready(Lease)
  /// Being dialled, or waiting in line: `LeaseTaker` is told.
  case pending(isWaiting: Bool)
  /// No connection, and no place in the line.
  case refused
}
