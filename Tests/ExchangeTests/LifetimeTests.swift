import BowlineCore
import BowlineExchange
import BowlineJournal
import Testing

/// How many requests a client's connection carries, and what the client is told of that.
struct LifetimeTests {
  private static func get(_ path: String, asks: Bool = false, version: String = "1.1") -> String {
    "GET \(path) HTTP/\(version)\r\nHost: h\r\n"
      + (asks ? "Connection: keep-alive\r\n" : "") + "\r\n"
  }

  // covers: S103
  @Test(arguments: [1, 3])
  func theLastResponseSaysSo(_ most: Int) throws {
    let stage = try Stage([.clientMaxRequests: most])
    let client = stage.client(
      sending: (1...5).map { Self.get("/\($0)", asks: true) }.joined())
    stage.run(milliseconds: 10)
    #expect(client.statuses.count == most)
    let answers = client.text.split(separator: "HTTP/1.1 ")
    #expect(answers.dropLast().allSatisfy { !$0.contains("Connection: close") })
    #expect(answers.last?.contains("Connection: close\r\n") == true)
    #expect(client.ending != nil)
    // A client that heeds it goes on with another connection.
    let next = stage.client(sending: Self.get("/next"))
    #expect(next.statuses == ["200"])
    client.close()
    next.close()
    stage.run(milliseconds: 10)
    #expect(stage.connectionEnds.contains(.usClosedMaxRequests))
  }

  @Test func aClientThatClosesItselfIsNotCutByTheLimit() throws {
    let stage = try Stage([.clientMaxRequests: 1])
    _ = stage.client(sending: "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    stage.run(milliseconds: 10)
    #expect(stage.connectionEnds == [.clientAskedClose])
  }

  // covers: R164, S104
  @Test func whatIsAdvertisedIsKept() throws {
    let stage = try Stage(
      [.keepAliveHint: 14_900, .clientIdleTimeout: 15_000, .clientMaxRequests: 3])
    let client = stage.client(sending: Self.get("/1", asks: true))
    #expect(client.text.contains("Keep-Alive: timeout=14, max=2\r\nConnection: keep-alive\r\n"))
    stage.run(milliseconds: 14_000)
    #expect(client.ending == nil)
    client.send(Self.get("/2", asks: true))
    stage.run(milliseconds: 10)
    #expect(client.text.contains("Keep-Alive: timeout=14, max=1\r\n"))
    client.send(Self.get("/3", asks: true))
    stage.run(milliseconds: 10)
    #expect(client.statuses.count == 3)
    #expect(client.text.components("Keep-Alive: ") == 2)
    #expect(client.ending != nil)
  }

  @Test func whoDoesNotAskIsNotTold() throws {
    let stage = try Stage([.keepAliveHint: 14_000])
    let client = stage.client(sending: Self.get("/1"))
    #expect(client.statuses == ["200"])
    #expect(!client.text.contains("Keep-Alive"))
    let off = try Stage()
    let other = off.client(sending: Self.get("/1", asks: true))
    #expect(other.statuses == ["200"])
    #expect(!other.text.contains("eep-"))
  }

  @Test func aHintOfLessThanASecondIsNone() throws {
    let stage = try Stage([.keepAliveHint: 900])
    let client = stage.client(sending: Self.get("/1", asks: true))
    #expect(client.statuses == ["200"])
    #expect(!client.text.contains("Keep-Alive"))
  }

  // covers: R155, S115, S142
  @Test func aForwardProxyClosesAfterEach10Request() throws {
    let stage = try Stage([.keepAliveHint: 14_000], as: .forwardProxy)
    let client = stage.client(
      sending: Self.get("/1", asks: true, version: "1.0")
        + Self.get("/2", asks: true, version: "1.0"))
    stage.run(milliseconds: 10)
    #expect(client.statuses == ["200"])
    #expect(client.text.contains("Connection: close\r\n"))
    #expect(!client.text.contains("eep-"))
    #expect(client.ending != nil)
    // A client of 1.1 is kept.
    let modern = stage.client(sending: Self.get("/1") + Self.get("/2"))
    #expect(modern.statuses == ["200", "200"])
    #expect(modern.ending == nil)
  }
}

extension String {
  /// How often `part` is in it.
  fileprivate func components(_ part: String) -> Int {
    split(separator: part, omittingEmptySubsequences: false).count - 1
  }
}
