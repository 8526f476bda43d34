import Testing

@Suite struct BugsTests {
  private func findings(_ code: String, path: String) -> Int {
    strayBugs(in: SourceFile(path: path, text: code)).count
  }

  @Test func aStrayBugIsFound() {
    let place = "Sources/BowlinePool/Ledger.swift"
    #expect(findings("#if BOWLINE_BUG_LIMIT\n#endif", path: place) == 0)
    #expect(findings("// BOWLINE_BUG_OTHER", path: place) == 0)
    #expect(findings("#if BOWLINE_BUG_OTHER\n#endif", path: place) == 1)
    #expect(findings("#if !BOWLINE_BUG_LIMIT\n#endif", path: "Sources/BowlineCore/A.swift") == 1)
  }

  @Test func aMissingBugIsFound() {
    let script = SourceFile(path: "Scripts/simulate-bugs.sh", text: "LIMIT")
    #expect(missingBugs(in: [], script: script).count == SeededBug.files.count)
    let source = SourceFile(path: "Sources/A/A.swift", text: "#if BOWLINE_BUG_LIMIT")
    #expect(missingBugs(in: [source], script: script).count == SeededBug.files.count - 1)
  }

  @Test func everyBugIsWhereTheListHasIt() {
    let stray = Tree.sources.flatMap(strayBugs)
    #expect(stray.isEmpty, "\(report(stray))")
    let missing = missingBugs(in: Tree.sources, script: Tree.file("Scripts/simulate-bugs.sh"))
    #expect(missing.isEmpty, "\(report(missing))")
  }
}
