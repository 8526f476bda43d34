/// Whether a connection outlives a message. RFC 9112 §9.3.
package enum Persistence {
  /// Which message is judged, and by whom: a version 1.0 peer may be kept by an origin server and
  /// by whoever gets a response, never by a forward proxy.
  package enum Recipient: UInt8, Sendable, CaseIterable {
    /// A request at an origin server, or at a gateway, which is an origin to its clients
    /// (RFC 9110 §3.7).
    case origin
    /// A request at a forward proxy.
    case forwardProxy
    /// A response at whoever asked.
    case client
  }

  /// The decision, in the order of RFC 9112 §9.3. Both messages of an exchange must also be
  /// self-delimited; that is the machine's part.
  ///
  /// - Parameters:
  ///   - version: of the message received last.
  ///   - options: of the same message.
  ///   - recipient: who received it.
  ///   - willing: false when we close for a reason of our own.
  /// - Returns: false when the connection ends with this exchange.
  package static func continues(
    version: Version, options: ConnectionOptions, recipient: Recipient, willing: Bool
  ) -> Bool {
    if options.close || !willing { return false }
    if version >= .http11 { return true }
    return options.keepAlive && recipient != .forwardProxy
  }
}
