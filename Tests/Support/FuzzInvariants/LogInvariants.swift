import BowlineCore
import BowlineJournal
import BowlineObserve

/// The input as method, target and host of a request in the access log: whatever a peer sent, a
/// record is one line, and a JSON line is valid.
enum LogInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    try checkString(input)
    let parts = input.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    let began = Instant(nanoseconds: 0)
    var batch = RecordBatch()
    var record = ExchangeRecord(
      connection: ConnectionID(loop: 0, count: 812), ordinal: 3,
      peer: SocketAddress(ipv4: 0xc000_0207, port: 51234), method: .other, version: .http11,
      began: began)
    record.methodText = keep(parts[0], &batch)
    if parts.count > 1 { record.target = keep(parts[1], &batch) }
    if parts.count > 2 { record.host = keep(parts[2], &batch) }
    batch.exchanges.append(record)
    let clock = WallClock(seconds: 1_785_585_600, nanoseconds: 0, instant: began)
    for form in [AccessLog.Form.text, .json] {
      var out = ByteBuffer()
      AccessLog(form: form).write(batch, clock: clock, into: &out)
      try checkLine(array(out.span), form)
    }
  }

  private static func keep(_ bytes: ArraySlice<UInt8>, _ batch: inout RecordBatch) -> Range<Int> {
    let copy = Array(bytes)
    return batch.keep(copy.span)
  }

  private static func checkLine(_ line: [UInt8], _ form: AccessLog.Form) throws(Violation) {
    try require(line.last == 0x0a, "a line without an end")
    guard let text = String(validating: line.dropLast(), as: UTF8.self) else {
      throw Violation("no UTF-8: \(visible(line))")
    }
    try require(!text.unicodeScalars.contains(where: isControl), "a control in \(visible(line))")
    guard case .json = form else { return }
    // Outside strings: one object. Inside: what `checkString` looks at.
    var isInString = false
    var isEscaped = false
    var depth = 0
    for byte in line.dropLast() {
      if isEscaped {
        isEscaped = false
      } else if byte == 0x5c {
        try require(isInString, "a backslash outside a string: \(visible(line))")
        isEscaped = true
      } else if byte == 0x22 {
        isInString.toggle()
      } else if !isInString {
        if byte == 0x7b { depth += 1 }
        if byte == 0x7d { depth -= 1 }
        try require(depth > 0 || byte == 0x7d, "bytes outside the object: \(visible(line))")
      }
    }
    try require(!isInString && depth == 0, "an object without an end: \(visible(line))")
  }

  /// `append(json:)` alone: it reads back as what was given.
  private static func checkString(_ input: [UInt8]) throws(Violation) {
    var out = ByteBuffer()
    out.append(json: input.span)
    let written = array(out.span)
    guard let text = String(validating: written, as: UTF8.self) else {
      throw Violation("no UTF-8: \(visible(written))")
    }
    try require(!text.unicodeScalars.contains(where: isControl), "a control: \(visible(written))")
    let read = try unescaped(text)
    guard let given = String(validating: input, as: UTF8.self) else { return }
    try require(
      read.elementsEqual(given.unicodeScalars), "\(visible(input)) reads back as another text")
  }

  /// The scalars of the inside of a JSON string (RFC 8259 §7), of the escapes that are written.
  private static func unescaped(_ text: String) throws(Violation) -> [Unicode.Scalar] {
    var read: [Unicode.Scalar] = []
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      try require(scalar != "\"", "a bare quote in \(text)")
      if scalar != "\\" {
        read.append(scalar)
        continue
      }
      switch rest.popFirst() {
      case "\"": read.append("\"")
      case "\\": read.append("\\")
      case "u":
        let digits = String(String.UnicodeScalarView(rest.prefix(4)))
        rest = rest.dropFirst(4)
        guard digits.utf8.count == 4, let number = UInt32(digits, radix: 16),
          let scalar = Unicode.Scalar(number)
        else { throw Violation("\\u\(digits) in \(text)") }
        read.append(scalar)
      default: throw Violation("an escape that JSON has not in \(text)")
      }
    }
    return read
  }

  /// What a terminal would obey: C0, DEL and C1.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
  }
}
