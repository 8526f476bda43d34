import Testing

// Swift 6.3.1's optimiser drops the bounds check of s[i + 1] in some counted loops (swiftlang/swift
// #90669): such a loop then reads outside the array. The manifest switches that pass off in the
// release configuration. Every loop below reads one element too far and must trap. In debug they
// always do; `swift test -c release` notices when the manifest's line is gone: all twelve read on.

/// A loop that reads behind the end, in one of the shapes that lost their check.
enum OverreadingLoop: String, CaseIterable, Codable, Sendable {
  case arrayNext, arrayWrappingNext, arrayNamedNext, arrayAfterThis, arrayInsideIf, arrayIndices
  case spanNext, spanWrappingNext, spanNamedNext, spanAfterThis, spanInsideIf, spanIndices

  func run(_ bytes: [UInt8]) -> Int {
    switch self {
    case .arrayNext: overreadNext(bytes)
    case .arrayWrappingNext: overreadWrappingNext(bytes)
    case .arrayNamedNext: overreadNamedNext(bytes)
    case .arrayAfterThis: overreadAfterThis(bytes)
    case .arrayInsideIf: overreadInsideIf(bytes)
    case .arrayIndices: overreadIndices(bytes)
    case .spanNext: overreadNext(bytes.span)
    case .spanWrappingNext: overreadWrappingNext(bytes.span)
    case .spanNamedNext: overreadNamedNext(bytes.span)
    case .spanAfterThis: overreadAfterThis(bytes.span)
    case .spanInsideIf: overreadInsideIf(bytes.span)
    case .spanIndices: overreadIndices(bytes.span)
    }
  }
}

@Suite struct BoundsTests {
  @Test(arguments: OverreadingLoop.allCases)
  func checksSurviveOptimisation(loop: OverreadingLoop) async {
    await #expect(processExitsWith: .failure) { [loop] in
      print(loop.run(fourBytes()))
    }
  }

  @Test func theSameLoopsRunInBounds() async {
    await #expect(processExitsWith: .success) {
      print(inBounds(fourBytes()) + inBounds(fourBytes().span))
    }
  }
}

@inline(never) private func fourBytes() -> [UInt8] { [1, 2, 3, 4] }

@inline(never) private func inBounds(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in 0..<s.count - 1 { sum &+= Int(s[i + 1]) }
  return sum
}

@inline(never) private func inBounds(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in 0..<s.count - 1 { sum &+= Int(s[i + 1]) }
  return sum
}

@inline(never) private func overreadNext(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in 0..<s.count { sum &+= Int(s[i + 1]) }
  return sum
}

@inline(never) private func overreadWrappingNext(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in 0..<s.count { sum &+= Int(s[i &+ 1]) }
  return sum
}

@inline(never) private func overreadNamedNext(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in 0..<s.count {
    let next = i + 1
    sum &+= Int(s[next])
  }
  return sum
}

@inline(never) private func overreadAfterThis(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in 0..<s.count { sum &+= Int(s[i]) &+ Int(s[i + 1]) }
  return sum
}

@inline(never) private func overreadInsideIf(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in 0..<s.count {
    if s[i] == 4 { sum &+= Int(s[i + 1]) }
  }
  return sum
}

@inline(never) private func overreadIndices(_ s: [UInt8]) -> Int {
  var sum = 0
  for i in s.indices { sum &+= Int(s[i + 1]) }
  return sum
}

@inline(never) private func overreadNext(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in 0..<s.count { sum &+= Int(s[i + 1]) }
  return sum
}

@inline(never) private func overreadWrappingNext(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in 0..<s.count { sum &+= Int(s[i &+ 1]) }
  return sum
}

@inline(never) private func overreadNamedNext(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in 0..<s.count {
    let next = i + 1
    sum &+= Int(s[next])
  }
  return sum
}

@inline(never) private func overreadAfterThis(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in 0..<s.count { sum &+= Int(s[i]) &+ Int(s[i + 1]) }
  return sum
}

@inline(never) private func overreadInsideIf(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in 0..<s.count {
    if s[i] == 4 { sum &+= Int(s[i + 1]) }
  }
  return sum
}

@inline(never) private func overreadIndices(_ s: Span<UInt8>) -> Int {
  var sum = 0
  for i in s.indices { sum &+= Int(s[i + 1]) }
  return sum
}
