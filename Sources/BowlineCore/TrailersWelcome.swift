extension TrailerRules {
  /// True when the sender of a request takes trailers in the response: version 1.1 or later, and
  /// `TE: trailers`, named in Connection (RFC 9110 §6.5.1, §10.1.4).
  package static func areWelcome(
    _ request: borrowing HeadBlock, _ options: ConnectionOptions
  ) -> Bool {
    guard options.te, request.start.version >= .http11 else { return false }
    var line = request.first(.te)
    while let index = line {
      let value = request.value(index)
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        if Scan.equalIgnoringCase(value.extracting(member), "trailers") { return true }
      }
      line = request.first(.te, from: index + 1)
    }
    return false
  }
}
