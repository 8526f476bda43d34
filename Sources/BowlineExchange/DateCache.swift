package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

/// The Date field's value, made once per second per loop.
struct DateCache: ~Copyable {
  private var second: Int64 = .min
  private var text = ByteBuffer(capacity: 64)

  init() {}

  /// Adds `Date` to a head that is being composed (RFC 9110 §6.6.1).
  mutating func append(_ seconds: Int64, to head: inout HeadBlock) {
    if seconds != second {
      second = seconds
      text.removeAll()
      HTTPDate.append(seconds, to: &text)
    }
    head.add(.date, text.span)
  }
}

extension Links {
  /// Adds the current Date to a head that a role composes.
  package func appendDate(to head: inout HeadBlock) {
    date.value.append(network.wallClockSeconds, to: &head)
  }

  /// Seconds since 1970 (UTC), as the machine's clock has it.
  package var wallClockSeconds: Int64 { network.wallClockSeconds }
}
