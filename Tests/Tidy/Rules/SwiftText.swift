/// A Swift source with its comments and its literals told apart from its code.
///
/// Rules look for words in `code`, so that a banned name in a comment or in a test's wire bytes is
/// not found. Both texts keep the line breaks of the original: line numbers stay true.
struct SwiftText {
  /// The source, comments and the contents of string literals replaced by spaces.
  let code: String
  /// The source, everything but comments replaced by spaces.
  let comments: String

  /// The lines of `code`; the first has index 0.
  var codeLines: [Substring] { code.lines }
  /// The lines of `comments`.
  var commentLines: [Substring] { comments.lines }

  init(_ source: String) {
    var splitter = Splitter(source)
    splitter.code(until: nil)
    code = String(decoding: splitter.code, as: UTF8.self)
    comments = String(decoding: splitter.comments, as: UTF8.self)
  }
}

extension String {
  /// The lines; a final line break begins an empty last one.
  var lines: [Substring] { split(separator: "\n", omittingEmptySubsequences: false) }
}

/// Walks the source once. Interpolated expressions are code again, to any depth.
private struct Splitter {
  let source: [UInt8]
  var at = 0
  var code: [UInt8] = []
  var comments: [UInt8] = []

  private enum Kind { case code, comment, literal }

  init(_ text: String) {
    source = Array(text.utf8)
    code.reserveCapacity(source.count)
    comments.reserveCapacity(source.count)
  }

  /// Reads code up to the unbalanced `end` byte, or to the end of the source.
  mutating func code(until end: UInt8?) {
    var depth = 0
    while at < source.count {
      if starts("//") {
        while at < source.count && source[at] != 0x0a { take(.comment) }
      } else if starts("/*") {
        blockComment()
      } else if let hashes = literalStart() {
        literal(hashes)
      } else {
        if let end, source[at] == end && depth == 0 { return }
        if source[at] == UInt8(ascii: "(") { depth += 1 }
        if source[at] == UInt8(ascii: ")") { depth -= 1 }
        take(.code)
      }
    }
  }

  private mutating func blockComment() {
    var depth = 0
    repeat {
      if starts("/*") {
        depth += 1
        take(.comment)
      } else if starts("*/") {
        depth -= 1
        take(.comment)
      }
      if at < source.count { take(.comment) }
    } while at < source.count && depth > 0
  }

  /// The number of `#` before a quote, if a string literal starts here.
  private func literalStart() -> Int? {
    var look = at
    while look < source.count && source[look] == UInt8(ascii: "#") { look += 1 }
    guard look < source.count, source[look] == UInt8(ascii: "\"") else { return nil }
    return look - at
  }

  private mutating func literal(_ hashes: Int) {
    let fence = String(repeating: "#", count: hashes)
    for _ in 0..<hashes { take(.code) }
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    for _ in quote.utf8 { take(.code) }
    while at < source.count {
      if starts(quote + fence) {
        for _ in (quote + fence).utf8 { take(.code) }
        return
      }
      if starts("\\" + fence + "(") {
        for _ in (fence + "\\(").utf8 { take(.code) }
        code(until: UInt8(ascii: ")"))
        if at < source.count { take(.code) }
      } else if starts("\\" + fence) {
        for _ in (fence + "\\").utf8 { take(.literal) }
        if at < source.count { take(.literal) }
      } else {
        if quote.utf8.count == 1 && source[at] == 0x0a { return }
        take(.literal)
      }
    }
  }

  private func starts(_ text: String) -> Bool { source[at...].starts(with: text.utf8) }

  private mutating func take(_ kind: Kind) {
    let byte = source[at]
    let blank: UInt8 = byte == 0x0a ? byte : 0x20
    code.append(kind == .code ? byte : blank)
    comments.append(kind == .comment ? byte : blank)
    at += 1
  }
}
