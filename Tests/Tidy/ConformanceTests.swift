import Foundation
import Testing

@Suite struct ConformanceTests {
  private let sample = """
    id\tgroup\tsection\tlevel\trole\trule
    R001\tB1 Start\t9112 2.3\tMUST NOT, SHOULD\tall\tone | rule
    R002\tB1 Start\t9112 3\tpolicy\tserver\t
    K01\tK Conflicts\t\tdecision\tall\tanother
    a broken line
    """

  @Test func theCatalogueIsRead() {
    let rows = rows(sample)
    #expect(rows.map(\.id) == ["R001", "R002", "K01"])
    #expect(rows.map(\.weight) == ["MUST", "policy", "decision"])
  }

  @Test func thePageCountsAndNames() {
    let test = MarkedTest(
      path: "Tests/CoreTests/A.swift", line: 1, rows: ["R001"], function: "f",
      isParameterised: false, expects: true)
    let page = conformancePage(rows: rows(sample), tests: [test])
    #expect(page.contains("| MUST | 1 | 1 | 0 |\n| policy | 1 | 0 | 1 |\n"))
    #expect(page.contains("| all | 3 | 1 | 2 |\n"))
    #expect(
      page.contains(
        "| R001 | 9112 2.3 | MUST NOT, SHOULD | all | one \\| rule | `A.swift:f` | done |\n"))
    #expect(page.contains("| R002 | 9112 3 | policy | server |  |  | open |\n"))
    #expect(page.contains("## K Conflicts\n"))
  }

  @Test func everyRowIsWhole() {
    let lines = Tree.file(Row.path).text.split(separator: "\n")
    #expect(lines.count == Row.all.count + 1, "a line of \(Row.path) has not six columns")
    #expect(Set(Row.all.map(\.id)).count == Row.all.count, "a row is there twice")
    #expect(Row.all.count > 600)
  }

  /// Writes the page instead, when BOWLINE_UPDATE=1 is in the environment.
  @Test func conformancePageIsCurrent() throws {
    let path = "docs/conformance.md"
    let tests = Tree.tests.flatMap { markedTests(in: $0) }
    let page = conformancePage(rows: Row.all, tests: tests)
    if ProcessInfo.processInfo.environment["BOWLINE_UPDATE"] == "1" {
      try Tree.write(page, to: path)
    } else {
      let isCurrent = Tree.file(path).text == page
      #expect(isCurrent, "\(path) is stale: run make conformance")
    }
  }
}
