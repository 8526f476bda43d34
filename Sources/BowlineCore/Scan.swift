// Audited: scanning primitives. Each states its precondition, checks it once, then reads unchecked.
//
// The word trick: eight bytes are read at once and tested together. For a byte b, (b - low) borrows
// into its top bit when b < low; masking with ~b keeps only bytes below 0x80. A hit in the word
// only says "look closer": the byte loop decides.

/// Byte scans over borrowed spans, for the parsers.
package enum Scan {
  /// Index of the first byte at or after `start` that may not stand in a field value: a control
  /// other than HTAB (0x00-0x08, 0x0A-0x1F) or DEL. RFC 9110 §5.5.
  ///
  /// - Returns: the index, or `bytes.count` when every byte up to the end may stand in a value.
  /// - Precondition: `0 <= start <= bytes.count`.
  package static func endOfValue(_ bytes: Span<UInt8>, from start: Int) -> Int {
    let count = bytes.count
    precondition(start >= 0 && start <= count, "scan starts outside the span")
    return unsafe bytes.withUnsafeBytes { raw in
      var at = start
      while at < count {
        if at &+ 8 <= count {
          let word = unsafe raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          let low = (word &- 0x2020_2020_2020_2020) & ~word & 0x8080_8080_8080_8080
          let delete = word ^ 0x7f7f_7f7f_7f7f_7f7f
          let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete & 0x8080_8080_8080_8080
          let hit = low | isDelete
          if hit == 0 {
            at &+= 8
            continue
          }
          // The lowest hit is exact: a borrow can only disturb the bytes above it.
          at &+= hit.trailingZeroBitCount >> 3
        }
        let byte = unsafe raw[at]
        if byte < 0x20 ? byte != 0x09 : byte == 0x7f { return at }
        at &+= 1
      }
      return count
    }
  }

  /// Index of the first byte at or after `start` that is not a token character (RFC 9110 §5.6.2),
  /// or `bytes.count`.
  ///
  /// - Precondition: `0 <= start <= bytes.count`.
  package static func endOfToken(_ bytes: Span<UInt8>, from start: Int) -> Int {
    let count = bytes.count
    precondition(start >= 0 && start <= count, "scan starts outside the span")
    return unsafe bytes.withUnsafeBufferPointer { raw in
      var at = start
      while at < count, isToken(unsafe raw[at]) { at &+= 1 }
      return at
    }
  }

  /// Index of the first byte at or after `start` that may not stand in a request target: anything
  /// outside 0x21-0x7E (RFC 9112 §3.2 leaves only visible ASCII), or `bytes.count`.
  ///
  /// - Precondition: `0 <= start <= bytes.count`.
  package static func endOfTarget(_ bytes: Span<UInt8>, from start: Int) -> Int {
    let count = bytes.count
    precondition(start >= 0 && start <= count, "scan starts outside the span")
    return unsafe bytes.withUnsafeBufferPointer { raw in
      var at = start
      while at < count {
        let byte = unsafe raw[at]
        if byte <= 0x20 || byte >= 0x7f { return at }
        at &+= 1
      }
      return at
    }
  }

  /// True for `tchar` of RFC 9110 §5.6.2.
  @inlinable
  package static func isToken(_ byte: UInt8) -> Bool {
    if byte >= 0x80 { return false }
    // One bit a character: digits, letters and !#$%&'*+-.^_`|~
    let low: UInt64 = 0x03ff_6cfa_0000_0000
    let high: UInt64 = 0x57ff_ffff_c7ff_fffe
    return byte < 64 ? low >> UInt64(byte) & 1 == 1 : high >> UInt64(byte &- 64) & 1 == 1
  }

  /// The byte in lower case if it is an ASCII capital letter.
  @inlinable
  package static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  /// The eight bytes of `word`, each in lower case if it is an ASCII capital letter.
  private static func lowercased(_ word: UInt64) -> UInt64 {
    let low = word & 0x7f7f_7f7f_7f7f_7f7f
    let fromA = low &+ 0x3f3f_3f3f_3f3f_3f3f
    let beyondZ = low &+ 0x2525_2525_2525_2525
    let isCapital = (fromA ^ beyondZ) & ~word & 0x8080_8080_8080_8080
    return word | isCapital >> 2
  }

  /// Compares without case. Both buffers hold `count` bytes; eight at a time, the last eight again.
  private static func equalIgnoringCase(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int
  ) -> Bool {
    var at = 0
    if count >= 8 {
      while at < count {
        let place = min(at, count &- 8)
        let left = unsafe a.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        let right = unsafe b.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        if left != right && lowercased(left) != lowercased(right) { return false }
        at &+= 8
      }
      return true
    }
    while at < count {
      let left = unsafe a.load(fromByteOffset: at, as: UInt8.self)
      let right = unsafe b.load(fromByteOffset: at, as: UInt8.self)
      if left != right && lowercased(left) != lowercased(right) { return false }
      at &+= 1
    }
    return true
  }

  /// True when both spans hold the same bytes, ASCII letters compared without case.
  package static func equalIgnoringCase(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    let count = a.count
    if count != b.count { return false }
    return unsafe a.withUnsafeBytes { left in
      unsafe b.withUnsafeBytes { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return true }
        return unsafe equalIgnoringCase(left, right, count)
      }
    }
  }

  /// True when `bytes` spells `text`, ASCII letters compared without case.
  package static func equalIgnoringCase(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    if bytes.count != count { return false }
    return unsafe bytes.withUnsafeBytes { left in
      guard let left = left.baseAddress else { return true }
      return unsafe equalIgnoringCase(left, UnsafeRawPointer(text.utf8Start), count)
    }
  }

  /// True when `bytes` spells `text` exactly.
  package static func equal(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    if bytes.count != count { return false }
    for index in 0..<count where bytes[index] != (unsafe text.utf8Start[index]) { return false }
    return true
  }
}
