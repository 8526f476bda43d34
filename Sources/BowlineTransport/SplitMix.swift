/// The random generator of a loop: SplitMix64. Fast, seedable, and not for secrets.
package struct SplitMix: Sendable {
  private var state: UInt64

  /// The same seed gives the same numbers.
  package init(seed: UInt64) { state = seed }

  /// A generator seeded by the system.
  package static func seededBySystem() -> SplitMix {
    var system = SystemRandomNumberGenerator()
    return SplitMix(seed: system.next())
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// A number of 0..<bound. The bias is below bound / 2^64.
  package mutating func next(below bound: UInt64) -> UInt64 {
    next().multipliedFullWidth(by: bound).high
  }
}
