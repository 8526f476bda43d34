import BowlineCore

/// Field lines for a rule that reads a head: a name and a value each.
struct PlainHead {
  private(set) var lines: [(name: FieldName, value: [UInt8])] = []

  /// A line of `name` for each line of `input`.
  init(_ name: FieldName, _ input: [UInt8]) {
    for line in input.split(separator: 0x0a) { add(name, line) }
  }

  /// The lines of `input` that bear one of `names`, as they stand.
  init(_ names: [FieldName], _ input: ArraySlice<UInt8>) {
    for line in input.split(separator: 0x0a) {
      guard let colon = line.firstIndex(of: 0x3a) else { continue }
      let written = visible(line[..<colon].map(lower))
      for name in names where visible(Array(name.text.description.utf8).map(lower)) == written {
        add(name, line[(colon + 1)...])
      }
    }
  }

  /// As a scanner leaves it: without blanks around it, and without bytes that no value has.
  private mutating func add(_ name: FieldName, _ value: ArraySlice<UInt8>) {
    let allowed = value.filter { $0 == 0x09 || $0 >= 0x20 && $0 != 0x7f }
    lines.append((name, trimmed(allowed[...])))
  }

  func values(_ name: FieldName) -> [[UInt8]] {
    lines.compactMap { $0.name == name ? $0.value : nil }
  }

  /// The value of the only line of `name`; nil when there is none, or more.
  func only(_ name: FieldName) -> [UInt8]? {
    let all = values(name)
    return all.count == 1 ? all[0] : nil
  }

  /// The head of a request with these lines.
  func request(_ method: String) -> HeadBlock {
    var head = HeadBlock()
    let (method, target) = (Array(method.utf8), Array("/".utf8))
    head.compose(method: method.span, target: target.span)
    for line in lines { head.add(line.name, line.value.span) }
    return head
  }
}

/// The decimal number in `digits`, at most `most`; nil when there is another byte, or none.
func plainNumber(_ digits: some Collection<UInt8>, most: UInt64) -> UInt64? {
  guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
  let text = visible(digits.drop { $0 == 0x30 })
  return text.isEmpty ? 0 : min(UInt64(text) ?? .max, most)
}

/// A number that follows from the bytes, for choices that an input repeats.
func mark(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}
