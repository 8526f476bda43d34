import Foundation
import Testing

@Suite struct ConformanceTests {
  private static func sample(_ states: (String, String, String)) -> [Row] {
    rows(
      """
      id\tgroup\tsection\tlevel\trole\trule\tstate
      R001\tB1 Start\t9112 2.3\tMUST NOT, SHOULD\tall\tone | rule\t\(states.0)
      R002\tB1 Start\t9112 3\tpolicy\tserver\t\t\(states.1)
      K01\tK Conflicts\t\tdecision\tall\tanother\t\(states.2)
      a broken line
      """)
  }

  private static func test(expects: Bool = true, function: String = "f") -> MarkedTest {
    MarkedTest(
      path: "Tests/CoreTests/A.swift", line: 1, rows: ["R001"], function: function,
      isParameterised: false, expects: expects)
  }

  private static func findings(_ states: (String, String, String)) -> [String] {
    Conformance(rows: sample(states), tests: [test()])
      .findings(withoutGaps: ["B1"]).map(\.message)
  }

  @Test func theCatalogueIsRead() {
    let rows = Self.sample(("", "", ""))
    #expect(rows.map(\.id) == ["R001", "R002", "K01"])
    #expect(rows.map(\.weight) == ["MUST", "policy", "decision"])
    #expect(rows.map(\.groupName) == ["B1", "B1", "K"])
  }

  @Test(arguments: [
    ("", RowState.open), ("client", .client), ("later: HTTP/2", .later("HTTP/2")),
    ("not done: too: soon", .notDone("too: soon")), ("later", nil), ("later: one day", nil),
    ("not done", nil), ("done", nil), ("client: why", nil),
  ])
  func statesAreDeclared(_ text: String, _ state: RowState?) {
    #expect(RowState(declared: text) == state)
  }

  @Test func thePageCountsAndNames() {
    let page = Conformance(
      rows: Self.sample(("", "not done: no time", "later: lab")), tests: [Self.test()]
    ).page
    #expect(page.contains("| level | rows | done | client | later | not done | open |\n"))
    #expect(page.contains("| MUST | 1 | 1 | 0 | 0 | 0 | 0 |\n| policy | 1 | 0 | 0 | 0 | 1 | 0 |\n"))
    #expect(page.contains("| all | 3 | 1 | 0 | 1 | 1 | 0 |\n"))
    #expect(
      page.contains(
        "| R001 | 9112 2.3 | MUST NOT, SHOULD | all | one \\| rule | `A.swift:f` | done |\n"))
    #expect(page.contains("| R002 | 9112 3 | policy | server |  |  | not done: no time |\n"))
    #expect(page.contains("## Marks that show nothing\n\nNone.\n"))
    #expect(page.contains("## K Conflicts\n"))
  }

  @Test func aMarkWithoutExpectationShowsNothing() {
    for test in [Self.test(expects: false), Self.test(function: "")] {
      let page = Conformance(rows: Self.sample(("", "", "")), tests: [test]).page
      #expect(page.contains("- `Tests/CoreTests/A.swift:1` R001\n"))
      #expect(page.contains("| all | 3 | 0 | 0 | 0 | 0 | 3 |\n"))
    }
  }

  @Test func badDeclarationsAreFound() {
    #expect(Self.findings(("", "client", "")).isEmpty)
    #expect(Self.findings(("", "some day", "")).count == 1)
    #expect(Self.findings(("", "", "")) == ["R002 has no test, and does not say why"])
    #expect(
      Self.findings(("client", "client", "")) == [
        "R001 says 'client', and A.swift:f shows it: empty its state"
      ])
  }

  @Test func everyRowIsWhole() {
    let lines = Tree.file(Row.path).text.split(separator: "\n")
    #expect(lines.count == Row.all.count + 1, "a line of \(Row.path) has not seven columns")
    #expect(Set(Row.all.map(\.id)).count == Row.all.count, "a row is there twice")
    #expect(Row.all.count > 600)
    #expect(Row.all.allSatisfy { !$0.rule.isEmpty }, "a row without its rule")
  }

  private static var current: Conformance {
    Conformance(rows: Row.all, tests: MarkedTest.all)
  }

  /// A row that is shown must not be called missing, and a group that is finished has no gaps.
  @Test func everyDeclarationHolds() {
    let found = Self.current.findings()
    #expect(found.isEmpty, "\(report(found))")
  }

  /// Writes the page instead, when BOWLINE_UPDATE=1 is in the environment.
  @Test func conformancePageIsCurrent() throws {
    let path = "docs/conformance.md"
    let current = Self.current
    if ProcessInfo.processInfo.environment["BOWLINE_UPDATE"] == "1" {
      try Tree.write(current.page, to: path)
      print(current.summary)
    } else {
      let isCurrent = Tree.file(path).text == current.page
      #expect(isCurrent, "\(path) is stale: run make conformance")
    }
  }
}
