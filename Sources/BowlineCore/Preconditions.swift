/// What tells one state of a representation from another. RFC 9110 §8.8.
package struct Validators: ~Copyable {
  /// The entity-tag as it stands in a field.
  package var tag = ByteBuffer(capacity: 64)
  /// Last change, in seconds since 1970 (UTC).
  package var modified: Int64 = 0

  package init() {}

  /// A change less than this many seconds ago may be followed by another that validators do not
  /// tell from it: the system takes the time of a change from a clock that ticks in hundredths of
  /// a second, some file systems keep whole seconds, and FAT every other one.
  package static let settling: Int64 = 2

  /// True when a change at `changed` is so long past that no later one can bear the same time. A
  /// time that is still to come is none to rely on.
  package static func isSettled(_ changed: Int64, now: Int64) -> Bool {
    let (latest, overflow) = now.subtractingReportingOverflow(settling)
    return !overflow && changed <= latest
  }
}

/// The preconditions of a request, evaluated by the server that has the resource. RFC 9110 §13.
package enum Preconditions {
  /// What they come to.
  package enum Outcome: Sendable {
    /// Answer as if there were none.
    case proceed
    /// The client has it: 304.
    case notModified
    /// The client does not want this: 412.
    case failed
  }

  /// Evaluates the preconditions of `request`, in the order of RFC 9110 §13.2.2.
  ///
  /// To be asked only when the answer would be successful without them (§13.2.1), about a resource
  /// that exists.
  ///
  /// - Parameters:
  ///   - request: its head, or the fields of it that count here.
  ///   - current: of what would be sent.
  ///   - now: the present, in seconds since 1970.
  /// - Returns: what to do.
  package static func outcome(
    _ request: borrowing HeadBlock, _ current: borrowing Validators, now: Int64
  ) -> Outcome {
    let isRead: Bool
    switch request.start.method {
    case .get, .head: isRead = true
    case .other, .post, .put, .delete, .connect, .options, .trace, .patch: isRead = false
    }
    if request.contains(.ifMatch) {
      if !lists(request, .ifMatch, current, .strong) { return .failed }
    } else if let date = date(request, .ifUnmodifiedSince, now: now), current.modified > date {
      return .failed
    }
    if request.contains(.ifNoneMatch) {
      if lists(request, .ifNoneMatch, current, .weak) { return isRead ? .notModified : .failed }
    } else if isRead, let date = date(request, .ifModifiedSince, now: now),
      current.modified <= date
    {
      return .notModified
    }
    return .proceed
  }

  /// True when the Range of `request` counts: it has no If-Range, or one that names exactly what is
  /// there now. RFC 9110 §13.1.5.
  package static func rangeCounts(
    _ request: borrowing HeadBlock, _ current: borrowing Validators, now: Int64
  ) -> Bool {
    guard let index = request.first(.ifRange) else { return true }
    if request.repeats(.ifRange) { return false }
    let value = request.value(index)
    if EntityTag.isSame(value, current.tag.span, .strong) { return true }
    // A date is as weak as a second is long, unless it is over.
    guard let date = HTTPDate.moment(value, now: now) else { return false }
    return date == current.modified && Validators.isSettled(date, now: now)
  }

  /// True when one of the lines called `name` is `*`, or lists the tag of `current`.
  private static func lists(
    _ request: borrowing HeadBlock, _ name: FieldName, _ current: borrowing Validators,
    _ comparison: EntityTag.Comparison
  ) -> Bool {
    var line = request.first(name)
    while let index = line {
      let value = request.value(index)
      if value.count == 1 && value[0] == 0x2a { return true }
      if EntityTag.list(value, holds: current.tag.span, comparison) { return true }
      line = request.first(name, from: index + 1)
    }
    return false
  }

  /// The date of the line called `name`; nil when there is none or it is not valid, which several
  /// are not either: such a line is ignored.
  private static func date(
    _ request: borrowing HeadBlock, _ name: FieldName, now: Int64
  ) -> Int64? {
    guard let index = request.first(name), !request.repeats(name) else { return nil }
    return HTTPDate.moment(request.value(index), now: now)
  }
}
