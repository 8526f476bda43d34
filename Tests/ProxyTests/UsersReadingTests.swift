import BowlineProxy
import Testing

/// The file of `--users`.
@Suite struct UsersReadingTests {
  private static let hash = "$6$rounds=1000$salt$" + String(repeating: "a", count: 86)

  private func read(_ text: String) throws(Users.Refusal) -> Int {
    try Users(file: Array(text.utf8)).count
  }

  @Test func emptyLinesAndCommentsAreSkipped() throws {
    #expect(try read("# users\n\nalice:\(Self.hash)\n#bob\nbob:\(Self.hash)") == 2)
  }

  /// CR LF is one Character, which a split at LF passes over.
  @Test func linesMayEndWithCRLF() throws {
    #expect(try read("alice:\(Self.hash)\r\nbob:\(Self.hash)\r\n") == 2)
  }

  /// A colon with an accent is one Character, and another than a colon.
  @Test func aNameMayBeFollowedByAnAccent() {
    #expect(throws: Users.Refusal.self) { try read("alice\n") }
    #expect { try read("alice:\u{301}\(Self.hash)\n") } throws: { error in
      (error as? Users.Refusal)?.reason.contains("hashed in a way") == true
    }
  }

  @Test(arguments: [
    ("", 1), ("\n\n", 3), ("alice\n", 1), (":\(hash)\n", 1), ("alice:secret\n", 1), ("alice:\n", 1),
    ("alice:\(hash)\nbob\n", 2), ("a:\(hash)\r\nb:\(hash)\r\na:\(hash)\r\n", 3),
  ])
  func aRefusalNamesItsLine(_ text: String, _ line: Int) {
    #expect { try read(text) } throws: { ($0 as? Users.Refusal)?.line == line }
  }
}
