import Testing

@Suite struct MarksTests {
  private func file(_ text: String) -> SourceFile {
    SourceFile(path: "Tests/CoreTests/Sample.swift", text: text)
  }

  /// Written in two parts, so that this file's samples are not marks themselves.
  private let mark = "// " + "covers: "

  @Test func marksAreRead() {
    let text = """
      struct T {
        \(mark)R001, R002
        @Test func a() { #expect(true) }
        \(mark)R003
        /// A doc comment between.
        @Test("title", arguments: [
          1, 2,
        ])
        func b(x: Int) {
          helper(x)
        }
        \(mark)R004
        let c = 1
        \(mark)R005
        @Test func d() { noHelper() }
      }
      """
    let path = "Tests/CoreTests/Sample.swift"
    #expect(
      markedTests(in: file(text), helpers: ["helper"]) == [
        MarkedTest(
          path: path, line: 2, rows: ["R001", "R002"], function: "a", isParameterised: false,
          expects: true),
        MarkedTest(
          path: path, line: 4, rows: ["R003"], function: "b", isParameterised: true, expects: true),
        MarkedTest(
          path: path, line: 12, rows: ["R004"], function: "", isParameterised: false,
          expects: false),
        MarkedTest(
          path: path, line: 14, rows: ["R005"], function: "d", isParameterised: false,
          expects: false),
      ])
  }

  @Test func networksAndCutsAreNoTable() {
    func isTable(_ arguments: String) -> Bool {
      let text = "\(mark)R001\n@Test(arguments: \(arguments)) func a() { #expect(true) }"
      return markedTests(in: file(text)).first?.isParameterised ?? false
    }
    #expect(!isTable("Place.allCases"))
    #expect(!isTable("Place.allCases, Split.all"))
    #expect(isTable("rows"))
    #expect(isTable("[1, 2], Place.allCases"))
  }

  @Test func scriptsAreRead() {
    let hash = "# " + "covers: "
    let python = """
      def idle(port):
          \(hash)S144
          same("an idle one", 1, port)
      \(hash)S145, S146
      def other():
          # Why.
          idle(2)
      \(hash)S147
      def quiet():
          start()
      \(hash)S148
      x = 1
      """
    let tests = markedChecks(in: SourceFile(path: "Tests/EndToEnd/a.py", text: python))
    #expect(tests.map(\.function) == ["an idle one", "other", "quiet", ""])
    #expect(tests.map(\.rows) == [["S144"], ["S145", "S146"], ["S147"], ["S148"]])
    #expect(tests.map(\.expects) == [true, true, false, false])
    let bash = """
      origin() {
        same "it" 1 2
      }
      \(hash)S149
      origin
      \(hash)S150
      holds "a label" 'x' "$head"
      """
    let checks = markedChecks(in: SourceFile(path: "Tests/EndToEnd/a.sh", text: bash))
    #expect(checks.map(\.function) == ["a label", "a label"])
    #expect(checks.map(\.expects) == [true, true])
  }

  @Test func helpersAreFoundThroughEachOther() {
    let text = """
      func a() { b(1) }
      func b(_ x: Int) { c<Int>(x) }
      func c<T>(_ x: T) { #expect(true) }
      func d() { e() }
      """
    #expect(expectingHelpers(in: [file(text)]) == ["a", "b", "c"])
  }

  private func test(
    rows: [String] = ["R001"], function: String = "f", isParameterised: Bool = false,
    expects: Bool = true
  ) -> MarkedTest {
    MarkedTest(
      path: "T.swift", line: 1, rows: rows, function: function, isParameterised: isParameterised,
      expects: expects)
  }

  @Test func aBadMarkIsFound() {
    let rows: Set = ["R001", "R002", "R003", "R004", "R005", "R006"]
    func count(_ test: MarkedTest) -> Int { badMarks([test], rows: rows).count }
    #expect(count(test()) == 0)
    #expect(count(test(rows: ["R999"])) == 1)
    #expect(count(test(rows: [])) == 1)
    #expect(count(test(function: "")) == 1)
    #expect(count(test(expects: false)) == 1)
    #expect(count(test(rows: rows.sorted())) == 1)
    #expect(count(test(rows: rows.sorted(), isParameterised: true)) == 0)
    #expect(count(test(rows: Array(rows.sorted().prefix(5)))) == 0)
    let halves = [test(rows: ["R001", "R002", "R003"]), test(rows: ["R004", "R005", "R006"])]
    #expect(badMarks(halves, rows: rows).count == 2)
  }

  @Test func everyMarkIsGood() {
    let found = badMarks(MarkedTest.all, rows: Set(Row.all.map(\.id)))
    #expect(found.isEmpty, "\(report(found))")
  }
}
