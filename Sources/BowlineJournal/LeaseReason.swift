/// Why the exchange got the upstream connection it got, or none: the closed registry.
///
/// The code is the log's `lease.reason`, and an argument of `bowline explain`. Codes are only ever
/// added to.
package enum LeaseReason: UInt8, Sendable, CaseIterable {
  /// No upstream was asked.
  case none
  /// An idle connection was at hand.
  case reused
  /// An idle connection of another loop was moved here.
  case reusedTakenOver
  /// Waited in line, and got the connection of a request that had ended.
  case reusedAfterWait
  /// New: none was idle.
  case newNoneIdle
  /// New: those that were idle had rested longer than `upstream.proven`, and the request could not
  /// have been sent again.
  case newNotProven
  /// New: the one before died, and the request was sent again.
  case newAfterReplay
  /// New: the next hop does not keep connections.
  case newHopCloses
  /// Waited in line, until there was room for a new one.
  case newAfterWait
  /// None: the line was full.
  case refusedLineFull
  /// None: the wait was over.
  case refusedWaitTimeout
  /// None: it could not be dialled.
  case refusedDial
  /// None: the client went away while its request waited.
  case waitedInVain

  package var code: StaticString {
    switch self {
    case .none: "none"
    case .reused: "reused"
    case .reusedTakenOver: "reused.taken-over"
    case .reusedAfterWait: "reused.after-wait"
    case .newNoneIdle: "new.none-idle"
    case .newNotProven: "new.not-proven"
    case .newAfterReplay: "new.replay"
    case .newHopCloses: "new.hop-closes"
    case .newAfterWait: "new.after-wait"
    case .refusedLineFull: "refused.line-full"
    case .refusedWaitTimeout: "refused.wait-timeout"
    case .refusedDial: "refused.dial-failed"
    case .waitedInVain: "waited.client-gone"
    }
  }
}
