package import BowlineCore

/// The input as the conditions of a request: the first byte says the method (`g` GET, `h` HEAD, `p`
/// PUT, `o` another), the lines behind it are fields.
enum ConditionInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    guard let first = input.first else { return }
    let methods: [UInt8: String] = [0x68: "HEAD", 0x70: "PUT", 0x6f: "PROPFIND"]
    let method = methods[first] ?? "GET"
    let names: [FieldName] = [
      .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .range,
    ]
    let plain = PlainHead(names, input.dropFirst())
    let head = plain.request(method)
    for tag in ["\"a\"", "W/\"a\"", "\"a,b\""] {
      for now in [modified, modified + 1, modified + 2, 1_800_000_000] {
        var current = Validators()
        current.tag.append(utf8: tag)
        current.modified = modified
        let state = State(tag: PlainTag(tag), modified: modified, now: now)
        let outcome = Preconditions.outcome(head, current, now: now)
        let expected = state.outcome(plain, method)
        try require(
          outcome == expected, "\(method) at \(now), \(tag): \(outcome), plainly \(expected)")
        let counts = Preconditions.rangeCounts(head, current, now: now)
        try require(
          counts == state.rangeCounts(plain), "at \(now), \(tag): a range that counts: \(counts)")
        let range = ByteRange(head, of: 1000, current, now: now)
        var asked = ByteRange.whole
        if method == "GET", let value = plain.only(.range), state.rangeCounts(plain) {
          asked = RangeInvariants.plain(value, 1000)
        }
        try require(range == asked, "at \(now), \(tag): \(range), plainly \(asked)")
      }
    }
  }

  /// Sun, 06 Nov 1994 08:49:37 GMT
  private static let modified: Int64 = 784_111_777

  /// What is there, and the steps of RFC 9110 §13.2.2 one by one.
  private struct State {
    let tag: PlainTag
    let modified: Int64
    let now: Int64

    func outcome(_ plain: PlainHead, _ method: String) -> Preconditions.Outcome {
      let isRead = method == "GET" || method == "HEAD"
      let (wanted, held) = (plain.values(.ifMatch), plain.values(.ifNoneMatch))
      // 1 and 2: the client may have lost its hold on what it wants to change.
      if !wanted.isEmpty {
        if !wanted.contains(where: { holds($0, strong: true) }) { return .failed }
      } else if let date = date(plain, .ifUnmodifiedSince), date < modified {
        return .failed
      }
      // 3 and 4: the client may have it already.
      if !held.isEmpty {
        if held.contains(where: { holds($0, strong: false) }) {
          return isRead ? .notModified : .failed
        }
      } else if isRead, let date = date(plain, .ifModifiedSince), date >= modified {
        return .notModified
      }
      return .proceed
    }

    /// 5: the range is of what the client has a part of.
    func rangeCounts(_ plain: PlainHead) -> Bool {
      if plain.values(.ifRange).isEmpty { return true }
      guard let value = plain.only(.ifRange) else { return false }
      let tags = PlainTag.list(value)
      if value.contains(0x22) {
        return tags.count == 1 && tags[0].text == value && tags[0].isSame(tag, strong: true)
      }
      return date(plain, .ifRange) == modified && now - modified >= 2
    }

    private func holds(_ value: [UInt8], strong: Bool) -> Bool {
      value == [0x2a] || PlainTag.list(value).contains { $0.isSame(tag, strong: strong) }
    }

    private func date(_ plain: PlainHead, _ name: FieldName) -> Int64? {
      plain.only(name).flatMap { PlainDate($0)?.moment(now: now) }
    }
  }
}

/// An entity-tag.
private struct PlainTag {
  /// With its `W/`.
  let text: [UInt8]

  init(_ text: String) { self.text = Array(text.utf8) }

  private init(bytes: [UInt8]) { text = bytes }

  private var isWeak: Bool { text.first == 0x57 }

  func isSame(_ other: PlainTag, strong: Bool) -> Bool {
    if strong { return !isWeak && text == other.text }
    return text.drop { $0 != 0x22 } == other.text.drop { $0 != 0x22 }
  }

  /// The members of a list, as far as it is one.
  static func list(_ value: [UInt8]) -> [PlainTag] {
    var tags: [PlainTag] = []
    var rest = value[...]
    while true {
      rest = rest.drop { isBlank($0) || $0 == 0x2c }
      let prefix = rest.starts(with: [0x57, 0x2f]) ? 2 : 0
      let opened = rest.dropFirst(prefix)
      guard opened.first == 0x22 else { return tags }
      let inside = opened.dropFirst().prefix { $0 != 0x22 }
      let isWhole = inside.endIndex < rest.endIndex
      guard isWhole, inside.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { return tags }
      tags.append(PlainTag(bytes: Array(rest[..<(inside.endIndex + 1)])))
      rest = rest[(inside.endIndex + 1)...].drop { isBlank($0) }
      if let next = rest.first, next != 0x2c { return tags }
    }
  }
}

/// The input as the value of a Range field.
package enum RangeInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let value = trimmed(input[...])
    for size in [0, 1, 10, 1000, .max - 1, .max, mark(input)] as [UInt64] {
      let range = ByteRange(value.span, of: size)
      let expected = plain(value, size)
      try require(range == expected, "of \(size): \(range), plainly \(expected)")
      if case .part(let part) = range {
        try require(!part.isEmpty && part.upperBound <= size, "\(part) of \(size)")
      }
    }
  }

  /// What `value` asks of `size` bytes. A number past 2^64 is the largest below.
  package static func plain(_ value: [UInt8], _ size: UInt64) -> ByteRange {
    let prefix = visible(value.prefix(6).map(lower))
    let specs = value.dropFirst(6).split(separator: 0x2c).map(trimmed).filter { !$0.isEmpty }
    guard size > 0, prefix == "bytes=", specs.count == 1 else { return .whole }
    let parts = specs[0].split(separator: 0x2d, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return .whole }
    let (first, last) = (plainNumber(parts[0], most: .max), plainNumber(parts[1], most: .max))
    switch (first, last) {
    case (nil, let suffix?) where parts[0].isEmpty:
      if suffix == 0 { return .unsatisfiable }
      return .part((suffix >= size ? 0 : size - suffix)..<size)
    case (let first?, nil) where parts[1].isEmpty:
      return first >= size ? .unsatisfiable : .part(first..<size)
    case (let first?, let last?) where first <= last:
      if first >= size { return .unsatisfiable }
      return .part(first..<(last >= size ? size : last + 1))
    default: return .whole
    }
  }
}
