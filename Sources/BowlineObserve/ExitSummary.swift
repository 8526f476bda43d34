import BowlineCore
import BowlineJournal

/// What is said on stderr when a process that served exits.
package struct ExitSummary: Sendable, Equatable {
  package let counters: Counters
  /// False when somebody does not read our log, and lines were given up to exit in time.
  package let isLogComplete: Bool

  package init(_ counters: Counters, isLogComplete: Bool = true) {
    self.counters = counters
    self.isLogComplete = isLogComplete
  }

  /// Upstream exchanges that found a used connection, of all upstream exchanges: 0 to 1. nil when
  /// there were none.
  package var upstreamReuse: Double? {
    counters.upstreamExchanges == 0
      ? nil : Double(counters.upstreamExchangesOnReused) / Double(counters.upstreamExchanges)
  }

  /// A few lines, each ended by a line feed.
  package var text: String {
    let clients = counters.connections(.downstream)
    var lines = [
      "served     \(Self.count(counters.exchanges, "request")) over "
        + Self.count(clients, "client connection")
    ]
    if counters.upstreamExchanges > 0 || counters.connections(.upstream) > 0 {
      var line =
        "upstream   \(Self.count(counters.upstreamExchanges, "request")) over "
        + Self.count(counters.connections(.upstream), "connection")
      if let reuse = Self.percent(
        counters.upstreamExchangesOnReused, of: counters.upstreamExchanges)
      {
        line += ", \(reuse) on a reused one"
      }
      if counters.replays > 0 { line += ", \(Self.count(counters.replays, "replay"))" }
      lines.append(line)
    }
    let ends = counters.exchangeEnds.prefix(5)
    if !ends.isEmpty {
      lines.append("ended      " + ends.map(Self.end).joined(separator: " · "))
    }
    let closed = counters.connectionEnds(.upstream)
    if !closed.isEmpty {
      lines.append("closed     " + closed.prefix(5).map(Self.end).joined(separator: " · "))
    }
    if let surplus = closed.first(where: { $0.reason == .upstreamUnexpectedBytes })?.count {
      // Somebody and we disagree where messages end.
      lines.append(
        "alarm      \(Self.count(surplus, "upstream connection")) sent bytes that belong to no "
          + "request")
    }
    let limited = counters.connectionEnds(.downstream).filter { $0.reason.blame == .policy }
    if !limited.isEmpty {
      lines.append("limits     " + limited.prefix(5).map(Self.end).joined(separator: " · "))
    }
    let pauses = [
      (counters.pausesAtLimit, "at client.connections"),
      (counters.pausesWithoutDescriptors, "for want of descriptors"),
    ].filter { $0.0 > 0 }
    if !pauses.isEmpty {
      let texts = pauses.map { "\(Self.count($0.0, "time")) \($0.1)" }
      lines.append("accepting  paused " + texts.joined(separator: ", "))
    }
    if counters.recordsDropped > 0 {
      lines.append(
        "log        \(Self.count(counters.recordsDropped, "record")) dropped: the log's reader was "
          + "slower than the traffic")
    }
    if counters.bytesNotWritten > 0 {
      lines.append("log        \(Self.count(counters.bytesNotWritten, "byte")) not written")
    }
    if !isLogComplete { lines.append("log        given up: nobody reads it") }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func end(_ entry: (reason: EndReason, count: UInt64)) -> String {
    "\(entry.reason.code) \(grouped(entry.count))"
  }

  /// `1 request`, `12,345 requests`.
  private static func count(_ number: UInt64, _ noun: String) -> String {
    if number == 1 { return "1 \(noun)" }
    return grouped(number) + " " + (noun.hasSuffix("y") ? noun.dropLast() + "ies" : noun + "s")
  }

  /// One decimal, rounded down: 100 % means all.
  private static func percent(_ part: UInt64, of whole: UInt64) -> String? {
    if whole == 0 { return nil }
    let thousandths = part.multipliedFullWidth(by: 1000)
    let tenths = whole.dividingFullWidth(thousandths).quotient
    return tenths == 1000 ? "all" : "\(tenths / 10).\(tenths % 10) %"
  }

  /// `1,234,567`.
  private static func grouped(_ number: UInt64) -> String {
    let digits = Array(String(number))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }
}
