import BowlineCore
import Testing

@Suite struct MethodTests {
  private func method(_ text: String) -> Method {
    let bytes = Array(text.utf8)
    return Method(bytes.span)
  }

  @Test(arguments: Method.allCases.filter { $0 != .other })
  func aMethodIsSpeltExactly(known: Method) {
    let text = known.name.description
    #expect(method(text) == known)
    #expect(method(text.lowercased()) == .other)
    #expect(method(text + " ") == .other)
    #expect(method(String(text.dropLast())) == .other)
    #expect(method("X" + text.dropFirst()) == .other)
  }

  @Test(arguments: ["", "G", "FOO", "BREW", "QUERY", "UPDATE", "PROPFIND", "gET", "OPTIONs"])
  func otherWordsAreOther(text: String) {
    #expect(method(text) == .other)
  }

  // covers: K11, S170, S171
  @Test func safeAndIdempotentAreTwoTables() {
    let safe: [Method] = [.get, .head, .options, .trace]
    let idempotent = safe + [.put, .delete]
    for method in Method.allCases {
      #expect(method.isSafe == safe.contains(method), "\(method)")
      #expect(method.isIdempotent == idempotent.contains(method), "\(method)")
    }
  }

  @Test func statusesKnowTheirClass() {
    for code in UInt16(100)...999 {
      let status = Status(rawValue: code)
      #expect(status.isInformational == (100...199).contains(code))
      #expect(status.isSuccessful == (200...299).contains(code))
      #expect(status.forbidsContent == (code < 200 || code == 204 || code == 304))
    }
  }

  @Test func versionsAreOrdered() {
    #expect(Version.http10 < .http11)
    #expect(Version(major: 1, minor: 9) < Version(major: 2, minor: 0))
    #expect(!(Version.http11 < .http11))
  }
}
