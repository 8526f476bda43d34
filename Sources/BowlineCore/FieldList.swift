/// Walks the members of a comma-separated field value. RFC 9110 §5.6.1.
///
/// Empty members are passed over. Quoted strings are not known here: the lists that the rules read
/// hold tokens only, and a member with a quote in it is refused or ignored by its rule.
package struct FieldListCursor: Sendable {
  /// Offset of the first byte not looked at.
  package private(set) var at = 0

  package init() {}

  /// The range of the next member of `value` without whitespace around it; nil at the end.
  package mutating func next(in value: Span<UInt8>) -> Range<Int>? {
    let count = value.count
    while at < count {
      var start = at
      while start < count, value[start] != 0x2c { start += 1 }
      let member = FieldListCursor.trimmed(value, at..<start)
      at = start < count ? start + 1 : count
      if !member.isEmpty { return member }
    }
    return nil
  }

  /// `range` without SP and HTAB at either end.
  package static func trimmed(_ value: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isBlank(value[start]) { start += 1 }
    while end > start, isBlank(value[end - 1]) { end -= 1 }
    return start..<end
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
