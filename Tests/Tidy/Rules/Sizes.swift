/// How big things may be, and what is bigger for a reason.
enum Size {
  static let fileLines = 600
  static let functionLines = 60
  static let columns = 100

  /// Files above the ceiling: path to reason.
  static let longFiles: [String: String] = [:]

  /// Functions above the ceiling: `path:name` to reason.
  static let longFunctions: [String: String] = [:]
}

func fileTooLong(_ file: SourceFile) -> [Finding] {
  let count = file.lines.count - (file.text.hasSuffix("\n") ? 1 : 0)
  if count <= Size.fileLines || Size.longFiles[file.path] != nil { return [] }
  return [file.finding(1, "\(count) lines; the ceiling is \(Size.fileLines): split the noun")]
}

func linesTooWide(_ file: SourceFile) -> [Finding] {
  file.lines.enumerated().compactMap { index, line in
    if line.count <= Size.columns { return nil }
    return file.finding(index + 1, "\(line.count) columns; the ceiling is \(Size.columns)")
  }
}

func functionsTooLong(_ file: SourceFile) -> [Finding] {
  functions(in: file.swift.code).compactMap { function in
    let count = function.lastLine - function.firstLine + 1
    if count <= Size.functionLines { return nil }
    if Size.longFunctions["\(file.path):\(function.name)"] != nil { return nil }
    return file.finding(
      function.firstLine,
      "\(function.name) has \(count) lines; the ceiling is \(Size.functionLines)")
  }
}

/// A function, initialiser, deinitialiser or subscript with a body.
struct Function: Equatable {
  let name: String
  /// Counted from 1.
  let firstLine: Int
  let lastLine: Int
}

/// Every function with a body in `code`, which is free of comments and literals.
func functions(in code: String) -> [Function] {
  let bytes = Array(code.utf8)
  var found: [Function] = []
  var line = 1
  var at = 0
  while at < bytes.count {
    if bytes[at] == 0x0a { line += 1 }
    guard isWordStart(bytes, at) else {
      at += 1
      continue
    }
    let word = wordAt(bytes, at)
    let next = at + word.utf8.count
    switch word {
    case "func", "init", "deinit", "subscript":
      let isCall = at > 0 && bytes[at - 1] == UInt8(ascii: ".")
      if !isCall, let body = bodyRange(bytes, from: next) {
        let name = word == "func" ? functionName(bytes, next) : word
        let before = bytes[at..<body.lowerBound].count { $0 == 0x0a }
        let inside = bytes[body].count { $0 == 0x0a }
        found.append(Function(name: name, firstLine: line, lastLine: line + before + inside))
      }
    default: break
    }
    at = next
  }
  return found
}

/// From the body's opening brace to its closing one; nil for a declaration without a body.
private func bodyRange(_ bytes: [UInt8], from start: Int) -> Range<Int>? {
  var parentheses = 0
  var at = start
  while at < bytes.count {
    switch bytes[at] {
    case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
    case UInt8(ascii: "}"): if parentheses == 0 { return nil }
    case UInt8(ascii: "{") where parentheses == 0:
      return matchingBrace(bytes, at).map { at..<$0 + 1 }
    default:
      if parentheses == 0, isWordStart(bytes, at), endsRequirement.contains(wordAt(bytes, at)) {
        return nil
      }
    }
    if parentheses < 0 { return nil }
    at += 1
  }
  return nil
}

/// Words that begin another declaration: the one before had no body (a protocol's requirement).
private let endsRequirement: Set<String> = [
  "func", "var", "let", "init", "subscript", "associatedtype", "case",
]

private func matchingBrace(_ bytes: [UInt8], _ open: Int) -> Int? {
  var depth = 0
  var at = open
  while at < bytes.count {
    if bytes[at] == UInt8(ascii: "{") { depth += 1 }
    if bytes[at] == UInt8(ascii: "}") {
      depth -= 1
      if depth == 0 { return at }
    }
    at += 1
  }
  return nil
}

private func functionName(_ bytes: [UInt8], _ start: Int) -> String {
  var at = start
  while at < bytes.count, bytes[at] == 0x20 || bytes[at] == UInt8(ascii: "`") { at += 1 }
  var end = at
  while end < bytes.count, bytes[end] != 0x20, bytes[end] != 0x0a, bytes[end] != UInt8(ascii: "("),
    bytes[end] != UInt8(ascii: "`")
  { end += 1 }
  let name = String(decoding: bytes[at..<end], as: UTF8.self)
  return isWordStart(Array(name.utf8), 0) ? String(name.prefix { $0 != "<" }) : name
}

private func isWordByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x80...: true
  default: false
  }
}

private func isWordStart(_ bytes: [UInt8], _ at: Int) -> Bool {
  at < bytes.count && isWordByte(bytes[at]) && (at == 0 || !isWordByte(bytes[at - 1]))
}

private func wordAt(_ bytes: [UInt8], _ at: Int) -> String {
  String(decoding: bytes[at...].prefix(while: isWordByte), as: UTF8.self)
}
