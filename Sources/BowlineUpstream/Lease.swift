package import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport

/// The right to use one upstream connection for one exchange.
///
/// Given back in good order or discarded, once: both consume it. One that is forgotten trips an
/// assertion, because its place in the pool would be lost.
package struct Lease: ~Copyable {
  /// The connection.
  package let link: Handle
  /// Which upstream of the list it leads to.
  package let origin: Int
  /// It was open before this exchange asked for it.
  package let wasReused: Bool
  /// It had carried exchanges before this one.
  package let isSecond: Bool
  /// The next hop does not keep connections: the request says `Connection: close`.
  package let isLast: Bool
  /// The next hop may never answer a second request: silence is cut short.
  package let isWatched: Bool
  /// For how long, and how often, the upstream lets it be used again.
  var limit: ReuseLimit

  init(
    link: Handle, origin: Int, wasReused: Bool, isSecond: Bool, isLast: Bool, isWatched: Bool,
    limit: ReuseLimit
  ) {
    self.link = link
    self.origin = origin
    self.wasReused = wasReused
    self.isSecond = isSecond
    self.isLast = isLast
    self.isWatched = isWatched
    self.limit = limit
  }

  /// The upstream has said how it keeps the connection.
  package mutating func told(_ hint: KeepAliveHint) { limit.told(hint) }

  /// Ends the lease without a word: the pool has been told.
  consuming func settle() { discard self }

  deinit { assertionFailure("a lease was forgotten") }
}

/// What became of a request for a connection.
package enum LeaseOutcome: ~Copyable {
  /// Here it is.
  case ready(Lease)
  /// Being dialled, or waiting in line: `LeaseTaker` is told.
  case pending(isWaiting: Bool)
  /// No connection, and none to wait for.
  case refused
}
