/// The Via field: which recipients a message has been through. RFC 9110 §7.6.3.
package enum Via {
  /// True when `name` stands in Via as a recipient: the message has been here before.
  ///
  ///     Via = #( [ protocol-name "/" ] protocol-version RWS received-by [ RWS comment ] )
  package static func names(_ name: borrowing ByteBuffer, in head: borrowing HeadBlock) -> Bool {
    var line = head.first(.via)
    while let index = line {
      let value = head.value(index)
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        if receivedBy(value.extracting(member), is: name.span) { return true }
      }
      line = head.first(.via, from: index + 1)
    }
    return false
  }

  private static func receivedBy(_ member: Span<UInt8>, is name: Span<UInt8>) -> Bool {
    var start = 0
    while start < member.count, !isBlank(member[start]) { start += 1 }
    while start < member.count, isBlank(member[start]) { start += 1 }
    var end = start
    while end < member.count, !isBlank(member[end]) { end += 1 }
    return Scan.equalIgnoringCase(member.extracting(start..<end), name)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// The Max-Forwards field: how many more hops a TRACE or OPTIONS may go. RFC 9110 §7.6.2.
package enum MaxForwards: Equatable, Sendable {
  /// There is none, or the method has no use for it.
  case none
  /// So many are left.
  case left(UInt32)
  /// There is one, and it is no number.
  case malformed

  /// Most that is sent on; what was larger is cut to it.
  package static let most: UInt32 = 1_000_000

  package init(_ head: borrowing HeadBlock) {
    self = .none
    switch head.start.method {
    case .options, .trace: break
    default: return
    }
    guard let index = head.first(.maxForwards) else { return }
    let value = head.value(index)
    if value.isEmpty || value.count > 9 || head.repeats(.maxForwards) {
      self = .malformed
      return
    }
    var number: UInt32 = 0
    for index in value.indices {
      let digit = value[index] &- 0x30
      if digit > 9 {
        self = .malformed
        return
      }
      number = number * 10 + UInt32(digit)
    }
    self = .left(min(number, Self.most))
  }
}
