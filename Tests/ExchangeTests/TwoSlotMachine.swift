import BowlineCore
import BowlineExchange
import BowlineHTTP1

/// A machine with streams 1 and 2, for the exchange model: frames of one letter, one digit for the
/// stream, and a count of four digits. `H1` begins a request, `D` is content, `E` its end, `R` a
/// reset, `G` credit.
///
/// What a frame holds of content is passed on when the whole frame has come.
final class TwoSlotMachine: MultiplexedMachine {
  static func frame(_ kind: Character, _ stream: Int, _ content: String = "") -> String {
    let count = String(content.utf8.count)
    return "\(kind)\(stream)" + String(repeating: "0", count: 4 - count.count) + count + content
  }

  /// Content may come in parts; the header may not.
  private var rest = 0
  private var stream: UInt32 = 0
  private var target: [UInt32: [UInt8]] = [:]
  /// Streams that were reset by us: what still comes on them is dropped.
  private var dead: Set<UInt32> = []

  func receive(_ bytes: Span<UInt8>, at cursor: inout Int) -> (stream: UInt32, StreamEvent) {
    while true {
      if rest > 0 {
        if cursor == bytes.count { return (0, .more) }
        let range = cursor..<min(bytes.count, cursor + rest)
        cursor = range.upperBound
        rest -= range.count
        if dead.contains(stream) { continue }
        return (stream, .body(range))
      }
      if bytes.count - cursor < 6 { return (0, .more) }
      let kind = bytes[cursor]
      stream = UInt32(bytes[cursor + 1]) - 48
      var count = 0
      for index in cursor + 2..<cursor + 6 { count = count * 10 + Int(bytes[index]) - 48 }
      cursor += 6
      if let event = event(kind, count, bytes, &cursor) { return (stream, event) }
    }
  }

  private func event(
    _ kind: UInt8, _ count: Int, _ bytes: Span<UInt8>, _ cursor: inout Int
  ) -> StreamEvent? {
    switch kind {
    case UInt8(ascii: "H"):
      dead.remove(stream)
      target[stream] = []
      for index in cursor..<cursor + count { target[stream]?.append(bytes[index]) }
      cursor += count
      return .head(.chunked)
    case UInt8(ascii: "D"):
      rest = count
      return nil
    case UInt8(ascii: "E"): return dead.contains(stream) ? nil : .end
    case UInt8(ascii: "R"): return dead.contains(stream) ? nil : .reset
    default: return .fault(Fault(.methodSyntax, at: cursor))
    }
  }

  func takeHead(_ stream: UInt32, into head: inout HeadBlock) {
    let method = Array("POST".utf8)
    let target = target[stream] ?? []
    head.compose(method: method.span, target: target.span)
  }

  func sendHead(
    _ stream: UInt32, _ head: borrowing HeadBlock, body: Bool, into out: inout ByteBuffer
  ) {
    out.append(utf8: Self.frame("H", Int(stream), "\(head.start.status.rawValue)"))
  }

  func sendBody(_ stream: UInt32, _ bytes: Span<UInt8>, into out: inout ByteBuffer) {
    var content: [UInt8] = []
    for index in bytes.indices { content.append(bytes[index]) }
    out.append(utf8: Self.frame("D", Int(stream), String(decoding: content, as: UTF8.self)))
  }

  func sendEnd(_ stream: UInt32, into out: inout ByteBuffer) {
    out.append(utf8: Self.frame("E", Int(stream)))
  }

  func reset(_ stream: UInt32, into out: inout ByteBuffer) {
    dead.insert(stream)
    out.append(utf8: Self.frame("R", Int(stream)))
  }

  func grant(_ stream: UInt32, _ bytes: Int, into out: inout ByteBuffer) {
    out.append(utf8: Self.frame("G", Int(stream), "\(bytes)"))
  }
}
