package import BowlineCore
package import BowlineHTTP1

/// What a machine said about its input, in a form that every way of cutting must share.
package struct Transcript: Equatable, Sendable {
  package enum Entry: Equatable, Sendable {
    case head(start: [UInt8], fields: [UInt8], BodyFraming)
    case informational(start: [UInt8], fields: [UInt8])
    /// Body bytes, joined: where they were cut is nobody's business.
    case body([UInt8])
    /// With the trailer fields; nil when there was no trailer section.
    case end(trailers: [UInt8]?)
    case answered(Status, closes: Bool)
    /// From here on bytes are raw. `weEndFirst`: our direction is ended already.
    case tunnel(weEndFirst: Bool)
    case fault(Fault)
    case streamEnded(Fault?)
    case connectionEnds(CloseCause)
  }

  package private(set) var entries: [Entry] = []
  private var body: [UInt8] = []

  package init() {}

  package mutating func note(_ entry: Entry) {
    if !body.isEmpty { entries.append(.body(body)) }
    body.removeAll()
    entries.append(entry)
  }

  mutating func note(body part: Span<UInt8>) {
    for index in part.indices { body.append(part[index]) }
  }

  /// The body of the first message, the one that is not pipelined; empty if there is none.
  var firstBody: [UInt8] {
    for entry in entries {
      if case .body(let body) = entry { return body }
      if case .end = entry { return [] }
    }
    return []
  }
}

extension Transcript: CustomStringConvertible {
  package var description: String { entries.map(\.description).joined(separator: "\n") }
}

extension Transcript.Entry: CustomStringConvertible {
  package var description: String {
    switch self {
    case .head(let start, let fields, let framing):
      "  head \(visible(start)) | \(visible(fields)) | \(framing)"
    case .informational(let start, let fields):
      "  informational \(visible(start)) | \(visible(fields))"
    case .body(let body): "  body \(visible(body))"
    case .end(let trailers): "  end" + (trailers.map { " " + visible($0) } ?? "")
    case .answered(let status, let closes):
      "  answered \(status.rawValue)\(closes ? ", close" : "")"
    case .tunnel(let weEndFirst): "  tunnel\(weEndFirst ? ", ended by us" : "")"
    case .fault(let fault): "  fault \(fault.kind) at \(fault.offset)"
    case .streamEnded(let fault):
      "  stream ended" + (fault.map { ": \($0.kind) at \($0.offset)" } ?? "")
    case .connectionEnds(let cause): "  connection ends: \(cause)"
    }
  }
}

extension HeadBlock {
  /// The start line's parts as one run.
  var startText: [UInt8] {
    if start.status != 0 {
      var text = Array("\(start.version.major).\(start.version.minor) ".utf8)
      text += Array("\(start.status.rawValue) ".utf8)
      return text + array(reason)
    }
    var text = array(method)
    text.append(0x20)
    text += array(target)
    return text + Array(" \(start.version.major).\(start.version.minor)".utf8)
  }

  /// `name: value LF` of the field lines, without those in `except`.
  func fieldText(except: FieldNameSet = []) -> [UInt8] {
    var text: [UInt8] = []
    for index in 0..<count where !except.contains(self[index].name) {
      text += array(name(index))
      text += [0x3a, 0x20]
      text += array(value(index))
      text.append(0x0a)
    }
    return text
  }
}

extension Limits {
  /// The defaults.
  static let standard = Limits(Settings())

  /// For heads that we wrote: longer than what was received by what we added.
  static let wide: Limits = {
    var limits = standard
    limits.fieldLine *= 2
    limits.head *= 2
    limits.fields *= 2
    return limits
  }()

  /// So small that short inputs reach them. Below the bounds of the settings, which a machine does
  /// not know.
  static let tight: Limits = {
    var limits = standard
    limits.requestLine = 96
    limits.fieldLine = 32
    limits.head = 160
    limits.fields = 5
    limits.emptyLines = 1
    limits.chunkSizeDigits = 3
    limits.chunkExtension = 12
    limits.informational = 1
    limits.body = 40
    return limits
  }()

  /// Throws when a head, or the part of one that is held, is larger than allowed.
  func check(_ head: borrowing HeadBlock, isWhole: Bool) throws(Violation) {
    let size = head.bytes.count
    try require(size <= self.head, "\(size) bytes of a head are held, \(self.head) are allowed")
    let fields = head.count
    try require(fields <= self.fields, "\(fields) fields, \(self.fields) are allowed")
    if !isWhole { return }
    for index in 0..<fields {
      let entry = head[index]
      let length = Int(entry.valueStart - entry.nameStart) + Int(entry.valueLength)
      try require(length <= fieldLine, "a field line of \(length), \(fieldLine) are allowed")
    }
    let line = head.start.targetRange.upperBound
    try require(line <= requestLine, "a request line of \(line), \(requestLine) are allowed")
  }
}
