import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

/// What a link expects next.
///
/// - dialling: the connect's outcome; then open or gone.
/// - open: exchanges; then closing or gone.
/// - closing: see `Closing`; then gone.
enum LinkState: UInt8 {
  case dialling, open, closing
}

/// Why and how a link ends.
struct Ending {
  var closing = Closing()
  /// Why it closes, once that is decided.
  var reason = EndReason.complete
  var manner = CloseManner.orderly
  /// What the network said, when it is why.
  var error: NetworkError?
}

/// A machine joined to a socket. Lives in its loop's slab; nothing else touches it.
///
/// An idle link owns no buffer and no exchange: this struct, one timer entry, and what the kernel
/// keeps.
struct Link: ~Copyable {
  // In this order there is no hole between the fields: every idle connection has them.
  /// The machine, while the link speaks HTTP/1.
  var http1: HTTP1Connection
  /// Pipelined requests answered since others had a turn.
  var burst: UInt16 = 0
  var socket: SocketID
  var state: LinkState
  let side: Side
  /// Which listener's role, or which owner of upstream links, this link belongs to.
  let owner: UInt16
  var flags = LinkFlags()
  /// Which machine, when it speaks a multiplexed protocol; 0 while it speaks HTTP/1.
  var machine: UInt16 = 0
  var exchanges: UInt32 = 0
  /// Why and how it ends, lent by the loop once something of that is known.
  var ending = Loan.none
  /// First of the exchanges on this link (HTTP/1 has one at most), or none.
  var exchange = Handle.none
  /// Bytes waiting to be sent, lent by the loop; none when there are none.
  var output = Loan.none
  /// Received bytes that may not be parsed yet (pipelined, or no credit), lent by the loop.
  var leftover = Loan.none

  /// When its timer entry fires.
  var armed = Instant.distantFuture
  /// Last time a byte went in or out.
  var progress: Instant

  let id: ConnectionID
  let opened: Instant
  var bytesIn: UInt64 = 0
  var bytesOut: UInt64 = 0
  let peer: SocketAddress
  private let pin = Pin()

  init(
    id: ConnectionID, side: Side, owner: UInt16, socket: SocketID, peer: SocketAddress,
    state: LinkState, recipient: Persistence.Recipient = .origin, now: Instant
  ) {
    self.id = id
    self.side = side
    self.owner = owner
    self.socket = socket
    self.peer = peer
    self.state = state
    http1 = HTTP1Connection(
      role: side == .downstream ? .server : .client, recipient: recipient)
    progress = now
    opened = now
  }

  /// True while nothing is under way: no exchange, nothing to send, nothing unparsed.
  var isIdle: Bool {
    state == .open && exchange == .none && output == .none && leftover == .none
  }
}

extension Link {
  /// True while a receive may bring something that the link can take.
  var mayReceive: Bool {
    guard flags.contains(.mayRead), flags.isDisjoint(with: [.peerEnded, .doomed, .parked]) else {
      return false
    }
    switch state {
    case .dialling: return false
    case .closing: return flags.isDisjoint(with: .full)
    case .open: return leftover == .none
    }
  }

  /// Notes what the socket is ready for. True when waiting output may be sent again.
  mutating func note(_ readiness: Readiness) -> Bool {
    if readiness.contains(.ended) {
      flags.formUnion([.mayRead, .sawEnd])
    } else if readiness.contains(.readable) {
      flags.insert(.mayRead)
    }
    guard readiness.contains(.writable), flags.contains(.blocked) else { return false }
    flags.remove(.blocked)
    return true
  }

  /// True when an exchange whose messages are both complete can end: everything was handed over.
  var mayFinish: Bool { state == .open && output == .none && machine == 0 }

  /// Notes what a receive of at most `limit` bytes brought.
  mutating func note(_ outcome: ReceiveOutcome, limit: Int, now: Instant) {
    switch outcome {
    case .bytes(let count):
      bytesIn &+= UInt64(count)
      // While a close waits for the peer to read, only that is progress.
      if state != .closing || output == .none { progress = now }
      // A short read has drained the socket: the next byte brings a new report. Not so the end of
      // the stream, which may have been reported already.
      if count < limit && !flags.contains(.sawEnd) { flags.remove(.mayRead) }
    case .end:
      flags.remove(.mayRead)
      flags.insert(.peerEnded)
    case .wouldBlock, .failed:
      flags.remove(.mayRead)
    }
  }

  /// Notes that the kernel took `count` bytes.
  mutating func noteSent(_ count: Int, _ now: Instant) {
    bytesOut &+= UInt64(count)
    progress = now
  }

  /// True once, when our stream of a tunnel has ended and is sent while the peer's still goes on.
  var endsSending: Bool {
    mutating get {
      guard http1.isTunnel, http1.sendingIsComplete, state == .open,
        flags.isDisjoint(with: [.sendEnded, .peerEnded])
      else { return false }
      flags.insert(.sendEnded)
      return true
    }
  }

  /// True while events may be pulled out of the machine.
  var mayPull: Bool { state == .open && flags.isDisjoint(with: [.doomed, .parked]) }
}

/// Facts about a link that are true or not.
struct LinkFlags: OptionSet {
  let rawValue: UInt16
  /// The kernel may hold bytes for us: receive until told otherwise (edge-triggered).
  static let mayRead = LinkFlags(rawValue: 1)
  /// The peer has ended or broken its stream: receive until that is seen.
  static let sawEnd = LinkFlags(rawValue: 2)
  /// The kernel's send buffer is full: wait for a report.
  static let blocked = LinkFlags(rawValue: 4)
  /// Already in the list of links to flush.
  static let queued = LinkFlags(rawValue: 8)
  /// Already in the list of links to read again.
  static let resuming = LinkFlags(rawValue: 16)
  /// A send failed: nothing more can be sent, but a response may still be readable.
  static let sendBroken = LinkFlags(rawValue: 32)
  /// The peer's end of stream was received.
  static let peerEnded = LinkFlags(rawValue: 64)
  /// The source of what we send holds back until our output drains.
  static let holdsSource = LinkFlags(rawValue: 128)
  /// To be closed at the end of this event, for the reason `doom`.
  static let doomed = LinkFlags(rawValue: 256)
  /// The role decides about the request's head with somebody else's help: nothing is read.
  static let parked = LinkFlags(rawValue: 2048)
  /// Bytes came right behind a CONNECT: they are for its tunnel or for nobody.
  static let sentAhead = LinkFlags(rawValue: 16384)
  /// It has decided: what was parked is to be taken up.
  static let unparked = LinkFlags(rawValue: 4096)
  /// Closing, and enough was dropped: nothing more is read.
  static let full = LinkFlags(rawValue: 32768)
  /// A tunnel: our stream was ended (FIN) while the peer's goes on.
  static let sendEnded = LinkFlags(rawValue: 512)
  /// Had its turn: read again in the loop's next one.
  static let postponed = LinkFlags(rawValue: 1024)
  /// Told to close because there are many clients: `client.high-water`.
  static let crowded = LinkFlags(rawValue: 8192)
}
