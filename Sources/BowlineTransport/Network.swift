// The seam. Everything above Transport reaches the outside world through this one surface, which
// has two implementations: Epoll (the kernel) and Simulated (memory, and a virtual clock).
//
// All calls are made on the loop's own thread. None blocks, except `wait`. One dynamic call per
// operation is what the seam costs.

package import BowlineCore

/// A connection's socket: a descriptor, or a simulated one's number.
package struct SocketID: Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }
  package static let none = SocketID(rawValue: -1)
}

/// A listening socket. Opened once per address by the process, adopted by every loop.
package struct ListenerID: Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }
}

/// What the network said about a failed operation, in our words, with the system's number.
package struct NetworkError: Error, Equatable, Sendable {
  package enum Kind: UInt8, Sendable {
    /// ECONNREFUSED.
    case refused
    /// ECONNRESET, EPIPE: the peer has closed or reset.
    case reset
    /// ETIMEDOUT from the kernel.
    case timedOut
    /// ENETUNREACH, EHOSTUNREACH and their kin.
    case unreachable
    /// EMFILE, ENFILE, ENOBUFS, ENOMEM.
    case descriptors
    /// EADDRNOTAVAIL while connecting: no local port is free.
    case ports
    /// EADDRINUSE while listening.
    case inUse
    /// EACCES, EPERM.
    case denied
    case other
  }
  package let kind: Kind
  /// The errno; 0 from the simulated network.
  package let code: Int32
  package init(kind: Kind, code: Int32) {
    self.kind = kind
    self.code = code
  }
}

/// What a socket is ready for. Edge-triggered: each report may be the only one.
@frozen
@usableFromInline
package struct Readiness: OptionSet, Sendable {
  @usableFromInline package let rawValue: UInt8
  @inlinable
  package init(rawValue: UInt8) { self.rawValue = rawValue }
  /// Its own, because the one that comes with a set is a witness call.
  @inlinable
  package func contains(_ other: Readiness) -> Bool { rawValue & other.rawValue == other.rawValue }
  /// Bytes, or the end of the peer's stream, can be received.
  package static let readable = Readiness(rawValue: 1)
  /// Bytes can be sent; a connect has ended, well or not.
  package static let writable = Readiness(rawValue: 2)
  /// The peer has shut down its sending side, or the connection has failed: receive until told so.
  package static let ended = Readiness(rawValue: 4)
}

/// Outcome of a receive.
package enum ReceiveOutcome: Equatable, Sendable {
  /// This many bytes are in the read buffer. Fewer than asked for means: drained for now.
  case bytes(Int)
  /// Nothing now; a report will follow.
  case wouldBlock
  /// The peer's end of stream (FIN).
  case end
  case failed(NetworkError)
}

/// Outcome of a send.
package enum SendOutcome: Equatable, Sendable {
  /// This many bytes are with the kernel. Fewer than given means: full, a report will follow.
  case sent(Int)
  case failed(NetworkError)
}

/// Outcome of an accept.
package enum AcceptOutcome: Sendable {
  case accepted(SocketID, peer: SocketAddress)
  /// Nobody is waiting.
  case wouldBlock
  /// No descriptor is left: try again later, the connection stays in the kernel's queue.
  case exhausted(NetworkError)
  /// This one connection failed before we took it; the next may be fine.
  case failed(NetworkError)
}

/// Outcome of a connect.
package enum ConnectOutcome: Sendable {
  /// Under way: the socket becomes writable when it has ended, then ask `connectResult`.
  case started(SocketID)
  case failed(NetworkError)
}

/// What is known of a socket from the system, for records and for the story.
package struct SocketFacts: Sendable {
  package var local: SocketAddress
  package var peer: SocketAddress
  /// Smoothed round-trip time in microseconds; 0 is not known.
  package var roundTripMicroseconds: UInt32 = 0
  /// Round-trip time variation in microseconds.
  package var roundTripVariationMicroseconds: UInt32 = 0
  /// Segments sent again over the connection's life.
  package var retransmits: UInt32 = 0
  /// Congestion window in segments; 0 is not known.
  package var congestionWindow: UInt32 = 0
  /// Segments sent and not yet acknowledged.
  package var unacknowledged: UInt32 = 0
  /// What the peer's system has acknowledged over the connection's life: bytes that we sent, and
  /// one for the SYN when we dialled; nil is not known.
  package var acknowledged: UInt64?

  package init(local: SocketAddress, peer: SocketAddress) {
    self.local = local
    self.peer = peer
  }
}

/// How a socket is closed.
package enum CloseManner: Sendable {
  /// close(2): what was sent still arrives; FIN follows it.
  case orderly
  /// RST: the peer learns at once that this did not end well (SO_LINGER 0).
  case reset
}

/// One thing that `wait` reports.
package struct NetworkEvent: Sendable {
  package enum Source: Sendable {
    /// A connection; `token` is what `watch` or `connect` was given.
    case socket(token: UInt64)
    /// A listener has somebody waiting.
    case listener(ListenerID)
  }
  package let source: Source
  package let readiness: Readiness
  package init(source: Source, readiness: Readiness) {
    self.source = source
    self.readiness = readiness
  }
}

/// The read buffer of one loop: 64 KiB, lent downwards for the time of one event.
package struct ReadBuffer: ~Copyable {
  package var bytes: ByteBuffer
  /// Most bytes one receive takes.
  package static let size = 65536
  package init() { bytes = ByteBuffer(capacity: Self.size) }
}

/// The outside world of one loop.
package protocol Network: AnyObject {
  /// The monotonic clock as read at the last `wait`. The same value for a whole turn.
  var now: Instant { get }
  /// Seconds since 1970 (UTC), for Date fields and logs.
  var wallClockSeconds: Int64 { get }
  /// A random number from the loop's own generator.
  func random() -> UInt64

  /// Starts (or stops) reporting a listener that the process opened.
  func adopt(_ listener: ListenerID)
  func release(_ listener: ListenerID)
  /// Takes one connection. Non-blocking, TCP_NODELAY on. Not watched yet.
  func accept(_ listener: ListenerID) -> AcceptOutcome
  /// Begins a connection, watched from the start under `token`. TCP_NODELAY on.
  func connect(to address: SocketAddress, token: UInt64) -> ConnectOutcome
  /// How a connect ended; nil is success. To be asked once, after the socket became writable.
  func connectResult(_ socket: SocketID) -> NetworkError?
  /// Reports what becomes of `socket` under `token`, edge-triggered, until it is closed or not
  /// watched any more. What it is ready for already is reported, too.
  func watch(_ socket: SocketID, token: UInt64) -> NetworkError?
  /// Reports nothing more of `socket`, and leaves it to whichever network watches it next.
  func unwatch(_ socket: SocketID)

  /// Receives at most `limit` bytes (1...ReadBuffer.size) into the empty buffer.
  func receive(_ socket: SocketID, into buffer: inout ReadBuffer, limit: Int) -> ReceiveOutcome
  /// Looks without taking: `.bytes(1)` says that there is something.
  func peek(_ socket: SocketID) -> ReceiveOutcome
  /// Sends `first`, then `second` (which may be empty), in one call.
  func send(_ socket: SocketID, _ first: Span<UInt8>, _ second: Span<UInt8>) -> SendOutcome
  /// Ends our sending side (FIN after what was sent).
  func shutdownSend(_ socket: SocketID)
  func close(_ socket: SocketID, _ manner: CloseManner)
  /// Addresses and TCP_INFO. nil when the socket has none any more; the peer is the unspecified
  /// address once both sides have ended.
  func facts(_ socket: SocketID) -> SocketFacts?

  /// Waits until something happens, `deadline` passes or `wake` is called, and refills `events`
  /// (at most 256). `deadline` nil waits without end. Reads the clock on return.
  func wait(until deadline: Instant?, events: inout [NetworkEvent])
  /// Ends the current or next `wait`. The only call allowed from other threads goes through this.
  var waker: any Waker { get }
}

/// Ends a loop's wait from any thread.
package protocol Waker: AnyObject, Sendable {
  func wake()
}
