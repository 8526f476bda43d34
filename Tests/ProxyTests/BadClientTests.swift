import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// What a bad client sends, and how it is answered.
struct BadRequest: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: String
  let status: String
  let end: EndReason
  /// The head was good, so an origin may have been asked.
  var reachesOrigin = false

  init(
    _ name: String, _ bytes: String, _ status: String = "400", _ end: EndReason = .clientFaultHead,
    reachesOrigin: Bool = false
  ) {
    testDescription = name
    self.bytes = bytes
    self.status = status
    self.end = end
    self.reachesOrigin = reachesOrigin
  }

  /// A POST with these lines and body.
  private static func post(
    _ name: String, _ lines: String, _ body: String = "", _ status: String = "400",
    version: String = "1.1", _ end: EndReason = .clientFaultHead, reachesOrigin: Bool = false
  ) -> BadRequest {
    BadRequest(
      name, "POST / HTTP/\(version)\r\nHost: h\r\n\(lines)\r\n\(body)", status, end,
      reachesOrigin: reachesOrigin)
  }

  private static func get(_ name: String, _ line: String, _ status: String = "400") -> BadRequest {
    BadRequest(name, "\(line)\r\nHost: h\r\n\r\n", status)
  }

  private static func chunks(
    _ name: String, _ body: String, _ end: EndReason = .clientFaultBody, _ status: String = "400"
  ) -> BadRequest {
    post(
      name, "Transfer-Encoding: chunked\r\n", body, status, end, reachesOrigin: true)
  }

  static let all = startLines + hosts + fields + framing + chunked

  private static let startLines = [
    BadRequest("a TLS hello", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n"),
    get("two spaces", "GET  / HTTP/1.1"), get("a tab", "GET\t/ HTTP/1.1"),
    get("a space in the target", "GET /a b HTTP/1.1"), get("HTTP/0.9", "GET /"),
    get("a lower-case version", "GET / http/1.1"), get("version 1.10", "GET / HTTP/1.10"),
    get("a bare CR in the target", "GET /\rx HTTP/1.1"),
    get("a status line", "HTTP/1.1 200 OK"), get("GET *", "GET * HTTP/1.1"),
    get("authority-form", "GET h:80 HTTP/1.1"),
    get("no host in the target", "GET http:///x HTTP/1.1"),
    get("user information", "GET http://u@h/x HTTP/1.1"),
    get("HTTP/3.0", "GET / HTTP/3.0", "505"),
    BadRequest(
      "a target of 100 kB",
      "GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\nHost: h\r\n\r\n",
      "414", .policyLimitHead),
  ]

  private static let hosts = [
    BadRequest("no Host", "GET / HTTP/1.1\r\n\r\n"),
    BadRequest("two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
    BadRequest("a bad Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
  ]

  private static let fields = [
    post("space before the colon", "Content-Length : 5\r\n"),
    post("a folded line", "X: a\r\n b\r\n"), post("a name with a space", "X Y: 1\r\n"),
    post("no colon", "XY\r\n"), post("NUL in a value", "X: a\u{0}b\r\n"),
    post("a bare LF", "X: a\n"), post("a bare CR", "X: a\rb\r\n"),
    BadRequest("a folded first line", "GET / HTTP/1.1\r\n Host: evil\r\nHost: h\r\n\r\n"),
    post(
      "a line of 100 kB", "X: \(String(repeating: "a", count: 100_000))\r\n", "", "431",
      .policyLimitHead),
    post(
      "10,000 fields", String(repeating: "X: 1\r\n", count: 10_000), "", "431", .policyLimitHead),
  ]

  private static let framing =
    ["+5", "-1", "5.0", "0x5", "5 5", "5a", "", "99999999999999999999999999", "5,", "\"5\""].map {
      post("Content-Length: \($0)", "Content-Length: \($0)\r\n", "hello")
    } + [
      post("lengths in a list", "Content-Length: 5, 5\r\n", "hello"),
      post("differing lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
      post(
        "length and coding", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      post("gzip", "Transfer-Encoding: gzip\r\n"),
      post("chunked, gzip", "Transfer-Encoding: chunked, gzip\r\n", "", "400"),
      post("identity", "Transfer-Encoding: identity\r\n"),
      post("foo, chunked", "Transfer-Encoding: foo, chunked\r\n", "", "501"),
      post("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
      post("an empty coding", "Transfer-Encoding:\r\n"),
      post("a coding on 1.0", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", version: "1.0"),
    ]

  private static let chunked = [
    chunks("a size that wraps", "10000000000000005\r\nhello\r\n", .policyLimitBody),
    chunks("0x5", "0x5\r\nhello\r\n"), chunks("no size", "\r\nhello\r\n"),
    chunks("a chunk too short", "6\r\nhello\r\n0\r\n\r\n"),
    chunks("a chunk too long", "5\r\nhelloX\r\n0\r\n\r\n"),
    chunks("LF in an extension", "5;a\nhello\r\n"),
    chunks("LF after a chunk", "5\r\nhello\n0\r\n\r\n"),
    chunks("a bad trailer", "0\r\nX : 1\r\n\r\n"),
    chunks(
      "an endless extension", "5;\(String(repeating: "a", count: 40_000))\r\nhello\r\n",
      .policyLimitBody, ""),
  ]
}

/// Bad input from clients: answered in plain words, closed, and no origin hears of what follows.
@Suite struct BadClientTests {
  private static let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"

  // covers: R001, R003, R010, R013, R014, R015, R019, R021, R027, R030, R040, R044, R047, R048
  // covers: R058, R067, R068, R069, R070, R071, R072, R074, R075, R077, R078, R079, R114, R115
  // covers: R116, R117, R120, R171
  @Test(arguments: BadRequest.all, Place.allCases)
  func badRequest(_ bad: BadRequest, _ place: Place) throws {
    let stage = try ProxyStage(place)
    let other = try stage.client()
    other.send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("GET /other"))

    let client = try stage.client()
    client.send(bad.bytes + Self.canary)
    client.expectAnswer(bad.status, with: ["Connection: close"], without: ["Via"])
    client.expectEnd()
    client.close()
    if bad.reachesOrigin {
      // Its connection is broken off, or left unused when it was not open yet.
      let asked = try stage.accept()
      _ = stage.inspect { $0.relays == 1 }
      #expect(!asked.received.contains("canary"))
    } else {
      stage.expectNoContact()
    }

    // Nobody else was disturbed.
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok")
    other.expect(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok")
    let story = stage.finish()
    #expect(Set(story.ends) == [bad.end, .complete])
    #expect(story.exchanges.count == 2)
    #expect(story.ends(.downstream).contains(bad.end))
  }

  // covers: R032
  @Test(arguments: Place.allCases)
  func aTargetThatIsNotOurs(_ place: Place) throws {
    let stage = try ProxyStage(place)
    for (line, status) in [("GET https://h/ HTTP/1.1", "421"), ("CONNECT h:443 HTTP/1.1", "405")] {
      let client = try stage.client()
      client.send("\(line)\r\nHost: h:443\r\n\r\n")
      client.expectAnswer(status)
      client.close()
    }
    stage.expectNoContact()
    #expect(stage.finish().ends == [.policyRefusedTarget, .policyRefusedTarget])
  }

  // covers: R066, R211
  @Test(arguments: Place.allCases)
  func aBodyThatEndsEarly(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
    client.endSending()
    client.expectAnswer("400", with: ["Connection: close"])
    client.expectEnd()
    // The origin sees nothing that looks like a whole request.
    let origin = try stage.accept()
    _ = stage.inspect { $0.relays == 0 }
    let seen = origin.received
    #expect(seen == "" || seen == onward("POST /", via: "1.1", "Content-Length: 10\r\n") + "hello")
    let story = stage.finish()
    #expect(story.ends == [.clientClosedBody])
    #expect(story.exchanges[0].record.fault == .truncatedBody)
  }

  // covers: R036
  @Test(arguments: Place.allCases)
  func aHeadThatEndsEarly(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("GET / HTTP/1.1\r\nHost: h\r\n")
    _ = stage.inspect { $0.figures.exchanges == 1 }
    stage.expectNoContact()
    client.endSending()
    client.expectAnswer("400", with: ["Connection: close"])
    client.expectEnd()
    stage.expectNoContact()
    #expect(stage.finish().ends == [.clientClosedHead])
  }

  /// The origin answers without asking for the body, and the client sends a request in its place.
  @Test(arguments: Place.allCases)
  func bytesInPlaceOfAnExpectedBodyAreNoRequest(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    let length = "Content-Length: \(Self.canary.utf8.count)\r\n"
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\(length)\r\n")
    let origin = try stage.accept()
    origin.expect(onward("POST /", "Expect: 100-continue\r\n", via: "1.1", length))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok")
    client.expect(
      back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok")
    client.send(Self.canary + Self.canary)
    // The first is the body that was announced; nobody reads the second.
    origin.expect(Self.canary)
    client.expectGone()
    #expect(origin.isQuiet)
    stage.expectNoContact()
    #expect(stage.finish().ends == [.complete])
  }

  // covers: R089, R202
  @Test(arguments: Place.allCases)
  func aSlowHead(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.headTimeout, 100)])
    let client = try stage.client()
    client.send("GET / HTTP/1.1\r\nHost: h\r\n")
    client.expectAnswer("408", with: ["Connection: close"])
    client.expectEnd()
    client.close()
    stage.expectNoContact()
    #expect(stage.finish().ends == [.clientTimeoutHead])
  }
}
