package import BowlineCore

// A second reading of field lines and framing (RFC 9112 §5 and §6, RFC 9110 §7.6.1), line by line
// and without regard to speed. It says what is accepted and what it means; it names no fault.

/// A section of field lines, read plainly.
package struct PlainFields: Equatable, Sendable {
  package enum Section: Sendable {
    case request, response, trailers
  }

  struct Line: Equatable, Sendable {
    let name: [UInt8]
    let value: [UInt8]

    var lowerName: [UInt8] { name.map(lower) }
  }

  var lines: [Line] = []
  /// Bytes of the section, its empty line included.
  var length = 0

  /// Nil when the section is refused, or has no end.
  package init?(_ text: [UInt8], _ section: Section) {
    var start = 0
    while true {
      guard let end = PlainFields.endOfLine(text, start) else { return nil }
      let line = Array(text[start..<end])
      start = end + 2
      if line.isEmpty { break }
      guard let read = PlainFields.line(line, section) else { return nil }
      lines.append(read)
    }
    length = start
  }

  /// Where the CRLF is that ends the line; nil when another control byte comes first.
  private static func endOfLine(_ text: [UInt8], _ start: Int) -> Int? {
    var at = start
    while at < text.count {
      let byte = text[at]
      if byte == 0x0d { return at + 1 < text.count && text[at + 1] == 0x0a ? at : nil }
      if byte != 0x09 && (byte < 0x20 || byte == 0x7f) { return nil }
      at += 1
    }
    return nil
  }

  private static func line(_ text: [UInt8], _ section: Section) -> Line? {
    guard let colon = text.firstIndex(of: 0x3a) else { return nil }
    var name = Array(text[..<colon])
    let whole = name.count
    while let last = name.last, isBlank(last) { name.removeLast() }
    if name.isEmpty || !name.allSatisfy(isToken) { return nil }
    if name.count < whole {
      // Whitespace before the colon: only in a response, and in no field that decides.
      let decisive = ["content-length", "transfer-encoding", "connection", "upgrade", "trailer"]
      let lowered = name.map(lower)
      if section != .response || decisive.contains(where: { Array($0.utf8) == lowered }) {
        return nil
      }
    }
    return Line(name: name, value: trimmed(text[(colon + 1)...]))
  }

  /// The values of every line named `name`, in order.
  func values(_ name: String) -> [[UInt8]] {
    let wanted = Array(name.utf8)
    return lines.filter { $0.lowerName == wanted }.map(\.value)
  }

  /// The members of every line named `name`, one list; empty members are left out.
  func members(_ name: String) -> [[UInt8]] {
    values(name).flatMap { value in
      value.split(separator: 0x2c).map { trimmed($0).map(lower) }.filter { !$0.isEmpty }
    }
  }

  /// `name: value LF` of every line.
  var text: [UInt8] {
    lines.flatMap { $0.name + [0x3a, 0x20] + $0.value + [0x0a] }
  }
}

// Framing.
extension PlainFields {
  package enum Meaning: Equatable, Sendable {
    case refused
    case framed(BodyFraming)
  }

  /// Of a request with a method that is not CONNECT, or of a 200 to GET.
  package func framing(isRequest: Bool, isOld: Bool) -> Meaning {
    let lengths = values("content-length")
    let hasCoding = !values("transfer-encoding").isEmpty
    if hasCoding {
      if isOld || !lengths.isEmpty { return .refused }
      return codedFraming(isRequest: isRequest)
    }
    if lengths.isEmpty { return .framed(isRequest ? .none : .untilClose) }
    guard lengths.count == 1, !lengths[0].isEmpty, lengths[0].allSatisfy(isDigit) else {
      return .refused
    }
    // The zeros in front do not count; 19 digits fit, and then the sign decides.
    let digits = lengths[0].drop { $0 == 0x30 }
    if digits.count > 19 { return .refused }
    let number = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - 0x30) }
    return number > UInt64(Int64.max) ? .refused : .framed(.length(number))
  }

  private func codedFraming(isRequest: Bool) -> Meaning {
    let codings = members("transfer-encoding")
    let chunked = Array("chunked".utf8)
    if !codings.allSatisfy({ $0.allSatisfy(isToken) }) { return .refused }
    if codings == [chunked] { return .framed(.chunked) }
    if isRequest || codings.contains(chunked) { return .refused }
    return .framed(.untilClose)
  }
}

func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte + 0x20 : byte }

private let tokens: [Bool] = {
  let letters =
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
  var table = [Bool](repeating: false, count: 256)
  for letter in letters.utf8 { table[Int(letter)] = true }
  return table
}()

func isToken(_ byte: UInt8) -> Bool { tokens[Int(byte)] }

func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
  var part = bytes
  while let first = part.first, isBlank(first) { part.removeFirst() }
  while let last = part.last, isBlank(last) { part.removeLast() }
  return Array(part)
}
