extension FieldName {
  /// The name's bit in a set of names. There are fewer than 64 interned names.
  package var bit: UInt64 { 1 &<< UInt64(rawValue) }
}

/// A set of interned names, one word.
package struct FieldNameSet: Sendable, Equatable, ExpressibleByArrayLiteral {
  /// One bit per name.
  package private(set) var bits: UInt64 = 0

  package init() {}

  init(bits: UInt64) { self.bits = bits }

  package init(arrayLiteral names: FieldName...) {
    for name in names { bits |= name.bit }
  }

  /// True when `name` is in the set.
  package func contains(_ name: FieldName) -> Bool { bits & name.bit != 0 }

  /// The names that are in either set.
  package func union(_ others: FieldNameSet) -> FieldNameSet {
    FieldNameSet(bits: bits | others.bits)
  }

  package mutating func insert(_ name: FieldName) { bits |= name.bit }
}
