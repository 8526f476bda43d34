import BowlineCore
import BowlineJournal
import BowlineObserve
import Foundation
import Testing

@Suite struct AccessLogTests {
  private let json = AccessLog(form: .json, upstreams: ["127.0.0.1:9000"], generation: 4)
  private let text = AccessLog(form: .text, upstreams: ["127.0.0.1:9000"])

  @Test func anExchangeInJSON() {
    let members = [
      #""time":"2026-08-01T12:00:00.000Z""#, #""http.request.method":"GET""#,
      #""url.path":"/v1/items""#, #""url.query":"page=2""#, #""server.address":"shop.example""#,
      #""network.protocol.version":"1.1""#, #""client.address":"192.0.2.7""#,
      #""client.port":51234"#, #""http.response.status_code":200"#,
      #""http.request.body.size":0"#, #""http.response.body.size":1250"#,
      #""connection.id":"812""#, #""connection.reused":true"#, #""connection.requests":3"#,
      #""upstream.connection.id":"1.37""#, #""upstream.connection.reused":true"#,
      #""upstream.connection.requests":119"#, #""upstream.address":"127.0.0.1:9000""#,
      #""lease.reason":"reused""#, #""phase.queued":0.000000"#, #""phase.sending":0.000470"#,
      #""phase.waiting":0.013120"#, #""phase.receiving":0.001200"#, #""duration":0.014800"#,
      #""end.reason":"us.complete""#, #""tcp.rtt":0.000250"#, #""tcp.retransmits":0"#,
      #""generation":4"#,
    ]
    #expect(json.text(.proxied()) == "{\(members.joined(separator: ","))}\n")
  }

  @Test func anExchangeInText() {
    #expect(
      text.text(.proxied()) == "GET /v1/items?page=2 200 1.2kB  14.8ms  queued 0 · sending 0.47 · "
        + "waiting 13.1 · receiving 1.2   client #812 → upstream #1.37 (127.0.0.1:9000, "
        + "reused 118×)  us.complete\n")
  }

  /// A refused request: no status known of an upstream, a fault with its place, and the limit.
  private var refused: RecordBatch {
    .proxied { record in
      record.ordinal = 1
      record.method = .other
      record.version = .http10
      record.upstream = .none
      record.upstreamIndex = -1
      record.lease = .none
      record.status = 431
      record.end = .clientFaultHead
      record.fault = .headTooLong
      record.faultOffset = 65_536
      record.limit = .headBytes
      record.roundTripMicroseconds = 0
      record.methodText = 0..<0
      record.target = 0..<0
      record.host = 0..<0
      record.responseBytes = 40
      record.marks = ExchangeMarks(began: at(1_500))
      record.marks.ended = at(11_000_000)
    }
  }

  @Test func whatIsNotKnownIsLeftOutOfJSON() {
    let members = [
      #""time":"2026-08-01T12:00:00.001Z""#, #""network.protocol.version":"1.0""#,
      #""client.address":"192.0.2.7""#, #""client.port":51234"#,
      #""http.response.status_code":431"#, #""http.request.body.size":0"#,
      #""http.response.body.size":40"#, #""connection.id":"812""#, #""connection.reused":false"#,
      #""connection.requests":1"#, #""duration":10.998500"#,
      #""end.reason":"client.fault.head""#, #""error.type":"client.fault.head""#,
      #""fault":"a message head larger than allowed""#, #""fault.offset":65536"#,
      #""limit":"head.size""#, #""generation":4"#,
    ]
    #expect(json.text(refused) == "{\(members.joined(separator: ","))}\n")
  }

  @Test func whatIsNotKnownIsADashInText() {
    #expect(
      text.text(refused) == "– – 431 40B  11.0s  –   client #812  client.fault.head  "
        + "fault: a message head larger than allowed, at byte 65536  limit: head.size\n")
  }

  @Test func aReplayedExchangeSaysWhy() {
    let batch = RecordBatch.proxied { record in
      record.replays = 1
      record.replayCause = .upstreamResetOnReuse
      record.replayEvidence = .allWritten
      record.lease = .newAfterReplay
      record.upstreamOrdinal = 1
      record.marks.dialBegan = at(10)
      record.marks.dialEnded = at(310)
      record.marks.leased = at(310)
    }
    let line = json.text(batch)
    #expect(
      line.contains(
        #","replay.count":1,"replay.cause":"upstream.reset.on-reuse","#
          + #""replay.evidence":"all-written","tcp.rtt""#))
    #expect(line.contains(#","upstream.connection.reused":false,"#))
    #expect(line.contains(#","lease.reason":"new.replay","phase.queued":0.000000,"#))
    #expect(line.contains(#","phase.tcp":0.000300,"phase.sending":0.000170,"#))
    #expect(!line.contains("error.type") && !line.contains("replay.refused"))
    let human = text.text(batch)
    #expect(human.contains("queued 0 · tcp 0.30 · sending 0.17 · waiting 13.1"))
    #expect(
      human.hasSuffix(
        "(127.0.0.1:9000, new)  us.complete  replayed: upstream.reset.on-reuse, all written, "
          + "nothing back\n"))
  }

  @Test func aRefusalToReplaySaysWhy() {
    let batch = RecordBatch.proxied { record in
      record.status = 502
      record.end = .upstreamResetOnReuse
      record.replayRefusal = .notIdempotent
      record.refusedEvidence = .partlyWritten
    }
    let line = json.text(batch)
    #expect(
      line.contains(
        #","replay.evidence":"partly-written","replay.refused":"not-idempotent","tcp.rtt""#))
    #expect(!line.contains("replay.count") && !line.contains("replay.cause"))
    #expect(
      text.text(batch).hasSuffix(
        "upstream.reset.on-reuse  not replayed: not-idempotent, partly written\n"))
  }

  /// The evidence in JSON is that of the last failure; the human line has both.
  @Test func replayedTwiceAndThenNoMore() {
    let batch = RecordBatch.proxied { record in
      record.end = .upstreamRefusedDialling
      record.replays = 2
      record.replayCause = .upstreamResetWaiting
      record.replayEvidence = .allWritten
      record.replayRefusal = .attemptsUsedUp
      record.refusedEvidence = .notConnected
    }
    #expect(
      json.text(batch).contains(
        #","replay.count":2,"replay.cause":"upstream.reset.waiting","#
          + #""replay.evidence":"not-connected","replay.refused":"attempts-used-up","#))
    #expect(
      text.text(batch).hasSuffix(
        "  upstream.refused.dialling  replayed 2×: upstream.reset.waiting, all written, nothing "
          + "back  not replayed: attempts-used-up, not connected\n"))
  }

  @Test func aStatusThatWasNeverSentIsNotZero() {
    let batch = RecordBatch.proxied { $0.status = 0 }
    #expect(!json.text(batch).contains("status_code"))
    #expect(text.text(batch).hasPrefix("GET /v1/items?page=2 – "))
  }

  @Test(arguments: [
    (0, "0B"), (1023, "1023B"), (1024, "1.0kB"), (102_399, "99.9kB"), (102_400, "100kB"),
    (1_048_575, "1023kB"), (1_048_576, "1.0MB"), (1 << 50, "1024TB"),
  ])
  func sizes(bytes: UInt64, text: String) {
    #expect(self.text.text(.proxied { $0.responseBytes = bytes }).contains(" 200 \(text)  "))
  }

  @Test(arguments: [
    (0, "0ms"), (4_000, "0.00ms"), (5_000, "0.01ms"), (994_999, "0.99ms"), (995_000, "1.0ms"),
    (14_849_999, "14.8ms"), (14_850_000, "14.9ms"), (999_949_999, "999.9ms"),
    (999_950_000, "1.00s"), (9_994_999_999, "9.99s"), (9_995_000_000, "10.0s"),
  ])
  func times(nanoseconds: Int64, text: String) {
    let batch = RecordBatch.proxied {
      $0.marks.ended = Instant(nanoseconds: $0.marks.began.nanoseconds + nanoseconds)
    }
    #expect(self.text.text(batch).contains("kB  \(text)  "))
  }

  @Test func unknownMethodsAreKeptApart() {
    var batch = RecordBatch.proxied()
    batch.exchanges[0].method = .other
    batch.exchanges[0].methodText = batch.keep("BREW")
    #expect(
      json.text(batch).contains(
        #","http.request.method":"_OTHER","http.request.method_original":"BREW","#))
    #expect(text.text(batch).hasPrefix("BREW /v1"))
  }

  @Test(arguments: [
    ("/", #""url.path":"/","server"#),
    ("/?", #""url.path":"/","url.query":"","server"#),
    ("/a?b?c", #""url.path":"/a","url.query":"b?c","server"#),
    ("/a//b://c", #""url.path":"/a//b://c","server"#),
    ("*", #""url.path":"*","server"#),
    ("http://h:80/a?b", #""url.path":"/a","url.query":"b","server"#),
    ("http://h?b", #""url.path":"","url.query":"b","server"#),
    ("http://", #""url.path":"","server"#),
    ("h:443", #""url.path":"h:443","server"#),
    ("?", #""url.path":"","url.query":"","server"#),
  ])
  func targetsAreSplit(target: String, members: String) {
    var batch = RecordBatch.proxied()
    batch.exchanges[0].target = batch.keep(target)
    #expect(json.text(batch).contains("," + members))
  }

  @Test func connectionsAreLoggedOnlyWhenAsked() {
    var batch = RecordBatch()
    var record = ConnectionRecord(
      id: ConnectionID(loop: 2, count: 9), side: .upstream, local: .loopback(40_000),
      peer: SocketAddress(high: 0x2001_0db8_0000_0000, low: 1, port: 80), opened: at(0))
    record.end = .upstreamClosedIdle
    record.exchanges = 12
    record.bytesIn = 3_500_000
    record.bytesOut = 120_000
    record.closed = at(2_500_000)
    record.roundTripMicroseconds = 1500
    record.retransmits = 2
    batch.connections = [record]
    #expect(json.text(batch).isEmpty)
    #expect(text.text(batch).isEmpty)

    let members = [
      #""time":"2026-08-01T12:00:02.500Z""#, #""event":"connection.end""#,
      #""connection.id":"2.9""#, #""side":"upstream""#,
      #""network.local.address":"127.0.0.1""#, #""network.local.port":40000"#,
      #""network.peer.address":"2001:db8::1""#, #""network.peer.port":80"#, #""exchanges":12"#,
      #""bytes.in":3500000"#, #""bytes.out":120000"#, #""duration":2.500000"#,
      #""end.reason":"upstream.closed.idle""#, #""tcp.rtt":0.001500"#, #""tcp.retransmits":2"#,
      #""generation":1"#,
    ]
    #expect(
      AccessLog(form: .json, logsConnections: true).text(batch)
        == "{\(members.joined(separator: ","))}\n")
    #expect(
      AccessLog(form: .text, logsConnections: true).text(batch)
        == "upstream #2.9 ([2001:db8::1]:80) ended  12 exchanges  3.3MB in · 117kB out  open "
        + "2.50s  rtt 1.5ms · retransmits 2  upstream.closed.idle\n")
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_399, "2000-02-28T23:59:59.000Z"),
    (951_782_400, "2000-02-29T00:00:00.000Z"), (951_868_800, "2000-03-01T00:00:00.000Z"),
    (1_709_164_800, "2024-02-29T00:00:00.000Z"), (1_735_689_599, "2024-12-31T23:59:59.000Z"),
    (4_107_542_400, "2100-03-01T00:00:00.000Z"), (7_258_118_400, "2200-01-01T00:00:00.000Z"),
  ])
  func daysOfTheCalendar(seconds: Int64, text: String) {
    let clock = WallClock(seconds: seconds, nanoseconds: 0, instant: at(0))
    var out = ByteBuffer()
    json.write(.proxied(), clock: clock, into: &out)
    #expect(out.text.hasPrefix("{\"time\":\"\(text)\","))
  }
}

@Suite struct EscapingTests {
  private func json(_ bytes: [UInt8]) -> String {
    var out = ByteBuffer()
    out.append(json: bytes.span)
    return out.text
  }

  @Test(arguments: [
    ([0x61, 0x22, 0x5c, 0x2f], #"a\"\\/"#),
    ([0x00, 0x0a, 0x1b, 0x7f], #"\u0000\u000a\u001b\u007f"#),
    (Array("é→😀".utf8), "é→😀"),
    ([0xe9], #"\u00e9"#),
    ([0xc2], #"\u00c2"#),
    ([0xc2, 0x9b], #"\u009b"#),
    ([0xc2, 0xa0], "\u{a0}"),
    ([0xc0, 0xaf], #"\u00c0\u00af"#),
    ([0xe0, 0x80, 0xaf], #"\u00e0\u0080\u00af"#),
    ([0xed, 0xa0, 0x80], #"\u00ed\u00a0\u0080"#),
    ([0xf4, 0x90, 0x80, 0x80], #"\u00f4\u0090\u0080\u0080"#),
    ([0xe2, 0x86, 0x61], #"\u00e2\u0086a"#),
  ])
  func bytesInJSON(bytes: [UInt8], text: String) { #expect(json(bytes) == text) }

  @Test func bytesOnATerminal() {
    var batch = RecordBatch.proxied()
    batch.exchanges[0].target = batch.keep(
      bytes: [0x2f, 0x1b, 0x5b, 0x32, 0x4a, 0x0a, 0x5c, 0xe9])
    let line = AccessLog(form: .text).text(batch)
    #expect(line.hasPrefix(#"GET /\x1b[2J\x0a\x5c\xe9 200 "#))
    #expect(line.dropLast().utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
  }

  /// Random bytes in every field that a peer fills: each line stays one JSON object, and the bytes
  /// can be told apart.
  @Test func whateverAPeerSendsTheLineIsJSON() throws {
    var state: UInt64 = 9110
    func next() -> UInt8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Half of the bytes from the edges where UTF-8 and JSON are decided.
      let edges: [UInt8] = [0x00, 0x0a, 0x22, 0x5c, 0x7f, 0x80, 0x9f, 0xbf, 0xc2, 0xe0, 0xed, 0xf4]
      let random = UInt8(truncatingIfNeeded: state >> 40)
      return random & 1 == 0 ? random : edges[Int(state >> 50) % edges.count]
    }
    let log = AccessLog(form: .json)
    for _ in 0..<2_000 {
      var batch = RecordBatch.proxied()
      batch.exchanges[0].method = .other
      batch.exchanges[0].methodText = batch.keep(bytes: (0..<3).map { _ in next() })
      batch.exchanges[0].target = batch.keep(bytes: (0..<12).map { _ in next() })
      batch.exchanges[0].host = batch.keep(bytes: (0..<5).map { _ in next() })
      let line = log.text(batch)
      #expect(line.utf8.count { $0 < 0x20 || $0 == 0x7f } == 1, "only the final line feed")
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      #expect(object?["url.path"] is String)
      #expect(object?["http.request.method"] as? String == "_OTHER")
      #expect(object?["generation"] as? Int == 1)
    }
  }
}
