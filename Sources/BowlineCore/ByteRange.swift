/// Which bytes of a representation a request asks for. RFC 9110 §14.
///
/// One range is enough to resume a transfer or to read a part. Several in one request would need a
/// multipart answer, and have been used to make servers send a file many times over: they get the
/// whole, which a server may always send (§14.2).
package enum ByteRange: Equatable, Sendable {
  /// All of it: nothing else was asked for, or nothing that we understand.
  case whole
  /// These bytes, at least one: 206.
  case part(Range<UInt64>)
  /// Bytes that do not exist: 416.
  case unsatisfiable

  /// What the Range of `request` asks of `size` bytes. Only GET has ranges.
  ///
  /// - Parameters:
  ///   - request: its head, or the fields of it that count here.
  ///   - size: how many bytes there are.
  ///   - current: of what would be sent, for If-Range.
  ///   - now: the present, in seconds since 1970.
  package init(
    _ request: borrowing HeadBlock, of size: UInt64, _ current: borrowing Validators, now: Int64
  ) {
    self = .whole
    guard case .get = request.start.method, let index = request.first(.range),
      !request.repeats(.range)
    else { return }
    let asked = ByteRange(request.value(index), of: size)
    if asked != .whole, Preconditions.rangeCounts(request, current, now: now) { self = asked }
  }

  /// What the value of a Range field asks of `size` bytes.
  package init(_ value: Span<UInt8>, of size: UInt64) {
    self = .whole
    // Of nothing, no Content-Range can be given, and some clients send a range with every request.
    guard size > 0, value.count > 6, Scan.equalIgnoringCase(value.extracting(0..<6), "bytes=")
    else { return }
    let set = value.extracting(6..<value.count)
    var cursor = FieldListCursor()
    guard let only = cursor.next(in: set), cursor.next(in: set) == nil else { return }
    self = ByteRange.spec(set.extracting(only), of: size)
  }

  /// `a-b`, `a-` or `-n`.
  private static func spec(_ spec: Span<UInt8>, of size: UInt64) -> ByteRange {
    var dash = 0
    while dash < spec.count, spec[dash] != 0x2d { dash += 1 }
    guard dash < spec.count else { return .whole }
    let before = spec.extracting(0..<dash)
    let behind = spec.extracting(dash + 1..<spec.count)
    if before.isEmpty {
      guard let length = number(behind) else { return .whole }
      return length == 0 ? .unsatisfiable : .part(size - min(length, size)..<size)
    }
    guard let first = number(before) else { return .whole }
    var last = UInt64.max
    if !behind.isEmpty {
      guard let number = number(behind), number >= first else { return .whole }
      last = number
    }
    return first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
  }

  /// Digits, one or more. What is too large for a number is as large as one can be: no file is
  /// longer.
  private static func number(_ digits: Span<UInt8>) -> UInt64? {
    if digits.isEmpty { return nil }
    var number: UInt64 = 0
    for index in digits.indices {
      let digit = digits[index] &- 0x30
      if digit > 9 { return nil }
      let (tens, wide) = number.multipliedReportingOverflow(by: 10)
      let (sum, wider) = tens.addingReportingOverflow(UInt64(digit))
      number = wide || wider ? .max : sum
    }
    return number
  }
}
