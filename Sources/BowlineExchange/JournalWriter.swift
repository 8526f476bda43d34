// The loop's side of the journal: records go into a batch, the batch goes to the writer's thread
// through a slot that never makes the loop wait. What does not fit is dropped and counted.

import BowlineCore
import BowlineHTTP1
package import BowlineJournal
package import BowlineTransport

/// Collects the ended records of one loop.
package struct JournalWriter: ~Copyable {
  private var batch = RecordBatch()
  private let handoff: Handoff<RecordBatch>
  private let bell: Doorbell
  private let limit: Int
  /// Records that did not fit, since the start.
  package private(set) var dropped: UInt64 = 0
  /// Connections opened, by side, since the start; for the counters that tests await.
  package private(set) var opened: [UInt64] = [0, 0]
  /// Times that accepting stopped for want of descriptors.
  package private(set) var exhaustions: UInt64 = 0

  /// A writer that keeps at most `limit` bytes of records for a slow reader (`log.buffer`).
  package init(handoff: Handoff<RecordBatch>, bell: Doorbell, limit: Int) {
    self.handoff = handoff
    self.bell = bell
    self.limit = limit
    batch.exchanges.reserveCapacity(64)
    batch.connections.reserveCapacity(16)
    batch.text.reserveCapacity(4096)
  }

  /// True while records wait to be handed over.
  var hasRecords: Bool { !batch.isEmpty }

  mutating func opened(_ side: Side) { opened[Int(side.rawValue)] += 1 }

  mutating func pausedWithoutDescriptors() {
    exhaustions += 1
    batch.pausesWithoutDescriptors += 1
  }

  mutating func pausedAtLimit() { batch.pausesAtLimit += 1 }

  mutating func ended(_ record: ConnectionRecord) {
    guard fits(MemoryLayout<ConnectionRecord>.stride) else { return }
    batch.connections.append(record)
  }

  /// Takes the record of an ended exchange, and what was asked: from `story` if that was kept, else
  /// from `head`, which then still holds the request.
  mutating func ended(
    _ record: ExchangeRecord, head: borrowing HeadBlock, story: borrowing ByteBuffer
  ) {
    guard fits(MemoryLayout<ExchangeRecord>.stride + Story.mostBytes) else { return }
    batch.exchanges.append(record)
    let last = batch.exchanges.count - 1
    if !story.isEmpty {
      let base = batch.text.count
      batch.text.append(story.span)
      batch.exchanges[last].moveText(by: base)
    } else if record.marks.headReceived != nil {
      batch.exchanges[last].methodText = batch.keep(head.method)
      batch.exchanges[last].target = batch.keep(head.target, limit: Story.mostTarget)
      if let host = head.first(.host) {
        batch.exchanges[last].host = batch.keep(head.value(host), limit: Story.mostHost)
      }
    }
  }

  private mutating func fits(_ bytes: Int) -> Bool {
    if batch.size + bytes <= limit { return true }
    dropped += 1
    batch.dropped += 1
    return false
  }

  /// Hands over what there is, if the writer has taken the last batch.
  mutating func turnEnded() {
    if batch.isEmpty { return }
    if handoff.offer(&batch) {
      batch.removeAll()
      bell.ring()
    }
  }
}

/// How much is kept of what was asked.
enum Story {
  static let mostTarget = 2048
  static let mostHost = 255
  /// With the longest method that is read.
  static let mostBytes = 64 + mostTarget + mostHost
}
