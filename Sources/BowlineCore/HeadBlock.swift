// How a head is held.
//
// One block holds one message head: a run of bytes, and a small array of entries that say where
// each name and value stands in them. A received head keeps its raw bytes, start line included. A
// head that we compose holds its fields in wire form ("name: value CRLF"), so that the HTTP/1
// writer copies them as one run and HTTP/2 can walk the entries. No String is made, and a block
// that is used again allocates nothing once its storage has grown to the size of the usual head.

/// Where one field line stands in a block's bytes.
package struct FieldEntry: Sendable, BitwiseCopyable {
  /// Offset of the name's first byte.
  package let nameStart: UInt32
  /// Offset of the value's first byte (optional whitespace excluded).
  package let valueStart: UInt32
  /// Length of the value without optional whitespace around it.
  package let valueLength: UInt32
  /// Length of the name.
  package let nameLength: UInt16
  /// The interned name.
  package let name: FieldName

  package init(
    name: FieldName, nameStart: Int, nameLength: Int, valueStart: Int, valueLength: Int
  ) {
    self.name = name
    self.nameStart = UInt32(truncatingIfNeeded: nameStart)
    self.nameLength = UInt16(truncatingIfNeeded: nameLength)
    self.valueStart = UInt32(truncatingIfNeeded: valueStart)
    self.valueLength = UInt32(truncatingIfNeeded: valueLength)
  }

  private init(_ entry: FieldEntry, movedBy offset: UInt32) {
    nameStart = entry.nameStart &+ offset
    valueStart = entry.valueStart &+ offset
    valueLength = entry.valueLength
    nameLength = entry.nameLength
    name = entry.name
  }

  /// The same line `offset` bytes further on.
  func moved(by offset: UInt32) -> FieldEntry { FieldEntry(self, movedBy: offset) }
}

/// The first line of a head, as ranges of the block's bytes.
package struct StartLine: Sendable {
  /// The method if it is a known one.
  package var method = Method.other
  /// The method's bytes (requests).
  package var methodRange = 0..<0
  /// The target's bytes as received (requests).
  package var targetRange = 0..<0
  /// True when the target is known to hold one byte or more, all of them visible ASCII, and no `#`.
  var targetIsPlain = false
  /// The status (responses); 0 in a request.
  package var status: Status = 0
  /// The reason phrase's bytes (responses).
  package var reasonRange = 0..<0
  /// The message's version as received.
  package var version = Version.http11

  package init() {}
}

/// How far a section that has not come in one piece was read.
package struct ScanProgress: Sendable {
  /// Where its current line begins.
  package var lineStart: UInt32 = 0
  /// Up to where that line is known to be good.
  package var scanned: UInt32 = 0

  package init() {}
}

/// A message head, flat: bytes plus entries. Lent by the loop, one per head in progress.
package struct HeadBlock: ~Copyable {
  /// Raw bytes of a received head, or composed field lines.
  package var bytes: ByteBuffer
  /// The start line.
  package var start = StartLine()
  /// What the Connection fields of a received head say; set by the machine that read it, and kept
  /// while trailers follow.
  package var options = ConnectionOptions()
  /// How far the bytes were read, while the section is not complete.
  package var progress = ScanProgress()
  private var entries: Row<FieldEntry>
  // One bit per interned name: asking for an absent field costs no walk over the entries.
  private var seen: UInt64 = 0
  private var seenTwice: UInt64 = 0
  private let pin = Pin()

  package init() {
    bytes = ByteBuffer(capacity: 1024)
    entries = Row(capacity: 24)
  }

  /// Number of field lines.
  package var count: Int { entries.count }

  /// Forgets the head and keeps the storage.
  package mutating func removeAll() {
    bytes.removeAll()
    start = StartLine()
    progress = ScanProgress()
    removeFields()
  }

  /// Forgets the field lines and keeps bytes and start line.
  package mutating func removeFields() {
    entries.removeAll()
    seen = 0
    seenTwice = 0
  }

  /// Notes a field line whose bytes are in `bytes`.
  @inline(__always)
  package mutating func note(_ entry: FieldEntry) {
    entries.append(entry)
    let bit = entry.name.bit
    seenTwice |= seen & bit
    seen |= bit
  }

  /// The field line at `index`, in order of arrival.
  package subscript(index: Int) -> FieldEntry { entries[index] }

  /// The name's bytes of the field line at `index`, as received.
  @_lifetime(borrow self)
  package func name(_ index: Int) -> Span<UInt8> {
    let entry = self[index]
    let start = Int(entry.nameStart)
    return bytes.span.extracting(start..<start + Int(entry.nameLength))
  }

  /// The value's bytes of the field line at `index`, without optional whitespace around it.
  @_lifetime(borrow self)
  package func value(_ index: Int) -> Span<UInt8> {
    let entry = self[index]
    let start = Int(entry.valueStart)
    return bytes.span.extracting(start..<start + Int(entry.valueLength))
  }

  /// The request's method as received.
  package var method: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(start.methodRange) }
  }

  /// The request's target as received.
  package var target: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(start.targetRange) }
  }

  /// The response's reason phrase as received.
  package var reason: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(start.reasonRange) }
  }

  /// Index of the first field line named `name` at or after `from`.
  package func first(_ name: FieldName, from: Int = 0) -> Int? {
    if seen & name.bit == 0 { return nil }
    var index = from
    while index < entries.count {
      if entries[index].name.rawValue == name.rawValue { return index }
      index += 1
    }
    return nil
  }

  /// True when a field line named `name` is present.
  package func contains(_ name: FieldName) -> Bool { seen & name.bit != 0 }

  /// The interned names that are present.
  package var names: FieldNameSet { FieldNameSet(bits: seen) }

  /// True when a field line has one of `names`.
  package func containsAny(of names: FieldNameSet) -> Bool { seen & names.bits != 0 }

  /// True when more than one field line is named `name`.
  package func repeats(_ name: FieldName) -> Bool { seenTwice & name.bit != 0 }
}

// Composing. Names and values come from parsed heads or from our own code: a byte outside the
// grammar here is our own mistake (RFC 9112 §11.1, response splitting) and traps.
extension HeadBlock {
  /// Starts a request head. Method and target must already be valid; a control byte traps.
  ///
  /// - Parameters:
  ///   - method: as it was received.
  ///   - root: stands before `target`: nothing, or the path of a target that has none.
  ///   - target: the target, or what follows `root` of it.
  package mutating func compose(
    method: Span<UInt8>, root: StaticString = "", target: Span<UInt8>
  ) {
    removeAll()
    assert(Scan.endOfToken(method, from: 0) == method.count, "a method that is no token")
    assert(Scan.endOfTarget(target, from: 0) == target.count, "a target that is none")
    start.method = Method(method)
    let methodEnd = method.count
    bytes.append(method)
    bytes.append(root)
    bytes.append(target)
    precondition(
      Scan.endOfValue(bytes.span, from: 0) == bytes.count, "a control byte in a request line")
    start.methodRange = 0..<methodEnd
    start.targetRange = methodEnd..<bytes.count
  }

  /// Starts a response head with our own reason phrase.
  package mutating func compose(status: Status) {
    removeAll()
    start.status = status
    bytes.append(status.reason)
    start.reasonRange = 0..<bytes.count
  }

  /// Starts a response head with the reason phrase of another head.
  package mutating func compose(status: Status, reason: Span<UInt8>) {
    removeAll()
    start.status = status
    precondition(
      Scan.endOfValue(reason, from: 0) == reason.count, "a control byte in a reason phrase")
    bytes.append(reason)
    start.reasonRange = 0..<bytes.count
  }

  /// Adds a field line.
  package mutating func add(_ name: FieldName, nameBytes: Span<UInt8>, value: Span<UInt8>) {
    let nameStart = bytes.count
    bytes.append(nameBytes)
    bytes.append(": ")
    addValue(name, nameStart, nameBytes.count, value)
  }

  /// Adds a copy of a field line of a received head. Its bytes were checked when it was parsed.
  package mutating func add(_ index: Int, of received: borrowing HeadBlock) {
    add(index..<index + 1, of: received) { _, _ in true }
  }

  /// Adds copies of the field lines of a received or composed head that go on. Their bytes were
  /// checked when it was made.
  ///
  /// Lines that stand as we write them, "name: value CRLF", one behind the other, are copied in one
  /// run; the others lose their odd whitespace.
  @inline(__always)
  mutating func add(
    _ lines: Range<Int>, of received: borrowing HeadBlock,
    where goesOn: (borrowing HeadBlock, Int) -> Bool
  ) {
    let text = received.bytes.span
    // The run that is being gathered: from its first byte to where its next line would begin.
    var from = 0
    var next = UInt32(0)
    var moved = UInt32(0)
    var index = lines.lowerBound
    while index < lines.upperBound {
      let entry = received.entries[index]
      if goesOn(received, index) {
        let isPlain =
          entry.valueStart == entry.nameStart &+ UInt32(entry.nameLength) &+ 2
          && text[Int(entry.valueStart) - 1] == 0x20
        if !isPlain || entry.nameStart != next || next == 0 {
          addRun(from, Int(next), text)
          next = 0
          if isPlain {
            from = Int(entry.nameStart)
            moved = UInt32(truncatingIfNeeded: bytes.count - from)
          } else {
            addOdd(index, of: received)
          }
        }
        if isPlain {
          next = entry.valueStart &+ entry.valueLength &+ 2
          note(entry.moved(by: moved))
        }
      }
      index += 1
    }
    addRun(from, Int(next), text)
  }

  private mutating func addRun(_ from: Int, _ next: Int, _ text: Span<UInt8>) {
    if next == 0 { return }
    // Behind the last value stand either its CRLF, or whitespace that does not go on.
    bytes.append(text.extracting(from..<next - 2))
    bytes.append("\r\n")
  }

  private mutating func addOdd(_ index: Int, of received: borrowing HeadBlock) {
    let entry = received.entries[index]
    let nameStart = bytes.count
    bytes.append(received.name(index))
    bytes.append(": ")
    bytes.append(received.value(index))
    bytes.append("\r\n")
    note(
      FieldEntry(
        name: entry.name, nameStart: nameStart, nameLength: Int(entry.nameLength),
        valueStart: nameStart + Int(entry.nameLength) + 2, valueLength: Int(entry.valueLength)))
  }

  /// Adds a field line with an interned name.
  package mutating func add(_ name: FieldName, _ value: Span<UInt8>) {
    precondition(name != .other, "a composed field needs its name")
    let nameStart = bytes.count
    bytes.append(name.text)
    bytes.append(": ")
    addValue(name, nameStart, name.text.utf8CodeUnitCount, value)
  }

  /// Adds a field line with an interned name and text known at compile time.
  package mutating func add(_ name: FieldName, _ value: StaticString) {
    precondition(name != .other, "a composed field needs its name")
    let nameStart = bytes.count
    bytes.append(name.text)
    bytes.append(": ")
    let valueStart = bytes.count
    bytes.append(value)
    close(name, nameStart, name.text.utf8CodeUnitCount, valueStart)
  }

  /// Adds a field line of our own whose name is not interned.
  package mutating func add(_ name: StaticString, _ value: StaticString) {
    let nameStart = bytes.count
    bytes.append(name)
    bytes.append(": ")
    let valueStart = bytes.count
    bytes.append(value)
    close(.other, nameStart, name.utf8CodeUnitCount, valueStart)
  }

  /// Adds a field line with an interned name and a value in two parts.
  package mutating func add(_ name: FieldName, _ first: StaticString, _ second: Span<UInt8>) {
    precondition(name != .other, "a composed field needs its name")
    let nameStart = bytes.count
    bytes.append(name.text)
    bytes.append(": ")
    let valueStart = bytes.count
    bytes.append(first)
    bytes.append(second)
    close(name, nameStart, name.text.utf8CodeUnitCount, valueStart)
  }

  /// Adds a field line with an interned name and a value that `write` appends.
  package mutating func add(_ name: FieldName, writing write: (inout ByteBuffer) -> Void) {
    precondition(name != .other, "a composed field needs its name")
    let nameStart = bytes.count
    bytes.append(name.text)
    bytes.append(": ")
    let valueStart = bytes.count
    write(&bytes)
    close(name, nameStart, name.text.utf8CodeUnitCount, valueStart)
  }

  private mutating func addValue(
    _ name: FieldName, _ nameStart: Int, _ nameLength: Int, _ value: Span<UInt8>
  ) {
    let valueStart = bytes.count
    bytes.append(value)
    close(name, nameStart, nameLength, valueStart)
  }

  private mutating func close(
    _ name: FieldName, _ nameStart: Int, _ nameLength: Int, _ valueStart: Int
  ) {
    let valueEnd = bytes.count
    precondition(nameLength > 0, "a field without a name")
    precondition(
      Scan.endOfValue(bytes.span, from: nameStart) == valueEnd, "a control byte in a field line")
    assert(
      Scan.endOfToken(bytes.span, from: nameStart) == nameStart + nameLength,
      "a field name that is no token")
    bytes.append("\r\n")
    note(
      FieldEntry(
        name: name, nameStart: nameStart, nameLength: nameLength, valueStart: valueStart,
        valueLength: valueEnd - valueStart))
  }

  /// The composed field lines in wire form, one run.
  package var fieldLines: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let from = max(start.targetRange.upperBound, start.reasonRange.upperBound)
      return bytes.span.extracting(from..<bytes.count)
    }
  }
}
