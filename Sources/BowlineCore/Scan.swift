// Audited: scanning primitives. Each states its precondition, checks it once, then reads unchecked.
//
// The trick: sixteen bytes, or eight, are read at once and tested together, by additions that set
// the top bit of the bytes that are looked for. `Window` does every read, and keeps it inside the
// bytes; so what is built on it needs no audit.

/// Byte scans over borrowed spans, for the parsers.
package enum Scan {
  /// Index of the first byte at or after `start` that may not stand in a field value: a control
  /// other than HTAB (0x00-0x08, 0x0A-0x1F) or DEL. RFC 9110 §5.5.
  ///
  /// - Returns: the index, or `bytes.count` when every byte up to the end may stand in a value.
  /// - Precondition: `0 <= start <= bytes.count`.
  package static func endOfValue(_ bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "scan starts outside the span")
    return Window(bytes).endOfValue(from: start)
  }

  /// Index of the first byte at or after `start` that is not a token character (RFC 9110 §5.6.2),
  /// or `bytes.count`.
  ///
  /// - Precondition: `0 <= start <= bytes.count`.
  package static func endOfToken(_ bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "scan starts outside the span")
    return Window(bytes).endOfToken(from: start)
  }

  /// Index of the first byte at or after `start` that may not stand in a request target: anything
  /// outside 0x21-0x7E (RFC 9112 §3.2 leaves only visible ASCII), or `bytes.count`.
  ///
  /// - Precondition: `0 <= start <= bytes.count`.
  package static func endOfTarget(_ bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "scan starts outside the span")
    return Window(bytes).endOfTarget(from: start)
  }

  /// Index of the first byte at or after `start` that is no letter, digit, hyphen or dot, or
  /// `bytes.count`.
  ///
  /// - Precondition: `0 <= start <= bytes.count`.
  static func endOfHostName(_ bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "scan starts outside the span")
    return Window(bytes).endOfHostName(from: start)
  }

  /// True when `bytes`, among which no control may be, spell `text` without regard to case; `text`
  /// is in lower case and has four bytes to 16.
  @inline(__always)
  static func spells(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    if bytes.count != count { return false }
    let window = Window(bytes)
    // See `Window.name`: the bit 0x20 confuses only controls with letters and hyphens.
    let lower: UInt64 = 0x2020_2020_2020_2020
    if count < 8 { return window.word(0) | lower == word(of: text) | lower }
    return window.word(0) | lower == word(of: text, at: 0)
      && window.word(count &- 8) | lower == word(of: text, at: count &- 8)
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

// Names, in lower case and eight bytes at a time.
extension Scan {
  /// The eight bytes of `text` from `at` on: a constant wherever `text` is one.
  @inline(__always)
  static func word(of text: StaticString, at: Int) -> UInt64 {
    precondition(at >= 0 && at &+ 8 <= text.utf8CodeUnitCount, "a word outside the text")
    return unsafe UnsafeRawPointer(text.utf8Start).loadUnaligned(
      fromByteOffset: at, as: UInt64.self)
  }

  /// The bytes of `text`, two to eight, in one word with zeros behind them: a constant, too.
  @inline(__always)
  static func word(of text: StaticString) -> UInt64 {
    let count = text.utf8CodeUnitCount
    precondition(count >= 2 && count <= 8, "a text that is no word")
    let start = unsafe UnsafeRawPointer(text.utf8Start)
    // Two loads that overlap; the bytes that both have are the same.
    if count < 4 {
      let low = unsafe start.loadUnaligned(as: UInt16.self)
      let high = unsafe start.loadUnaligned(fromByteOffset: count &- 2, as: UInt16.self)
      return UInt64(low) | UInt64(high) &<< UInt64((count &- 2) &* 8)
    }
    let low = unsafe start.loadUnaligned(as: UInt32.self)
    let high = unsafe start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
    return UInt64(low) | UInt64(high) &<< UInt64((count &- 4) &* 8)
  }

  /// The interned name that `bytes` spells, or `.other`.
  static func name(_ bytes: Span<UInt8>) -> FieldName {
    let window = Window(bytes)
    let end = bytes.count
    if !window.isToken(from: 0, to: end) { return .other }
    return window.name(from: 0, to: end, window.block(0).words[0])
  }
}

extension Scan {
  /// Sixteen bytes that are looked at together, by addition and logic on all of them. Comparisons
  /// of SIMD values are left out on purpose: Swift 6.3.1 makes a loop over the lanes of each.
  struct Block {
    let bytes: SIMD16<UInt8>

    /// The same bytes in two words.
    @inline(__always)
    var words: SIMD2<UInt64> { unsafe unsafeBitCast(bytes, to: SIMD2<UInt64>.self) }

    /// The top bits of `bytes`.
    @inline(__always)
    private func tops(_ bytes: SIMD16<UInt8>) -> SIMD2<UInt64> {
      let tops = bytes & SIMD16(repeating: 0x80)
      return unsafe unsafeBitCast(tops, to: SIMD2<UInt64>.self)
    }

    /// The top bit of each byte that may not stand in a field value, and of HTAB.
    @inline(__always)
    var noValue: SIMD2<UInt64> {
      // Below 0x20 the first addition sets the top bit, for DEL the second does.
      tops(((bytes &+ SIMD16(repeating: 0xe0)) | (bytes &+ SIMD16(repeating: 1))) & ~bytes)
    }

    /// The top bit of each byte that may not stand in a request target.
    @inline(__always)
    var noTarget: SIMD2<UInt64> {
      tops((bytes &+ SIMD16(repeating: 0xdf)) | (bytes &+ SIMD16(repeating: 1)) | bytes)
    }

    /// The top bit of each byte that may not stand in a path with a query.
    @inline(__always)
    var noPath: SIMD2<UInt64> {
      tops(
        (bytes &+ SIMD16(repeating: 0xdf)) | (bytes &+ SIMD16(repeating: 1)) | bytes | hits(0x23))
    }

    /// The top bit of each colon.
    @inline(__always)
    var colons: SIMD2<UInt64> { tops(hits(0x3a)) }

    /// The top bit, and others, of each byte that is `byte`; none of the top bits of others.
    @inline(__always)
    private func hits(_ byte: UInt8) -> SIMD16<UInt8> {
      // The first addition makes zeros of them, and only a zero has its top bit set by the second
      // and not before.
      let zeros = bytes &+ SIMD16(repeating: 0 &- byte)
      return (zeros &+ SIMD16(repeating: 0xff)) & ~zeros
    }

    /// The place of the first of `tops`, which holds at least one.
    @inline(__always)
    static func place(_ tops: SIMD2<UInt64>) -> Int {
      tops[0] != 0
        ? tops[0].trailingZeroBitCount &>> 3 : 8 &+ tops[1].trailingZeroBitCount &>> 3
    }

    @inline(__always)
    static func isNone(_ tops: SIMD2<UInt64>) -> Bool { tops[0] | tops[1] == 0 }
  }

  /// Bytes that are read in blocks, from any place at or after 0. Nothing is read behind the end:
  /// there are zeros, which stand in no head, so every scan stops there at the latest.
  struct Window: ~Escapable {
    private let bytes: RawSpan

    @inline(__always)
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = unsafe bytes.bytes }

    private var count: Int { @inline(__always) get { bytes.byteCount } }

    /// The byte at `at`, zero behind the end.
    @inline(__always)
    func byte(_ at: Int) -> UInt8 {
      at < count ? unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self) : 0
    }

    @inline(__always)
    func isBlank(_ at: Int) -> Bool {
      let byte = byte(at)
      return byte == 0x20 || byte == 0x09
    }

    @inline(__always)
    func isLineEnd(_ at: Int) -> Bool {
      if at &+ 2 > count { return false }
      return unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt16.self)
        == 0x0a0d
    }

    /// The eight bytes from `at` on, the first one lowest; zeros behind the end.
    @inline(__always)
    func word(_ at: Int) -> UInt64 {
      if at &+ 8 > count { return lastWord(at) }
      return unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
    }

    /// The eight bytes from `at` on; zero unless all of them are there.
    @inline(__always)
    private func wordInside(_ at: Int) -> UInt64 {
      if at &+ 8 > count { return 0 }
      return unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
    }

    @inline(never)
    private func lastWord(_ at: Int) -> UInt64 {
      if at >= count { return 0 }
      if count >= 8 {
        return wordInside(count &- 8) &>> UInt64(truncatingIfNeeded: (at &+ 8 &- count) &* 8)
      }
      var word: UInt64 = 0
      var place = count
      while place > at {
        place &-= 1
        word = word &<< 8 | UInt64(byte(place))
      }
      return word
    }

    /// The sixteen bytes from `at` on, zeros behind the end.
    @inline(__always)
    func block(_ at: Int) -> Block {
      if at &+ 16 > count { return lastBlock(at) }
      return Block(
        bytes: unsafe bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: at, as: SIMD16<UInt8>.self))
    }

    @inline(never)
    private func lastBlock(_ at: Int) -> Block {
      var block: UInt128 = 0
      if at < count && count >= 16 {
        block = unsafe bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: count &- 16, as: UInt128.self)
        block &>>= UInt128(truncatingIfNeeded: (at &+ 16 &- count) &* 8)
      } else {
        var place = count
        while place > at {
          place &-= 1
          block = block &<< 8 | UInt128(truncatingIfNeeded: byte(place))
        }
      }
      return Block(bytes: unsafe unsafeBitCast(block, to: SIMD16<UInt8>.self))
    }

    /// See `Scan.endOfValue`.
    @inline(__always)
    func endOfValue(from start: Int) -> Int {
      var at = start
      while true {
        let tops = block(at).noValue
        if Block.isNone(tops) {
          at &+= 16
          continue
        }
        at &+= Block.place(tops)
        if byte(at) != 0x09 { return at }
        at &+= 1
      }
    }

    /// See `Scan.endOfTarget`.
    @inline(__always)
    func endOfTarget(from start: Int) -> Int {
      var at = start
      while true {
        let tops = block(at).noTarget
        if !Block.isNone(tops) { return at &+ Block.place(tops) }
        at &+= 16
      }
    }

    /// Index of the first colon at or after `start`, and the eight bytes at `start`; an index that
    /// is too large when none comes soon.
    @inline(__always)
    func colon(from start: Int) -> (at: Int, first: UInt64) {
      let block = block(start)
      let tops = block.colons
      if Block.isNone(tops) { return (laterColon(from: start &+ 16), block.words[0]) }
      return (start &+ Block.place(tops), block.words[0])
    }

    @inline(never)
    private func laterColon(from start: Int) -> Int {
      var at = start
      while at < count && byte(at) != 0x3a { at &+= 1 }
      return at
    }

    /// Index of the first byte at or after `start` that may not stand in a path with a query, or
    /// the end: `#`, or what may not stand in a target at all.
    @inline(__always)
    func endOfPath(from start: Int) -> Int {
      var at = start
      while true {
        let tops = block(at).noPath
        if !Block.isNone(tops) { return at &+ Block.place(tops) }
        at &+= 16
      }
    }

    /// See `Scan.endOfHostName`.
    @inline(__always)
    func endOfHostName(from start: Int) -> Int {
      var at = start
      while true {
        let tops = Self.unusual(word(at), to: 0x2e)
        if tops != 0 { return at &+ tops.trailingZeroBitCount &>> 3 }
        at &+= 8
      }
    }

    /// See `Scan.endOfToken`.
    func endOfToken(from start: Int) -> Int {
      var at = start
      while true {
        let tops = Self.unusual(word(at))
        if tops == 0 {
          at &+= 8
          continue
        }
        at &+= tops.trailingZeroBitCount &>> 3
        if !Scan.isToken(byte(at)) { return at }
        at &+= 1
      }
    }

    /// True when all bytes from `start` to `end` are token characters, and there is one.
    func isToken(from start: Int, to end: Int) -> Bool {
      if start >= end { return false }
      var at = start
      while true {
        let tops = Self.unusual(wordInside(at))
        if tops == 0 {
          at &+= 8
        } else {
          at &+= tops.trailingZeroBitCount &>> 3
          if at >= end { return true }
          if !Scan.isToken(byte(at)) { return false }
          at &+= 1
        }
        if at >= end { return true }
      }
    }

    /// The top bit of each byte of `word` that is no letter, digit or hyphen, nor from hyphen to
    /// `last`.
    @inline(__always)
    private static func unusual(_ word: UInt64, to last: UInt8 = 0x2d) -> UInt64 {
      // Seven bits each, so that no sum reaches the next byte.
      let low = word & all(0x7f)
      let letter = low | all(0x20)
      let isLetter = (letter &+ all(0x1f)) ^ (letter &+ all(0x05))
      let isDigit = (low &+ all(0x50)) ^ (low &+ all(0x46))
      let isMark = (low &+ all(0x53)) ^ (low &+ all(0x7f - last))
      return (~(isLetter | isDigit | isMark) | word) & all(0x80)
    }

    /// `byte` in each of the eight places of a word.
    @inline(__always)
    private static func all(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// The interned name that the bytes from `start` to `end` spell without regard to case, or
    /// `.other`. There must be one byte or more, and no control among them.
    ///
    /// The bit 0x20 makes lower case. Of the bytes that it confuses with a letter, a digit or a
    /// hyphen only the other case of a letter is no control.
    @inline(__always)
    func name(from start: Int, to end: Int, _ first: UInt64) -> FieldName {
      let count = end &- start
      let lower: UInt64 = 0x2020_2020_2020_2020
      let first = first | lower
      if count <= 8 {
        let kept = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- count &* 8)
        return FieldName(short: first & kept)
      }
      let last = wordInside(end &- 8) | lower
      if count <= 16 { return .named(count, first: first, last: last) }
      return .named(
        count, first: first, second: wordInside(start &+ 8) | lower,
        third: wordInside(start &+ min(16, count &- 8)) | lower, last: last)
    }
  }
}
