import Testing

@Suite struct SwiftTextTests {
  @Test(arguments: [
    ("let a = 1 // print(", "let a = 1          "),
    ("a /* b /* c */ d */ e", "a                   e"),
    (#"f("print(") + g"#, #"f("      ") + g"#),
    (#"f("a\"b") + g"#, #"f("    ") + g"#),
    (#"f("a\(x + h("b"))c") + g"#, #"f(" \(x + h(" ")) ") + g"#),
    (##"f(#"a"b"#) + g"##, ##"f(#"   "#) + g"##),
    (##"f(#"a\(b)\#(c)"#)"##, ##"f(#"     \#(c)"#)"##),
    ("f(\"\"\"\na \"quoted\" b\n\"\"\") + g", "f(\"\"\"\n            \n\"\"\") + g"),
    ("f(\"// no\") + g", "f(\"     \") + g"),
  ])
  func codeKeepsNeitherCommentsNorLiterals(source: String, code: String) {
    #expect(SwiftText(source).code == code)
  }

  @Test func commentsAreKeptWithTheirPlace() {
    let text = SwiftText("a // one\n/* two\nthree */ b")
    #expect(text.commentLines == ["  // one", "/* two", "three */  "])
    #expect(text.codeLines == ["a       ", "      ", "         b"])
  }

  @Test func lengthAndLinesStay() {
    for file in Tree.everySwift {
      #expect(file.swift.code.utf8.count == file.text.utf8.count, "\(file.path)")
      #expect(file.swift.codeLines.count == file.lines.count, "\(file.path)")
    }
  }
}
