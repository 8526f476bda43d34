// How a connection closes (RFC 9112 §9.6).
//
//   open ──begin──► flushing ──flushed──► halfClosed (► full) ──peer ended, or a limit──► gone
//                       │                                                          ▲
//                       └── flushed, and no byte can still be on its way ──────────┘
//
// The kernel answers with RST when bytes arrive at a closed socket, and an RST can destroy what we
// sent before the peer has read it. So when the peer may still be sending, we end our own side
// first (FIN), read and drop what comes, and close when the peer has ended its side, or a limit is
// reached: silence (`linger.idle`), total time (`linger.total`), bytes (`linger.bytes`). The
// silence timer restarts on progress; the total does not. The write-stall timeout bounds the flush.
//
// A peer that sends more than `linger.bytes` is not read any further, and is given the silence to
// read our answer: closing at once would reset it in the middle of an upload whose 413 it has not
// seen yet. Nothing is read, so the silence is not restarted.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

/// The close machine of one link, as a value.
package struct Closing: Sendable {
  package enum State: UInt8 {
    /// Next: flushing, or gone at once.
    case notBegun
    /// Waiting for our output to drain. Next: halfClosed, or gone.
    case flushing
    /// Our side is ended; dropping what comes. Next: full, gone.
    case halfClosed
    /// Enough was dropped: nothing more is read. Next: gone.
    case full
  }

  /// What the shell has to do.
  package enum Action: Equatable {
    case wait
    /// End our sending side, and wait until `Closing.deadline`.
    case halfClose
    /// Read nothing more, and wait until `Closing.deadline`.
    case stopReading
    /// Close the socket.
    case close
  }

  package private(set) var state = State.notBegun
  private var lingers = false
  private var dropped: UInt32 = 0
  private var began = Instant(nanoseconds: 0)

  /// A link that is not closing.
  package init() {}

  /// Starts closing.
  /// With `lingers` the peer may still be sending: its message is not complete, or bytes of it are
  /// unread.
  package mutating func begin(lingers: Bool, outputIsEmpty: Bool, now: Instant) -> Action {
    if state != .notBegun { return .wait }
    self.lingers = lingers
    state = .flushing
    return outputIsEmpty ? flushed(now: now) : .wait
  }

  /// Our output has drained.
  package mutating func flushed(now: Instant) -> Action {
    guard state == .flushing else { return .wait }
    if !lingers { return .close }
    state = .halfClosed
    began = now
    return .halfClose
  }

  /// Bytes arrived after our half-close; they are dropped.
  package mutating func received(_ count: Int, limit: Int) -> Action {
    dropped &+= UInt32(clamping: count)
    guard state == .halfClosed, Int(dropped) > limit else { return .wait }
    state = .full
    return .stopReading
  }

  /// The peer ended its side.
  package func peerEnded() -> Action { state == .halfClosed || state == .full ? .close : .wait }

  /// When the half-closed state ends at the latest, given the last progress.
  package func deadline(progress: Instant, idle: Int, total: Int) -> Instant {
    state == .halfClosed || state == .full
      ? min(progress.advanced(milliseconds: idle), began.advanced(milliseconds: total))
      : .distantFuture
  }
}
