/// Bugs that stand in the sources behind a flag of the compiler, so that the simulator can be seen
/// to find them: `make simulate-bugs`.
enum SeededBug {
  /// The part of the flag behind `BOWLINE_BUG_`, and the one file that it stands in.
  static let files = [
    "CANCELLED": "Sources/BowlineUpstream/UpstreamsDialling.swift",
    "LIMIT": "Sources/BowlinePool/Ledger.swift",
    "REPLAY": "Sources/BowlinePool/Replay.swift",
    "SURPLUS": "Sources/BowlineUpstream/Upstreams.swift",
    "TRUNCATION": "Sources/BowlineExchange/LinksReading.swift",
  ]

  /// The flags in `code`, with their line.
  static func flags(in file: SourceFile) -> [(line: Int, name: String)] {
    file.swift.codeLines.enumerated().flatMap { index, line in
      line.matches(of: #/BOWLINE_BUG_(\w+)/#).map { (index + 1, String($0.1)) }
    }
  }
}

/// Seeded bugs that are not where the list has them.
func strayBugs(in file: SourceFile) -> [Finding] {
  SeededBug.flags(in: file).compactMap { line, name in
    if SeededBug.files[name] == file.path { return nil }
    return file.finding(line, "the seeded bug \(name) is not listed for this file (Bugs.swift)")
  }
}

/// Seeded bugs of the list that are in no source, or that the script does not build.
func missingBugs(in sources: [SourceFile], script: SourceFile) -> [Finding] {
  let found = Set(sources.flatMap { SeededBug.flags(in: $0).map(\.name) })
  return SeededBug.files.keys.sorted().compactMap { name in
    if found.contains(name) && script.text.contains(name) { return nil }
    return script.finding(1, "the seeded bug \(name) is gone, or not built")
  }
}
