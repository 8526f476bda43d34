import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport

/// A response under way, and where its body comes from. Lent by the server's shelf.
struct Response: ~Copyable {
  /// What the rest of the body is made of.
  enum Source: ~Copyable {
    /// Nothing is left, or the answer was short and is sent.
    case none
    /// So many bytes of filling; the total so far makes the pattern.
    case filling(left: UInt64)
    /// A file from an offset on.
    case file(OpenFile, offset: UInt64, left: UInt64)
  }

  /// What `next` made.
  enum Piece {
    case bytes, end, nothing, failed
  }

  var method = Method.other
  var isModern = true
  /// What of the request the answer depends on: the block that it came in may hold its trailers by
  /// the time it is answered.
  var request = HeadBlock()
  /// The target's path, percent-decoded, without the query.
  var path = ByteBuffer(capacity: 256)
  var source = Source.none
  var isEcho = false
  /// Body bytes received and not granted again yet (echo).
  var owed = 0

  /// Most body bytes made in one piece.
  private static let pieceSize = 65536

  init() {}

  /// Copies the start line and the fields that a file's answer depends on.
  static func keep(_ head: borrowing HeadBlock, in request: inout HeadBlock) {
    request.compose(method: head.method, target: head.target)
    guard head.containsAny(of: conditions) else { return }
    for index in 0..<head.count where conditions.contains(head[index].name) {
      request.add(index, of: head)
    }
  }

  private static let conditions: FieldNameSet = [
    .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .range, .ifRange,
  ]

  mutating func reset() {
    request.removeAll()
    path.removeAll()
    source = .none
    isEcho = false
    owed = 0
  }

  /// Makes the next piece of the body in `text`.
  mutating func next(into text: inout ByteBuffer) -> Piece {
    text.removeAll()
    // Moved out and put back: what is matched cannot be changed in place.
    var taken = Source.none
    swap(&taken, &source)
    switch consume taken {
    case .none:
      return .nothing
    case .filling(let left):
      if left == 0 { return .end }
      let count = Int(min(left, UInt64(Self.pieceSize)))
      for _ in 0..<count / 16 { text.append("0123456789abcde\n") }
      for index in 0..<count % 16 { text.append(UInt8(0x30 + index % 10)) }
      source = .filling(left: left - UInt64(count))
      return .bytes
    case .file(let file, let offset, let left):
      if left == 0 { return .end }
      let count = Int(min(left, UInt64(Self.pieceSize)))
      guard let read = try? file.read(at: offset, into: &text, limit: count), read > 0 else {
        // Shorter than it was: the declared length cannot be met any more.
        return .failed
      }
      source = .file(file, offset: offset + UInt64(read), left: left - UInt64(read))
      return .bytes
    }
  }
}

/// The path of a request target, as bytes of a file's path.
enum RequestPath {
  /// Percent-decodes the path of the head's target (origin-form, or absolute-form) without its
  /// query. A path that decodes to a NUL, or that is not well formed, decodes to nothing: it names
  /// no file.
  static func decode(_ head: borrowing HeadBlock, into out: inout ByteBuffer) {
    let target = head.target
    var index = start(of: target)
    while index < target.count {
      let byte = target[index]
      if byte == 0x3f { return }
      if byte == 0x25 {
        guard index + 2 < target.count, let high = digit(target[index + 1]),
          let low = digit(target[index + 2]), high | low != 0
        else {
          out.removeAll()
          return
        }
        out.append(high << 4 | low)
        index += 3
      } else {
        out.append(byte)
        index += 1
      }
    }
  }

  private static func start(of target: Span<UInt8>) -> Int {
    if target.isEmpty || target[0] == 0x2f { return 0 }
    // http://authority/path: the first slash after the two.
    var index = 8
    while index < target.count, target[index] != 0x2f { index += 1 }
    return min(index, target.count)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
