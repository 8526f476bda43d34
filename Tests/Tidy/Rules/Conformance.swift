/// One row of the catalogue, as docs/rows.tsv holds it.
struct Row {
  let id: String
  let group: String
  let section: String
  let level: String
  let role: String
  /// What it asks, in a line; may be empty.
  let rule: String

  static let path = "docs/rows.tsv"
  static let all = rows(Tree.file(path).text)

  /// Levels in the order of their weight. A row that says several counts as the weightiest.
  static let levels = [
    "MUST", "SHOULD", "MAY", "ought", "rule", "policy", "decision", "note", "lab",
  ]

  var weight: String {
    let words = level.split { !$0.isLetter }.map(String.init)
    let synonyms = ["RECOMMENDED": "SHOULD", "must": "rule", "encouraged": "ought"]
    let known = words.map { synonyms[$0] ?? $0 }
    return Self.levels.first { known.contains($0) } ?? "rule"
  }
}

/// Reads the catalogue: a line of column names, then one row a line, columns parted by tabs.
func rows(_ text: String) -> [Row] {
  text.lines.dropFirst().compactMap { line in
    let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard cells.count == 6 else { return nil }
    return Row(
      id: cells[0], group: cells[1], section: cells[2], level: cells[3], role: cells[4],
      rule: cells[5])
  }
}

/// The page that says which row is shown by which test.
func conformancePage(rows: [Row], tests: [MarkedTest]) -> String {
  var shown: [String: [String]] = [:]
  for test in tests {
    let file = test.path.split(separator: "/").last.map(String.init) ?? test.path
    for row in test.rows { shown[row, default: []].append("\(file):\(test.function)") }
  }
  var page = """
    # Conformance

    Made by `make conformance` from `docs/rows.tsv` and the `// covers:` marks above the tests. A
    row is *done* when at least one test sends its bytes and holds its expectation. *open* means
    that no test shows it, not that it is broken: some open rows are about parts that do not exist
    yet. Levels are those of the RFCs; *rule* and *ought* have no key word there, *policy* and
    *decision* are this project's own choice, *note* is general ground, *lab* is for a simulator.

    | level | rows | done | open |
    |---|---:|---:|---:|

    """
  for level in Row.levels {
    let some = rows.filter { $0.weight == level }
    if some.isEmpty { continue }
    page += counts(level, some, shown)
  }
  page += counts("all", rows, shown)
  var group = ""
  for row in rows {
    if row.group != group {
      group = row.group
      page += "\n## \(group)\n\n| row | section | level | role | rule | tests | state |\n"
      page += "|---|---|---|---|---|---|---|\n"
    }
    let tests = (shown[row.id] ?? []).sorted().map { "`\($0)`" }.joined(separator: "<br>")
    let state = tests.isEmpty ? "open" : "done"
    let cells = [row.id, row.section, row.level, row.role, row.rule, tests, state]
    page += "| " + cells.map(escaped).joined(separator: " | ") + " |\n"
  }
  return page
}

private func counts(_ name: String, _ rows: [Row], _ shown: [String: [String]]) -> String {
  let done = rows.count { shown[$0.id] != nil }
  return "| \(name) | \(rows.count) | \(done) | \(rows.count - done) |\n"
}

private func escaped(_ cell: String) -> String { cell.replacing("|", with: "\\|") }
