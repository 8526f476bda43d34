/// How far an attempt had come when it failed, at the exact byte. What may be sent again follows
/// from this and from nothing weaker.
package enum Evidence: UInt8, Sendable, CaseIterable {
  /// No connection came about: no byte can have arrived.
  case notConnected
  /// Connected, and no byte of the request was handed to the kernel.
  case nothingWritten
  /// Some or all of it was handed to the kernel, and nothing came back but the end of the peer's
  /// stream (FIN), which was read; the peer's kernel had not acknowledged a byte of the request.
  case unacknowledged
  /// Some of the request was handed to the kernel.
  case partlyWritten
  /// All of it was, and nothing came back.
  case allWritten
  /// At least one byte of a response came back.
  case responseBegan

  /// The code: `replay.evidence` in the log.
  package var code: StaticString {
    switch self {
    case .notConnected: "not-connected"
    case .nothingWritten: "nothing-written"
    case .unacknowledged: "written-unacknowledged"
    case .partlyWritten: "partly-written"
    case .allWritten: "all-written"
    case .responseBegan: "something-back"
    }
  }

  /// The words of the log.
  package var text: StaticString {
    switch self {
    case .notConnected: "not connected"
    case .nothingWritten: "nothing written"
    case .unacknowledged: "written, FIN read, nothing acknowledged"
    case .partlyWritten: "partly written"
    case .allWritten: "all written, nothing back"
    case .responseBegan: "something back"
    }
  }
}
