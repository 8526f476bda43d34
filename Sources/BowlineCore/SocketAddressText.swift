extension SocketAddress {
  /// Appends the address without its port, without making a String: `192.0.2.7` or `2001:db8::7`
  /// (RFC 5952).
  package func appendHost(to out: inout ByteBuffer) {
    if isIPv4 {
      out.append(dotted: UInt32(truncatingIfNeeded: low))
      return
    }
    let gap = longestZeroRun
    var index = 0
    while index < 8 {
      if index == gap.lowerBound && !gap.isEmpty {
        out.append("::")
        index = gap.upperBound
        continue
      }
      // The double colon already separates the group behind it.
      if index > 0 && (gap.isEmpty || index != gap.upperBound) { out.append(0x3a) }
      out.append(hexadecimal: group(index))
      index += 1
    }
  }

  /// One of the eight 16-bit groups.
  private func group(_ index: Int) -> UInt64 {
    let half = index < 4 ? high : low
    return half >> UInt64(48 - 16 * (index & 3)) & 0xffff
  }

  /// The first longest run of two or more zero groups (RFC 5952 §4.2); empty at 8 if there is none.
  private var longestZeroRun: Range<Int> {
    var best = 8..<8
    var at = 0
    while at < 8 {
      var end = at
      while end < 8 && group(end) == 0 { end += 1 }
      if end - at > 1 && end - at > best.count { best = at..<end }
      at = max(end, at + 1)
    }
    return best
  }
}
