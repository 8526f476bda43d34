/// What a loop drives: the owner of the links. One dynamic call per event.
package protocol LoopClient: AnyObject {
  /// A listener has somebody waiting.
  func acceptable(_ listener: ListenerID)
  /// A socket is ready. `buffer` is empty and may be used until return.
  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer)
  /// A deadline set with `EventLoop.schedule` has passed. Superseded ones come too and are the
  /// client's to ignore.
  func expired(_ token: UInt64, buffer: inout ReadBuffer)
  /// A message from another thread.
  func receive(_ message: any Sendable)
  /// Everything of this turn was delivered.
  func turnEnded(buffer: inout ReadBuffer)
}
