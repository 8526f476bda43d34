/// How far an attempt had come when it failed, at the exact byte. What may be sent again follows
/// from this and from nothing weaker.
package enum Evidence: UInt8, Sendable, CaseIterable {
  /// No connection came about: no byte can have arrived.
  case notConnected
  /// Connected, and no byte of the request was handed to the kernel.
  case nothingWritten
  /// Some of the request was handed to the kernel.
  case partlyWritten
  /// All of it was, and nothing came back.
  case allWritten
  /// At least one byte of a response came back.
  case responseBegan

  /// The words of the log.
  package var text: StaticString {
    switch self {
    case .notConnected: "not connected"
    case .nothingWritten: "nothing written"
    case .partlyWritten: "partly written"
    case .allWritten: "all written, nothing back"
    case .responseBegan: "response begun"
    }
  }
}
