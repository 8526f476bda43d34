/// Entity-tags as they stand in fields: `"abc"`, or weak, `W/"abc"`. RFC 9110 §8.8.3.
package enum EntityTag {
  /// How two tags are compared. RFC 9110 §8.8.3.2.
  package enum Comparison: Sendable {
    /// Both must be strong: the bytes are the same.
    case strong
    /// Weak or not does not matter: the meaning is the same.
    case weak
  }

  /// True when `list`, the value of an If-Match or If-None-Match line, holds `tag`.
  ///
  /// What follows a member that is no entity-tag is not read. `*` is none.
  package static func list(
    _ list: Span<UInt8>, holds tag: Span<UInt8>, _ comparison: Comparison
  ) -> Bool {
    var start = 0
    while start < list.count {
      let byte = list[start]
      if byte == 0x2c || byte == 0x20 || byte == 0x09 {
        start += 1
        continue
      }
      guard let end = end(of: list, from: start) else { return false }
      if isSame(list.extracting(start..<end), tag, comparison) { return true }
      start = end
      // Between two of them stands a comma: a tag may hold one, and is not split by it.
      while start < list.count, list[start] == 0x20 || list[start] == 0x09 { start += 1 }
      if start < list.count, list[start] != 0x2c { return false }
    }
    return false
  }

  /// True when `a` and `b` are entity-tags and the same by `comparison`.
  package static func isSame(
    _ a: Span<UInt8>, _ b: Span<UInt8>, _ comparison: Comparison
  ) -> Bool {
    guard end(of: a, from: 0) == a.count, end(of: b, from: 0) == b.count else { return false }
    if comparison == .strong && (isWeak(a) || isWeak(b)) { return false }
    let left = a.extracting((isWeak(a) ? 2 : 0)..<a.count)
    let right = b.extracting((isWeak(b) ? 2 : 0)..<b.count)
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  /// True when `tag` begins as a weak one does; the `W` is a capital.
  package static func isWeak(_ tag: Span<UInt8>) -> Bool {
    tag.count >= 2 && tag[0] == 0x57 && tag[1] == 0x2f
  }

  /// Where the entity-tag that begins at `start` ends; nil: none begins there.
  private static func end(of text: Span<UInt8>, from start: Int) -> Int? {
    var at = start
    if text.count - at >= 2, text[at] == 0x57, text[at + 1] == 0x2f { at += 2 }
    guard at < text.count, text[at] == 0x22 else { return nil }
    at += 1
    while at < text.count {
      let byte = text[at]
      at += 1
      if byte == 0x22 { return at }
      if byte < 0x21 || byte == 0x7f { return nil }
    }
    return nil
  }
}
