import Testing

@Suite struct OriginTests {
  // covers: R018
  @Test(arguments: [
    ("get / HTTP/1.1", "501"), ("FOO / HTTP/1.1", "501"),
    ("DELETE /OriginTests.swift HTTP/1.1", "405"),
  ])
  func methodsThatAreNotForFilesAreRefused(_ line: String, _ status: String) throws {
    let answer = try OriginStage().ask("\(line)\r\nHost: h\r\n\r\n").text
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(field("Allow", of: answer) == (status == "405" ? "GET, HEAD" : nil))
  }

  // covers: R262
  @Test func anOriginOpensNoTunnel() throws {
    let answer = try OriginStage().ask(
      "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.text.hasPrefix("HTTP/1.1 405 "))
    #expect(!answer.text.contains("hello"))
  }

  // covers: R062
  @Test(arguments: ["/OriginTests.swift", "/nothing", "/status/302"])
  func everyAnswerHasADate(_ path: String) throws {
    let answer = try OriginStage().ask("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n").text
    let date = try #require(field("Date", of: answer))
    #expect(date == "Sun, 15 Jun 2025 15:06:40 GMT")
  }

  // covers: R104, R105
  @Test func headDeclaresTheLengthThatGETHas() throws {
    let stage = try OriginStage()
    let get = try stage.ask("GET /OriginTests.swift HTTP/1.1\r\nHost: h\r\n\r\n").text
    let head = try stage.ask("HEAD /OriginTests.swift HTTP/1.1\r\nHost: h\r\n\r\n").text
    let length = try #require(field("Content-Length", of: get).flatMap { Int($0) })
    let body = try #require(get.firstRange(of: "\r\n\r\n")).upperBound
    #expect(get[body...].unicodeScalars.count == length)
    #expect(field("Content-Length", of: head) == String(length))
    #expect(head.hasSuffix("\r\n\r\n"))
  }

  // covers: S100, S101, S109, R157
  @Test func anOldClientIsKeptIfItAsks() throws {
    let stage = try OriginStage()
    let kept = try stage.ask("GET /hello HTTP/1.0\r\nconnection: KEEP-Alive\r\n\r\n")
    #expect(field("Connection", of: kept.text) == "keep-alive")
    #expect(field("Content-Length", of: kept.text) == "6")
    #expect(!kept.ended)
    let plain = try stage.ask("GET /hello HTTP/1.0\r\n\r\n")
    #expect(field("Connection", of: plain.text) == "close")
    #expect(plain.ended)
    // A stream has no length, so nothing is kept.
    let stream = try stage.ask("GET /chunked/20 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(field("Connection", of: stream.text) == "close")
    #expect(stream.ended)
  }

  // covers: S110
  @Test func anOldClientAsksWithEveryRequest() throws {
    let answer = try OriginStage().ask(
      "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n")
    let parts = answer.text.split(separator: "HTTP/1.1 200 OK\r\n")
    #expect(parts.count == 2)
    #expect(parts.first?.contains("Connection: keep-alive\r\n") == true)
    #expect(parts.last?.contains("Connection: close\r\n") == true)
    #expect(answer.ended)
  }

  // covers: S112
  @Test(arguments: ["/status/204", "/status/304", "/bytes/0"])
  func anAnswerWithoutABodyKeepsAnOldClient(_ path: String) throws {
    let stage = try OriginStage()
    let asks = "HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    let kept = try stage.ask("GET \(path) \(asks)")
    #expect(field("Connection", of: kept.text) == "keep-alive")
    #expect(!kept.ended)
    let stream = try stage.ask("GET /chunked/20 \(asks)")
    #expect(field("Transfer-Encoding", of: stream.text) == nil)
    #expect(stream.ended)
  }

  /// A request that expects, with what follows its head.
  private func expecting(
    _ value: String, _ path: String = "/hello", version: String = "1.1", then rest: String = ""
  ) -> String {
    "POST \(path) HTTP/\(version)\r\nHost: h\r\nExpect: \(value)\r\n"
      + "Content-Length: 2\r\n\r\n\(rest)"
  }

  // covers: R232, R240
  @Test(arguments: ["100-continue", "100-Continue"])
  func theHeadAloneIsAnsweredAtOnce(_ value: String) throws {
    let stage = try OriginStage()
    let welcome = try stage.ask(expecting(value))
    #expect(welcome.text == "HTTP/1.1 100 Continue\r\n\r\n")
    #expect(!welcome.ended)
    let refused = try stage.ask(expecting(value, "/early"))
    #expect(refused.text.hasPrefix("HTTP/1.1 413 "))
    #expect(refused.ended)
  }

  // covers: R233
  @Test func noContinueForContentThatIsHere() throws {
    let answer = try OriginStage().ask(expecting("100-continue", then: "ab")).text
    #expect(answer.hasPrefix("HTTP/1.1 200 "))
    #expect(answer.firstRange(of: "100 Continue") == nil)
  }

  // covers: R168, R170, R227
  @Test func theExpectationOfAnOldClientIsIgnored() throws {
    let answer = try OriginStage().ask(expecting("100-continue", version: "1.0", then: "ab")).text
    #expect(answer.hasPrefix("HTTP/1.1 200 "))
    let silent = try OriginStage().ask(expecting("100-continue", version: "1.0")).text
    #expect(silent == "")
    let hints = try OriginStage().ask("GET /hints HTTP/1.0\r\n\r\n").text
    #expect(hints.hasPrefix("HTTP/1.1 200 "))
  }

  // covers: R235, R239
  @Test(arguments: [("foo", "/hello", "417"), ("100-continue", "/early", "413")])
  func aFinalAnswerBeforeTheBodyEndsTheConnection(
    _ value: String, _ path: String, _ status: String
  ) throws {
    let rest = "abGET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
    for rest in ["", rest] {
      let answer = try OriginStage().ask(expecting(value, path, then: rest))
      #expect(answer.text.hasPrefix("HTTP/1.1 \(status) "))
      #expect(field("Connection", of: answer.text) == "close")
      #expect(answer.text.ranges(of: "HTTP/1.1 ").count == 1)
      #expect(answer.ended)
    }
  }

  // covers: R099, R132, S161
  @Test func aStreamIsChunkedFor11AndEndsWithTheConnectionFor10() throws {
    let stage = try OriginStage()
    let modern = try stage.ask("GET /chunked/20 HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(field("Transfer-Encoding", of: modern.text) == "chunked")
    #expect(modern.text.hasSuffix("\r\n0\r\n\r\n"))
    #expect(!modern.ended)
    let old = try stage.ask("GET /chunked/20 HTTP/1.0\r\n\r\n")
    #expect(field("Transfer-Encoding", of: old.text) == nil)
    #expect(old.text.hasSuffix("\r\n\r\n0123456789abcde\n0123"))
    #expect(old.ended)
  }

  // covers: R277
  @Test(arguments: ["/", "/hello", "/head", "/OriginTests.swift", "/nothing"])
  func traceIsNotAllowedAndReflectsNothing(_ path: String) throws {
    let answer = try OriginStage().ask(
      "TRACE \(path) HTTP/1.1\r\nHost: h\r\nCookie: secret\r\n\r\n")
    #expect(answer.text.hasPrefix("HTTP/1.1 405 "))
    #expect(field("Allow", of: answer.text) == "GET, HEAD")
    #expect(!answer.text.contains("secret"))
    #expect(!answer.ended)
  }
}
