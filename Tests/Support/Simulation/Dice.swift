import BowlineTransport

/// Choices by seed.
struct Dice {
  private var generator: SplitMix

  init(seed: UInt64) { generator = SplitMix(seed: seed) }

  mutating func next() -> UInt64 { generator.next() }

  /// A number of 0..<bound.
  mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: generator.next(below: UInt64(max(bound, 1))))
  }

  mutating func within(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  /// True once in `count` times.
  mutating func once(in count: Int) -> Bool { below(count) == 0 }

  mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }
}
