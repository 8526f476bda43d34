/// A broken invariant: what was promised, and what was seen instead.
package struct Violation: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// Throws when `holds` is false. The text is made only then.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws(Violation) {
  if !holds { throw Violation(promise()) }
}

/// Bytes for a message: visible ASCII as it is, the rest as `\xNN`.
func visible(_ bytes: some Sequence<UInt8>) -> String {
  var text = ""
  for byte in bytes {
    if byte >= 0x20 && byte < 0x7f && byte != 0x5c {
      text.unicodeScalars.append(Unicode.Scalar(byte))
    } else {
      let digits = String(byte, radix: 16)
      text += digits.utf8.count == 1 ? "\\x0" + digits : "\\x" + digits
    }
  }
  return text
}

/// A copy of `bytes`.
func array(_ bytes: Span<UInt8>) -> [UInt8] {
  var copy: [UInt8] = []
  copy.reserveCapacity(bytes.count)
  for index in bytes.indices { copy.append(bytes[index]) }
  return copy
}

/// True when both hold the same bytes.
func isSame(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
  if a.count != b.count { return false }
  for index in a.indices where a[index] != b[index] { return false }
  return true
}
