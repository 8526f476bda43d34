import BowlineCore
import BowlineHTTP1

/// Each line of the input as the value of a Keep-Alive field.
enum KeepAliveInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let plain = PlainHead(.keepAlive, input)
    let head = plain.request("GET")
    let unsaid = KeepAliveHint(head, ConnectionOptions())
    try require(unsaid.isEmpty, "Keep-Alive is read without the option of its name")
    let hint = KeepAliveHint(head, keeping())
    let members = plain.values(.keepAlive).flatMap(members)
    try require(hint.timeout == least("timeout", members), "timeout is read as \(hint)")
    try require(hint.max == least("max", members), "max is read as \(hint)")
    try require(hint.isEmpty == (hint.timeout == nil && hint.max == nil), "\(hint) is not empty")
    try checkOffer(mark(input))
  }

  /// The options of `Connection: keep-alive`.
  private static func keeping() -> ConnectionOptions {
    var head = HeadBlock()
    head.compose(status: 200)
    head.add(.connection, "keep-alive")
    return ConnectionOptions(head)
  }

  /// The smallest number that a member called `name` has.
  private static func least(_ name: String, _ members: [[UInt8]]) -> UInt32? {
    var numbers: [UInt32] = []
    for member in members {
      let parts = member.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, visible(trimmed(parts[0]).map(lower)) == name else { continue }
      var text = trimmed(parts[1])
      let isQuoted = text.count > 1 && text.first == 0x22 && text.last == 0x22
      if isQuoted { text = Array(text[1..<text.count - 1]) }
      if let number = plainNumber(text, most: UInt64(UInt32.max)) { numbers.append(UInt32(number)) }
    }
    return numbers.min()
  }

  /// What stands between commas, where a comma in quotes is none.
  private static func members(_ value: [UInt8]) -> [[UInt8]] {
    var members: [[UInt8]] = [[]]
    var rest = value[...]
    while let byte = rest.popFirst() {
      if byte == 0x2c {
        members.append([])
        continue
      }
      members[members.count - 1].append(byte)
      if byte != 0x22 { continue }
      // A quoted string, to its end.
      while let inside = rest.popFirst() {
        members[members.count - 1].append(inside)
        if inside == 0x22 { break }
        if inside == 0x5c, let escaped = rest.popFirst() {
          members[members.count - 1].append(escaped)
        }
      }
    }
    return members.map { trimmed($0[...]) }
  }

  /// What we say is read as what we said.
  private static func checkOffer(_ number: UInt64) throws(Violation) {
    let timeout = UInt32(truncatingIfNeeded: number)
    let max = number >> 63 == 0 ? UInt32(truncatingIfNeeded: number >> 32) : nil
    var server = HTTP1Connection.asked(.get, isOld: false)
    var response = HeadBlock()
    var wire = ByteBuffer()
    response.compose(status: 200)
    server.send(
      response: response, body: .none, close: false,
      offer: KeepAliveOffer(timeout: timeout, max: max), into: &wire)
    var client = HTTP1Connection(role: .client)
    Question.get.ask(&client)
    var head = HeadBlock()
    var cursor = 0
    _ = client.receive(wire.span, at: &cursor, head: &head, limits: .standard)
    let hint = KeepAliveHint(head, head.options)
    try require(
      hint.timeout == timeout && hint.max == max, "\(visible(array(wire.span))) is read as \(hint)")
  }
}
