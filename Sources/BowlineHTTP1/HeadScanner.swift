package import BowlineCore

// How a head is scanned.
//
// The unit is the line. Nearly every line is plain, and plain lines are taken in one pass by Core
// (`PlainLines`), which stops without a word at anything else. That line is then scanned here, with
// care, and here is the only place where a fault is found. A head that comes in pieces is scanned
// here as a whole.
//
// One pass of `Scan.endOfValue` finds the line's CR and, on the way, refuses every byte that may
// not stand in a head. Only a complete line is taken apart. A line that is not complete leaves
// behind where the pass stopped, so that the next bytes are scanned once and nothing is scanned
// again: a client that sends byte by byte costs O(n).
//
// All offsets count from the first byte of the section (head or trailers), so the same code runs
// over a span of the read buffer and over the bytes gathered in the block.

/// Which grammar a section obeys.
package enum SectionKind: UInt8, Sendable {
  case request, response, trailers

  fileprivate var start: PlainLines.Start {
    switch self {
    case .request: .requestLine
    case .response: .statusLine
    case .trailers: .fields
    }
  }
}

extension Limits {
  fileprivate var lines: PlainLines.Limits {
    PlainLines.Limits(startLine: requestLine, fieldLine: fieldLine, section: head, fields: fields)
  }
}

/// How far a section has come.
package enum SectionProgress {
  /// No complete line is left.
  case incomplete
  /// The section has this many bytes, the empty line included.
  case end(Int)
  case fault(Fault)
}

/// What the scanner found.
enum ScannedLine {
  /// No complete line is left.
  case incomplete
  /// The start line, complete but not read, ends here.
  case start(Int)
  case field(FieldEntry)
  /// The empty line; the section has this many bytes, the empty line included.
  case end(Int)
  case fault(Fault)
}

/// The progress of one section: where the current line begins and how far it is known to be good.
package struct HeadScanner: Sendable {
  private(set) var progress: ScanProgress

  /// Begins, or goes on from, a section that was read up to `progress`.
  package init(_ progress: ScanProgress = ScanProgress()) { self.progress = progress }

  /// Where the current line begins.
  private(set) var lineStart: UInt32 {
    get { progress.lineStart }
    set { progress.lineStart = newValue }
  }

  private var scanned: UInt32 {
    get { progress.scanned }
    set { progress.scanned = newValue }
  }

  /// Takes every complete line of `text`, which holds the section from its first byte. Nothing of
  /// it was scanned before.
  ///
  /// - Parameters:
  ///   - text: the section as far as it has come.
  ///   - kind: the grammar.
  ///   - head: where the start line and the field lines are noted.
  ///   - limits: what is enforced, on incomplete lines too.
  /// - Returns: how far the section has come.
  @inline(__always)
  package mutating func take(
    _ text: Span<UInt8>, _ kind: SectionKind, into head: inout HeadBlock, limits: Limits
  ) -> SectionProgress {
    while true {
      let lines = PlainLines.take(
        text, from: Int(lineStart), start: kind.start, limits: limits.lines, into: &head)
      if lines.isWhole { return .end(lines.end) }
      lineStart = UInt32(truncatingIfNeeded: lines.end)
      scanned = lineStart
      if let progress = takeLine(text, kind, into: &head, limits) { return progress }
    }
  }

  /// Takes one line with care. Nil when there may be another.
  @inline(never)
  private mutating func takeLine(
    _ text: Span<UInt8>, _ kind: SectionKind, into head: inout HeadBlock, _ limits: Limits
  ) -> SectionProgress? {
    switch next(text, kind, fields: head.count, limits: limits) {
    case .incomplete: return .incomplete
    case .field(let entry): head.note(entry)
    case .start(let end):
      switch startLine(text, kind, end: end) {
      case .success(let line): head.start = line
      case .failure(let fault): return .fault(fault)
      }
    case .end(let length): return .end(length)
    case .fault(let fault): return .fault(fault)
    }
    return nil
  }

  /// Takes the next line of `text`, which holds the section from its first byte.
  ///
  /// - Parameters:
  ///   - text: the section as far as it has come.
  ///   - kind: the grammar.
  ///   - fields: field lines noted so far.
  ///   - limits: what is enforced, on incomplete lines too.
  /// - Returns: the line, the end, or the fault.
  mutating func next(
    _ text: Span<UInt8>, _ kind: SectionKind, fields: Int, limits: Limits
  ) -> ScannedLine {
    let start = Int(lineStart)
    let isStart = start == 0 && kind != .trailers
    let stop = Scan.endOfValue(text, from: Int(scanned))
    let length = stop - start
    let longest = isStart ? limits.requestLine : limits.fieldLine
    // Of two limits the one that is reached first is named, however much came at once.
    if length > longest && start + longest + 2 <= limits.head {
      return .fault(tooLong(text, start, kind, limits))
    }
    if stop + 2 > limits.head {
      return .fault(sectionTooLong(kind, at: limits.head))
    }
    if stop == text.count || (text[stop] == 0x0d && stop + 1 == text.count) {
      scanned = UInt32(truncatingIfNeeded: stop)
      return .incomplete
    }
    if text[stop] != 0x0d || text[stop + 1] != 0x0a {
      return .fault(Fault(lineFault(text[stop], kind), at: stop))
    }
    lineStart = UInt32(truncatingIfNeeded: stop + 2)
    scanned = lineStart
    if isStart {
      return .start(stop)
    }
    if length == 0 { return .end(stop + 2) }
    if fields >= limits.fields { return .fault(tooMany(kind, at: start)) }
    return fieldLine(text, start, stop, kind, isFirst: fields == 0)
  }

  /// Reads the start line, of which `end` was returned by `next`.
  func startLine(
    _ text: Span<UInt8>, _ kind: SectionKind, end: Int
  ) -> Result<StartLine, Fault> {
    kind == .request
      ? StartLineParser.request(text, 0..<end) : StartLineParser.status(text, 0..<end)
  }

  /// field-line = field-name ":" OWS field-value OWS, RFC 9112 §5.
  @inline(__always)
  private func fieldLine(
    _ text: Span<UInt8>, _ start: Int, _ stop: Int, _ kind: SectionKind, isFirst: Bool
  ) -> ScannedLine {
    let nameEnd = Scan.endOfToken(text, from: start)
    var colon = nameEnd
    if nameEnd == start || text[nameEnd] != 0x3a {
      switch colonAfterBlank(text, start, nameEnd, stop, kind, isFirst: isFirst) {
      case .success(let place): colon = place
      case .failure(let fault): return .fault(fault)
      }
    }
    let name = FieldName(text.extracting(start..<nameEnd))
    if colon != nameEnd && Self.decisive.contains(name) {
      return .fault(Fault(.whitespaceBeforeColon, at: nameEnd))
    }
    var valueStart = colon + 1
    var valueEnd = stop
    while valueStart < valueEnd, isBlank(text[valueStart]) { valueStart += 1 }
    while valueEnd > valueStart, isBlank(text[valueEnd - 1]) { valueEnd -= 1 }
    return .field(
      FieldEntry(
        name: name, nameStart: start, nameLength: nameEnd - start, valueStart: valueStart,
        valueLength: valueEnd - valueStart))
  }

  /// Fields whose meaning two readers must not disagree about: in a response, whitespace before the
  /// colon is removed (RFC 9112 §5.1), but not from these.
  private static var decisive: FieldNameSet {
    [.contentLength, .transferEncoding, .connection, .upgrade, .trailer]
  }

  /// The name is not followed by its colon: the fault, or the colon behind blanks in a response.
  private func colonAfterBlank(
    _ text: Span<UInt8>, _ start: Int, _ nameEnd: Int, _ stop: Int, _ kind: SectionKind,
    isFirst: Bool
  ) -> Result<Int, Fault> {
    if nameEnd == stop { return .failure(syntax(.missingColon, kind, at: stop)) }
    if nameEnd == start {
      guard isBlank(text[start]) else {
        return .failure(syntax(.fieldNameSyntax, kind, at: start))
      }
      return .failure(syntax(isFirst ? .leadingWhitespace : .foldedLine, kind, at: start))
    }
    var at = nameEnd
    while at < stop, isBlank(text[at]) { at += 1 }
    if at > nameEnd && at < stop && text[at] == 0x3a {
      if kind == .response { return .success(at) }
      return .failure(syntax(.whitespaceBeforeColon, kind, at: nameEnd))
    }
    return .failure(syntax(.fieldNameSyntax, kind, at: nameEnd))
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

// Faults. A trailer section has two kinds of its own: what went wrong there never changes a
// message.
extension HeadScanner {
  private func syntax(_ fault: FaultKind, _ kind: SectionKind, at offset: Int) -> Fault {
    Fault(kind == .trailers ? .trailerSyntax : fault, at: offset)
  }

  private func lineFault(_ byte: UInt8, _ kind: SectionKind) -> FaultKind {
    if kind == .trailers { return .trailerSyntax }
    switch byte {
    case 0x0d: return .bareCR
    case 0x0a: return .bareLF
    default: return .controlByte
    }
  }

  private func tooLong(
    _ text: Span<UInt8>, _ start: Int, _ kind: SectionKind, _ limits: Limits
  ) -> Fault {
    if start > 0 || kind == .trailers {
      return Fault(
        kind == .trailers ? .trailerTooLong : .fieldLineTooLong, at: start + limits.fieldLine,
        limit: .fieldLineBytes, status: 431)
    }
    if kind == .response {
      return Fault(.statusSyntax, at: start + limits.requestLine, limit: .requestLineBytes)
    }
    let methodEnd = Scan.endOfToken(text, from: start)
    if methodEnd - start > StartLineParser.longestMethod {
      return Fault(.methodTooLong, at: start + StartLineParser.longestMethod, status: 501)
    }
    return Fault(
      .targetTooLong, at: start + limits.requestLine, limit: .requestLineBytes, status: 414)
  }

  private func sectionTooLong(_ kind: SectionKind, at offset: Int) -> Fault {
    Fault(
      kind == .trailers ? .trailerTooLong : .headTooLong, at: offset, limit: .headBytes, status: 431
    )
  }

  private func tooMany(_ kind: SectionKind, at offset: Int) -> Fault {
    Fault(
      kind == .trailers ? .trailerTooLong : .tooManyFields, at: offset, limit: .headFields,
      status: 431)
  }
}
