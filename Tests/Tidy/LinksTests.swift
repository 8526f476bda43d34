import Testing

@Suite struct LinksTests {
  private func dead(_ text: String, _ others: [String: String] = [:]) -> [Int] {
    let document = SourceFile(path: "docs/page.md", text: text)
    return deadLinks(in: document) { others[$0] }.map(\.line)
  }

  @Test func linksAreRead() {
    let text = """
      A [b](c.md) and [d](../e.md#f "title"), ![g](h.png), [i](https://example.org/).
      `[not](this.md)` and [j](mailto:k@example.org)
      ```
      [nor](this.md)
      ```
      [l]: m.md
      """
    #expect(
      relativeLinks(in: text) == [
        Link(line: 1, target: "c.md"), Link(line: 1, target: "../e.md#f"),
        Link(line: 1, target: "h.png"), Link(line: 6, target: "m.md"),
      ])
  }

  @Test func headingsMakeAnchors() {
    let text = "# One, two: `three`\n## Four_five\n## Four_five\n```\n# six\n```\n### [A](b.md) c"
    #expect(anchors(in: text) == ["one-two-three", "four_five", "four_five-1", "a-c"])
  }

  @Test func aDeadLinkIsFound() {
    #expect(dead("x\n[a](b.md)") == [2])
    #expect(dead("[a](b.md)", ["docs/b.md": ""]) == [])
    #expect(dead("[a](../b.md)", ["b.md": ""]) == [])
    #expect(dead("[a](../../b.md)", ["b.md": ""]) == [1])
    #expect(dead("[a](b.md#c)", ["docs/b.md": "# d"]) == [1])
    #expect(dead("[a](b.md#d)", ["docs/b.md": "# D"]) == [])
    #expect(dead("# e\n[a](#e) [a](#f)") == [2])
    #expect(dead("[a](b.swift#L2)", ["docs/b.swift": "1\n2"]) == [])
    #expect(dead("[a](b.swift#L3)", ["docs/b.swift": "1\n2"]) == [1])
  }

  @Test func noLinkIsDead() {
    let found = Tree.documents.flatMap { document in
      deadLinks(in: document) { Tree.paths.contains($0) ? Tree.file($0).text : nil }
    }
    #expect(found.isEmpty, "\(report(found))")
  }
}
