import BowlineCore
import BowlineJournal
import BowlineTransport
import Testing

/// What a bad origin answers to a GET.
struct BadAnswer: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: String
  /// The origin ends its side behind it, or resets.
  var ending: WireEnd?
  let end: EndReason

  init(
    _ name: String, _ bytes: String, then ending: WireEnd? = nil,
    _ end: EndReason = .upstreamFaultHead
  ) {
    testDescription = name
    self.bytes = bytes
    self.ending = ending
    self.end = end
  }

  private static func ok(_ name: String, _ lines: String) -> BadAnswer {
    BadAnswer(name, "HTTP/1.1 200 OK\r\nDate: D\r\n\(lines)\r\nhello")
  }

  static let all = [
    BadAnswer("closed before a byte", "", then: .end, .upstreamClosedWaiting),
    BadAnswer("reset before a byte", "", then: .reset, .upstreamResetWaiting),
    BadAnswer("closed in the head", "HTTP/1.1 200", then: .end, .upstreamClosedResponse),
    BadAnswer("garbage", "hello, world\r\n\r\n"),
    BadAnswer("a bad status", "HTTP/1.1 20 OK\r\n\r\n"),
    BadAnswer("HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"),
    ok("a folded line", "X: a\r\n b\r\nContent-Length: 5\r\n"),
    ok("a bad name", "X Y: 1\r\nContent-Length: 5\r\n"),
    ok("NUL", "X: \u{0}\r\nContent-Length: 5\r\n"),
    ok("length +5", "Content-Length: +5\r\n"), ok("lengths 5, 6", "Content-Length: 5, 6\r\n"),
    ok("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
    ok("length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ok("gzip", "Transfer-Encoding: gzip\r\n"),
    ok("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
    ok("a head of 1 MB", String(repeating: "X: 0123456789\r\n", count: 70_000)),
    ok("a line of 100 kB", "X: \(String(repeating: "a", count: 100_000))\r\n"),
    BadAnswer(
      "101 unasked",
      "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    BadAnswer("a 1xx, then garbage", "HTTP/1.1 100 \r\n\r\nHTTP/1.1 9\r\n\r\n"),
  ]
}

/// How a response is cut short.
struct CutAnswer: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let framing: String
  let body: String
  let ending: WireEnd?
  let end: EndReason

  static let all = [
    CutAnswer(
      testDescription: "length, closed", framing: "Content-Length: 100\r\n", body: "part",
      ending: .end, end: .upstreamClosedResponse),
    CutAnswer(
      testDescription: "length, reset", framing: "Content-Length: 100\r\n", body: "part",
      ending: .reset, end: .upstreamResetResponse),
    CutAnswer(
      testDescription: "chunked, closed", framing: "Transfer-Encoding: chunked\r\n",
      body: "4\r\npart\r\n", ending: .end, end: .upstreamClosedResponse),
    CutAnswer(
      testDescription: "chunked, reset", framing: "Transfer-Encoding: chunked\r\n",
      body: "4\r\npart\r\n", ending: .reset, end: .upstreamResetResponse),
    CutAnswer(
      testDescription: "chunked, a fault", framing: "Transfer-Encoding: chunked\r\n",
      body: "4\r\npart\r\nxyz\r\n", ending: nil, end: .upstreamFaultBody),
    CutAnswer(
      testDescription: "close-delimited, reset", framing: "", body: "part", ending: .reset,
      end: .upstreamResetResponse),
  ]
}

@Suite struct BadUpstreamTests {
  private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
  private static let ok = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok"
  private static let seesOK = back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"

  // covers: R045, R060, R093, R095, R106, R184, R185, R251, R284
  @Test(arguments: BadAnswer.all, Place.allCases)
  func badAnswer(_ bad: BadAnswer, _ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send(bad.bytes)
    if bad.ending == .end { origin.endSending() }
    if bad.ending == .reset { origin.close(.reset) }
    if bad.bytes.hasPrefix("HTTP/1.1 100") { client.expect(back("100 ", "")) }
    client.expectAnswer("502", without: ["Connection", "Via"])
    if bad.ending != .reset { origin.expectGone() }

    // The client's connection goes on, with another one upstream.
    client.send(Self.get)
    let next = try stage.accept()
    next.expect(onward("GET /"))
    next.send(Self.ok)
    client.expect(Self.seesOK)
    let story = stage.finish()
    #expect(story.ends == [bad.end, .complete])
    #expect(story.exchanges[0].record.replays == 0)
    #expect(story.ends(.upstream).first == bad.end)
  }

  // covers: R111, R285, S165
  @Test(arguments: CutAnswer.all, Place.allCases)
  func cutAnswer(_ cut: CutAnswer, _ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\n\(cut.framing)\r\n\(cut.body)")
    if cut.framing.hasPrefix("Content") {
      client.expect(back("200 OK", "Date: D\r\n", cut.framing) + "part")
    } else {
      client.expect(
        back("200 OK", "Date: D\r\n", "Transfer-Encoding: chunked\r\n") + "4\r\npart\r\n")
    }
    if cut.ending == .end { origin.endSending() }
    if cut.ending == .reset { origin.close(.reset) }
    // Neither a last chunk nor any other byte.
    client.expectGone()
    let story = stage.finish()
    #expect(story.ends == [cut.end])
    #expect(story.exchanges[0].record.status == 200)
  }

  @Test(arguments: Place.allCases)
  func aCloseDelimitedAnswerThatBreaksOffIsResetForAClientOf10(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("GET / HTTP/1.0\r\n\r\n")
    let origin = try stage.accept()
    _ = origin.head()
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
    client.expect(back("200 OK", "Date: D\r\n", "Connection: close\r\n") + "part")
    origin.endSending()
    client.expectEnd(.reset)
    #expect(stage.finish().ends == [.upstreamClosedResponse])
  }

  // covers: R091, R100
  @Test(
    arguments: [
      "HTTP/1.1 204 No Content\r\nDate: D\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ], Place.allCases)
  func bytesBehindAnAnswerAreNobodys(_ answer: String, _ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send(answer)
    client.expect(back("204 No Content"))
    origin.expectGone()
    client.send(Self.get)
    let next = try stage.accept()
    next.expect(onward("GET /"))
    next.send(Self.ok)
    client.expect(Self.seesOK)
    let story = stage.finish()
    #expect(story.ends == [.complete, .complete])
    #expect(story.ends(.upstream).first == .upstreamUnexpectedBytes)
  }

  // covers: R173
  @Test(arguments: Place.allCases)
  func bytesOnAnIdleConnectionAreNobodys(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    origin.expectGone()
    client.send(Self.get)
    let next = try stage.accept()
    next.expect(onward("GET /"))
    next.send(Self.ok)
    client.expect(Self.seesOK)
    let story = stage.finish()
    #expect(story.ends(.upstream).first == .upstreamUnexpectedBytes)
  }

  // covers: R201
  @Test(arguments: Place.allCases)
  func anOriginThatRefuses(_ place: Place) throws {
    let stage = try ProxyStage(place, .refusing)
    let client = try stage.client()
    client.send(Self.get)
    client.expectAnswer("502")
    let story = stage.finish()
    #expect(story.ends == [.upstreamRefusedDialling])
    #expect(story.ends(.upstream) == [.upstreamRefusedDialling])
  }

  // covers: R192
  @Test(arguments: Place.allCases)
  func theSecondAddressIsTriedWhenTheFirstRefuses(_ place: Place) throws {
    let stage = try ProxyStage(place, .secondAddress)
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    let story = stage.finish()
    #expect(story.ends == [.complete])
    #expect(story.ends(.upstream) == [.upstreamRefusedDialling, .usShutdown])
  }

  @Test func aBlackHoleIsLeftAfterTheConnectTimeout() throws {
    let stage = try ProxyStage(.simulated, .blackHole)
    let client = try stage.client()
    client.send(Self.get)
    client.expectAnswer("504")
    let story = stage.finish()
    #expect(story.ends == [.upstreamTimeoutDialling])
    let marks = story.exchanges[0].record.marks
    #expect(marks.ended?.since(marks.began) == 10_000_000_000)
  }

  // covers: R200
  @Test(arguments: Place.allCases)
  func anOriginThatStaysSilent(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.responseTimeout, 50)])
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    client.expectAnswer("504", without: ["Connection"])
    origin.expectGone()
    #expect(stage.finish().ends == [.upstreamTimeoutResponse])
  }

  @Test(arguments: Place.allCases)
  func anOriginThatStopsInItsBody(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.responseTimeout, 50)])
    let client = try stage.client()
    client.send(Self.get)
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\n\r\npart")
    client.expect(back("200 OK", "Date: D\r\n", "Content-Length: 9\r\n") + "part")
    client.expectGone()
    origin.expectGone()
    #expect(stage.finish().ends == [.upstreamTimeoutBody])
  }

  @Test(arguments: Place.allCases)
  func anOriginThatStopsReading(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.writeStallTimeout, 200), (.bodyRate, 0)])
    let client = try stage.client()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n")
    let origin = try stage.accept()
    origin.isReading = false
    client.send([UInt8](repeating: 0x61, count: 20_000_000))
    client.expectAnswer("504", with: ["Connection: close"])
    #expect(!client.hasSentAll || client.isSendBroken)
    client.close()
    #expect(stage.finish().ends == [.upstreamStalledWrite])
  }
}
