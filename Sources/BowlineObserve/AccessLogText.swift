// The human form: one line per exchange, for a terminal.
//
//   GET /v1/items 200 1.2kB  14.8ms  queued 0 · waiting 13.1 · receiving 1.2   client #812 →
//   upstream #37 (127.0.0.1:9000, reused 118×)  us.complete                    (on one line)
//
// Phases are milliseconds; those that were not entered are left out. A dash stands for what is not
// known. Bytes from the network are escaped.

import BowlineCore
import BowlineJournal

extension AccessLog {
  /// One line for an exchange. `text` is the batch's.
  func writeText(_ exchange: ExchangeRecord, _ text: Span<UInt8>, _ out: inout ByteBuffer) {
    if exchange.methodText.isEmpty && exchange.method != .other {
      out.append(exchange.method.name)
    } else {
      out.append(word: text.extracting(exchange.methodText))
    }
    out.append(UInt8(ascii: " "))
    out.append(word: text.extracting(exchange.target))
    out.append(UInt8(ascii: " "))
    if exchange.status == 0 {
      out.append("–")
    } else {
      out.append(decimal: UInt64(exchange.status.rawValue))
    }
    out.append(UInt8(ascii: " "))
    out.append(size: exchange.responseBytes)
    out.append("  ")
    out.append(time: exchange.marks.duration)
    out.append("  ")
    writePhases(exchange.marks.phases, &out)
    out.append("   client #")
    out.append(exchange.connection)
    writeUpstream(exchange, &out)
    writeEnd(exchange, &out)
    out.append(UInt8(ascii: "\n"))
  }

  /// One line for a connection.
  func writeText(_ connection: ConnectionRecord, _ out: inout ByteBuffer) {
    out.append(connection.side == .downstream ? "client #" : "upstream #")
    out.append(connection.id)
    out.append(" (")
    out.append(connection.peer)
    out.append(") ended  ")
    out.append(decimal: UInt64(connection.exchanges))
    out.append(connection.exchanges == 1 ? " exchange  " : " exchanges  ")
    out.append(size: connection.bytesIn)
    out.append(" in · ")
    out.append(size: connection.bytesOut)
    out.append(" out  open ")
    out.append(time: max(0, connection.closed.since(connection.opened)))
    if connection.roundTripMicroseconds > 0 {
      out.append("  rtt ")
      out.append(time: Int64(connection.roundTripMicroseconds) * 1000)
      out.append(" · retransmits ")
      out.append(decimal: UInt64(connection.retransmits))
    }
    out.append("  ")
    out.append(connection.end.code)
    out.append(UInt8(ascii: "\n"))
  }

  private func writePhases(_ phases: Phases, _ out: inout ByteBuffer) {
    var isFirst = true
    for index in Phases.names.indices {
      guard let nanoseconds = phases[index] else { continue }
      if !isFirst { out.append(" · ") }
      isFirst = false
      out.append(Phases.names[index])
      out.append(UInt8(ascii: " "))
      out.append(milliseconds: nanoseconds)
    }
    if isFirst { out.append("–") }
  }

  private func writeUpstream(_ exchange: ExchangeRecord, _ out: inout ByteBuffer) {
    if exchange.upstream == .none { return }
    out.append(" → upstream #")
    out.append(exchange.upstream)
    out.append(" (")
    if let address = upstreamAddress(exchange) {
      out.append(visible: address.span)
      out.append(", ")
    }
    if exchange.upstreamOrdinal > 1 {
      out.append("reused ")
      out.append(decimal: UInt64(exchange.upstreamOrdinal - 1))
      out.append("×)")
    } else {
      out.append("new)")
    }
  }

  private func writeEnd(_ exchange: ExchangeRecord, _ out: inout ByteBuffer) {
    out.append("  ")
    out.append(exchange.end.code)
    writeReplay(exchange, &out)
    if let fault = exchange.fault {
      out.append("  fault: ")
      out.append(fault.text)
      if exchange.faultOffset >= 0 {
        out.append(", at byte ")
        out.append(decimal: UInt64(exchange.faultOffset))
      }
    }
    if let limit = exchange.limit {
      out.append("  limit: ")
      out.append(utf8: limit.name)
    }
  }
}

extension AccessLog {
  /// `replayed: upstream.reset.on-reuse, all written, nothing back`
  /// `not replayed: not-idempotent, partly written`
  private func writeReplay(_ exchange: ExchangeRecord, _ out: inout ByteBuffer) {
    if exchange.replays > 0 {
      out.append("  replayed")
      if exchange.replays > 1 {
        out.append(UInt8(ascii: " "))
        out.append(decimal: UInt64(exchange.replays))
        out.append("×")
      }
      out.append(": ")
      out.append(exchange.replayCause.code)
      if let evidence = exchange.replayEvidence {
        out.append(", ")
        out.append(evidence.text)
      }
    }
    if let refusal = exchange.replayRefusal {
      out.append("  not replayed: ")
      out.append(refusal.code)
      if let evidence = exchange.refusedEvidence {
        out.append(", ")
        out.append(evidence.text)
      }
    }
  }
}

extension ByteBuffer {
  /// Appends bytes from the network, or a dash when there are none.
  fileprivate mutating func append(word bytes: Span<UInt8>) {
    if bytes.isEmpty { append("–") } else { append(visible: bytes) }
  }

  /// Appends a size: `54B`, `1.2kB`, `118kB`. A kB is 1,024 bytes, as in the settings.
  fileprivate mutating func append(size bytes: UInt64) {
    if bytes < 1024 {
      append(decimal: bytes)
      return append(UInt8(ascii: "B"))
    }
    var shift: UInt64 = 10
    while shift < 40 && bytes >> shift >= 1024 { shift += 10 }
    let whole = bytes >> shift
    append(decimal: whole)
    if whole < 100 {
      append(UInt8(ascii: "."))
      append(decimal: ((bytes >> (shift - 10)) & 1023) * 10 / 1024)
    }
    switch shift {
    case 10: append("kB")
    case 20: append("MB")
    case 30: append("GB")
    default: append("TB")
    }
  }

  /// Appends a time with its unit: `0.31ms`, `14.8ms`, `2.50s`, `12.3s`; a dash when it is not
  /// known.
  fileprivate mutating func append(time nanoseconds: Int64?) {
    guard let nanoseconds else { return append("–") }
    if nanoseconds < 999_950_000 {
      append(milliseconds: nanoseconds)
      return append("ms")
    }
    if nanoseconds < 9_995_000_000 {
      append(UInt64(nanoseconds), step: 10_000_000, digits: 2)
    } else {
      append(UInt64(nanoseconds), step: 100_000_000, digits: 1)
    }
    append(UInt8(ascii: "s"))
  }

  /// Appends milliseconds: one decimal, or two below 1 ms; `0` for nothing at all.
  fileprivate mutating func append(milliseconds nanoseconds: Int64) {
    let time = UInt64(max(0, nanoseconds))
    if time == 0 {
      append(UInt8(ascii: "0"))
    } else if time < 995_000 {
      append(time, step: 10_000, digits: 2)
    } else {
      append(time, step: 100_000, digits: 1)
    }
  }

  /// Appends `value / step`, rounded, with its last `digits` digits behind a point.
  private mutating func append(_ value: UInt64, step: UInt64, digits: Int) {
    let rounded = (value + step / 2) / step
    let one: UInt64 = digits == 1 ? 10 : 100
    append(decimal: rounded / one)
    append(UInt8(ascii: "."))
    append(decimal: rounded % one, digits: digits)
  }
}
