/// How bytes are cut on their way.
package enum Cut: Sendable, CaseIterable {
  case whole, byteByByte
  /// At places that follow from the bytes themselves, so that an input repeats its run.
  case derived

  /// The pieces of `bytes`, in order. Nothing is copied: the last piece of each ends where the
  /// allocation does, and there the address sanitizer sees a read past the end.
  func pieces(of bytes: [UInt8]) -> [Range<Int>] {
    switch self {
    case .whole: return bytes.isEmpty ? [] : [0..<bytes.count]
    case .byteByByte: return bytes.indices.map { $0..<$0 + 1 }
    case .derived:
      var state: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
      var pieces: [Range<Int>] = []
      var at = 0
      while at < bytes.count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let end = min(bytes.count, at + 1 + Int(state >> 33) % 24)
        pieces.append(at..<end)
        at = end
      }
      return pieces
    }
  }

  /// Reads something in every way of `cuts` and demands that the same is said about it.
  ///
  /// - Returns: what was said.
  @discardableResult
  package static func compare(
    _ cuts: [Cut] = Cut.allCases, _ read: (Cut) throws(Violation) -> Transcript
  ) throws(Violation) -> Transcript {
    let expected = try read(cuts[0])
    for cut in cuts.dropFirst() {
      let other = try read(cut)
      try require(
        other == expected,
        "cut \(cut) it reads\n\(other)\nbut cut \(cuts[0]) it reads\n\(expected)")
    }
    return expected
  }
}
