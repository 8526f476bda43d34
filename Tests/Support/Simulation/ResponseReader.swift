import BowlineCore

/// Reads the responses of one connection, plainly and strictly, and compares them with what was
/// asked.
struct ResponseReader {
  enum Step {
    case more
    case informational
    /// A complete response, and whether the connection goes on.
    case response(status: Int, byOrigin: Bool, persists: Bool)
    case wrong(rule: String, String)
  }

  private struct Response {
    var status: Int
    var byOrigin: Bool
    var persists: Bool
    var body: PlainBody
  }

  private var response: Response?

  /// True while a response is under way.
  var isInside: Bool { response != nil }

  /// Reads on. `token` is the request whose response is due.
  mutating func next(_ input: inout PlainInput, _ token: Int, _ request: Request) -> Step {
    if response == nil {
      guard let lines = input.takeHead() else { return .more }
      switch head(PlainHead(lines), token, request) {
      case .success(nil): return .informational
      case .success(let begun): response = begun
      case .failure(let wrong): return .wrong(rule: wrong.rule, wrong.detail)
      }
    }
    guard var under = response else { return .more }
    let byOrigin = under.byOrigin
    let step = under.body.take(&input) { bytes, offset in
      !byOrigin || Pattern.matches(bytes, .response, token, from: offset)
    }
    response = under
    switch step {
    case .more: return .more
    case .wrong(let what):
      return .wrong(rule: "no response goes to the wrong request", "#\(token): \(what)")
    case .complete: return complete(under, token, request)
    }
  }

  /// The connection has ended. What it completes, if anything.
  mutating func atEnd(_ token: Int, _ request: Request) -> Step? {
    guard let under = response, under.body.completesAtEnd else { return nil }
    return complete(under, token, request)
  }

  private mutating func complete(_ under: Response, _ token: Int, _ request: Request) -> Step {
    response = nil
    let wanted = request.answer.bodyCount(for: request.method)
    if under.byOrigin && under.body.count != wanted {
      return .wrong(
        rule: "a body marked complete is complete",
        "#\(token): \(under.body.count) of \(wanted) bytes look like all of it")
    }
    return .response(status: under.status, byOrigin: under.byOrigin, persists: under.persists)
  }

  /// The response that a final head begins; nil for an interim one.
  private func head(
    _ head: PlainHead, _ token: Int, _ request: Request
  ) -> Result<Response?, Violation> {
    func wrong(_ detail: String) -> Result<Response?, Violation> {
      .failure(
        Violation(rule: "a response is well-formed and ours", detail: "#\(token): \(detail)"))
    }
    let line = head.start
    guard line.count >= 12, line.prefix(7).elementsEqual("HTTP/1.".utf8),
      let status = number(line.dropFirst(9).prefix(3)), status >= 100, status < 600
    else { return wrong("the line \(String(decoding: line.prefix(40), as: UTF8.self))") }
    if status < 200 { return status == 101 ? wrong("101") : .success(nil) }
    if let other = head.token, other != token {
      return .failure(
        Violation(
          rule: "no response goes to the wrong request", detail: "#\(token) got that of #\(other)"))
    }
    if head.token == nil && status < 400 { return wrong("\(status) without a token") }
    if head.token != nil && status != request.answer.status {
      return wrong("\(status) instead of \(request.answer.status)")
    }
    if head.length != nil && head.isChunked { return wrong("two framings") }
    let hasBody = request.method != .head && status != 204 && status != 304
    var body = PlainBody.none
    if hasBody {
      body =
        head.isChunked ? .chunked : head.length.map { PlainBody(length: $0) } ?? .untilClose
    }
    let isNew = line[line.startIndex + 7] != 0x30
    return .success(
      Response(
        status: status, byOrigin: head.token != nil,
        persists: !head.saysClose && isNew && !body.completesAtEnd, body: body))
  }
}
