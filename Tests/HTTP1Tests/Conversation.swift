import BowlineCore
import BowlineHTTP1
import Testing

/// Bytes of a text in which every scalar is one byte (Latin-1), so that `\u{FF}` is the byte FF.
func bytes(_ text: String) -> [UInt8] {
  text.unicodeScalars.map { UInt8($0.value) }
}

/// The text of bytes, one scalar a byte.
func text(_ bytes: Span<UInt8>) -> String {
  var text = ""
  for index in bytes.indices { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
  return text
}

/// How bytes are cut on their way.
enum Split: Sendable {
  case whole, byteByByte
  case random(UInt64)

  /// Whole, byte by byte, and eight random ways.
  static let all: [Split] = [.whole, .byteByByte] + (1...8).map { .random($0) }

  func pieces(of bytes: [UInt8]) -> [[UInt8]] {
    switch self {
    case .whole: return [bytes]
    case .byteByByte: return bytes.map { [$0] }
    case .random(let seed):
      var random = SplitMix(state: seed)
      var pieces: [[UInt8]] = []
      var at = 0
      while at < bytes.count {
        let end = min(bytes.count, at + 1 + Int(random.next() % 24))
        pieces.append(Array(bytes[at..<end]))
        at = end
      }
      return pieces
    }
  }
}

/// A small random source with a seed (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// One machine under test and what it said, as lines of text.
///
/// A server answers every whole request with an empty 200, and a faulty one with the fault's
/// status. A client sends its requests one after the other, each when the response before is
/// complete.
struct Conversation: ~Copyable {
  var machine: HTTP1Connection
  var head = HeadBlock()
  var limits = Limits(Settings())
  /// Events in words, body bytes joined.
  private(set) var log: [String] = []
  /// Everything the machine wrote.
  private(set) var written = ""
  /// Adds field lines to the heads in the log.
  var showsFields = false
  private var pending: [UInt8] = []
  private var requests: [String] = []
  private var ended = false

  init(server: Void) {
    machine = HTTP1Connection(role: .server)
  }

  /// A client that sends a request without body for each method.
  init(client methods: [String]) {
    machine = HTTP1Connection(role: .client)
    requests = methods
    sendRequest()
  }

  mutating func receive(_ piece: [UInt8]) {
    if ended { return }
    pending += piece
    let bytes = pending
    var cursor = 0
    var more = true
    while more && !ended {
      let event = machine.receive(bytes.span, at: &cursor, head: &head, limits: limits)
      more = take(event, bytes)
    }
    pending.removeFirst(cursor)
  }

  mutating func receiveEnd() {
    if ended { return }
    switch machine.receiveEnd(head: &head) {
    case .clean: log.append("eof clean")
    case .completesBody: log.append("eof completes body")
    case .truncated(let fault): log.append("eof \(fault.kind)@\(fault.offset)")
    }
  }

  private mutating func take(_ event: Event, _ bytes: [UInt8]) -> Bool {
    switch event {
    case .more: return false
    case .paused: return !ended && machine.receivingIsComplete && next()
    case .head(let framing):
      noteHead("\(framing)")
      if framing == .tunnel { log.append("tunnel") }
      return true
    case .informational:
      noteHead("informational")
      return true
    case .body(let range):
      let body = "body " + text(bytes.span.extracting(range))
      if let last = log.last, last.hasPrefix("body ") {
        log[log.count - 1] = last + body.dropFirst(5)
      } else {
        log.append(body)
      }
      return true
    case .end(let trailers):
      log.append(trailers ? "end" + fields() : "end")
      return next()
    case .fault(let fault):
      log.append("fault \(fault.kind)@\(fault.offset)")
      if machine.role == .server {
        answer(fault.status)
      } else {
        ended = true
      }
      return false
    }
  }

  private mutating func noteHead(_ framing: String) {
    let start =
      head.start.status == 0
      ? "\(text(head.method)) \(text(head.target))" : "\(head.start.status.rawValue)"
    log.append("\(start) \(framing)" + (showsFields ? fields() : ""))
  }

  private func fields() -> String {
    (0..<head.count).map { " | \(text(head.name($0))): \(text(head.value($0)))" }.joined()
  }

  /// The exchange is over on the receiving side: answers, and goes on if the connection persists.
  private mutating func next() -> Bool {
    if machine.role == .server {
      answer(200)
    } else if machine.beginNext() {
      if requests.isEmpty { return true }
      sendRequest()
    } else {
      log.append("closes \(cause)")
    }
    return !ended
  }

  private var cause: String { machine.closeCause.map { "\($0)" } ?? "never" }

  private mutating func answer(_ status: Status) {
    var response = HeadBlock()
    response.compose(status: status)
    var output = ByteBuffer()
    machine.send(response: response, body: .length(0), close: false, into: &output)
    _ = machine.sendEnd(into: &output)
    let wire = text(output.span)
    written += wire
    let announced = wire.contains("Connection: close\r\n")
    if machine.beginNext() {
      log.append(announced ? "\(status.rawValue), close announced and not done" : "200")
    } else {
      log.append("\(status.rawValue)\(announced ? ", close" : " without close") (\(cause))")
      ended = true
    }
  }

  private mutating func sendRequest() {
    var request = HeadBlock()
    let method = requests.removeFirst()
    let target = method == "CONNECT" ? "h:443" : "/"
    request.compose(method: bytes(method).span, target: bytes(target).span)
    request.add(.host, "h")
    if method == "UPGRADE" { request.add(.upgrade, "tea") }
    var output = ByteBuffer()
    machine.send(request: request, body: .none, close: false, into: &output)
    written += text(output.span)
  }
}

/// One wire example: what comes in, and what the machine must say about it, however it is cut.
struct Example: Sendable, CustomTestStringConvertible {
  /// Catalogue row and what is special here.
  let name: String
  let input: [UInt8]
  let expected: [String]
  /// Methods of a client's requests; empty for a server.
  var client: [String] = []
  /// The stream ends after the input.
  var ends = false
  var showsFields = false

  var testDescription: String { name }

  /// A server and what it says.
  init(
    _ name: String, _ input: String, _ expected: [String], ends: Bool = false,
    showsFields: Bool = false
  ) {
    self.name = name
    self.input = bytes(input)
    self.expected = expected
    self.ends = ends
    self.showsFields = showsFields
  }

  /// A client, its requests, and what it says.
  init(
    _ name: String, to client: [String], _ input: String, _ expected: [String], ends: Bool = false,
    showsFields: Bool = false
  ) {
    self.init(name, input, expected, ends: ends, showsFields: showsFields)
    self.client = client
  }

  /// What the machine says when the input is cut in the given way, and what it wrote.
  func run(_ split: Split) -> (log: [String], written: String) {
    var talk = client.isEmpty ? Conversation(server: ()) : Conversation(client: client)
    talk.showsFields = showsFields
    for piece in split.pieces(of: input) { talk.receive(piece) }
    if ends { talk.receiveEnd() }
    return (talk.log, talk.written)
  }
}
