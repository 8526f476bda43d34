// What the process has done so far, in numbers. The log writer adds up the records that pass it;
// nothing on a loop's thread counts twice.

import BowlineCore
package import BowlineJournal

/// Totals since the start, as a value. A copy is a snapshot.
package struct Counters: Sendable, Equatable {
  /// Exchanges that ended.
  package private(set) var exchanges: UInt64 = 0
  /// Of those, on a client connection that had carried one before.
  package private(set) var exchangesOnReused: UInt64 = 0
  /// Exchanges that got an upstream connection.
  package private(set) var upstreamExchanges: UInt64 = 0
  /// Of those, on a connection that had carried one before.
  package private(set) var upstreamExchangesOnReused: UInt64 = 0
  /// Automatic second attempts.
  package private(set) var replays: UInt64 = 0
  /// Content bytes from clients, and to them.
  package private(set) var requestBytes: UInt64 = 0
  package private(set) var responseBytes: UInt64 = 0
  /// Records that a loop had to drop, because the writer was slower than the traffic.
  package private(set) var recordsDropped: UInt64 = 0
  /// Bytes of log lines that could not be written.
  package private(set) var bytesNotWritten: UInt64 = 0

  /// Times that a loop took no new connection: `client.connections` was reached and no client idle.
  package private(set) var pausesAtLimit: UInt64 = 0
  /// The same for want of descriptors.
  package private(set) var pausesWithoutDescriptors: UInt64 = 0

  private var byStatusClass = [UInt64](repeating: 0, count: 6)
  private var exchangesByEnd = [UInt64](repeating: 0, count: 256)
  private var downstreamByEnd = [UInt64](repeating: 0, count: 256)
  private var upstreamByEnd = [UInt64](repeating: 0, count: 256)

  package init() {}

  /// Adds what `batch` says.
  package mutating func add(_ batch: RecordBatch) {
    for exchange in batch.exchanges { add(exchange) }
    for connection in batch.connections {
      let end = Int(connection.end.rawValue)
      switch connection.side {
      case .downstream: downstreamByEnd[end] += 1
      case .upstream: upstreamByEnd[end] += 1
      }
    }
    recordsDropped += UInt64(max(0, batch.dropped))
    pausesAtLimit += UInt64(max(0, batch.pausesAtLimit))
    pausesWithoutDescriptors += UInt64(max(0, batch.pausesWithoutDescriptors))
  }

  private mutating func add(_ exchange: ExchangeRecord) {
    exchanges += 1
    if exchange.ordinal > 1 { exchangesOnReused += 1 }
    if exchange.upstream != .none {
      upstreamExchanges += 1
      if exchange.upstreamOrdinal > 1 { upstreamExchangesOnReused += 1 }
    }
    replays += UInt64(exchange.replays)
    requestBytes &+= exchange.requestBytes
    responseBytes &+= exchange.responseBytes
    byStatusClass[min(Int(exchange.status.rawValue) / 100, 5)] += 1
    exchangesByEnd[Int(exchange.end.rawValue)] += 1
  }

  /// Notes `count` bytes of log lines that could not be written.
  package mutating func addNotWritten(_ count: Int) { bytesNotWritten += UInt64(count) }

  /// Exchanges whose final status was in `statusClass` x 100 (1 to 5); 0 is those without a status.
  package func exchanges(statusClass: Int) -> UInt64 { byStatusClass[statusClass] }

  /// Exchanges that ended for `reason`.
  package func exchanges(ended reason: EndReason) -> UInt64 {
    exchangesByEnd[Int(reason.rawValue)]
  }

  /// Connections of `side` that ended for `reason`.
  package func connections(_ side: Side, ended reason: EndReason) -> UInt64 {
    (side == .downstream ? downstreamByEnd : upstreamByEnd)[Int(reason.rawValue)]
  }

  /// Connections of `side` that ended. After a clean exit: all that were opened.
  package func connections(_ side: Side) -> UInt64 {
    (side == .downstream ? downstreamByEnd : upstreamByEnd).reduce(0, +)
  }

  /// How exchanges ended, most frequent first; reasons that did not occur are left out.
  package var exchangeEnds: [(reason: EndReason, count: UInt64)] { Self.ranked(exchangesByEnd) }

  /// How connections of `side` ended, most frequent first.
  package func connectionEnds(_ side: Side) -> [(reason: EndReason, count: UInt64)] {
    Self.ranked(side == .downstream ? downstreamByEnd : upstreamByEnd)
  }

  private static func ranked(_ counts: [UInt64]) -> [(reason: EndReason, count: UInt64)] {
    var found: [(reason: EndReason, count: UInt64)] = []
    for reason in EndReason.allCases where counts[Int(reason.rawValue)] > 0 {
      found.append((reason, counts[Int(reason.rawValue)]))
    }
    // The registry's order decides between equals, so that the same counts print the same text.
    return found.sorted { a, b in
      a.count != b.count ? a.count > b.count : a.reason.rawValue < b.reason.rawValue
    }
  }
}
