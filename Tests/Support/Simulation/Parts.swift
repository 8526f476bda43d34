import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineProxy
import BowlineTransport
import BowlineUpstream

/// An origin of a simulation.
protocol SimulatedOrigin: AnyObject {
  var tally: Tally { get }
  /// Takes what its journal has.
  func collect()
  func check(_ ledger: Ledger)
  func end()
}

extension PlainOrigin: SimulatedOrigin {
  func collect() {}
  func check(_ ledger: Ledger) {}
  func end() {}
}

/// An origin on our own links.
final class LinkedOrigin: SimulatedOrigin {
  private let links: Links
  private let origin: LedgerOrigin
  private let handoff: Handoff<RecordBatch>
  private var batch = RecordBatch()

  init(links: Links, origin: LedgerOrigin, handoff: Handoff<RecordBatch>) {
    self.links = links
    self.origin = origin
    self.handoff = handoff
  }

  var tally: Tally { origin.tally }

  func collect() { if handoff.take(&batch) { batch.removeAll() } }

  func check(_ ledger: Ledger) {
    if links.figures != LinksFigures() {
      ledger.broken("nothing leaks", "an origin holds \(links.figures)")
    }
  }

  func end() { links.end() }
}

/// One loop of the proxy.
final class Middle {
  let links: Links
  let proxy: Proxy
  /// Upstreams that it knows.
  private let origins: Int
  private let handoff: Handoff<RecordBatch>
  private var batch = RecordBatch()
  private var connections: [ConnectionRecord] = []
  private var exchanges: [ExchangeRecord] = []
  private var tokens: [Int] = []
  private var dropped = 0

  init(links: Links, proxy: Proxy, origins: Int, handoff: Handoff<RecordBatch>) {
    self.links = links
    self.proxy = proxy
    self.origins = origins
    self.handoff = handoff
  }

  /// Lets the loop drain, as the command does.
  func drain() {
    let proxy = proxy
    links.whenDrained = { proxy.closeIdle() }
    links.mailbox.post(LoopOrder.drain)
  }

  /// Takes what the journal has.
  func collect() {
    guard handoff.take(&batch) else { return }
    dropped += batch.dropped
    connections += batch.connections
    for record in batch.exchanges {
      exchanges.append(record)
      tokens.append(number(batch.text[record.target].dropFirst(2)) ?? -1)
    }
    batch.removeAll()
  }

  func count(in tally: inout Tally) {
    tally.connections += connections.count
    for record in exchanges {
      tally.replays += Int(record.replays)
      if record.lease == .none { continue }
      tally.leases += 1
      switch record.lease {
      case .reused: tally.reused += 1
      case .reusedTakenOver: tally.takenOver += 1
      case .reusedAfterWait:
        tally.reused += 1
        tally.waited += 1
      case .newAfterWait: tally.waited += 1
      default: break
      }
    }
  }

  // MARK: The end

  func check(_ ledger: Ledger) {
    if links.figures != LinksFigures() || links.linkCount != 0 || links.lentBuffers != 0 {
      ledger.broken("nothing leaks", "a loop holds \(links.figures)")
    }
    if proxy.relayCount != 0 {
      ledger.broken("nothing leaks", "\(proxy.relayCount) relays")
    }
    for origin in 0..<origins where proxy.poolFigures(of: origin) != PoolFigures() {
      ledger.broken("nothing leaks", "a pool holds \(proxy.poolFigures(of: origin))")
    }
    if dropped > 0 { ledger.broken("the journal keeps everything", "\(dropped) were dropped") }
    checkConnections(ledger)
    checkExchanges(ledger)
  }

  /// Connections that began here. One may end on another loop.
  var opened: UInt64 { links.journal.value.opened.reduce(0, +) }
  var ended: UInt64 { UInt64(connections.count) }

  private func checkConnections(_ ledger: Ledger) {
    var ids: Set<UInt64> = []
    for record in connections {
      if !ids.insert(record.id.rawValue).inserted {
        ledger.broken("every connection ends once, with a reason", "\(record.id.text) ended twice")
      }
      if record.end == .complete || record.end == .usErrorInternal {
        ledger.broken(
          "every connection ends once, with a reason", "\(record.id.text): \(record.end.code)")
      }
    }
  }

  private func checkExchanges(_ ledger: Ledger) {
    let begun = connections.reduce(0) { $0 + ($1.side == .downstream ? Int($1.exchanges) : 0) }
    if begun != exchanges.count {
      ledger.broken("each exchange ends once", "\(begun) begun, \(exchanges.count) ended")
    }
    for (record, token) in zip(exchanges, tokens) {
      if record.end == .usErrorInternal || record.marks.ended == nil {
        ledger.broken("each exchange ends once", "#\(token): \(record.end.code)")
      }
      if token >= 0 { check(record, token, ledger) }
    }
  }

  private func check(_ record: ExchangeRecord, _ token: Int, _ ledger: Ledger) {
    ledger.recorded(token)
    guard ledger.requests.indices.contains(token) else { return }
    let request = ledger.requests[token]
    switch record.end {
    case .policyLimitWaiting, .policyTimeoutWaiting, .upstreamRefusedDialling,
      .upstreamTimeoutDialling:
      if request.executions > Int(record.replays) {
        ledger.broken(
          "who was refused was not served",
          "#\(token) ended with \(record.end.code), and was executed")
      }
    case .complete:
      if case .answered = request.outcome { return }
    // The client may have gone, or its connection broken, with the answer on its way.
    default: break
    }
  }
}
