/// Where raw memory may be touched. Everywhere else the compiler vouches for the code.
enum RawMemory {
  /// Audited files: path to what they do there.
  static let files = [
    "Sources/BowlineCore/ByteBuffer.swift": "one block of bytes with a window",
    "Sources/BowlineCore/Row.swift": "plain values in a run with one owner",
    "Sources/BowlineCore/Scan.swift": "scans that check once and read a word at a time",
    "Sources/BowlineCore/Slab.swift": "cells behind generation-checked handles",
  ]

  /// Transport calls the kernel, and every file of it may, but these.
  static let transport = "Sources/BowlineTransport/"
  static let pureTransport = ["Network", "EventLoop", "TimerWheel", "Handoff", "Simulated"]

  static func isAllowed(_ path: String) -> Bool {
    if files[path] != nil { return true }
    guard path.hasPrefix(transport) else { return false }
    let name = path.dropFirst(transport.count)
    return !pureTransport.contains { name.hasPrefix($0) }
  }
}

/// The word `unsafe`, in any spelling, and `@unchecked`, outside the audited files.
func unsafeWords(in file: SourceFile) -> [Finding] {
  if !file.path.hasPrefix("Sources/") || RawMemory.isAllowed(file.path) { return [] }
  let words = #/[Uu]nsafe|@unchecked/#
  return file.swift.codeLines.enumerated().compactMap { index, line in
    line.contains(words)
      ? file.finding(index + 1, "raw memory is for the audited files of Memory.swift") : nil
  }
}

/// Where the order of a Dictionary or a Set could reach behaviour: it differs from run to run.
enum Order {
  /// Rooms whose machines hold no hashed collection at all.
  static let strict = [
    "BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlinePool", "BowlineExchange",
    "BowlineUpstream",
  ]

  /// Stored properties that are hashed all the same: `path:name` to reason.
  static let exceptions: [String: String] = [:]
}

/// The names of properties and variables in `code` that are a Dictionary or a Set, with their line.
func hashedNames(in file: SourceFile) -> [(line: Int, name: String)] {
  let typed = #/\b(?:var|let)\s+(\w+)\s*:\s*(?:\[[^\[\]:]+:[^\]]+\]|Dictionary<|Set<)/#
    .wordBoundaryKind(.simple)
  let made = #/\b(?:var|let)\s+(\w+)\s*=\s*(?:\[[^\[\]:]+:[^\]]+\]\(|\[:\]|Dictionary[<(]|Set[<(])/#
    .wordBoundaryKind(.simple)
  return file.swift.codeLines.enumerated().flatMap { index, line in
    line.matches(of: typed).map { (index + 1, String($0.1)) }
      + line.matches(of: made).map { (index + 1, String($0.1)) }
  }
}

/// Hashed collections in the rooms that hold none.
func hashedCollections(in file: SourceFile) -> [Finding] {
  if !Order.strict.contains(file.target) { return [] }
  return hashedNames(in: file).compactMap { line, name in
    if Order.exceptions["\(file.path):\(name)"] != nil { return nil }
    return file.finding(line, "\(name): use an array or a Slab; hashed order differs per run")
  }
}

/// Walks over a hashed collection that the same file declares, unless sorted in the same line.
func hashedWalks(in file: SourceFile) -> [Finding] {
  var found: [Finding] = []
  for name in Set(hashedNames(in: file).map(\.name)).sorted() {
    let walks =
      #"\bin\s+(self\.)?\#(name)\b(?!\s*\[)|"#
      + #"\b\#(name)\.(values|keys|first\b|popFirst|forEach|map|flatMap|compactMap|filter|"#
      + "reduce|min|max)"
    guard let pattern = try? Regex(walks).wordBoundaryKind(.simple) else { continue }
    for (index, line) in file.swift.codeLines.enumerated()
    where line.contains(pattern) && !line.contains(".sorted") {
      found.append(file.finding(index + 1, "a walk over \(name) in hashed order: sort it first"))
    }
  }
  return found
}
