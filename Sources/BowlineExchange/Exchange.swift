package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
import BowlineTransport

/// A slot on a link: one request and its response.
///
/// Named by the handle of this entry; for a multiplexed link also by its stream. The block holds
/// the head that arrived last (request head downstream, response head upstream), then the trailers.
package struct Exchange: ~Copyable {
  /// The link that carries it.
  package internal(set) var link = Handle.none
  /// Stream number on a multiplexed link; 0 on HTTP/1.
  package internal(set) var stream: UInt32 = 0
  /// Next exchange of the same link.
  var next = Handle.none
  package internal(set) var side = Side.downstream
  var handler: UInt16 = 0
  /// The role's own handle: what this exchange belongs to.
  package var context = Handle.none
  /// The head that arrived last.
  package var head = HeadBlock()
  /// Body bytes the role is willing to take. Negative when a first read brought more.
  package internal(set) var credit = 0
  package internal(set) var progress = ExchangeProgress()
  /// What this exchange will leave behind.
  package var record: ExchangeRecord
  /// Method, target and host as received, for the record, where the head block is used again.
  var story = ByteBuffer(capacity: 256)
  /// Milliseconds of silence after which the request counts as hung, while no byte of its response
  /// has come; 0 is the usual time for a response.
  var patience: Int32 = 0
  /// When a delay asked for by the role is over.
  var delayUntil = Instant.distantFuture
  /// Bytes that its link had sent before it: to know what was handed over of its request.
  var sentBefore: UInt64 = 0
  /// Body bytes received at the last check of the body rate, and when that was.
  var rateBytes: UInt64 = 0
  var rateSince = Instant(nanoseconds: 0)

  init() {
    record = ExchangeRecord(
      connection: .none, ordinal: 0, peer: SocketAddress(high: 0, low: 0, port: 0),
      method: .other, version: .http11, began: Instant(nanoseconds: 0))
  }
}

extension Exchange {
  /// Starts a new life on a link.
  mutating func begin(
    on link: borrowing Link, _ handle: Handle, handler: UInt16, context: Handle, credit: Int,
    now: Instant
  ) {
    self.link = handle
    stream = 0
    next = link.exchange
    side = link.side
    self.handler = handler
    self.context = context
    self.credit = credit
    progress = link.exchanges > 1 || link.progress < now ? .rested : []
    delayUntil = .distantFuture
    patience = 0
    sentBefore = link.bytesOut
    rateBytes = 0
    rateSince = now
    record = ExchangeRecord(
      connection: link.id, ordinal: link.exchanges, peer: link.peer, method: .other,
      version: .http11, began: now)
  }

  /// Notes a complete request head.
  mutating func noteRequest(_ framing: BodyFraming, now: Instant) {
    record.marks.headReceived = now
    record.method = head.start.method
    record.version = head.start.version
    rateSince = now
    // Elsewhere the head stays in the block until the record is written.
    if stream != 0 || framing.isChunked { keepStory() }
  }

  /// Turns it into a tunnel. Both directions are open.
  mutating func beginTunnel(now: Instant) {
    progress.remove([.received, .sent])
    progress.formUnion([.tunnel, .headBegun, .headReceived, .headSent])
    record.marks.requestSent = record.marks.requestSent ?? now
  }

  /// The peer's message is complete; in a tunnel, its stream has ended.
  mutating func noteReceived() {
    if progress.contains(.tunnel) && !progress.contains(.sent) {
      record.end = side == .downstream ? .clientClosedTunnel : .upstreamClosedTunnel
    }
    progress.insert(.received)
  }

  /// Our message is complete; in a tunnel, our stream has ended, as the other side's has.
  mutating func noteSent() {
    if progress.contains(.tunnel) && !progress.contains(.received) {
      record.end = side == .downstream ? .upstreamClosedTunnel : .clientClosedTunnel
    }
    progress.insert(.sent)
  }

  /// True when the request counts as hung if nothing comes within its patience.
  var isWatched: Bool { patience > 0 && !progress.contains(.headBegun) }

  /// True when both its messages are complete.
  var isOver: Bool { progress.isSuperset(of: [.received, .sent]) }

  /// How many bytes may be received for it now; nil for none.
  var receiveLimit: Int? {
    // An upstream that has answered early may end the connection while we still send.
    if progress.contains(.received) { return side == .upstream ? ReadBuffer.size : nil }
    if !progress.contains(.headReceived) { return ReadBuffer.size }
    return credit > 0 ? min(ReadBuffer.size, credit) : nil
  }
}

/// How far an exchange has come, both ways.
package struct ExchangeProgress: OptionSet, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The first byte of the peer's head has arrived.
  package static let headBegun = ExchangeProgress(rawValue: 1)
  /// The peer's (final) head has arrived.
  package static let headReceived = ExchangeProgress(rawValue: 2)
  /// The peer's message is complete.
  package static let received = ExchangeProgress(rawValue: 4)
  /// Our head was handed to the machine.
  package static let headSent = ExchangeProgress(rawValue: 8)
  /// Our message is complete.
  package static let sent = ExchangeProgress(rawValue: 16)
  /// No longer HTTP: raw bytes both ways. From then on `received` and `sent` mean that the peer has
  /// ended its stream, and that we have ended ours.
  package static let tunnel = ExchangeProgress(rawValue: 32)
  /// Its link was open before: it has carried an exchange, or waited for one.
  package static let rested = ExchangeProgress(rawValue: 64)
}
