// The Keep-Alive field: how long and how often its sender means to use the connection.
//
// No RFC in force defines it. RFC 2068 §19.7.1.1 has the grammar, an expired draft the parameters
// timeout and max, and servers in use send both. So it is a hint: it may shorten what we do, and
// nothing is believed that would lengthen it.

/// What a received Keep-Alive field says.
package struct KeepAliveHint: Sendable, Equatable {
  /// Seconds without a request after which the sender closes; nil when it does not say.
  package private(set) var timeout: UInt32?
  /// Requests that the sender will still take; nil when it does not say.
  package private(set) var max: UInt32?

  /// Reads every Keep-Alive line of `head`, if its Connection field holds the option: without that,
  /// an old relay may have passed on what was not said to us (RFC 2068 §19.7.1.1).
  package init(_ head: borrowing HeadBlock, _ options: ConnectionOptions) {
    guard options.keepAlive else { return }
    var line = head.first(.keepAlive)
    while let index = line {
      read(head.value(index))
      line = head.first(.keepAlive, from: index + 1)
    }
  }

  /// True when nothing was said that we know.
  package var isEmpty: Bool { timeout == nil && max == nil }

  private mutating func read(_ value: Span<UInt8>) {
    var at = 0
    while at < value.count {
      let end = Self.endOfMember(value, from: at)
      note(value, FieldListCursor.trimmed(value, at..<end))
      at = end + 1
    }
  }

  /// Where the member that begins at `start` ends: at a comma that is in no quoted string.
  private static func endOfMember(_ value: Span<UInt8>, from start: Int) -> Int {
    var index = start
    var isQuoted = false
    while index < value.count {
      switch value[index] {
      case 0x22: isQuoted.toggle()
      case 0x5c where isQuoted: index += 1
      case 0x2c where !isQuoted: return index
      default: break
      }
      index += 1
    }
    return value.count
  }

  /// Notes one member: `name`, `name=token` or `name="text"`. What is unknown, or no number, is
  /// passed over. Of two values the smaller holds.
  private mutating func note(_ value: Span<UInt8>, _ member: Range<Int>) {
    var equals = member.lowerBound
    while equals < member.upperBound, value[equals] != 0x3d { equals += 1 }
    if equals == member.upperBound { return }
    let name = value.extracting(FieldListCursor.trimmed(value, member.lowerBound..<equals))
    guard
      let number = Self.number(
        value, FieldListCursor.trimmed(value, equals + 1..<member.upperBound))
    else { return }
    if Scan.equalIgnoringCase(name, "timeout") {
      timeout = Swift.min(timeout ?? number, number)
    } else if Scan.equalIgnoringCase(name, "max") {
      max = Swift.min(max ?? number, number)
    }
  }

  /// Decimal digits, with or without quotes around them. What is too large for us is the largest.
  private static func number(_ value: Span<UInt8>, _ range: Range<Int>) -> UInt32? {
    var digits = range
    if digits.count > 2, value[digits.lowerBound] == 0x22, value[digits.upperBound - 1] == 0x22 {
      digits = digits.lowerBound + 1..<digits.upperBound - 1
    }
    if digits.isEmpty { return nil }
    var number: UInt64 = 0
    for index in digits {
      let byte = value[index]
      guard byte >= 0x30 && byte <= 0x39 else { return nil }
      number = Swift.min(number * 10 + UInt64(byte - 0x30), UInt64(UInt32.max))
    }
    return UInt32(number)
  }
}

/// What we tell a client that asked to keep its connection: the values of our own timers.
package struct KeepAliveOffer: Sendable, Equatable {
  /// Seconds that we wait for the next request.
  package let timeout: UInt32
  /// Requests that we still take; nil is not limited.
  package let max: UInt32?

  package init(timeout: UInt32, max: UInt32?) {
    self.timeout = timeout
    self.max = max
  }
}
