import Testing

@Suite struct MemoryTests {
  private func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: "Sources/\(path)", text: text)
  }

  @Test(arguments: [
    ("BowlineHTTP1/A.swift", "let a = unsafe b"),
    ("BowlineHTTP1/A.swift", "var p: UnsafeMutablePointer<Int>"),
    ("BowlineHTTP1/A.swift", "nonisolated(unsafe) var a = 1"),
    ("BowlineCore/HeadBlock.swift", "extension A: @unchecked Sendable {}"),
    ("BowlineTransport/SimulatedNetwork.swift", "a.withUnsafeBytes { $0 }"),
    ("BowlineTransport/Network.swift", "let a = unsafe b"),
  ])
  func anUnsafeWordIsFound(path: String, code: String) {
    #expect(unsafeWords(in: file(path, code)).count == 1)
  }

  @Test(arguments: [
    ("BowlineCore/Scan.swift", "let a = unsafe b"),
    ("BowlineTransport/Epoll.swift", "let a = unsafe b"),
    ("BowlineHTTP1/A.swift", "// not unsafe"),
  ])
  func anAuditedOneIsNot(path: String, code: String) {
    #expect(unsafeWords(in: file(path, code)) == [])
  }

  @Test(arguments: [
    "var a: [Int: String] = [:]", "let a: Set<Int>", "  private var a = [String: Int]()",
    "var a: Dictionary<Int, Int>", "let a = Set(list)", "var a: [Handle: [Int]]",
  ])
  func aHashedCollectionIsFound(code: String) {
    #expect(hashedCollections(in: file("BowlinePool/A.swift", code)).count == 1)
  }

  @Test(arguments: [
    "var a: [Int] = []", "let a: [[Int]]", "func f(a: [Int: Int])", "let s: Settings",
  ])
  func anArrayIsNot(code: String) {
    #expect(hashedCollections(in: file("BowlinePool/A.swift", code)) == [])
  }

  @Test(arguments: [
    "for (k, v) in table { f(k) }", "for k in self.table.keys {", "table.values.forEach { f($0) }",
    "let x = table.first", "table.map { $0 }",
  ])
  func aWalkInHashedOrderIsFound(code: String) {
    let text = "var table: [Int: Int] = [:]\n" + code
    #expect(hashedWalks(in: file("BowlineObserve/A.swift", text)).count == 1)
  }

  @Test(arguments: ["for k in table.keys.sorted() {", "for x in table[1] {", "table[2] = 1"])
  func aSortedWalkIsNot(code: String) {
    let text = "var table: [Int: Int] = [:]\n" + code
    #expect(hashedWalks(in: file("BowlineObserve/A.swift", text)) == [])
  }

  @Test func rawMemoryStaysInTheAuditedFiles() {
    let found = Tree.sources.flatMap(unsafeWords)
    #expect(found.isEmpty, "\(report(found))")
  }

  @Test func everyAuditedFileIsThere() {
    for path in RawMemory.files.keys { #expect(Tree.paths.contains(path), "\(path) is gone") }
  }

  @Test func nothingDependsOnHashedOrder() {
    let found = Tree.sources.flatMap { hashedCollections(in: $0) + hashedWalks(in: $0) }
    #expect(found.isEmpty, "\(report(found))")
  }
}
