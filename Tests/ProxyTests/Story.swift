import BowlineCore
import BowlineJournal
import Testing

/// An ended exchange with its texts.
struct ExchangeStory {
  let record: ExchangeRecord
  let method: String
  let target: String
}

/// Everything that the proxy's journal told.
struct Story {
  private(set) var exchanges: [ExchangeStory] = []
  private(set) var connections: [ConnectionRecord] = []
  private(set) var dropped = 0

  mutating func add(_ batch: RecordBatch) {
    dropped += batch.dropped
    connections += batch.connections
    for record in batch.exchanges {
      exchanges.append(
        ExchangeStory(
          record: record, method: text(batch.text[record.methodText]),
          target: text(batch.text[record.target])))
    }
  }

  /// Why the exchanges ended, in order.
  var ends: [EndReason] { exchanges.map(\.record.end) }

  /// Why the connections of one side ended, in order of their opening.
  func ends(_ side: Side) -> [EndReason] {
    connections.filter { $0.side == side }.sorted { $0.id.rawValue < $1.id.rawValue }.map(\.end)
  }

  /// Each connection and each exchange has ended once, with a reason that is no bug of ours.
  func expectSound(sourceLocation: SourceLocation) {
    #expect(dropped == 0, sourceLocation: sourceLocation)
    #expect(Set(connections.map(\.id)).count == connections.count, sourceLocation: sourceLocation)
    let names = exchanges.map { "\($0.record.connection.text)/\($0.record.ordinal)" }
    #expect(Set(names).count == names.count, sourceLocation: sourceLocation)
    for connection in connections {
      #expect(connection.end != .usErrorInternal, sourceLocation: sourceLocation)
      #expect(connection.end != .complete, sourceLocation: sourceLocation)
    }
    for exchange in exchanges {
      #expect(exchange.record.end != .usErrorInternal, sourceLocation: sourceLocation)
      #expect(exchange.record.marks.ended != nil, sourceLocation: sourceLocation)
    }
    // Every exchange that was begun downstream has left a record.
    let begun = connections.filter { $0.side == .downstream }.reduce(0) { $0 + Int($1.exchanges) }
    #expect(begun == exchanges.count, sourceLocation: sourceLocation)
  }
}
