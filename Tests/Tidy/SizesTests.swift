import Testing

@Suite struct SizesTests {
  private func file(_ text: String) -> SourceFile {
    SourceFile(path: "Sources/BowlineCore/Sample.swift", text: text)
  }

  @Test func aLongFileIsFound() {
    let line = "let a = 1\n"
    #expect(fileTooLong(file(String(repeating: line, count: 600))) == [])
    #expect(fileTooLong(file(String(repeating: line, count: 601))).count == 1)
  }

  @Test func aWideLineIsFound() {
    let wide = String(repeating: "x", count: 101)
    #expect(linesTooWide(file("a\n\(wide.dropLast())\n")) == [])
    #expect(linesTooWide(file("a\n\(wide)\n")).map(\.line) == [2])
  }

  @Test func functionsAreRead() {
    let code = """
      protocol P {
        func a(_ x: Int) -> Int
        var b: Int { get }
      }
      struct S {
        init() {
          self.init(x: { 1 }())
        }
        static func < (a: S, b: S) -> Bool { true }
        func long<T>(
          of x: () -> Void = {},
          and y: T
        ) throws where T: P {
          if true {
          }
        }
        subscript(a: Int) -> Int { 1 }
        deinit {
        }
      }
      """
    #expect(
      functions(in: code) == [
        Function(name: "init", firstLine: 6, lastLine: 8),
        Function(name: "<", firstLine: 9, lastLine: 9),
        Function(name: "long", firstLine: 10, lastLine: 16),
        Function(name: "subscript", firstLine: 17, lastLine: 17),
        Function(name: "deinit", firstLine: 18, lastLine: 19),
      ])
  }

  @Test func aLongFunctionIsFound() {
    func sample(_ lines: Int) -> String {
      "func f() {\n" + String(repeating: "  g()\n", count: lines - 2) + "}\n"
    }
    #expect(functionsTooLong(file(sample(60))) == [])
    #expect(functionsTooLong(file(sample(61))).count == 1)
  }

  @Test func nothingIsTooBig() {
    let found = Tree.everySwift.flatMap {
      fileTooLong($0) + linesTooWide($0) + functionsTooLong($0)
    }
    #expect(found.isEmpty, "\(report(found))")
  }

  @Test func everyExceptionIsStillNeeded() {
    let functionPaths = Size.longFunctions.keys.map { String($0.prefix { $0 != ":" }) }
    for path in Array(Size.longFiles.keys) + functionPaths {
      #expect(Tree.paths.contains(path), "\(path) is excepted and gone")
    }
  }
}
