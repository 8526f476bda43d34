extension HTTP1Connection {
  /// True when the end of the body that we send is the end of the connection: an early end in good
  /// order would look like a whole body.
  package var sendsUntilClose: Bool { sending == .untilClose }
}
