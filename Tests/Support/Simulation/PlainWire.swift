import BowlineCore
import BowlineTransport

/// One end of a connection, moved by hand: what a scripted client or origin has.
struct PlainWire {
  enum End { case finished, failed }

  let socket: SocketID
  let token: UInt64
  private(set) var output: [UInt8] = []
  private var outputStart = 0
  /// Bytes that the kernel has taken.
  private(set) var sent = 0
  private(set) var isBlocked = false
  var input = PlainInput()
  private(set) var received = 0
  private(set) var end: End?

  init(socket: SocketID, token: UInt64) {
    self.socket = socket
    self.token = token
  }

  /// Bytes that were written, sent or not.
  var written: Int { sent + output.count - outputStart }
  var unsent: Int { output.count - outputStart }

  mutating func write(_ text: String) { output.append(contentsOf: text.utf8) }
  mutating func write(_ bytes: ArraySlice<UInt8>) { output.append(contentsOf: bytes) }

  /// The socket was reported.
  mutating func note(_ readiness: Readiness) {
    if readiness.contains(.writable) { isBlocked = false }
  }

  /// Sends at most `limit` bytes of what is written.
  mutating func flush(_ network: SimulatedNetwork, limit: Int = .max) {
    while outputStart < output.count, !isBlocked, end != .failed {
      let count = min(output.count - outputStart, limit)
      let outcome = offer(count, to: network)
      switch outcome {
      case .sent(let taken):
        sent += taken
        outputStart += taken
        if taken < count { isBlocked = true }
      case .failed: end = .failed
      }
      if limit != .max { break }
    }
    if outputStart == output.count {
      output.removeAll(keepingCapacity: true)
      outputStart = 0
    }
  }

  private func offer(_ count: Int, to network: SimulatedNetwork) -> SendOutcome {
    network.send(
      socket, output.span.extracting(outputStart..<outputStart + count), Span<UInt8>())
  }

  /// Receives at most `limit` bytes. True when there may be more.
  mutating func receive(
    _ network: SimulatedNetwork, _ buffer: inout ReadBuffer, limit: Int = ReadBuffer.size
  ) -> Bool {
    if end != nil { return false }
    buffer.bytes.removeAll()
    switch network.receive(socket, into: &buffer, limit: limit) {
    case .bytes(let count):
      received += count
      input.append(buffer.bytes.span)
      buffer.bytes.removeAll()
      return true
    case .wouldBlock: return false
    case .end: end = .finished
    case .failed: end = .failed
    }
    return false
  }
}

/// Received bytes that were not read yet.
struct PlainInput {
  private var bytes: [UInt8] = []
  private var start = 0
  /// Where the search for the end of a head goes on.
  private var searched = 0

  var count: Int { bytes.count - start }

  mutating func append(_ span: Span<UInt8>) {
    for index in span.indices { bytes.append(span[index]) }
  }

  mutating func take(_ count: Int) {
    start += count
    searched = start
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
      searched = 0
    }
  }

  /// At most `count` bytes from the front.
  func front(_ count: Int) -> ArraySlice<UInt8> { bytes[start..<start + min(count, self.count)] }

  /// The next line without its CRLF, taken; nil while it is not there.
  mutating func takeLine() -> ArraySlice<UInt8>? {
    var at = start
    while at + 1 < bytes.count {
      if bytes[at] == 0x0d && bytes[at + 1] == 0x0a {
        let line = bytes[start..<at]
        take(at + 2 - start)
        return line
      }
      at += 1
    }
    return nil
  }

  /// The lines of the head at the front, taken; nil while it is not complete.
  mutating func takeHead() -> [ArraySlice<UInt8>]? {
    var at = max(searched, start)
    while at + 3 < bytes.count {
      if bytes[at] == 0x0d && bytes[at + 1] == 0x0a && bytes[at + 2] == 0x0d
        && bytes[at + 3] == 0x0a
      {
        let lines = Self.lines(bytes[start..<at])
        take(at + 4 - start)
        return lines
      }
      at += 1
    }
    searched = at
    return nil
  }

  private static func lines(_ head: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var from = head.startIndex
    var at = from
    while at < head.endIndex {
      if head[at] == 0x0d && at + 1 < head.endIndex && head[at + 1] == 0x0a {
        lines.append(head[from..<at])
        from = at + 2
        at += 1
      }
      at += 1
    }
    lines.append(head[from...])
    return lines
  }
}

/// A head, read plainly: only what framing and the simulation need.
struct PlainHead {
  var start: ArraySlice<UInt8>
  var length: Int?
  var isChunked = false
  var saysClose = false
  var saysKeepAlive = false
  var expects = false
  var token: Int?
  var via = 0

  init(_ lines: [ArraySlice<UInt8>]) {
    start = lines[0]
    for line in lines.dropFirst() { read(line) }
  }

  private mutating func read(_ line: ArraySlice<UInt8>) {
    guard let colon = line.firstIndex(of: 0x3a) else { return }
    let name = line[..<colon]
    let value = line[(colon + 1)...].drop { $0 == 0x20 }
    switch name.count {
    case 3 where spells(name, "via"): via += 1
    case 6 where spells(name, "expect"): expects = true
    case 7 where spells(name, "x-token"): token = number(value)
    case 10 where spells(name, "connection"):
      if spells(value, "close") { saysClose = true }
      if spells(value, "keep-alive") { saysKeepAlive = true }
    case 14 where spells(name, "content-length"): length = number(value)
    case 17 where spells(name, "transfer-encoding"): isChunked = spells(value, "chunked")
    default: break
    }
  }

  private func spells(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
    Scan.equalIgnoringCase(bytes.span, text)
  }
}

/// The decimal number that `bytes` spell, or nil.
func number(_ bytes: ArraySlice<UInt8>) -> Int? {
  if bytes.isEmpty || bytes.count > 12 { return nil }
  var number = 0
  for byte in bytes {
    guard byte >= 0x30 && byte <= 0x39 else { return nil }
    number = number * 10 + Int(byte - 0x30)
  }
  return number
}

/// A body, read plainly and compared with what it must be.
struct PlainBody {
  enum Step: Equatable {
    case more, complete
    case wrong(String)
  }

  private enum Place { case data, sizeLine, chunk, chunkEnd, trailers, over }

  private var place: Place
  private var left: Int
  private(set) var count = 0
  private let endsWithConnection: Bool

  /// No body.
  static let none = PlainBody(length: 0)

  init(length: Int) {
    place = .data
    left = length
    endsWithConnection = false
  }

  static let chunked = PlainBody(place: .sizeLine, left: 0, endsWithConnection: false)
  static let untilClose = PlainBody(place: .data, left: .max, endsWithConnection: true)

  private init(place: Place, left: Int, endsWithConnection: Bool) {
    self.place = place
    self.left = left
    self.endsWithConnection = endsWithConnection
  }

  /// The end of the connection completes it.
  var completesAtEnd: Bool { endsWithConnection }

  /// Takes what belongs to the body. `matches` says whether the bytes from an offset on are right.
  mutating func take(
    _ input: inout PlainInput, matches: (Span<UInt8>, Int) -> Bool
  ) -> Step {
    while true {
      switch place {
      case .over: return .complete
      case .data, .chunk:
        if left > 0 {
          let part = input.front(left)
          if part.isEmpty { return .more }
          if !matches(part.span, count) { return .wrong("other bytes from \(count) on") }
          count += part.count
          if left != .max { left -= part.count }
          input.take(part.count)
          continue
        }
        place = place == .data ? .over : .chunkEnd
      case .chunkEnd:
        guard let line = input.takeLine() else { return .more }
        if !line.isEmpty { return .wrong("a chunk that is too long") }
        place = .sizeLine
      case .sizeLine:
        guard let line = input.takeLine() else { return .more }
        guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16) else {
          return .wrong("no chunk size")
        }
        left = size
        place = size == 0 ? .trailers : .chunk
      case .trailers:
        guard let line = input.takeLine() else { return .more }
        if line.isEmpty { place = .over }
      }
    }
  }
}
