import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// An answer to a crossed limit names the setting that raises it.
struct LimitAnswerTests {
  struct Row: CustomTestStringConvertible {
    let name: String
    let sent: String
    let statuses: Set<String>
    let setting: String?
    let end: EndReason
    var testDescription: String { name }
  }

  static let rows = [
    Row(
      name: "R058: a field of 100 kB",
      sent: "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: 100_000)
        + "\r\n\r\n", statuses: ["431"], setting: "head.field-line", end: .policyLimitHead),
    Row(
      name: "R058: 10,000 fields",
      sent: "GET / HTTP/1.1\r\nHost: h\r\n"
        + (0..<10_000).map { _ in "X: 1\r\n" }.joined() + "\r\n", statuses: ["431"],
      setting: "head.fields", end: .policyLimitHead),
    Row(
      name: "R058: a head of 100 kB in lines of 1 kB",
      sent: "GET / HTTP/1.1\r\nHost: h\r\n"
        + (0..<100).map { _ in "X: \(String(repeating: "a", count: 1000))\r\n" }.joined()
        + "\r\n", statuses: ["431"], setting: "head.size", end: .policyLimitHead),
    Row(
      name: "R016: a target of 100 kB",
      sent: "GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\nHost: h\r\n\r\n",
      statuses: ["414"], setting: "head.request-line", end: .policyLimitHead),
    Row(
      name: "R016: a method of 1,000 bytes",
      sent: "\(String(repeating: "M", count: 1000)) / HTTP/1.1\r\nHost: h\r\n\r\n",
      statuses: ["501", "400"], setting: nil, end: .clientFaultHead),
    Row(
      name: "a body declared too large",
      sent: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n", statuses: ["413"],
      setting: "body.size", end: .policyLimitHead),
    Row(
      name: "chunks that grow too large",
      sent: "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (0..<11).map { _ in "2710\r\n\(String(repeating: "a", count: 10_000))\r\n" }.joined()
        + "0\r\n\r\n", statuses: ["413"], setting: "body.size", end: .policyLimitBody),
  ]

  // covers: R016, R058
  @Test(arguments: rows)
  func namesTheSetting(row: Row) throws {
    let stage = try Stage([.bodyBytes: 100_000])
    let client = stage.client(sending: row.sent)
    #expect(client.statuses.count == 1)
    #expect(row.statuses.contains(client.statuses.first ?? ""))
    #expect(client.text.contains("Connection: close\r\n"))
    #expect(client.ending == .fin)
    if let setting = row.setting {
      #expect(client.text.contains("the limit is the setting \(setting)\n"))
    }
    #expect(!stage.role.log.contains { $0.hasPrefix("end") })
    client.close()
    #expect(stage.exchangeEnds == [row.end])
    let limit = stage.records.exchanges[0].limit
    #expect(limit.map { Setting[$0].name } == row.setting)
  }

  // covers: R058
  @Test func anEndlessLineIsHeldInBoundedMemory() throws {
    let stage = try Stage(path: VirtualPath(delay: 1000, queueBytes: 1000))
    let client = stage.client(sending: "GET / HTTP/1.1\r\nHost: h\r\nX: ")
    var sent = 0
    while client.statuses.isEmpty && sent < 1_000_000 {
      client.send(String(repeating: "a", count: 1000))
      sent += 1000
    }
    #expect(client.statuses == ["431"])
    #expect(sent <= stage.links.settings[.fieldLineBytes] + 2000)
  }
}
