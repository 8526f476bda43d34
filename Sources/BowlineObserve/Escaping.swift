// Bytes from the network, made safe to print. Nothing a peer sends may end a log line, break out of
// a JSON string, or move a terminal's cursor.

package import BowlineCore

extension ByteBuffer {
  /// Appends `bytes` as the inside of a JSON string (RFC 8259 §7), always valid whatever they are.
  ///
  /// Well-formed UTF-8 is kept. A byte that is not part of it is written as the character of the
  /// same number (`\u00e9` for 0xE9). Controls are escaped, those of 0x7F to 0x9F too: a terminal
  /// would obey them.
  package mutating func append(json bytes: Span<UInt8>) {
    var at = 0
    while at < bytes.count {
      let start = at
      while at < bytes.count, Self.isPlain(bytes[at]) { at += 1 }
      if at > start { append(bytes.extracting(start..<at)) }
      if at < bytes.count { at += append(jsonSpecial: bytes, at: at) }
    }
  }

  /// Visible ASCII and space, without the two that JSON escapes.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// Appends what stands at `start` and is not plain. Returns how many bytes that were.
  private mutating func append(jsonSpecial bytes: Span<UInt8>, at start: Int) -> Int {
    let byte = bytes[start]
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      append(UInt8(ascii: "\\"))
      append(byte)
      return 1
    }
    let length = UTF8Sequence.length(bytes, at: start)
    if length == 0 {
      append(escape: byte)
      return 1
    }
    if byte == 0xc2 && bytes[start + 1] < 0xa0 {
      append(escape: bytes[start + 1])
    } else {
      append(bytes.extracting(start..<start + length))
    }
    return length
  }

  /// Appends `bytes` for a line that a person reads: visible ASCII as it is, everything else, and
  /// the backslash, as `\xNN`.
  mutating func append(visible bytes: Span<UInt8>) {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\\") {
        append(byte)
      } else {
        append("\\x")
        append(hexDigit: byte >> 4)
        append(hexDigit: byte & 15)
      }
    }
  }

  private mutating func append(escape byte: UInt8) {
    append("\\u00")
    append(hexDigit: byte >> 4)
    append(hexDigit: byte & 15)
  }

  private mutating func append(hexDigit digit: UInt8) {
    append(digit < 10 ? 0x30 + digit : 0x57 + digit)
  }
}

/// Recognises UTF-8 (RFC 3629 §4).
enum UTF8Sequence {
  /// Length of the well-formed sequence of two to four bytes at `start`; 0 when there is none.
  static func length(_ bytes: Span<UInt8>, at start: Int) -> Int {
    // UTF8-2 = %xC2-DF tail; UTF8-3 and UTF8-4 narrow the second byte, against overlong forms,
    // surrogates and numbers above 10FFFF.
    let (length, second): (Int, ClosedRange<UInt8>) =
      switch bytes[start] {
      case 0xc2...0xdf: (2, 0x80...0xbf)
      case 0xe0: (3, 0xa0...0xbf)
      case 0xed: (3, 0x80...0x9f)
      case 0xe1...0xef: (3, 0x80...0xbf)
      case 0xf0: (4, 0x90...0xbf)
      case 0xf1...0xf3: (4, 0x80...0xbf)
      case 0xf4: (4, 0x80...0x8f)
      default: (0, 0x80...0xbf)
      }
    if length == 0 || start + length > bytes.count { return 0 }
    if !second.contains(bytes[start + 1]) { return 0 }
    var at = start + 2
    while at < start + length {
      if bytes[at] & 0xc0 != 0x80 { return 0 }
      at += 1
    }
    return length
  }
}
