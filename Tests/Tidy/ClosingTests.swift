import Testing

/// docs/closing.md, the one page about who closes a connection, when and how.
@Suite struct ClosingTests {
  /// The codes of the registry, read from its source: Tidy imports no room.
  private var codes: Set<String> {
    let source = Tree.file("Sources/BowlineJournal/EndReason.swift").text
    return Set(source.matches(of: #/: "([a-z.-]+)"/#).map { String($0.1) })
  }

  // covers: S156
  @Test func everyEndReasonIsOnThePage() {
    let page = Tree.file("docs/closing.md").text
    let named = Set(page.matches(of: #/`([a-z]+\.[a-z-]+(?:\.[a-z-]+)?)`/#).map { String($0.1) })
    #expect(codes.count > 70)
    #expect(codes.subtracting(named).sorted() == [])
  }
}
