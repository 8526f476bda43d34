import BowlineCore
import BowlineJournal
import BowlineTransport
import Testing

/// What a hostile origin answers to a request, and what the client sees of it.
struct HostileAnswer: Sendable, CustomTestStringConvertible {
  /// What the client gets.
  enum Seen: Sendable {
    /// A response of the origin, whole.
    case whole(String)
    /// So many interim responses, then an answer of our own.
    case status(String, interim: Int)
    /// The begin of a response; then the connection ends.
    case part(String)
  }

  let testDescription: String
  let bytes: String
  let seen: Seen
  let end: EndReason
  /// How the connection to the origin ends.
  let connection: EndReason

  init(
    _ name: String, _ bytes: String, _ seen: Seen, _ end: EndReason,
    connection: EndReason? = nil
  ) {
    testDescription = name
    self.bytes = bytes
    self.seen = seen
    self.end = end
    self.connection = connection ?? end
  }

  static let evil = "HTTP/1.1 200 OK\r\nX-Seen: GET /2\r\nContent-Length: 4\r\n\r\nevil"
  private static let early = "HTTP/1.1 103 E\r\n\r\n"
  private static let chunked = "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
  private static let seesChunked = back(
    "200 OK", "Date: D\r\n", "Transfer-Encoding: chunked\r\n")
  private static let length = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\n\r\n"
  private static let seesLength = back("200 OK", "Date: D\r\n", "Content-Length: 9\r\n")

  /// Two responses to one request.
  static let surplus = [
    HostileAnswer(
      "two responses", ReuseTests.ok + evil, .whole(ReuseTests.seesOK), .complete,
      connection: .upstreamUnexpectedBytes),
    HostileAnswer(
      "two responses, the first chunked", chunked + "0\r\n\r\n" + evil,
      .whole(seesChunked + "0\r\n\r\n"), .complete, connection: .upstreamUnexpectedBytes),
    HostileAnswer(
      "two responses, the first without a body", "HTTP/1.1 204 No\r\nDate: D\r\n\r\n" + evil,
      .whole(back("204 No")), .complete, connection: .upstreamUnexpectedBytes),
  ]

  /// What does not end.
  static let endless = [
    HostileAnswer(
      "endless 1xx", String(repeating: early, count: 5000), .status("502", interim: 100),
      .upstreamFaultHead),
    HostileAnswer(
      "an endless status line", "HTTP/1.1 200 \(String(repeating: "a", count: 1 << 20))",
      .status("502", interim: 0), .upstreamFaultHead),
    HostileAnswer(
      "endless fields", "HTTP/1.1 200 OK\r\n" + String(repeating: "X: 1\r\n", count: 1 << 18),
      .status("502", interim: 0), .upstreamFaultHead),
    HostileAnswer(
      "an endless field", "HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 1 << 20))",
      .status("502", interim: 0), .upstreamFaultHead),
    HostileAnswer(
      "endless fields behind a 1xx",
      early + "HTTP/1.1 200 OK\r\n" + String(repeating: "X: 1\r\n", count: 1 << 18),
      .status("502", interim: 1), .upstreamFaultHead),
    HostileAnswer(
      "endless empty lines", String(repeating: "\r\n", count: 1 << 18),
      .status("502", interim: 0), .upstreamFaultHead),
    HostileAnswer(
      "an endless chunk size", chunked + String(repeating: "1", count: 1 << 16),
      .part(seesChunked), .upstreamFaultBody),
    HostileAnswer(
      "an endless extension", chunked + "5;\(String(repeating: "a", count: 1 << 20))",
      .part(seesChunked), .upstreamFaultBody),
    HostileAnswer(
      "endless trailers", chunked + "0\r\n" + String(repeating: "X: 1\r\n", count: 1 << 18),
      .part(seesChunked), .upstreamFaultBody),
  ]

  /// Where an origin may stop.
  static let stalls = [
    HostileAnswer("no head", "", .status("504", interim: 0), .upstreamTimeoutResponse),
    HostileAnswer(
      "a byte", "H", .status("504", interim: 0), .upstreamTimeoutResponse),
    HostileAnswer(
      "half a head", "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Le", .status("504", interim: 0),
      .upstreamTimeoutResponse),
    HostileAnswer(
      "a 1xx and no more", early, .status("504", interim: 1), .upstreamTimeoutResponse),
    HostileAnswer("a head without its body", length, .part(seesLength), .upstreamTimeoutBody),
    HostileAnswer(
      "half a body", length + "part", .part(seesLength + "part"), .upstreamTimeoutBody),
    HostileAnswer(
      "half a chunk size", chunked + "1", .part(seesChunked), .upstreamTimeoutBody),
    HostileAnswer(
      "half a chunk", chunked + "9\r\npart", .part(seesChunked + "4\r\npart\r\n"),
      .upstreamTimeoutBody),
    HostileAnswer(
      "half the trailers", chunked + "0\r\nX: 1\r\n", .part(seesChunked), .upstreamTimeoutBody),
    HostileAnswer(
      "a body until the end, which does not come", "HTTP/1.1 200 OK\r\nDate: D\r\n\r\npart",
      .part(seesChunked + "4\r\npart\r\n"), .upstreamTimeoutBody),
  ]

  /// The client has seen it.
  func expect(on client: Wire) {
    switch seen {
    case .whole(let bytes): client.expect(bytes)
    case .status(let status, let interim):
      for _ in 0..<interim { client.expect(back("103 E", "")) }
      client.expectAnswer(status, without: ["Connection", "X-"])
    case .part(let bytes):
      client.expect(bytes)
      client.expectGone()
    }
  }
}

/// Whatever an origin does to one client: that client gets a clear answer or a visible end, the
/// connection ends with a reason, and the next client gets its own response and nothing else.
@Suite struct HostileUpstreamTests {
  private static let mine = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 4\r\n\r\nmine"
  private static let seesMine = back("200 OK", "Date: D\r\n", "Content-Length: 4\r\n") + "mine"

  /// Another client's request, which must come on a connection of its own.
  private func passNext(_ client: Wire, _ stage: ProxyStage, _ line: String = "GET /2") throws {
    let next = try stage.accept()
    next.expect(onward(line))
    next.send(Self.mine)
    client.expect(Self.seesMine)
    #expect(client.isQuiet)
  }

  private func run(
    _ answer: HostileAnswer, _ stage: ProxyStage
  ) throws {
    let first = try stage.client()
    let second = try stage.client()
    first.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(answer.bytes)
    // Right behind it, without waiting for what becomes of the first.
    second.send(ReuseTests.get("/2"))
    try passNext(second, stage)
    answer.expect(on: first)
    origin.expectGone()
    let story = stage.finish()
    let hit = try #require(story.exchanges.first { $0.target == "/1" })
    #expect(hit.record.end == answer.end)
    #expect(hit.record.replays == 0)
    #expect(story.exchanges.first { $0.target == "/2" }?.record.end == .complete)
    #expect(story.exchanges.count == 2)
    #expect(story.ends(.upstream) == [answer.connection, .usShutdown])
  }

  // covers: R100, R173
  @Test(arguments: HostileAnswer.surplus, Place.allCases)
  func twoResponsesToOneRequest(_ answer: HostileAnswer, _ place: Place) throws {
    try run(answer, try ProxyStage(place))
  }

  // covers: R284
  @Test(arguments: HostileAnswer.endless, Place.allCases)
  func whatDoesNotEnd(_ answer: HostileAnswer, _ place: Place) throws {
    try run(answer, try ProxyStage(place))
  }

  // covers: R200
  @Test(arguments: HostileAnswer.stalls, Place.allCases)
  func aStall(_ answer: HostileAnswer, _ place: Place) throws {
    // On the kernel the second client's own exchange must fit into it as well.
    let patience = place == .kernel ? 1000 : 50
    try run(answer, try ProxyStage(place, set: [(.responseTimeout, patience)]))
  }

  /// In one turn of the loop the next request finds the connection at rest, and then bytes are read
  /// from it. They came before a byte of that request was sent, so they cannot be its response.
  @Test(arguments: [true, false])
  func aResponseBeforeItsRequest(requestFirst: Bool) throws {
    let stage = try ProxyStage(.simulated)
    let first = try stage.client()
    let second = try stage.client()
    let origin = try warm(first, stage)
    if requestFirst { second.send(ReuseTests.get("/2")) }
    origin.send(HostileAnswer.evil)
    if !requestFirst { second.send(ReuseTests.get("/2")) }
    try passNext(second, stage)
    origin.expectGone()
    let story = stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.ends(.upstream) == [.upstreamUnexpectedBytes, .usShutdown])
    #expect(story.exchanges[1].record.replays == (requestFirst ? 1 : 0))
  }

  /// The same on a connection that was kept warm and has carried nothing yet: some servers say 408
  /// on one that nobody uses.
  @Test(arguments: [true, false])
  func aResponseBeforeTheFirstRequestOfAWarmConnection(requestFirst: Bool) throws {
    let stage = try ProxyStage(.simulated, set: [(.upstreamWarm, 1)])
    let client = try stage.client()
    // It has rested for so short a time that nobody looks before using it.
    stage.pass(milliseconds: 5005)
    let origin = try stage.accept()
    if requestFirst { client.send(ReuseTests.get("/2")) }
    origin.send(HostileAnswer.evil)
    if !requestFirst { client.send(ReuseTests.get("/2")) }
    try passNext(client, stage)
    origin.expectGone()
    let story = stage.finish()
    #expect(story.ends == [.complete])
    #expect(story.ends(.upstream) == [.upstreamUnexpectedBytes, .usShutdown])
  }

  /// Not even a POST is lost by it, because no byte of it was sent.
  @Test func aResponseBeforeAPOST() throws {
    let stage = try ProxyStage(.simulated)
    let first = try stage.client()
    let second = try stage.client()
    let origin = try warm(first, stage)
    second.send("POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
    origin.send(HostileAnswer.evil)
    let next = try stage.accept()
    next.expect(onward("POST /2", via: "1.1", "Content-Length: 2\r\n") + "hi")
    next.send(Self.mine)
    second.expect(Self.seesMine)
    origin.expectGone()
    #expect(stage.finish().ends(.upstream) == [.upstreamUnexpectedBytes, .usShutdown])
  }

  /// A connection to the origin that has carried one exchange.
  private func warm(_ client: Wire, _ stage: ProxyStage) throws -> Wire {
    client.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    return origin
  }

  /// An origin that speaks first is believed by its first client only: its answer to the request is
  /// one too many.
  @Test(arguments: Place.allCases)
  func aGreetingInsteadOfAnAnswer(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let first = try stage.client()
    let second = try stage.client()
    first.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.send(ReuseTests.ok)
    first.expect(ReuseTests.seesOK)
    origin.expect(onward("GET /1"))
    origin.send(HostileAnswer.evil)
    origin.expectGone()
    second.send(ReuseTests.get("/2"))
    try passNext(second, stage)
    #expect(first.isQuiet)
    let story = stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.ends(.upstream) == [.upstreamUnexpectedBytes, .usShutdown])
  }

  @Test(arguments: Place.allCases)
  func bytesOnAnIdleConnection(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let first = try stage.client()
    let second = try stage.client()
    let origin = try warm(first, stage)
    origin.send(HostileAnswer.evil)
    origin.expectGone()
    second.send(ReuseTests.get("/2"))
    try passNext(second, stage)
    #expect(first.isQuiet)
    let story = stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.ends(.upstream) == [.upstreamUnexpectedBytes, .usShutdown])
  }

  @Test func aConnectThatNobodyAnswers() throws {
    let stage = try ProxyStage(.simulated, .blackHole)
    for number in 1...2 {
      let client = try stage.client()
      client.send(ReuseTests.get("/\(number)"))
      client.expectAnswer("504", without: ["Connection"])
    }
    let story = stage.finish()
    #expect(story.ends == [.upstreamTimeoutDialling, .upstreamTimeoutDialling])
    #expect(story.ends(.upstream) == [.upstreamTimeoutDialling, .upstreamTimeoutDialling])
  }

  /// Its first bytes are taken, and then no more.
  @Test func aRequestBodyThatIsNotTaken() throws {
    let stage = try ProxyStage(.simulated, set: [(.writeStallTimeout, 500), (.bodyRate, 0)])
    let first = try stage.client()
    let second = try stage.client()
    first.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("POST /1", via: "1.1", "Content-Length: 2000000\r\n"))
    origin.isReading = false
    first.send([UInt8](repeating: 0x61, count: 2_000_000))
    second.send(ReuseTests.get("/2"))
    try passNext(second, stage)
    first.expectAnswer("504", with: ["Connection: close"])
    first.close()
    let story = stage.finish()
    #expect(story.exchanges.first { $0.target == "/1" }?.record.end == .upstreamStalledWrite)
    #expect(story.ends(.upstream) == [.upstreamStalledWrite, .usShutdown])
  }
}
