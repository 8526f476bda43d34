internal import BowlineCore

/// The lines between the data of a chunked body, byte by byte. RFC 9112 §7.1.
///
///     chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
///     last-chunk = 1*("0") [ chunk-ext ] CRLF
///     chunk-ext  = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
///
/// Extensions are counted and ignored. A line ends with CRLF and nothing else: a bare LF or CR in
/// an extension is where two readers would disagree about the body.
struct ChunkScanner: Sendable {
  /// What is expected next.
  enum Stage: UInt8, Sendable {
    /// First digit of a size. → digits
    case size
    /// More digits. → blank, extension, sizeLF
    case digits
    /// Whitespace behind the size, legal only before an extension. → extension
    case blank
    /// Inside an extension. → quoted, sizeLF
    case inExtension
    /// Inside a quoted value. → escaped, extension
    case quoted
    /// Behind a backslash in a quoted value. → quoted
    case escaped
    /// LF of the size line. → data, trailers
    case sizeLF
    /// Chunk data. → dataCR
    case data
    /// CR behind the data. → dataLF
    case dataCR
    /// LF behind the data. → size
    case dataLF
    /// First byte behind the last chunk: CR, or a trailer line. → trailersCR, inTrailers
    case trailers
    /// LF of the empty line of an empty trailer section. → (message complete)
    case trailersLF
    /// Inside a trailer section.
    case inTrailers
  }

  /// Bytes of extensions, and of zeros in front of sizes, in this message.
  private var ignored: UInt32 = 0
  private(set) var stage = Stage.size
  /// Significant digits of the size.
  private var digits: UInt8 = 0

  /// Takes one byte, at `offset` of the message, of a size line or of the CRLF behind data. `size`
  /// is the size read so far.
  ///
  /// - Returns: what is wrong with the byte, if anything.
  mutating func take(
    _ byte: UInt8, at offset: Int, size: inout UInt64, limits: Limits
  ) -> Fault? {
    switch stage {
    case .size, .digits: return takeDigit(byte, offset, &size, limits)
    case .blank:
      if byte == 0x20 || byte == 0x09 { return ignore(offset, limits) }
      if byte != 0x3b { return Fault(.chunkSizeSyntax, at: offset) }
      stage = .inExtension
      return ignore(offset, limits)
    case .inExtension, .quoted, .escaped: return takeExtension(byte, offset, limits)
    case .sizeLF:
      if byte != 0x0a { return Fault(.chunkLineEnd, at: offset) }
      stage = size == 0 ? .trailers : .data
    case .dataCR:
      if byte != 0x0d { return Fault(.chunkLineEnd, at: offset) }
      stage = .dataLF
    case .dataLF:
      if byte != 0x0a { return Fault(.chunkLineEnd, at: offset) }
      stage = .size
    case .trailers: stage = byte == 0x0d ? .trailersLF : .inTrailers
    case .trailersLF: if byte != 0x0a { return Fault(.trailerSyntax, at: offset) }
    case .data, .inTrailers: preconditionFailure("these bytes are not the scanner's")
    }
    return nil
  }

  /// All bytes of the chunk's data have come.
  mutating func dataEnded() { stage = .dataCR }

  private mutating func takeDigit(
    _ byte: UInt8, _ offset: Int, _ size: inout UInt64, _ limits: Limits
  ) -> Fault? {
    guard let digit = Self.value(ofDigit: byte) else {
      if stage == .size { return Fault(.chunkSizeSyntax, at: offset) }
      return takeAfterSize(byte, offset, limits)
    }
    if stage == .size {
      stage = .digits
      size = 0
      digits = 0
    } else if size == 0 {
      // The digit before was a zero in front: harmless, but not without end.
      if let fault = ignore(offset, limits) { return fault }
    }
    if digit != 0 || size != 0 { digits += 1 }
    if Int(digits) > limits.chunkSizeDigits {
      return Fault(.chunkSizeTooLarge, at: offset, limit: .chunkSizeDigits)
    }
    // No size of 2^63 or more.
    if size >> 59 != 0 { return Fault(.chunkSizeTooLarge, at: offset) }
    size = size << 4 | UInt64(digit)
    return nil
  }

  private mutating func takeAfterSize(
    _ byte: UInt8, _ offset: Int, _ limits: Limits
  ) -> Fault? {
    switch byte {
    case 0x0d:
      stage = .sizeLF
      return nil
    case 0x3b:
      stage = .inExtension
      return ignore(offset, limits)
    case 0x20, 0x09:
      stage = .blank
      return ignore(offset, limits)
    default: return Fault(.chunkSizeSyntax, at: offset)
    }
  }

  private mutating func takeExtension(
    _ byte: UInt8, _ offset: Int, _ limits: Limits
  ) -> Fault? {
    if byte == 0x0d && stage == .inExtension {
      stage = .sizeLF
      return nil
    }
    if byte < 0x20 ? byte != 0x09 : byte == 0x7f { return Fault(.chunkLineEnd, at: offset) }
    switch (stage, byte) {
    case (.inExtension, 0x22): stage = .quoted
    case (.quoted, 0x22): stage = .inExtension
    case (.quoted, 0x5c): stage = .escaped
    case (.escaped, _): stage = .quoted
    default: break
    }
    return ignore(offset, limits)
  }

  private mutating func ignore(_ offset: Int, _ limits: Limits) -> Fault? {
    ignored += 1
    return Int(ignored) > limits.chunkExtension
      ? Fault(.chunkExtensionTooLong, at: offset, limit: .chunkExtensionBytes) : nil
  }

  private static func value(ofDigit byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter + 10 : nil
  }
}
