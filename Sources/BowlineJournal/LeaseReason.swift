/// Why the exchange got the upstream connection it got, or none.
package enum LeaseReason: UInt8, Sendable, CaseIterable {
  /// No upstream was asked.
  case none
  /// An idle connection was at hand.
  case reused
  /// An idle connection of another loop was taken over.
  case reusedTakenOver
  /// It waited, and another request gave its connection back.
  case reusedAfterWait
  /// New: none was idle.
  case newNoneIdle
  /// New: the idle ones had rested for too long, and the request cannot be sent again.
  case newNotProven
  /// New: the one before died on reuse, and the request could be replayed.
  case newAfterReplay
  /// New: the next hop does not keep connections.
  case newHopCloses
  /// New: it waited, and a place became free.
  case newAfterWait
  /// None: the waiting line was full.
  case refusedLineFull
  /// None: the wait was over.
  case refusedWaitTimeout
  /// None: it could not be dialled.
  case refusedDial
  /// None: the client went away while the request waited.
  case waitedInVain

  package var text: StaticString {
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
