// The plain lines of a head.
//
// Nearly every line of a head is plain: a token, a colon, legal bytes, CRLF. Plain lines are taken
// here in one pass. At the first line that is anything else the pass stops, without a word about
// it, and the scanner of HTTP/1 takes that line apart and finds the fault, if there is one. So
// this pass may leave a line that is legal, but never take one that is not.

/// How far the plain lines of a section go.
package struct PlainLines {
  /// Where the first line starts that is not plain, or the section ends.
  package let end: Int
  /// True when the empty line was taken, too: the section ends at `end`.
  package let isWhole: Bool

  /// What a section starts with.
  package enum Start: Sendable { case requestLine, statusLine, fields }

  /// What bounds the lines of a section.
  package struct Limits {
    /// Bytes of the start line, and of a field line, without CRLF.
    let startLine: Int
    let fieldLine: Int
    /// Bytes of the section, every CRLF included.
    let section: Int
    let fields: Int

    package init(startLine: Int, fieldLine: Int, section: Int, fields: Int) {
      self.startLine = startLine
      self.fieldLine = fieldLine
      self.section = section
      self.fields = fields
    }
  }

  /// Notes the plain lines of `text` in `head`.
  ///
  /// - Parameters:
  ///   - text: a section, from its first byte.
  ///   - line: where a line starts.
  ///   - start: the section's first line, taken when `line` is 0.
  ///   - limits: no line beyond them is taken.
  ///   - head: where the lines are noted. Its start line must be a fresh one when `line` is 0.
  /// - Returns: how far they go.
  /// - Precondition: `0 <= line <= text.count`.
  package static func take(
    _ text: Span<UInt8>, from line: Int, start: Start, limits: Limits, into head: inout HeadBlock
  ) -> PlainLines {
    precondition(line >= 0 && line <= text.count, "scan starts outside the span")
    // Behind the limit of the section nothing is plain.
    let window = Scan.Window(text.extracting(0..<min(text.count, limits.section)))
    var line = line
    if line == 0 {
      switch start {
      case .requestLine: line = requestLine(window, limits.startLine, &head.start)
      case .statusLine: line = statusLine(window, limits.startLine, &head.start)
      case .fields: break
      }
      if line == 0 && start != .fields { return PlainLines(end: 0, isWhole: false) }
    }
    var room = limits.fields &- head.count
    while true {
      if window.isLineEnd(line) { return PlainLines(end: line &+ 2, isWhole: true) }
      // The line's end is looked for from the line's start: so it does not have to wait until the
      // end of the name is known.
      let stop = window.endOfValue(from: line)
      if !window.isLineEnd(stop) { break }
      let (colon, first) = window.colon(from: line)
      if colon == line || colon >= stop || stop &- line > limits.fieldLine || room <= 0 { break }
      let name = window.name(from: line, to: colon, first)
      if case .other = name, !window.isToken(from: line, to: colon) { break }
      // "name: value" is usual; the loops are for other whitespace.
      var valueStart = colon &+ 1
      if window.byte(valueStart) <= 0x20 { valueStart &+= 1 }
      if window.byte(valueStart) <= 0x20 {
        valueStart = colon &+ 1
        while window.isBlank(valueStart) { valueStart &+= 1 }
      }
      var valueEnd = stop
      if window.byte(stop &- 1) <= 0x20 {
        while valueEnd > valueStart, window.isBlank(valueEnd &- 1) { valueEnd &-= 1 }
      }
      head.note(
        FieldEntry(
          name: name, nameStart: line, nameLength: colon &- line, valueStart: valueStart,
          valueLength: valueEnd &- valueStart))
      room &-= 1
      line = stop &+ 2
    }
    return PlainLines(end: line, isWhole: false)
  }
}

// Start lines.
extension PlainLines {
  /// Reads a plain request line: a method of ours, a target without `#`, a version 1.x.
  ///
  /// - Returns: its length with the CRLF, or 0 when it is not plain; then `start` is as before.
  @inline(__always)
  private static func requestLine(
    _ window: borrowing Scan.Window, _ limit: Int, _ start: inout StartLine
  ) -> Int {
    let first = window.word(0)
    // The top bit of each byte that is a space: exact for the lowest, which is all that counts.
    let others = first ^ 0x2020_2020_2020_2020
    let spaces = (others &- 0x0101_0101_0101_0101) & ~others & 0x8080_8080_8080_8080
    if spaces == 0 { return 0 }
    let methodEnd = spaces.trailingZeroBitCount &>> 3
    let method = Method(word: first & UInt64.max &>> UInt64(56 &- methodEnd &* 8))
    if case .other = method { return 0 }
    let targetEnd = window.endOfPath(from: methodEnd &+ 1)
    let stop = targetEnd &+ 9
    guard targetEnd > methodEnd &+ 1, window.isLineEnd(stop), window.byte(targetEnd) == 0x20,
      let version = Version(word: window.word(targetEnd &+ 1)),
      stop <= limit
    else { return 0 }
    start.method = method
    start.methodRange = 0..<methodEnd
    start.targetRange = methodEnd &+ 1..<targetEnd
    start.targetIsPlain = true
    start.version = version
    return stop &+ 2
  }

  /// Reads a plain status line: a version 1.x, three digits, a reason or none.
  ///
  /// - Returns: its length with the CRLF, or 0 when it is not plain; then `start` is as before.
  @inline(__always)
  private static func statusLine(
    _ window: borrowing Scan.Window, _ limit: Int, _ start: inout StartLine
  ) -> Int {
    let code = window.word(8)
    let hundreds = UInt16(truncatingIfNeeded: code &>> 8) & 0xff &- 0x30
    let tens = UInt16(truncatingIfNeeded: code &>> 16) & 0xff &- 0x30
    let units = UInt16(truncatingIfNeeded: code &>> 24) & 0xff &- 0x30
    guard let version = Version(word: window.word(0)),
      code & 0xff == 0x20, hundreds &- 1 < 9, tens < 10, units < 10
    else { return 0 }
    let stop = window.endOfValue(from: 12)
    guard stop == 12 || window.byte(12) == 0x20, window.isLineEnd(stop),
      stop <= limit
    else { return 0 }
    start.status = Status(rawValue: hundreds &* 100 &+ tens &* 10 &+ units)
    start.reasonRange = min(13, stop)..<stop
    start.version = version
    return stop &+ 2
  }
}
