/// A test that says which rows of the catalogue it shows: `// covers: R064, R065` above `@Test`.
struct MarkedTest: Equatable {
  let path: String
  /// Line of the mark, from 1.
  let line: Int
  let rows: [String]
  /// The test function's name, or a check's label; empty when neither follows the mark.
  let function: String
  /// One case per argument: the limit of rows does not count.
  let isParameterised: Bool
  /// It holds an expectation, or calls a function of the tests that does.
  let expects: Bool

  /// More rows than this in one test that is not table-driven show nothing in particular.
  static let mostRows = 5
}

/// Every mark of `file`. `helpers` are functions of the tests that hold an expectation.
func markedTests(in file: SourceFile, helpers: Set<String> = []) -> [MarkedTest] {
  var found: [MarkedTest] = []
  let functions = functions(in: file.swift.code)
  let code = file.swift.codeLines
  for (index, line) in file.swift.commentLines.enumerated() {
    guard let mark = line.firstMatch(of: #/^\s*\/\/\s*covers:\s*(.*)$/#) else { continue }
    let rows = mark.1.split(separator: ",").map { $0.filter { $0 != " " } }
    var start = index + 1
    while start < code.count, code[start].allSatisfy({ $0 == " " }) { start += 1 }
    let isTest = start < code.count && code[start].contains("@Test")
    let function = isTest ? functions.first { $0.firstLine > start } : nil
    let attributes = function.map { code[start..<$0.firstLine].joined(separator: "\n") } ?? ""
    let body = function.map { code[$0.firstLine - 1..<$0.lastLine].joined(separator: "\n") } ?? ""
    found.append(
      MarkedTest(
        path: file.path, line: index + 1, rows: rows.map { String($0) },
        function: function?.name ?? "", isParameterised: isTable(attributes),
        expects: holdsExpectation(body) || calls(body).contains { helpers.contains($0) }))
  }
  return found
}

/// True when a test runs over a table of its own: networks and ways to cut bytes are no cases.
private func isTable(_ attributes: String) -> Bool {
  guard let arguments = attributes.firstRange(of: "arguments:") else { return false }
  let end = attributes.firstRange(of: "func ")?.lowerBound ?? attributes.endIndex
  if arguments.upperBound > end { return false }
  var rest = String(attributes[arguments.upperBound..<end])
  for word in ["Place.allCases", "Split.all", "Cut.all"] { rest.replace(word, with: "") }
  return rest.contains { $0.isLetter || $0.isNumber || $0 == "[" }
}

/// Names of functions in the tests that hold an expectation themselves or through each other.
func expectingHelpers(in files: [SourceFile]) -> Set<String> {
  var callers: [(name: String, calls: Set<String>)] = []
  var expecting: Set<String> = []
  for file in files {
    let code = file.swift.codeLines
    for function in functions(in: file.swift.code) {
      let body = code[function.firstLine - 1..<function.lastLine].joined(separator: "\n")
      if holdsExpectation(body) { expecting.insert(function.name) }
      callers.append((function.name, calls(body).subtracting([function.name])))
    }
  }
  var before = -1
  while before != expecting.count {
    before = expecting.count
    for caller in callers where !caller.calls.isDisjoint(with: expecting) {
      expecting.insert(caller.name)
    }
  }
  // Every type has these; a call of one says nothing.
  return expecting.subtracting(["init", "deinit", "subscript"])
}

private func holdsExpectation(_ code: String) -> Bool {
  code.contains(#/#expect\b|#require\b|Issue\.record|confirmation\(/#.wordBoundaryKind(.simple))
}

private func calls(_ code: String) -> Set<String> {
  Set(code.matches(of: #/(\w+)\s*(?:<[^>(]*>)?\(/#).map { String($0.1) })
}

/// What is wrong with the marks of the tests.
func badMarks(_ tests: [MarkedTest], rows: Set<String>) -> [Finding] {
  var found: [Finding] = []
  for test in tests {
    func note(_ message: String) {
      found.append(Finding(path: test.path, line: test.line, message: message))
    }
    for row in test.rows where !rows.contains(row) { note("no row is called '\(row)'") }
    if test.rows.isEmpty { note("a mark without rows") }
    if test.function.isEmpty {
      note("no test follows this mark")
    } else if !test.expects {
      note("\(test.function) expects nothing and shows nothing")
    }
    let together = tests.filter { $0.path == test.path && $0.function == test.function }
    let count = together.reduce(0) { $0 + $1.rows.count }
    if !test.isParameterised && count > MarkedTest.mostRows {
      note("\(count) rows in one test; at most \(MarkedTest.mostRows), or one per case")
    }
  }
  return found
}
