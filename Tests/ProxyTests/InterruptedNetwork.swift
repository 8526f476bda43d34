import BowlineCore
import BowlineTransport

/// The kernel's network, with a moment between two of its calls at which the test does something:
/// what a peer does there could not be seen by the first and is there for the second.
final class InterruptedNetwork: Network {
  private let inner: EpollNetwork
  /// Done once, when a socket was looked at and nothing was found.
  var afterQuietPeek: (() -> Void)?
  /// Done once, before bytes are sent.
  var beforeSend: (() -> Void)?

  init() throws { inner = try EpollNetwork() }

  func peek(_ socket: SocketID) -> ReceiveOutcome {
    let outcome = inner.peek(socket)
    if outcome == .wouldBlock { Self.take(&afterQuietPeek) }
    return outcome
  }

  func send(_ socket: SocketID, _ first: Span<UInt8>, _ second: Span<UInt8>) -> SendOutcome {
    Self.take(&beforeSend)
    return inner.send(socket, first, second)
  }

  private static func take(_ deed: inout (() -> Void)?) {
    let taken = deed
    deed = nil
    taken?()
  }

  // The rest is the kernel's.
  var now: Instant { inner.now }
  var wallClockSeconds: Int64 { inner.wallClockSeconds }
  var waker: any Waker { inner.waker }
  func random() -> UInt64 { inner.random() }
  func adopt(_ listener: ListenerID) { inner.adopt(listener) }
  func release(_ listener: ListenerID) { inner.release(listener) }
  func accept(_ listener: ListenerID) -> AcceptOutcome { inner.accept(listener) }
  func connect(to address: SocketAddress, token: UInt64) -> ConnectOutcome {
    inner.connect(to: address, token: token)
  }
  func connectResult(_ socket: SocketID) -> NetworkError? { inner.connectResult(socket) }
  func watch(_ socket: SocketID, token: UInt64) -> NetworkError? {
    inner.watch(socket, token: token)
  }
  func receive(
    _ socket: SocketID, into buffer: inout ReadBuffer, limit: Int
  ) -> ReceiveOutcome {
    inner.receive(socket, into: &buffer, limit: limit)
  }
  func unwatch(_ socket: SocketID) { inner.unwatch(socket) }
  func shutdownSend(_ socket: SocketID) { inner.shutdownSend(socket) }
  func close(_ socket: SocketID, _ manner: CloseManner) { inner.close(socket, manner) }
  func facts(_ socket: SocketID) -> SocketFacts? { inner.facts(socket) }
  func wait(until deadline: Instant?, events: inout [NetworkEvent]) {
    inner.wait(until: deadline, events: &events)
  }
}
