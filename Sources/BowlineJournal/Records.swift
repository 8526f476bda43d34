// What a connection and an exchange leave behind. Both records have a fixed size, live inside the
// slab entry of what they describe while it lives, and are handed to Observe by value at its end.

package import BowlineCore

/// Number of a connection: unique in the process, counted from 1, never reused. The loop's number
/// is in the top 16 bits, so that loops count without sharing.
package struct ConnectionID: Hashable, Sendable {
  package let rawValue: UInt64
  package init(loop: UInt16, count: UInt64) {
    rawValue = UInt64(loop) << 48 | (count & 0xffff_ffff_ffff)
  }
  private init() { rawValue = 0 }
  /// No connection.
  package static let none = ConnectionID()
  /// `3` on the first loop, `2.3` on the third.
  package var text: String {
    let loop = rawValue >> 48
    let count = rawValue & 0xffff_ffff_ffff
    return loop == 0 ? String(count) : "\(loop).\(count)"
  }
}

/// Which side of us a connection is on.
package enum Side: UInt8, Sendable {
  case downstream, upstream
}

/// The story of one connection.
package struct ConnectionRecord: Sendable {
  package var id: ConnectionID
  package var side: Side
  /// How it ended. Meaningless while it lives.
  package var end = EndReason.complete
  package var local: SocketAddress
  package var peer: SocketAddress
  /// Accepted, or dial begun.
  package var opened: Instant
  /// When it ended.
  package var closed = Instant(nanoseconds: 0)
  /// Exchanges begun on it.
  package var exchanges: UInt32 = 0
  package var bytesIn: UInt64 = 0
  package var bytesOut: UInt64 = 0
  /// Smoothed round-trip time in microseconds as the kernel saw it at the end; 0 is not measured.
  package var roundTripMicroseconds: UInt32 = 0
  /// Segments the kernel sent again.
  package var retransmits: UInt32 = 0

  package init(
    id: ConnectionID, side: Side, local: SocketAddress, peer: SocketAddress, opened: Instant
  ) {
    self.id = id
    self.side = side
    self.local = local
    self.peer = peer
    self.opened = opened
  }
}

/// Why the exchange got the upstream connection it got.
package enum LeaseReason: UInt8, Sendable {
  /// No upstream was asked.
  case none
  /// An idle connection was at hand.
  case reused
  /// New: none was idle.
  case newNoneIdle
  /// New: the one before died on reuse, and the request could be replayed.
  case newAfterReplay
  /// Waited for a connection: the limit was reached.
  case waited

  package var text: StaticString {
    switch self {
    case .none: "none"
    case .reused: "reused"
    case .newNoneIdle: "new: none idle"
    case .newAfterReplay: "new: replay"
    case .waited: "waited: limit reached"
    }
  }
}

/// The moments of an exchange. An unset mark is nil and prints as a dash, never as zero.
///
/// The seven phases are made from them: queued (wait for a connection), dns, tcp, tls, sending,
/// waiting, receiving.
package struct ExchangeMarks: Sendable {
  /// First byte of the request head.
  package var began: Instant
  /// Request head complete.
  package var headReceived: Instant?
  /// Connection asked of the pool.
  package var leaseAsked: Instant?
  /// Connection in hand.
  package var leased: Instant?
  /// TCP connect begun and done, when this exchange dialled.
  package var dialBegan: Instant?
  package var dialEnded: Instant?
  /// Request fully handed to the upstream connection.
  package var requestSent: Instant?
  /// First byte of the final response head.
  package var responseBegan: Instant?
  /// The end of it all.
  package var ended: Instant?

  package init(began: Instant) { self.began = began }
}

/// The story of one exchange: a request and its response.
package struct ExchangeRecord: Sendable {
  package var connection: ConnectionID
  /// Number of this exchange on its connection, from 1.
  package var ordinal: UInt32
  package var peer: SocketAddress
  package var method: Method
  package var version: Version
  /// Final status sent to the client; 0 when none was.
  package var status: Status = 0
  package var upstream: ConnectionID = .none
  /// Index of the upstream in the configured list; -1 for none.
  package var upstreamIndex: Int16 = -1
  /// Number of this exchange on the upstream connection, from 1.
  package var upstreamOrdinal: UInt32 = 0
  package var lease = LeaseReason.none
  package var end = EndReason.complete
  /// Automatic second attempts.
  package var replays: UInt8 = 0
  /// Why the first attempt ended, when there was a second.
  package var replayCause = EndReason.complete
  package var requestBytes: UInt64 = 0
  package var responseBytes: UInt64 = 0
  /// Round-trip time of the client's connection, sampled, in microseconds; 0 is not measured.
  package var roundTripMicroseconds: UInt32 = 0
  package var retransmits: UInt32 = 0
  /// Offset of the offending byte when a peer's fault ended it; -1 for none.
  package var faultOffset: Int32 = -1
  package var fault: FaultKind?
  /// The setting whose limit was crossed, when one was.
  package var limit: SettingID?
  package var marks: ExchangeMarks
  /// The method as received and the target, as ranges of the batch's text; shortened at 2,048
  /// bytes.
  package var methodText = 0..<0
  package var target = 0..<0
  package var host = 0..<0

  package init(
    connection: ConnectionID, ordinal: UInt32, peer: SocketAddress, method: Method,
    version: Version, began: Instant
  ) {
    self.connection = connection
    self.ordinal = ordinal
    self.peer = peer
    self.method = method
    self.version = version
    marks = ExchangeMarks(began: began)
  }
}

/// Ended records of one loop on their way to Observe. Bounded: what does not fit is counted.
package struct RecordBatch: Sendable {
  package var connections: [ConnectionRecord] = []
  package var exchanges: [ExchangeRecord] = []
  /// Method, target and host bytes of the exchanges.
  package var text: [UInt8] = []
  /// Records that did not fit since the last batch.
  package var dropped = 0

  package init() {}

  /// Approximate size in bytes, compared with the setting `log.buffer`.
  package var size: Int {
    connections.count * MemoryLayout<ConnectionRecord>.stride
      + exchanges.count * MemoryLayout<ExchangeRecord>.stride + text.count
  }

  package var isEmpty: Bool { connections.isEmpty && exchanges.isEmpty && dropped == 0 }

  /// Forgets everything and keeps the storage.
  package mutating func removeAll() {
    connections.removeAll(keepingCapacity: true)
    exchanges.removeAll(keepingCapacity: true)
    text.removeAll(keepingCapacity: true)
    dropped = 0
  }

  /// Copies `bytes` (at most 2,048 of them) into the batch's text.
  package mutating func keep(_ bytes: Span<UInt8>) -> Range<Int> {
    let start = text.count
    let length = min(bytes.count, 2048)
    for index in 0..<length { text.append(bytes[index]) }
    return start..<start + length
  }
}
