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
@frozen
@usableFromInline
package enum Side: UInt8, Sendable {
  case downstream, upstream

  /// Its own, because the operator of an enum of another room is a witness call.
  @inlinable
  package static func == (a: Side, b: Side) -> Bool {
    switch (a, b) {
    case (.downstream, .downstream), (.upstream, .upstream): true
    default: false
    }
  }
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

/// A moment that may not have come yet. Half the size of an optional: records are copied a lot.
struct Mark {
  private var nanoseconds = Int64.min

  /// The moment; nil before it has come.
  var instant: Instant? {
    get { nanoseconds == .min ? nil : Instant(nanoseconds: nanoseconds) }
    set { nanoseconds = newValue?.nanoseconds ?? .min }
  }
}

/// The moments of an exchange. An unset mark is nil and prints as a dash, never as zero.
///
/// The seven phases are made from them: queued (wait for a connection), dns, tcp, tls, sending,
/// waiting, receiving.
package struct ExchangeMarks: Sendable {
  /// First byte of the request head.
  package var began: Instant
  private var headReceivedMark = Mark()
  private var leaseAskedMark = Mark()
  private var leasedMark = Mark()
  private var dialBeganMark = Mark()
  private var dialEndedMark = Mark()
  private var requestSentMark = Mark()
  private var responseBeganMark = Mark()
  private var endedMark = Mark()

  package init(began: Instant) { self.began = began }
}

extension ExchangeMarks {
  /// Request head complete.
  package var headReceived: Instant? {
    get { headReceivedMark.instant }
    set { headReceivedMark.instant = newValue }
  }
  /// Connection asked of the pool.
  package var leaseAsked: Instant? {
    get { leaseAskedMark.instant }
    set { leaseAskedMark.instant = newValue }
  }
  /// Connection in hand.
  package var leased: Instant? {
    get { leasedMark.instant }
    set { leasedMark.instant = newValue }
  }
  /// TCP connect begun, when this exchange dialled.
  package var dialBegan: Instant? {
    get { dialBeganMark.instant }
    set { dialBeganMark.instant = newValue }
  }
  /// TCP connect done, when this exchange dialled.
  package var dialEnded: Instant? {
    get { dialEndedMark.instant }
    set { dialEndedMark.instant = newValue }
  }
  /// Request fully handed to the upstream connection.
  package var requestSent: Instant? {
    get { requestSentMark.instant }
    set { requestSentMark.instant = newValue }
  }
  /// First byte of the final response head.
  package var responseBegan: Instant? {
    get { responseBeganMark.instant }
    set { responseBeganMark.instant = newValue }
  }
  /// The end of it all.
  package var ended: Instant? {
    get { endedMark.instant }
    set { endedMark.instant = newValue }
  }
}

/// The story of one exchange: a request and its response. Small facts stand where there is room
/// between large ones, because records are moved a lot.
package struct ExchangeRecord: Sendable {
  package var connection: ConnectionID
  /// Number of this exchange on its connection, from 1.
  package var ordinal: UInt32
  package var peer: SocketAddress
  package var method: Method
  package var version: Version
  /// How far the last attempt had come that was followed by another.
  package var replayEvidence: Evidence?
  /// Final status sent to the client; 0 when none was.
  package var status: Status = 0
  package var upstream: ConnectionID = .none
  /// The address that the upstream connection leads to.
  package var upstreamPeer = SocketAddress(high: 0, low: 0, port: 0)
  /// Index of the upstream in the configured list; -1 for none.
  package var upstreamIndex: Int16 = -1
  /// Number of this exchange on the upstream connection, from 1.
  package var upstreamOrdinal: UInt32 = 0
  package var lease = LeaseReason.none
  package var end = EndReason.complete
  /// Automatic attempts after the first.
  package var replays: UInt8 = 0
  /// Why the last attempt that was followed by another ended.
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
  /// Why a failed attempt was not followed by another, and how far it had come; nil when there was
  /// none.
  package var replayRefusal: ReplayRefusal?
  package var refusedEvidence: Evidence?
  package var marks: ExchangeMarks
  private var methodPlace = TextPlace()
  private var targetPlace = TextPlace()
  private var hostPlace = TextPlace()

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

// What was asked, as ranges of the batch's text. Target and host are shortened (see `Story`).
extension ExchangeRecord {
  /// The method as received.
  package var methodText: Range<Int> {
    get { methodPlace.range }
    set { methodPlace.range = newValue }
  }
  /// The target as received.
  package var target: Range<Int> {
    get { targetPlace.range }
    set { targetPlace.range = newValue }
  }
  /// The Host as received.
  package var host: Range<Int> {
    get { hostPlace.range }
    set { hostPlace.range = newValue }
  }

  /// Its text was copied to where `base` bytes stand already.
  package mutating func moveText(by base: Int) {
    methodPlace.move(by: base)
    targetPlace.move(by: base)
    hostPlace.move(by: base)
  }
}

/// A range of a batch's text in eight bytes.
private struct TextPlace {
  private var start: UInt32 = 0
  private var count: UInt32 = 0

  var range: Range<Int> {
    get { Int(start)..<Int(start) + Int(count) }
    set {
      start = UInt32(truncatingIfNeeded: newValue.lowerBound)
      count = UInt32(truncatingIfNeeded: newValue.count)
    }
  }

  mutating func move(by base: Int) { start &+= UInt32(truncatingIfNeeded: base) }
}

/// Ended records of one loop on their way to Observe. Bounded: what does not fit is counted.
package struct RecordBatch: Sendable {
  package var connections: [ConnectionRecord] = []
  package var exchanges: [ExchangeRecord] = []
  /// Method, target and host bytes of the exchanges.
  package var text: [UInt8] = []
  /// Records that did not fit since the last batch.
  package var dropped = 0
  /// Times since the last batch that no connection was taken in, by why. They wait for records to
  /// go with: whatever there is too much of will end.
  package var pausesAtLimit = 0
  package var pausesWithoutDescriptors = 0

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
    pausesAtLimit = 0
    pausesWithoutDescriptors = 0
  }

  /// Copies `bytes`, at most `limit` of them, into the batch's text.
  package mutating func keep(_ bytes: Span<UInt8>, limit: Int = .max) -> Range<Int> {
    let start = text.count
    let length = min(bytes.count, limit)
    text.append(bytes.extracting(0..<length))
    return start..<start + length
  }
}
