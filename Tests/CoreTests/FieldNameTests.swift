import BowlineCore
import Testing

@Suite struct FieldNameTests {
  private static let known = FieldName.allCases.filter { $0 != .other }

  private func interned(_ text: String) -> FieldName {
    let bytes = Array(text.utf8)
    return FieldName(bytes.span)
  }

  @Test(arguments: known)
  func aNameIsKnownInAnyCase(name: FieldName) {
    let text = name.text.description
    #expect(interned(text) == name)
    #expect(interned(text.lowercased()) == name)
    #expect(interned(text.uppercased()) == name)
    var random = Seeded(Int(name.rawValue))
    for _ in 0..<50 {
      let mixed = text.map { random.below(2) == 0 ? $0.uppercased() : $0.lowercased() }
      #expect(interned(mixed.joined()) == name)
    }
  }

  /// One byte more, less or different names another field, or none that we know.
  @Test(arguments: known)
  func aNearMissIsAnotherName(name: FieldName) {
    let text = Array(name.text.description.utf8)
    let others = Set(Self.known.map { $0.text.description.lowercased() })
    func expectOther(_ bytes: [UInt8]) {
      let spelt = String(decoding: bytes, as: UTF8.self)
      if others.contains(spelt.lowercased()) { return }
      if FieldName(bytes.span) != .other { Issue.record("\(spelt) was taken for \(name)") }
    }
    expectOther(text + [0x73])
    expectOther([0x78] + text)
    for place in text.indices {
      var fewer = text
      fewer.remove(at: place)
      expectOther(fewer)
      for byte in UInt8.min...UInt8.max
      where Scan.lowercased(byte) != Scan.lowercased(text[place]) {
        var different = text
        different[place] = byte
        expectOther(different)
      }
    }
  }

  @Test(arguments: ["", "x", "X-Unknown", String(repeating: "a", count: 300)])
  func otherNamesAreOther(text: String) {
    #expect(interned(text) == .other)
  }

  @Test func everyNameIsATokenOnce() {
    #expect(Set(Self.known.map { $0.text.description.lowercased() }).count == Self.known.count)
    for name in Self.known {
      let text = Array(name.text.description.utf8)
      #expect(!text.isEmpty && text.allSatisfy(Scan.isToken))
    }
    #expect(FieldName.other.text.description == "")
  }
}
