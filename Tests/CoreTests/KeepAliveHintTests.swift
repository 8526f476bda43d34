import BowlineCore
import Testing

@Suite struct KeepAliveHintTests {
  private static func hint(
    _ values: String..., connection: String = "keep-alive"
  ) -> (timeout: UInt32?, max: UInt32?) {
    let lines = values.map { ("Keep-Alive", $0) }
    let head = response(200, connection.isEmpty ? lines : [("Connection", connection)] + lines)
    let hint = KeepAliveHint(head, ConnectionOptions(head))
    return (hint.timeout, hint.max)
  }

  // covers: S106, S107, R162
  @Test(
    arguments: [
      ("timeout=5, max=100", 5, 100),
      ("timeout=5, max=100, x=\"a,b\", y", 5, 100),
      ("timeout=5, foo=\"a,b\", bar", 5, nil),
      ("TimeOut=5 ,MAX=0", 5, 0), ("timeout = 7", 7, nil), ("timeout=\"8\"", 8, nil),
      ("max=2", nil, 2), ("", nil, nil), (",, ,", nil, nil), ("5", nil, nil), ("=5", nil, nil),
      ("timeout", nil, nil), ("timeout=", nil, nil), ("timeout=-1", nil, nil),
      ("timeout=5s", nil, nil), ("timeout=\"\"", nil, nil), ("timeout=5;max=1", nil, nil),
      ("x=\"a, timeout=1\", max=3", nil, 3), ("x=\"\\\", timeout=1\", max=3", nil, 3),
      ("x=\"open, timeout=1", nil, nil), ("x=\"open\\", nil, nil),
      ("timeout=99999999999999999999999", .max, nil), ("timeout=9, timeout=4, timeout=6", 4, nil),
    ] as [(String, UInt32?, UInt32?)])
  func reads(_ value: String, _ timeout: UInt32?, _ max: UInt32?) {
    let hint = Self.hint(value)
    #expect(hint.timeout == timeout)
    #expect(hint.max == max)
  }

  @Test func readsEveryLine() {
    #expect(Self.hint("timeout=9", "max=7, timeout=8") == (8, 7))
  }

  // covers: S108, R161
  @Test(arguments: ["", "close", "Keep-Alive-Not, upgrade"])
  func isNothingWithoutTheOption(_ connection: String) {
    #expect(Self.hint("timeout=1, max=0", connection: connection) == (nil, nil))
  }

  @Test func isFoundAmongOtherOptions() {
    #expect(Self.hint("timeout=1", connection: "foo, KEEP-alive") == (1, nil))
  }
}
