import Testing

@Suite struct RoomsTests {
  @Test func theMatrixGoesDownwards() {
    #expect(upwardArrows(rooms: Matrix.rooms, sideways: Matrix.sideways) == [])
  }

  @Test func anUpwardArrowIsFound() {
    let rooms = [
      Room("A", level: 0, rooms: ["B"]), Room("B", level: 1, rooms: ["C"]),
      Room("C", level: 1, rooms: ["A", "X"]),
    ]
    #expect(
      upwardArrows(rooms: rooms, sideways: [:]) == ["A -> B", "B -> C", "C -> X: no such room"])
    #expect(
      upwardArrows(rooms: rooms, sideways: ["B": ["C"]]) == ["A -> B", "C -> X: no such room"])
  }

  @Test(arguments: [
    ("import BowlineCore", "BowlineCore"), ("  package import Glibc", "Glibc"),
    ("internal import struct Foundation.Date", "Foundation"),
    ("@preconcurrency import A", "A"), ("@_spi(X) public import A.B", "A"),
  ])
  func importsAreRead(line: String, module: String) {
    #expect(importedModule(line[...]) == module)
  }

  @Test func otherLinesAreNoImports() {
    #expect(importedModule("let important = 1") == nil)
    #expect(importedModule("importAll()") == nil)
  }

  @Test(arguments: [
    ("Sources/BowlineHTTP1/A.swift", "import BowlineTransport"),
    ("Sources/BowlineHTTP1/A.swift", "import Glibc"),
    ("Sources/BowlineCore/Other.swift", "internal import Glibc"),
    ("Sources/BowlinePool/A.swift", "import Synchronization"),
    ("Sources/BowlineExchange/A.swift", "import BowlineUpstream"),
    ("Sources/BowlineServer/A.swift", "import BowlineProxy"),
    ("Sources/bowline/A.swift", "import Foundation"),
    ("Sources/BowlineJournal/A.swift", "import BowlineHTTP1"),
    ("Sources/BowlineUnheard/A.swift", "// no import at all"),
  ])
  func aForbiddenImportIsFound(path: String, line: String) {
    let file = SourceFile(path: path, text: "// first line\n\(line)\n")
    let declared = declaredDependencies(manifest: Tree.manifest.text)
    #expect(forbiddenImports(in: file, declared: declared).count == 1)
  }

  @Test func anUndeclaredImportIsFound() {
    let file = SourceFile(path: "Sources/BowlineExchange/A.swift", text: "import BowlineHTTP1")
    #expect(forbiddenImports(in: file, declared: ["BowlineExchange": ["BowlineCore"]]).count == 1)
    #expect(forbiddenImports(in: file, declared: ["BowlineExchange": ["BowlineHTTP1"]]) == [])
  }

  @Test func aForbiddenDependencyIsFound() {
    let good = Tree.manifest.text
    let bad = good.replacing(
      #"room("BowlineHTTP1", ["BowlineCore"])"#, with: #"room("BowlineHTTP1", ["BowlineServer"])"#)
    #expect(bad != good)
    let found = forbiddenDependencies(manifest: SourceFile(path: "Package.swift", text: bad))
    #expect(found.map(\.message) == ["BowlineHTTP1 may not depend on BowlineServer"])
  }

  @Test func everyImportIsAllowed() {
    let declared = declaredDependencies(manifest: Tree.manifest.text)
    let found = Tree.sources.flatMap { forbiddenImports(in: $0, declared: declared) }
    #expect(found.isEmpty, "\(report(found))")
  }

  @Test func everyDependencyIsAllowed() {
    let found = forbiddenDependencies(manifest: Tree.manifest)
    #expect(found.isEmpty, "\(report(found))")
  }
}
