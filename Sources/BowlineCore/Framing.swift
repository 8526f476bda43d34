/// How a message body is delimited. RFC 9112 §6.3. Decided once per message, by `Framing`.
package enum BodyFraming: Equatable, Sendable {
  /// No body.
  case none
  /// Exactly this many bytes.
  case length(UInt64)
  /// Chunked transfer coding.
  case chunked
  /// The body ends where the connection does (responses only).
  case untilClose
  /// No longer HTTP: a successful CONNECT or a 101 (RFC 9112 §6.3 rule 2, RFC 9110 §7.8).
  case tunnel
}
