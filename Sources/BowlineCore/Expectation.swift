/// What a request expects before it sends its content. RFC 9110 §10.1.1.
package enum Expectation: UInt8, Sendable {
  /// Nothing, or the request is of version 1.0, whose expectations are ignored.
  case none
  /// `100-continue`.
  case continue100
  /// Something that no RFC defines; 417 may answer it.
  case unknown

  /// Reads the Expect lines of a request head. The value is compared without case.
  package init(_ head: borrowing HeadBlock) {
    self = .none
    if head.start.version < .http11 { return }
    var line = head.first(.expect)
    while let index = line {
      let value = head.value(index)
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        if !Scan.equalIgnoringCase(value.extracting(member), "100-continue") {
          self = .unknown
          return
        }
        self = .continue100
      }
      line = head.first(.expect, from: index + 1)
    }
  }
}
