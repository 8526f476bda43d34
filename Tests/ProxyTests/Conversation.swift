import BowlineCore
import BowlineJournal
import Testing

/// One thing that happens in a conversation, or that is expected to.
enum Step: Sendable {
  /// The client sends bytes.
  case client(String)
  /// The origin receives exactly these bytes.
  case origin(String)
  /// The origin receives a chunked body; chunk sizes do not matter.
  case originChunks(String, trailers: String)
  /// The origin sends bytes.
  case answer(String)
  /// The client receives exactly these bytes.
  case sees(String)
  /// The client receives a chunked body; chunk sizes do not matter.
  case seesChunks(String, trailers: String)
  /// The client receives a 200 with a Date and a body of the declared length.
  case seesDate
  /// The origin ends its sending side.
  case originEnds
  case originSeesEnd
  /// The client ends its sending side.
  case clientEnds
  case clientSeesEnd
  /// The client sees the connection end, or reset because it sent what nobody reads.
  case clientSeesGone
  /// The next bytes for an origin come on another connection.
  case newOriginConnection
}

/// A scripted exchange between one client, the proxy and one origin.
struct Conversation: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let steps: [Step]
  /// Why the exchanges ended.
  let ends: [EndReason]
  /// Whether the connections stay: the client's, and the last one to the origin.
  var keepsClient = true
  var keepsOrigin = true

  init(
    _ name: String, ends: [EndReason] = [.complete], keepsClient: Bool = true,
    keepsOrigin: Bool = true, _ steps: [Step]
  ) {
    testDescription = name
    self.steps = steps
    self.ends = ends
    self.keepsClient = keepsClient
    self.keepsOrigin = keepsOrigin
  }

  func run(_ place: Place, _ cut: Cut) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client(cut)
    var origin: Wire?
    for step in steps {
      switch step {
      case .origin, .originChunks:
        if origin == nil { origin = try stage.accept(0, cut) }
      case .newOriginConnection: origin = nil
      default: break
      }
      perform(step, client, origin)
    }
    stage.ended(ends.count)
    #expect(client.isQuiet == keepsClient)
    if let origin { #expect(origin.isQuiet == keepsOrigin) }
    #expect(stage.finish().ends == ends)
  }

  private func perform(_ step: Step, _ client: Wire, _ origin: Wire?) {
    switch step {
    case .client(let bytes): client.send(bytes)
    case .origin(let bytes): origin?.expect(bytes)
    case .originChunks(let body, let trailers): origin?.expectChunks(body, trailers)
    case .answer(let bytes): origin?.send(bytes)
    case .sees(let bytes): client.expect(bytes)
    case .seesChunks(let body, let trailers): client.expectChunks(body, trailers)
    case .seesDate:
      let head = client.head()
      #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nVia: 1.1 hop\r\nDate: "))
      #expect(head.hasSuffix(" GMT\r\nContent-Length: 2\r\n\r\n"))
      client.expect("ok")
    case .originEnds: origin?.endSending()
    case .originSeesEnd: origin?.expectEnd()
    case .clientEnds: client.endSending()
    case .clientSeesEnd: client.expectEnd()
    case .clientSeesGone: client.expectGone()
    case .newOriginConnection: break
    }
  }
}

extension Wire {
  /// Reads a chunked body with a decoder of its own and compares it.
  func expectChunks(
    _ body: String, _ trailers: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var got: [UInt8] = []
    while true {
      guard let size = Int(line(), radix: 16) else {
        Issue.record("no chunk size after \(text(got))", sourceLocation: sourceLocation)
        return
      }
      if size == 0 { break }
      got += bytes(size)
      if line() != "" {
        Issue.record("a chunk of another size", sourceLocation: sourceLocation)
        return
      }
    }
    var lines = ""
    while true {
      let next = line()
      if next == "" { break }
      lines += next + "\r\n"
    }
    #expect(got == octets(body), sourceLocation: sourceLocation)
    #expect(lines == trailers, sourceLocation: sourceLocation)
  }

  /// A line without its end; empty also when none comes.
  func line() -> String {
    var line: [UInt8] = []
    while true {
      let next = bytes(1)
      if next.isEmpty || next == [10] { break }
      line += next
    }
    if line.last == 13 { line.removeLast() }
    return text(line)
  }

  /// Reads an answer whose length is declared; its head must begin with `status`. Returns the body.
  @discardableResult
  func expectAnswer(
    _ status: String, with present: [String] = [], without absent: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    let head = head(sourceLocation: sourceLocation)
    #expect(head.hasPrefix("HTTP/1.1 \(status)"), sourceLocation: sourceLocation)
    let lines = head.split(separator: "\r\n").map(String.init)
    for line in present { #expect(lines.contains(line), sourceLocation: sourceLocation) }
    for name in absent {
      #expect(!lines.contains { $0.hasPrefix(name) }, "\(head)", sourceLocation: sourceLocation)
    }
    guard let length = lines.first(where: { $0.hasPrefix("Content-Length: ") }),
      let count = Int(length.dropFirst(16))
    else { return "" }
    return text(bytes(count, sourceLocation: sourceLocation))
  }
}

/// A request head as the proxy sends it on.
func onward(
  _ line: String, host: String = "h", _ fields: String = "", asks: Bool = false,
  via: String = "1.1", _ tail: String = ""
) -> String {
  "\(line) HTTP/1.1\r\nHost: \(host)\r\n\(fields)X-Forwarded-For: 127.0.0.1\r\n"
    + (asks ? "TE: trailers\r\n" : "") + "X-Forwarded-Proto: http\r\nVia: \(via) hop\r\n\(tail)\r\n"
}

/// A response head as the proxy hands it back.
func back(
  _ status: String, _ fields: String = "Date: D\r\n", via: String = "1.1", _ tail: String = ""
) -> String {
  "HTTP/1.1 \(status)\r\n\(fields)Via: \(via) hop\r\n\(tail)\r\n"
}
