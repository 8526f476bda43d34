/// A second reading of a chunked body (RFC 9112 §7.1), without regard to speed. It says what is
/// data and whether the body is whole; it names no fault.
package struct PlainChunks {
  package enum Outcome: Equatable {
    case whole(length: Int, trailers: PlainFields?)
    case incomplete, refused
  }

  package private(set) var data: [UInt8] = []
  package private(set) var outcome = Outcome.incomplete
  private let text: [UInt8]
  private var at = 0

  package init(_ text: [UInt8]) {
    self.text = text
    outcome = read()
  }

  private var next: UInt8? { at < text.count ? text[at] : nil }

  private mutating func read() -> Outcome {
    while true {
      var digits: [UInt8] = []
      while let byte = next, let digit = PlainChunks.value(byte) {
        digits.append(digit)
        at += 1
        if PlainChunks.isTooLarge(digits) { return .refused }
      }
      if next != nil && digits.isEmpty { return .refused }
      if let failure = readExtensions() { return failure }
      if let failure = readLineEnd() { return failure }
      let size = digits.reduce(0) { $0 << 4 | Int($1) }
      if size == 0 { return readTrailers() }
      let end = size > text.count - at ? text.count : at + size
      data += text[at..<end]
      if end - at < size { return .incomplete }
      at = end
      if let failure = readLineEnd() { return failure }
    }
  }

  /// Anything but controls up to a CR outside quotes; a backslash in quotes covers one byte.
  private mutating func readExtensions() -> Outcome? {
    while let byte = next, isBlank(byte) { at += 1 }
    let blanks = at > 0 && isBlank(text[at - 1])
    guard let byte = next else { return .incomplete }
    if byte != 0x3b { return blanks || byte != 0x0d ? .refused : nil }
    var isQuoted = false
    while let byte = next {
      if byte == 0x0d && !isQuoted { return nil }
      if byte != 0x09 && (byte < 0x20 || byte == 0x7f) { return .refused }
      at += 1
      if byte == 0x22 { isQuoted.toggle() }
      if byte == 0x5c && isQuoted {
        guard let escaped = next else { return .incomplete }
        if escaped != 0x09 && (escaped < 0x20 || escaped == 0x7f) { return .refused }
        at += 1
      }
    }
    return .incomplete
  }

  private mutating func readLineEnd() -> Outcome? {
    for expected: UInt8 in [0x0d, 0x0a] {
      guard let byte = next else { return .incomplete }
      if byte != expected { return .refused }
      at += 1
    }
    return nil
  }

  private mutating func readTrailers() -> Outcome {
    guard let first = next else { return .incomplete }
    if first == 0x0d {
      if let failure = readLineEnd() { return failure }
      return .whole(length: at, trailers: nil)
    }
    // A section that is not read is refused, or not whole yet: both are right here.
    guard let trailers = PlainFields(Array(text[at...]), .trailers) else { return .refused }
    return .whole(length: at + trailers.length, trailers: trailers)
  }

  private static func value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  /// 2^63 or more.
  private static func isTooLarge(_ digits: [UInt8]) -> Bool {
    let significant = digits.drop { $0 == 0 }
    return significant.count > 16 || significant.count == 16 && significant.first ?? 0 > 7
  }
}
