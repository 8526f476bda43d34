import BowlineCore
import BowlineJournal
import BowlineObserve

/// Noon of a summer day, at instant 1,000 s.
let clock = WallClock(
  seconds: 1_785_585_600, nanoseconds: 0, instant: Instant(nanoseconds: 1_000_000_000_000))

/// `microseconds` after the clock's instant.
func at(_ microseconds: Int64) -> Instant {
  Instant(nanoseconds: clock.instant.nanoseconds + microseconds * 1000)
}

extension RecordBatch {
  /// A proxied GET over a reused connection, as the example in the notes on the log has it.
  static func proxied(_ change: (inout ExchangeRecord) -> Void = { _ in }) -> RecordBatch {
    var batch = RecordBatch()
    var record = ExchangeRecord(
      connection: ConnectionID(loop: 0, count: 812), ordinal: 3,
      peer: SocketAddress(ipv4: 0xc000_0207, port: 51234), method: .get, version: .http11,
      began: at(0))
    record.status = 200
    record.upstream = ConnectionID(loop: 1, count: 37)
    record.upstreamIndex = 0
    record.upstreamOrdinal = 119
    record.lease = .reused
    record.responseBytes = 1250
    record.roundTripMicroseconds = 250
    record.marks.headReceived = at(0)
    record.marks.leaseAsked = at(10)
    record.marks.leased = at(10)
    record.marks.requestSent = at(480)
    record.marks.responseBegan = at(13_600)
    record.marks.ended = at(14_800)
    record.methodText = batch.keep("GET")
    record.target = batch.keep("/v1/items?page=2")
    record.host = batch.keep("shop.example")
    change(&record)
    batch.exchanges.append(record)
    return batch
  }

  mutating func keep(_ text: String) -> Range<Int> { keep(bytes: Array(text.utf8)) }

  // A span of a temporary array in a throwing function crashes the compiler (6.3.1).
  mutating func keep(bytes: [UInt8]) -> Range<Int> { keep(bytes.span) }
}

extension AccessLog {
  /// The lines that `batch` makes.
  func text(_ batch: RecordBatch) -> String {
    var out = ByteBuffer()
    write(batch, clock: clock, into: &out)
    return out.text
  }
}

extension ByteBuffer {
  /// The readable bytes as text.
  var text: String {
    var bytes: [UInt8] = []
    for index in 0..<count { bytes.append(self[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
