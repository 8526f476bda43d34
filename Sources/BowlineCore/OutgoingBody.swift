/// How much body a message that we send will have.
package enum OutgoingBody: Equatable, Sendable {
  /// None, and none is declared (GET request, 204, 304 without length).
  case none
  /// Exactly this many bytes (0 writes Content-Length: 0).
  case length(UInt64)
  /// Not known: chunked towards 1.1, until close towards 1.0.
  case unknown
  /// None is sent, but the length that GET would have had is declared (HEAD, 304).
  case declared(UInt64)
}
