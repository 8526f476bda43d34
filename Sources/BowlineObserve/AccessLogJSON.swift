// The JSON form. A key whose value is not known is left out: 0 never stands for "not measured".
// Durations are seconds, sizes are bytes.

import BowlineCore
import BowlineJournal

extension AccessLog {
  /// One object for an exchange. `text` is the batch's.
  func writeJSON(
    _ exchange: ExchangeRecord, _ text: Span<UInt8>, _ clock: WallClock, _ out: inout ByteBuffer
  ) {
    out.beginObject(time: clock.nanoseconds(at: exchange.marks.began))
    writeRequest(exchange, text, &out)
    if exchange.status != 0 {
      out.member("http.response.status_code", UInt64(exchange.status.rawValue))
    }
    out.member("http.request.body.size", exchange.requestBytes)
    out.member("http.response.body.size", exchange.responseBytes)
    out.member("connection.id", exchange.connection)
    out.member("connection.reused", exchange.ordinal > 1)
    out.member("connection.requests", UInt64(exchange.ordinal))
    writeUpstream(exchange, &out)
    writePhases(exchange.marks, &out)
    writeEnd(exchange, &out)
    out.member(roundTrip: exchange.roundTripMicroseconds, retransmits: exchange.retransmits)
    out.member("generation", UInt64(generation))
    out.endObject()
  }

  /// One object for a connection.
  func writeJSON(_ connection: ConnectionRecord, _ clock: WallClock, _ out: inout ByteBuffer) {
    out.beginObject(time: clock.nanoseconds(at: connection.closed))
    out.member("event", "connection.end")
    out.member("connection.id", connection.id)
    out.member("side", connection.side == .downstream ? "downstream" : "upstream")
    out.member("network.local.address", connection.local)
    out.member("network.local.port", UInt64(connection.local.port))
    out.member("network.peer.address", connection.peer)
    out.member("network.peer.port", UInt64(connection.peer.port))
    out.member("exchanges", UInt64(connection.exchanges))
    out.member("bytes.in", connection.bytesIn)
    out.member("bytes.out", connection.bytesOut)
    out.member("duration", seconds: max(0, connection.closed.since(connection.opened)))
    out.member("end.reason", connection.end.code)
    out.member(roundTrip: connection.roundTripMicroseconds, retransmits: connection.retransmits)
    out.member("generation", UInt64(generation))
    out.endObject()
  }

  private func writeRequest(
    _ exchange: ExchangeRecord, _ text: Span<UInt8>, _ out: inout ByteBuffer
  ) {
    if exchange.method != .other {
      out.member("http.request.method", exchange.method.name)
    } else if !exchange.methodText.isEmpty {
      // Unknown methods are anybody's invention: kept apart, so that the key has few values.
      out.member("http.request.method", "_OTHER")
      out.member("http.request.method_original", text.extracting(exchange.methodText))
    }
    if !exchange.target.isEmpty {
      let target = LoggedTarget(text.extracting(exchange.target))
      out.member("url.path", text.extracting(exchange.target).extracting(target.path))
      if let query = target.query {
        out.member("url.query", text.extracting(exchange.target).extracting(query))
      }
    }
    if !exchange.host.isEmpty { out.member("server.address", text.extracting(exchange.host)) }
    out.beginMember("network.protocol.version")
    out.append(UInt8(ascii: "\""))
    out.append(decimal: UInt64(exchange.version.major))
    out.append(UInt8(ascii: "."))
    out.append(decimal: UInt64(exchange.version.minor))
    out.append(UInt8(ascii: "\""))
    out.member("client.address", exchange.peer)
    out.member("client.port", UInt64(exchange.peer.port))
  }

  private func writeUpstream(_ exchange: ExchangeRecord, _ out: inout ByteBuffer) {
    if exchange.upstream != .none {
      out.member("upstream.connection.id", exchange.upstream)
      out.member("upstream.connection.reused", exchange.upstreamOrdinal > 1)
      out.member("upstream.connection.requests", UInt64(exchange.upstreamOrdinal))
    }
    if let address = upstreamAddress(exchange) { out.member("upstream.address", address.span) }
    if exchange.lease != .none { out.member("lease.reason", exchange.lease.code) }
  }

  private func writePhases(_ marks: ExchangeMarks, _ out: inout ByteBuffer) {
    let phases = marks.phases
    out.member("phase.queued", seconds: phases.queued)
    out.member("phase.dns", seconds: phases.dns)
    out.member("phase.tcp", seconds: phases.tcp)
    out.member("phase.tls", seconds: phases.tls)
    out.member("phase.sending", seconds: phases.sending)
    out.member("phase.waiting", seconds: phases.waiting)
    out.member("phase.receiving", seconds: phases.receiving)
    out.member("duration", seconds: marks.duration)
  }

  private func writeEnd(_ exchange: ExchangeRecord, _ out: inout ByteBuffer) {
    out.member("end.reason", exchange.end.code)
    if exchange.end != .complete { out.member("error.type", exchange.end.code) }
    writeReplay(exchange, &out)
    if let fault = exchange.fault {
      out.member("fault", fault.text)
      if exchange.faultOffset >= 0 { out.member("fault.offset", UInt64(exchange.faultOffset)) }
    }
    if let limit = exchange.limit {
      out.beginMember("limit")
      out.append(UInt8(ascii: "\""))
      out.append(utf8: limit.name)
      out.append(UInt8(ascii: "\""))
    }
  }
}

extension AccessLog {
  /// The evidence is that of the last attempt that failed.
  private func writeReplay(_ exchange: ExchangeRecord, _ out: inout ByteBuffer) {
    if exchange.replays > 0 {
      out.member("replay.count", UInt64(exchange.replays))
      out.member("replay.cause", exchange.replayCause.code)
    }
    if let evidence = exchange.refusedEvidence ?? exchange.replayEvidence {
      out.member("replay.evidence", evidence.code)
    }
    if let refusal = exchange.replayRefusal { out.member("replay.refused", refusal.code) }
  }
}

/// Where path and query stand in a request target (RFC 9112 §3.2).
struct LoggedTarget {
  let path: Range<Int>
  /// Without the question mark; nil when there is none.
  let query: Range<Int>?

  /// Takes any bytes: a target that was refused is logged too.
  init(_ bytes: Span<UInt8>) {
    var start = 0
    if let scheme = Self.first(UInt8(ascii: ":"), bytes, from: 0), scheme + 2 < bytes.count,
      bytes[0] != UInt8(ascii: "/"), bytes[scheme + 1] == UInt8(ascii: "/"),
      bytes[scheme + 2] == UInt8(ascii: "/")
    {
      // absolute-form: the path begins behind the authority, and may be missing.
      start = scheme + 3
      while start < bytes.count, bytes[start] != UInt8(ascii: "/"),
        bytes[start] != UInt8(ascii: "?")
      { start += 1 }
    }
    let mark = Self.first(UInt8(ascii: "?"), bytes, from: start)
    path = start..<(mark ?? bytes.count)
    query = mark.map { $0 + 1..<bytes.count }
  }

  private static func first(_ byte: UInt8, _ bytes: Span<UInt8>, from start: Int) -> Int? {
    var at = start
    while at < bytes.count {
      if bytes[at] == byte { return at }
      at += 1
    }
    return nil
  }
}

// Members of an object. Each but the first (the time) begins with a comma.
extension ByteBuffer {
  fileprivate mutating func beginObject(time nanoseconds: Int64) {
    append("{\"time\":\"")
    append(utc: nanoseconds)
    append(UInt8(ascii: "\""))
  }

  fileprivate mutating func endObject() { append("}\n") }

  fileprivate mutating func beginMember(_ name: StaticString) {
    append(",\"")
    append(name)
    append("\":")
  }

  fileprivate mutating func member(_ name: StaticString, _ number: UInt64) {
    beginMember(name)
    append(decimal: number)
  }

  fileprivate mutating func member(_ name: StaticString, _ flag: Bool) {
    beginMember(name)
    append(flag ? "true" : "false")
  }

  /// `text` needs no escape.
  fileprivate mutating func member(_ name: StaticString, _ text: StaticString) {
    beginMember(name)
    append(UInt8(ascii: "\""))
    append(text)
    append(UInt8(ascii: "\""))
  }

  fileprivate mutating func member(_ name: StaticString, _ bytes: Span<UInt8>) {
    beginMember(name)
    append(UInt8(ascii: "\""))
    append(json: bytes)
    append(UInt8(ascii: "\""))
  }

  fileprivate mutating func member(_ name: StaticString, _ id: ConnectionID) {
    beginMember(name)
    append(UInt8(ascii: "\""))
    append(id)
    append(UInt8(ascii: "\""))
  }

  fileprivate mutating func member(_ name: StaticString, _ address: SocketAddress) {
    beginMember(name)
    append(UInt8(ascii: "\""))
    address.appendHost(to: &self)
    append(UInt8(ascii: "\""))
  }

  /// Seconds to the microsecond. Leaves the member out when nothing was measured.
  fileprivate mutating func member(_ name: StaticString, seconds nanoseconds: Int64?) {
    guard let nanoseconds else { return }
    beginMember(name)
    let microseconds = UInt64(max(0, nanoseconds)) / 1000
    append(decimal: microseconds / 1_000_000)
    append(UInt8(ascii: "."))
    append(decimal: microseconds % 1_000_000, digits: 6)
  }

  /// Retransmits are known when the round-trip time is: both come from one question to the kernel.
  fileprivate mutating func member(roundTrip microseconds: UInt32, retransmits: UInt32) {
    if microseconds == 0 { return }
    member("tcp.rtt", seconds: Int64(microseconds) * 1000)
    member("tcp.retransmits", UInt64(retransmits))
  }
}
