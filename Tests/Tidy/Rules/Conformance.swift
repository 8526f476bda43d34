/// One row of the catalogue, as docs/rows.tsv holds it.
struct Row {
  let id: String
  let group: String
  let section: String
  let level: String
  let role: String
  /// What it asks, in a line; may be empty.
  let rule: String
  /// What the seventh column says; may be empty.
  let declared: String

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

  /// A group's short name: `A1` of `A1 TCP/IP groundwork`.
  var groupName: String { group.split(separator: " ").first.map(String.init) ?? "" }
}

/// Reads the catalogue: a line of column names, then one row a line, columns parted by tabs.
func rows(_ text: String) -> [Row] {
  text.lines.dropFirst().compactMap { line in
    let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard cells.count == 7 else { return nil }
    return Row(
      id: cells[0], group: cells[1], section: cells[2], level: cells[3], role: cells[4],
      rule: cells[5], declared: cells[6])
  }
}

/// How things stand with a row.
enum RowState: Equatable {
  /// At least one test shows it.
  case done
  /// It speaks of a client, and comes with one.
  case client
  /// It comes with the part named here.
  case later(String)
  /// It is not to be had now, for this reason.
  case notDone(String)
  /// Nobody has said anything about it.
  case open

  /// Parts of the project that are still to come.
  static let parts: Set<String> = [
    "HTTP/2", "TLS", "cache", "PROXY protocol", "lab", "probe", "pool", "upstream finding",
  ]

  /// The columns of the summary.
  static let kinds = ["done", "client", "later", "not done", "open"]

  /// Reads a declaration; nil when it is none.
  init?(declared text: String) {
    let parts = text.split(separator: ": ", maxSplits: 1).map(String.init)
    switch (parts.first, parts.dropFirst().first) {
    case (nil, nil): self = .open
    case ("client", nil): self = .client
    case ("later", let part?) where Self.parts.contains(part): self = .later(part)
    case ("not done", let reason?): self = .notDone(reason)
    default: return nil
    }
  }

  var kind: String {
    switch self {
    case .done: "done"
    case .client: "client"
    case .later: "later"
    case .notDone: "not done"
    case .open: "open"
    }
  }

  var text: String {
    switch self {
    case .later(let part): "later: \(part)"
    case .notDone(let reason): "not done: \(reason)"
    default: kind
    }
  }
}

/// The catalogue together with the tests that show its rows.
struct Conformance {
  let rows: [Row]
  let tests: [MarkedTest]
  /// The tests of each row, `file:name`, sorted.
  let shown: [String: [String]]

  init(rows: [Row], tests: [MarkedTest]) {
    self.rows = rows
    self.tests = tests
    var shown: [String: Set<String>] = [:]
    for test in tests where test.expects && !test.function.isEmpty {
      let file = test.path.split(separator: "/").last.map(String.init) ?? test.path
      for row in test.rows { shown[row, default: []].insert("\(file):\(test.function)") }
    }
    self.shown = shown.mapValues { $0.sorted() }
  }

  func state(_ row: Row) -> RowState {
    shown[row.id] != nil ? .done : RowState(declared: row.declared) ?? .open
  }

  /// Groups in which every row has a test or says why it has none.
  static let groupsWithoutGaps: Set<String> = [
    "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "B1", "B2",
    "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "B13", "B14", "B15", "B16",
    "B17", "B18", "B19", "B20", "B21", "B22", "B23", "B24", "B25", "C1", "C2", "C3", "C4", "C5",
    "C6", "C7", "C8", "C9", "C10",
  ]

  /// What is wrong with the declarations in the seventh column.
  func findings(withoutGaps groups: Set<String> = groupsWithoutGaps) -> [Finding] {
    var found: [Finding] = []
    for (index, row) in rows.enumerated() {
      func note(_ message: String) {
        found.append(Finding(path: Row.path, line: index + 2, message: "\(row.id) \(message)"))
      }
      if RowState(declared: row.declared) == nil {
        note("has a state that nobody knows: '\(row.declared)'")
      } else if !row.declared.isEmpty, let tests = shown[row.id] {
        note("says '\(row.declared)', and \(tests[0]) shows it: empty its state")
      } else if groups.contains(row.groupName) && state(row) == .open {
        note("has no test, and does not say why")
      }
    }
    return found
  }

  /// How many rows of each level are in which state.
  var summary: String {
    let kinds = RowState.kinds
    var table = "| level | rows | \(kinds.joined(separator: " | ")) |\n"
    table += "|---|\(String(repeating: "---:|", count: kinds.count + 1))\n"
    for level in Row.levels + ["all"] {
      let some = rows.filter { level == "all" || $0.weight == level }
      if some.isEmpty { continue }
      let states = some.map { state($0).kind }
      let counts = kinds.map { kind in "\(states.count { $0 == kind })" }
      table += "| \(level) | \(some.count) | \(counts.joined(separator: " | ")) |\n"
    }
    return table
  }

  /// The page that says which row is shown by which test.
  var page: String {
    var page = """
      # Conformance

      Made by `make conformance` from `docs/rows.tsv` and the `covers:` marks above the tests and
      in the end-to-end scripts. A row is *done* when at least one test sends its bytes and holds
      its expectation. *client* is about a client and comes with one, *later* comes with the part
      that it names, *not done* says why, and *open* means that nobody has shown it or said
      anything yet, not that it is broken. Levels are those of the RFCs; *rule* and *ought* have no
      key word there, *policy* and *decision* are this project's own choice, *note* is general
      ground, *lab* is for a simulator.


      """
    page += summary
    page += "\n## Marks that show nothing\n\n"
    let empty = tests.filter { !$0.expects || $0.function.isEmpty }
    if empty.isEmpty { page += "None.\n" }
    for test in empty {
      page += "- `\(test.path):\(test.line)` \(test.rows.joined(separator: ", "))\n"
    }
    var group = ""
    for row in rows {
      if row.group != group {
        group = row.group
        page += "\n## \(group)\n\n| row | section | level | role | rule | tests | state |\n"
        page += "|---|---|---|---|---|---|---|\n"
      }
      let tests = (shown[row.id] ?? []).map { "`\($0)`" }.joined(separator: "<br>")
      let cells = [
        row.id, row.section, row.level, row.role, row.rule, tests, state(row).text,
      ]
      page += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    return page
  }
}
