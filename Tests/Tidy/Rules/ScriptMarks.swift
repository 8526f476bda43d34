/// Marks in the end-to-end scripts: `# covers: S144` above a function or a check.
///
/// The name is that of the function that follows, or the label of the check: the first text in
/// double quotes. A mark counts when what follows is a check, calls one, or stands in a function
/// that does.
func markedChecks(in file: SourceFile) -> [MarkedTest] {
  let lines = file.lines
  let functions = scriptFunctions(lines)
  let checks = checkingWords(functions, lines)
  var found: [MarkedTest] = []
  for (index, line) in lines.enumerated() {
    guard let mark = line.firstMatch(of: #/^\s*#\s*covers:\s*(.*)$/#) else { continue }
    let rows = mark.1.split(separator: ",").map { $0.filter { $0 != " " } }
    var start = index + 1
    while start < lines.count, lines[start].contains(#/^\s*(#|$)/#) { start += 1 }
    var name = ""
    var expects = false
    if let function = functions.first(where: { $0.lines.lowerBound == start }) {
      name = function.name
      expects = checks.contains(function.name)
    } else if start < lines.count {
      let next = lines[start..<min(start + 3, lines.count)].joined(separator: "\n")
      name = next.firstMatch(of: #/"([^"]+)"/#).map { String($0.1) } ?? ""
      let around = functions.last { $0.lines.contains(start) }
      expects =
        scriptWords(next).contains { checks.contains($0) }
        || around.map { checks.contains($0.name) } ?? false
    }
    found.append(
      MarkedTest(
        path: file.path, line: index + 1, rows: rows.map { String($0) }, function: name,
        isParameterised: false, expects: expects))
  }
  return found
}

private struct ScriptFunction {
  let name: String
  /// From the line of its name to its last line, from 0.
  let lines: Range<Int>
}

/// Functions of a Python or bash script, by their indentation.
private func scriptFunctions(_ lines: [Substring]) -> [ScriptFunction] {
  var found: [ScriptFunction] = []
  for (index, line) in lines.enumerated() {
    let python = line.firstMatch(of: #/^( *)(?:async )?def (\w+)\(/#)
    let bash = line.firstMatch(of: #/^( *)(\w+)\(\) \{/#)
    guard let head = python ?? bash else { continue }
    var end = index + 1
    while end < lines.count {
      let inner = lines[end]
      let isEmpty = inner.allSatisfy { $0 == " " }
      if !isEmpty && inner.prefix(while: { $0 == " " }).count <= head.1.count { break }
      end += 1
    }
    found.append(ScriptFunction(name: String(head.2), lines: index..<end))
  }
  return found
}

/// The words that check something: those of lib.sh and processes.py, and every function of the
/// script that uses one.
private func checkingWords(_ functions: [ScriptFunction], _ lines: [Substring]) -> Set<String> {
  var words: Set = ["check", "same", "holds", "lacks", "alike", "pass", "fail"]
  var before = -1
  while before != words.count {
    before = words.count
    for function in functions {
      let body = lines[function.lines.dropFirst()].joined(separator: "\n")
      if !scriptWords(body).isDisjoint(with: words) { words.insert(function.name) }
    }
  }
  return words
}

private func scriptWords(_ text: String) -> Set<String> {
  Set(text.matches(of: #/[A-Za-z_]\w*/#).map { String($0.0) })
}

extension MarkedTest {
  /// Every mark of the tests and of the end-to-end scripts.
  static let all: [MarkedTest] = {
    let helpers = expectingHelpers(in: Tree.tests)
    return Tree.tests.flatMap { markedTests(in: $0, helpers: helpers) }
      + Tree.endToEnd.flatMap(markedChecks)
  }()
}
