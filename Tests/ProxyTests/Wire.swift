import BowlineCore
import BowlineTransport
import Testing

/// How a scripted peer's bytes are cut before they are sent.
enum Cut: CustomTestStringConvertible, Sendable {
  case whole
  case bytes
  case random(seed: UInt64)

  var testDescription: String {
    switch self {
    case .whole: "whole"
    case .bytes: "byte by byte"
    case .random(let seed): "seed \(seed)"
    }
  }
}

/// How a connection ended, as its peer saw it.
enum WireEnd: Equatable {
  case end, reset
}

/// Bytes of a text in which each character stands for one byte.
func octets(_ text: String) -> [UInt8] {
  text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

/// The inverse of `octets`.
func text(_ bytes: some Sequence<UInt8>) -> String {
  var text = String.UnicodeScalarView()
  for byte in bytes { text.append(Unicode.Scalar(byte)) }
  return String(text)
}

/// One scripted end of a connection: what it is told to send it sends as the network takes it, and
/// what arrives is kept until the script expects it.
final class Wire {
  private unowned let stage: ProxyStage
  private let network: any Network
  private let socket: SocketID
  private var outbox: [[UInt8]] = []
  /// Pieces of the outbox that are sent, and bytes of the next one.
  private var sent = 0
  private var offset = 0
  private var inbox: [UInt8] = []
  private var taken = 0
  private var endsAfterSending = false
  /// Resets the connection when everything has been sent.
  var closesAfterSending = false
  private(set) var isClosed = false
  private(set) var ended: WireEnd?
  private(set) var isSendBroken = false
  /// False: what arrives stays in the network's buffers.
  var isReading = true
  var cut: Cut

  init(_ stage: ProxyStage, _ network: any Network, _ socket: SocketID, cut: Cut) {
    self.stage = stage
    self.network = network
    self.socket = socket
    self.cut = cut
  }

  // MARK: Saying

  func send(_ text: String) { send(octets(text)) }

  func send(_ bytes: [UInt8]) {
    outbox += pieces(of: bytes)
    _ = pump()
  }

  private func pieces(of bytes: [UInt8]) -> [[UInt8]] {
    if bytes.isEmpty { return [] }
    switch cut {
    case .whole: return [bytes]
    case .bytes: return bytes.map { [$0] }
    case .random(let seed):
      var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
      var cuts: [[UInt8]] = []
      var start = 0
      while start < bytes.count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let end = min(bytes.count, start + 1 + Int(state >> 33) % (bytes.count > 4096 ? 9000 : 24))
        cuts.append(Array(bytes[start..<end]))
        start = end
      }
      return cuts
    }
  }

  /// Ends the sending side when everything has been sent.
  func endSending() {
    endsAfterSending = true
    _ = pump()
  }

  func close(_ manner: CloseManner = .orderly) {
    if isClosed { return }
    isClosed = true
    network.close(socket, manner)
  }

  var hasSentAll: Bool { sent == outbox.count }

  // MARK: Moving bytes

  /// Moves what can be moved now. True when something was.
  func pump() -> Bool {
    if isClosed { return false }
    let sent = pumpOut()
    return isClosed || pumpIn() || sent
  }

  private func pumpOut() -> Bool {
    if sent < outbox.count {
      let piece = outbox[sent]
      switch network.send(socket, piece.span.extracting(offset...), Span<UInt8>()) {
      case .sent(0): return false
      case .sent(let count):
        offset += count
        if offset == outbox[sent].count {
          sent += 1
          offset = 0
        }
        return true
      case .failed:
        sent = outbox.count
        isSendBroken = true
        return true
      }
    }
    if endsAfterSending {
      endsAfterSending = false
      network.shutdownSend(socket)
      return true
    }
    if closesAfterSending {
      close(.reset)
      return true
    }
    return false
  }

  private func pumpIn() -> Bool {
    var moved = false
    while isReading && ended == nil {
      var buffer = ReadBuffer()
      switch network.receive(socket, into: &buffer, limit: ReadBuffer.size) {
      case .bytes:
        let bytes = buffer.bytes.span
        inbox.reserveCapacity(inbox.count + bytes.count)
        for index in bytes.indices { inbox.append(bytes[index]) }
        moved = true
      case .wouldBlock:
        return moved
      case .end:
        ended = .end
        return true
      case .failed:
        ended = .reset
        return true
      }
    }
    return moved
  }

  // MARK: Expecting

  private var waiting: ArraySlice<UInt8> { inbox[taken...] }

  private func take(_ count: Int) -> [UInt8] {
    let bytes = Array(inbox[taken..<taken + count])
    taken += count
    if taken == inbox.count {
      inbox.removeAll(keepingCapacity: true)
      taken = 0
    }
    return bytes
  }

  /// Waits for exactly these bytes.
  func expect(_ wanted: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let bytes = octets(wanted)
    stage.turn { self.waiting.count >= bytes.count || self.ended != nil }
    let got = take(min(bytes.count, waiting.count))
    #expect(text(got) == wanted, sourceLocation: sourceLocation)
  }

  /// Waits for exactly these bytes, without showing them when they differ.
  func expect(bytes wanted: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
    stage.turn { self.waiting.count >= wanted.count || self.ended != nil }
    let got = take(min(wanted.count, waiting.count))
    #expect(got.count == wanted.count, sourceLocation: sourceLocation)
    if got == wanted { return }
    let differs = zip(got, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    #expect(differs == nil, sourceLocation: sourceLocation)
  }

  /// Waits for a head and returns it with its empty line.
  func head(sourceLocation: SourceLocation = #_sourceLocation) -> String {
    var from = taken
    var end: Int?
    stage.turn {
      while from + 4 <= self.inbox.count {
        if Array(self.inbox[from..<from + 4]) == [13, 10, 13, 10] {
          end = from + 4
          return true
        }
        from += 1
      }
      return self.ended != nil
    }
    guard let end else {
      Issue.record(
        "no head: \(text(waiting)) ended: \(String(describing: ended))",
        sourceLocation: sourceLocation)
      return ""
    }
    return text(take(end - taken))
  }

  /// Waits for `count` bytes.
  func bytes(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) -> [UInt8] {
    stage.turn { self.waiting.count >= count || self.ended != nil }
    #expect(waiting.count >= count, sourceLocation: sourceLocation)
    return take(min(count, waiting.count))
  }

  /// Everything until the connection ends, however it does.
  func rest() -> String {
    stage.turn { self.ended != nil }
    return text(take(waiting.count))
  }

  /// Takes what has come by now.
  func takeAll() -> [UInt8] {
    _ = pump()
    return take(waiting.count)
  }

  /// What has come by now.
  var received: String {
    _ = pump()
    return text(waiting)
  }

  /// Waits for the end; no byte may come before it.
  func expectEnd(_ wanted: WireEnd = .end, sourceLocation: SourceLocation = #_sourceLocation) {
    stage.turn { self.ended != nil }
    #expect(text(waiting) == "", sourceLocation: sourceLocation)
    #expect(ended == wanted, sourceLocation: sourceLocation)
  }

  /// Waits for the end, either kind; no byte may come before it.
  func expectGone(sourceLocation: SourceLocation = #_sourceLocation) {
    stage.turn { self.ended != nil }
    #expect(text(waiting) == "", sourceLocation: sourceLocation)
    #expect(ended != nil, sourceLocation: sourceLocation)
  }

  /// True when nothing has come that nobody expected.
  var isQuiet: Bool { waiting.isEmpty && ended == nil }
  /// Bytes that wait for the script.
  var count: Int { waiting.count }
}
