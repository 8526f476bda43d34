import BowlineProxy
import BowlineTransport

/// The input as the value of Proxy-Authorization, and as credentials that are written into one.
enum CredentialInvariants {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func check(_ input: [UInt8]) throws(Violation) {
    let read = Basic.decode(input.span)
    let digits = plainDigits(input)
    try require(
      (read == nil) == (digits == nil), "\(visible(input)): \(read != nil), plainly not so")
    if let read, var digits {
      // A last digit may hold bits of no byte.
      if let last = digits.last, let value = alphabet.firstIndex(of: last), digits.count % 4 != 0 {
        digits[digits.count - 1] = alphabet[value & (digits.count % 4 == 2 ? 0x30 : 0x3c)]
      }
      try require(
        base64(read).filter { $0 != 0x3d } == digits,
        "\(visible(input)) is read as \(visible(read))")
    }
    if input.isEmpty { return }
    for scheme in ["Basic ", "basic   "] {
      let value = Array(scheme.utf8) + base64(input)
      try require(Basic.decode(value.span) == input, "\(visible(value)) is not what was written")
      let bare = value.filter { $0 != 0x3d }
      try require(Basic.decode(bare.span) == input, "\(visible(bare)) is not what was written")
    }
  }

  /// The digits of a value in the Basic scheme; nil when it is none.
  private static func plainDigits(_ value: [UInt8]) -> [UInt8]? {
    guard visible(value.prefix(6).map(lower)) == "basic ", value.count > 6 else { return nil }
    let text = value.dropFirst(6).drop { $0 == 0x20 }
    let digits = text.prefix { alphabet.contains($0) }
    guard text[digits.endIndex...].allSatisfy({ $0 == 0x3d }), digits.count % 4 != 1 else {
      return nil
    }
    return Array(digits)
  }

  /// Bits in sixes.
  private static func base64(_ bytes: [UInt8]) -> [UInt8] {
    var bits = bytes.flatMap { byte in (0..<8).map { Int(byte >> (7 - $0) & 1) } }
    while bits.count % 6 != 0 { bits.append(0) }
    var text: [UInt8] = []
    for start in stride(from: 0, to: bits.count, by: 6) {
      text.append(alphabet[bits[start..<start + 6].reduce(0) { $0 * 2 + $1 }])
    }
    while text.count % 4 != 0 { text.append(0x3d) }
    return text
  }
}

/// The input as the file of users.
enum UsersInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let verdict = Verdict(input)
    try require(verdict == plain(input), "\(verdict), plainly \(plain(input))")
    // Another system's ends of lines change nothing.
    if input.contains(0x0d) { return }
    let other = input.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
    try require(verdict == Verdict(other), "with CRLF \(Verdict(other)), else \(verdict)")
  }

  private enum Verdict: Equatable {
    case users(Int)
    case refused(line: Int)

    init(_ file: [UInt8]) {
      do throws(Users.Refusal) {
        self = .users(try Users(file: file).count)
      } catch {
        self = .refused(line: error.line)
      }
    }
  }

  private static func plain(_ file: [UInt8]) -> Verdict {
    let lines = file.split(separator: 0x0a, omittingEmptySubsequences: false)
    var names: Set<String> = []
    for (index, line) in lines.enumerated() {
      var text = Array(line)
      if text.last == 0x0d { text.removeLast() }
      if text.isEmpty || text[0] == 0x23 { continue }
      let parts = text.split(separator: 0x3a, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty,
        PasswordHash.isUsable(String(decoding: parts[1], as: UTF8.self)),
        names.insert(String(decoding: parts[0], as: UTF8.self)).inserted
      else { return .refused(line: index + 1) }
    }
    return names.isEmpty ? .refused(line: lines.count) : .users(names.count)
  }
}
