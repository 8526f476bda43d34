// The life of a pooled connection, as a table. `Pool` counts by it, and the diagram in docs/pool.md
// is drawn from it.

/// Where a connection of a pool is, on its loop.
package enum Station: UInt8, Sendable, CaseIterable {
  /// It has a place, and its socket is being connected. → leased, gone
  case dialling
  /// In the hands of one request. → idle, closing
  case leased
  /// At rest on the shelf, watched for its end. → leased, closing, gone (lost, or on another loop)
  case idle
  /// Given up. Its place is free when its socket is closed. → gone
  case closing

  package var name: String {
    switch self {
    case .dialling: "dialling"
    case .leased: "leased"
    case .idle: "idle"
    case .closing: "closing"
    }
  }
}

/// What happens to a connection of a pool.
package enum PoolEvent: UInt8, Sendable, CaseIterable {
  case dialBegun, dialSucceeded, dialFailed
  case lent, rested
  case sent, received
  case discarded, retired
  case lost, closed

  /// Where the connection was; nil is nowhere on this loop.
  package var from: Station? {
    switch self {
    case .dialBegun, .received: nil
    case .dialSucceeded, .dialFailed: .dialling
    case .lent, .retired, .lost, .sent: .idle
    case .rested, .discarded: .leased
    case .closed: .closing
    }
  }

  /// Where it is then; nil is nowhere on this loop.
  package var to: Station? {
    switch self {
    case .dialBegun: .dialling
    case .dialSucceeded, .lent, .received: .leased
    case .rested: .idle
    case .discarded, .retired: .closing
    case .dialFailed, .lost, .sent, .closed: nil
    }
  }

  /// What it is, for the diagram.
  package var meaning: String {
    switch self {
    case .dialBegun: "a place was free"
    case .dialSucceeded: "connected"
    case .dialFailed: "no connection"
    case .lent: "a request takes it"
    case .rested: "given back in good order"
    case .sent: "goes to another loop"
    case .received: "comes from another loop"
    case .discarded: "not to be used again"
    case .retired: "rested enough, or in the way"
    case .lost: "its end came while it rested"
    case .closed: "socket closed, place free"
    }
  }
}
