import BowlineCore
import BowlineJournal
import BowlineObserve
import Testing

@Suite struct CountersTests {
  private var counted: Counters {
    var counters = Counters()
    for _ in 0..<1_998 { counters.add(.proxied()) }
    counters.add(.proxied { $0.ordinal = 1 })
    counters.add(
      .proxied { record in
        record.upstreamOrdinal = 1
        record.replays = 1
        record.status = 502
        record.end = .upstreamResetWaiting
      })
    counters.add(
      .proxied { record in
        record.status = 0
        record.upstream = .none
        record.end = .clientClosedHead
      })
    var connections = RecordBatch()
    for side in [Side.downstream, .upstream] {
      var record = ConnectionRecord(
        id: ConnectionID(loop: 0, count: 1), side: side, local: .loopback(1), peer: .loopback(2),
        opened: at(0))
      record.end = side == .downstream ? .clientClosedIdle : .usPoolIdle
      connections.connections.append(record)
    }
    connections.dropped = 7
    counters.add(connections)
    return counters
  }

  @Test func recordsAreAddedUp() {
    let counters = counted
    #expect(counters.exchanges == 2_001)
    #expect(counters.exchangesOnReused == 2_000)
    #expect(counters.upstreamExchanges == 2_000)
    #expect(counters.upstreamExchangesOnReused == 1_999)
    #expect(counters.replays == 1)
    #expect(counters.responseBytes == 2_001 * 1250)
    #expect((0...5).map { counters.exchanges(statusClass: $0) } == [1, 0, 1_999, 0, 0, 1])
    #expect(counters.exchanges(ended: .complete) == 1_999)
    #expect(counters.connections(.downstream, ended: .clientClosedIdle) == 1)
    #expect(counters.connections(.upstream, ended: .clientClosedIdle) == 0)
    #expect(counters.connections(.upstream) == 1)
    #expect(counters.connectionEnds(.upstream).map(\.reason) == [.usPoolIdle])
    #expect(counters.recordsDropped == 7)
    #expect(
      counters.exchangeEnds.map(\.reason) == [.complete, .clientClosedHead, .upstreamResetWaiting])
  }

  @Test func statusesBeyondTheClassesDoNotTrap() {
    var counters = Counters()
    counters.add(.proxied { $0.status = 999 })
    counters.add(.proxied { $0.status = 65535 })
    #expect(counters.exchanges(statusClass: 5) == 2)
  }

  @Test func theSummaryOfACleanExit() {
    let summary = ExitSummary(counted)
    #expect(summary.upstreamReuse == 0.9995)
    #expect(
      summary.text == """
        served     2,001 requests over 1 client connection
        upstream   2,000 requests over 1 connection, 99.9 % on a reused one, 1 replay
        ended      us.complete 1,999 · client.closed.head 1 · upstream.reset.waiting 1
        closed     us.pool.idle 1
        log        7 records dropped: the log's reader was slower than the traffic

        """)
  }

  @Test func theSummaryOfAFullHouse() {
    var batch = RecordBatch()
    for end in [EndReason.policyEvictedIdle, .policyLimitPerAddress, .policyEvictedIdle] {
      var record = ConnectionRecord(
        id: ConnectionID(loop: 0, count: 1), side: .downstream, local: .loopback(1),
        peer: .loopback(2), opened: at(0))
      record.end = end
      batch.connections.append(record)
    }
    batch.pausesAtLimit = 3
    batch.pausesWithoutDescriptors = 1
    var counters = Counters()
    counters.add(batch)
    #expect(counters.pausesAtLimit == 3)
    #expect(counters.pausesWithoutDescriptors == 1)
    #expect(
      ExitSummary(counters).text == """
        served     0 requests over 3 client connections
        limits     policy.evicted.idle 2 · policy.limit.per-address 1
        accepting  paused 3 times at client.connections, 1 time for want of descriptors

        """)
  }

  /// Bytes on a connection at rest mean that somebody and we disagree where messages end.
  @Test func theSummaryRaisesAnAlarm() {
    var batch = RecordBatch()
    for end in [EndReason.upstreamUnexpectedBytes, .usPoolLearned, .upstreamUnexpectedBytes] {
      var record = ConnectionRecord(
        id: ConnectionID(loop: 0, count: 1), side: .upstream, local: .loopback(1),
        peer: .loopback(2), opened: at(0))
      record.end = end
      batch.connections.append(record)
    }
    var counters = Counters()
    counters.add(batch)
    #expect(
      ExitSummary(counters).text == """
        served     0 requests over 0 client connections
        upstream   0 requests over 3 connections
        closed     upstream.unexpected.bytes 2 · us.pool.learned 1
        alarm      2 upstream connections sent bytes that belong to no request

        """)
  }

  @Test func theSummaryOfNothing() {
    #expect(ExitSummary(Counters()).text == "served     0 requests over 0 client connections\n")
    #expect(ExitSummary(Counters()).upstreamReuse == nil)
  }

  @Test func allOfThemIsNotRoundedTo() {
    var counters = Counters()
    counters.add(.proxied())
    #expect(ExitSummary(counters).text.contains(" connections, all on a reused one\n"))
  }
}
