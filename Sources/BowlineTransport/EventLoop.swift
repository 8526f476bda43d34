package import BowlineCore

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

/// One thread's loop: waits, and hands everything that happened to its client.
///
/// A turn delivers, in this order: socket and listener events, expired deadlines, messages, and the
/// turn's end. All of it on the thread that calls `run` or `turn`. Only `mailbox` may be used from
/// other threads.
package final class EventLoop {
  package let network: any Network
  /// Gets everything that happens. Must be set before the first turn. Held strongly: set it to nil
  /// to break the cycle when the client owns the loop.
  package var client: (any LoopClient)?
  /// The loop's letter box.
  package let mailbox: Mailbox

  private let timers: Held<TimerWheel>
  private let events = Held<[NetworkEvent]>([])
  private let expired = Held<[UInt64]>([])
  private var messages: [any Sendable] = []
  private var isStopping = false

  package init(network: any Network) {
    self.network = network
    mailbox = Mailbox(waker: network.waker)
    timers = Held(TimerWheel(now: network.now))
    events.value.reserveCapacity(256)
    expired.value.reserveCapacity(256)
  }

  /// The instant of this turn.
  package var now: Instant { network.now }

  /// Calls `client.expired(token)` at `deadline`, rounded up to a millisecond. There is no way to
  /// take it back; schedule again and ignore the superseded call.
  package func schedule(_ token: UInt64, at deadline: Instant) {
    timers.value.schedule(token: token, at: deadline)
  }

  /// The earliest deadline that has not been delivered, superseded ones included.
  package var nextDeadline: Instant? { timers.value.nextDeadline }

  /// Makes turns until `stop`. Owns the read buffer.
  package func run() {
    var buffer = ReadBuffer()
    while !isStopping { turn(buffer: &buffer, wait: true) }
  }

  /// Ends `run` after this turn, for good. On the loop's thread: others post a message that leads
  /// here.
  package func stop() { isStopping = true }

  /// One turn. With `wait` it waits until something happens; without, it delivers what is there.
  package func turn(buffer: inout ReadBuffer, wait: Bool) {
    guard let client else { preconditionFailure("a loop that turns without a client") }
    let deadline = wait && mailbox.isEmpty ? timers.value.nextDeadline : network.now
    network.wait(until: deadline, events: &events.value)
    deliverEvents(to: client, buffer: &buffer)
    deliverExpired(to: client, buffer: &buffer)
    if !mailbox.isEmpty { deliverMessages(to: client) }
    buffer.bytes.removeAll()
    client.turnEnded(buffer: &buffer)
  }

  private func deliverEvents(to client: any LoopClient, buffer: inout ReadBuffer) {
    var index = 0
    while index < events.value.count {
      let event = events.value[index]
      switch event.source {
      case .socket(let token):
        buffer.bytes.removeAll()
        client.ready(token, event.readiness, buffer: &buffer)
      case .listener(let listener):
        client.acceptable(listener)
      }
      index += 1
    }
  }

  private func deliverExpired(to client: any LoopClient, buffer: inout ReadBuffer) {
    timers.value.advance(to: network.now, expired: &expired.value)
    if expired.value.isEmpty { return }
    var index = 0
    while index < expired.value.count {
      buffer.bytes.removeAll()
      client.expired(expired.value[index], buffer: &buffer)
      index += 1
    }
    expired.value.removeAll(keepingCapacity: true)
  }

  private func deliverMessages(to client: any LoopClient) {
    mailbox.take(&messages)
    for message in messages { client.receive(message) }
    messages.removeAll(keepingCapacity: true)
  }
}
