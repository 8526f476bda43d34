/// Finds the name that a person probably meant, for the help of an error.
///
/// The measure is the edit distance: how many letters must be added, dropped, replaced or swapped
/// with a neighbour. Dotted names are also compared by their last parts, because people leave out
/// the first: `idle-timeout` finds `client.idle-timeout`.
package struct NearestName: Sendable {
  private let names: [String]

  /// - Parameter names: the valid names. Of two equally near ones the earlier wins.
  package init(among names: [String]) { self.names = names }

  /// The valid name nearest to `typed`, compared without case.
  ///
  /// - Returns: nil when nothing is near: more than a third of the letters would have to change, or
  ///   more than one of three.
  package func to(_ typed: String) -> String? {
    let wanted = Array(typed.lowercased().utf8.prefix(64))
    let letters = wanted.count { $0 != UInt8(ascii: "-") }
    if letters == 0 { return nil }
    let most = letters < 4 ? 1 : max(2, letters / 3)
    var best: (name: String, cost: Int)?
    for name in names {
      let cost = Self.cost(wanted, Array(name.lowercased().utf8))
      if cost < best?.cost ?? (most + 1) { best = (name, cost) }
    }
    return best?.name
  }

  /// The distance to the whole name, or one more than the distance to its last parts.
  private static func cost(_ typed: [UInt8], _ name: [UInt8]) -> Int {
    var cost = distance(typed, name)
    for index in name.indices where name[index] == UInt8(ascii: ".") {
      cost = min(cost, 1 + distance(typed, Array(name[(index + 1)...])))
    }
    return cost
  }

  /// Edit distance with swaps of neighbours ("optimal string alignment").
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var above = Array(0...b.count)
    var row = above
    var i = 1
    while i <= a.count {
      row[0] = i
      var j = 1
      while j <= b.count {
        let replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        row[j] = min(replaced, above[j] + 1, row[j - 1] + 1)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          row[j] = min(row[j], before[j - 2] + 1)
        }
        j += 1
      }
      before = above
      above = row
      i += 1
    }
    return above[b.count]
  }
}
