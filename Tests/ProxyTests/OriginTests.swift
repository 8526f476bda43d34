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

  // covers: R099
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
