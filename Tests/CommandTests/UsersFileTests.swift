import BowlineProxy
import Testing

@Suite struct UsersFileTests {
  private static let hash = "$6$rounds=1000$saltsalt$" + String(repeating: "a", count: 86)
  private static let bcrypt = "$2y$05$" + String(repeating: "a", count: 53)

  @Test func namesAndHashesOneALine() throws {
    let users = try Users(file: Array("# who\n\nlady:\(Self.hash)\r\ntramp:\(Self.bcrypt)\n".utf8))
    #expect(users.count == 2)
  }

  @Test(arguments: [
    ("", 1, "there is nobody in it"), ("# x\n", 2, "there is nobody in it"),
    ("lady", 1, "`name:hash` is expected"), (":x", 1, "`name:hash` is expected"),
    ("\nlady:secret", 2, "not hashed"), ("lady:", 1, "not hashed"),
    ("lady:$apr1$salt$0123456789012345678901", 1, "not hashed"),
    ("lady:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", 1, "not hashed"),
    ("lady:$6$salt$short", 1, "or not whole"),
    ("lady:$2y$05$short", 1, "or not whole"),
    ("lady:\(hash)\nlady:\(hash)", 2, "`lady` is there twice"),
  ])
  func refusals(_ text: String, _ line: Int, _ reason: String) {
    do {
      _ = try Users(file: Array(text.utf8))
      Issue.record("accepted")
    } catch {
      #expect(error.line == line)
      #expect(error.reason.contains(reason), "\(error.reason)")
    }
  }
}
