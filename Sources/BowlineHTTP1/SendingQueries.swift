extension HTTP1Connection {
  /// True when the end of what we send is the end of the connection: an early end in good order
  /// would look like the whole of it.
  package var sendsUntilClose: Bool { sending == .untilClose || sending == .tunnel }
}
