import BowlineCore
import Testing

/// What the pass over plain lines takes, and that it reads no byte outside. That it agrees with the
/// scanner of HTTP/1 is tested there.
@Suite struct PlainLinesTests {
  private static let limits = PlainLines.Limits(
    startLine: 100, fieldLine: 100, section: 400, fields: 8)

  private static let request = bytes(
    "GET /a HTTP/1.1\r\nHost: www.example.com\r\nAccept-Encoding: gzip\r\nX:\t v \r\n"
      + "Proxy-Authentication-Info: x\r\nA_b: \r\n\r\n")

  private func take(
    _ text: Span<UInt8>, _ head: inout HeadBlock, start: PlainLines.Start = .requestLine,
    limits: PlainLines.Limits = PlainLinesTests.limits
  ) -> PlainLines {
    PlainLines.take(text, from: 0, start: start, limits: limits, into: &head)
  }

  @Test func aPlainHeadIsTakenWhole() {
    var head = HeadBlock()
    let lines = take(Self.request.span, &head)
    #expect(lines.isWhole && lines.end == Self.request.count)
    #expect(head.start.method == .get && head.start.version == .http11)
    #expect(head.start.methodRange == 0..<3 && head.start.targetRange == 4..<6)
    head.bytes.append(Self.request.span)
    let names = (0..<head.count).map { head[$0].name }
    #expect(names == [.host, .acceptEncoding, .other, .proxyAuthenticationInfo, .other])
    let values = (0..<head.count).map { index in
      let value = head.value(index)
      return String(decoding: value.indices.map { value[$0] }, as: UTF8.self)
    }
    #expect(values == ["www.example.com", "gzip", "v", "x", ""])
  }

  /// Every front part, flush against either end of a page: whole lines only, and no read outside.
  @Test func aPartOfAHeadIsTakenByLines() {
    let page = GuardPage()
    for start in [PlainLines.Start.requestLine, .statusLine, .fields] {
      for length in 0..<Self.request.count {
        let part = Array(Self.request[0..<length])
        for isAtEnd in [true, false] {
          func body(_ text: Span<UInt8>) -> (Bool, Int) {
            var head = HeadBlock()
            let lines = take(text, &head, start: start)
            return (lines.isWhole, lines.end)
          }
          let (isWhole, end) = isAtEnd ? page.atEnd(part, body) : page.atStart(part, body)
          #expect(!isWhole)
          #expect(end == 0 || part[end - 1] == 0x0a)
          #expect(start == .requestLine || end == 0)
        }
      }
    }
  }

  /// Lines at a limit are taken, lines beyond it are not.
  @Test func nothingBeyondALimitIsTaken() {
    func end(startLine: Int = 100, fieldLine: Int = 100, section: Int = 400, fields: Int = 8) -> Int
    {
      var head = HeadBlock()
      let limits = PlainLines.Limits(
        startLine: startLine, fieldLine: fieldLine, section: section, fields: fields)
      return take(Self.request.span, &head, limits: limits).end
    }
    let whole = Self.request.count
    #expect(end(startLine: 15) == whole)
    #expect(end(startLine: 14) == 0)
    #expect(end(fieldLine: 28) == whole)
    #expect(end(fieldLine: 27) == whole - 39)
    #expect(end(fields: 5) == whole)
    #expect(end(fields: 4) == whole - 9)
    #expect(end(section: whole) == whole)
    #expect(end(section: whole - 1) == whole - 2)
    #expect(end(section: 16) == 0)
    #expect(end(section: 17) == 17)
  }
}
