internal import BowlineCore

/// The two start lines. RFC 9112 §3 and §4. Exactly one SP between parts, nothing tolerated.
///
/// The line that is given holds no control byte but HTAB: the scanner saw to that.
enum StartLineParser {
  /// Longest method read. The longest registered one has 17 bytes.
  static let longestMethod = 64

  /// request-line = method SP request-target SP HTTP-version
  static func request(_ text: Span<UInt8>, _ line: Range<Int>) -> Result<StartLine, Fault> {
    let methodEnd = Scan.endOfToken(text, from: line.lowerBound)
    if methodEnd - line.lowerBound > longestMethod {
      return .failure(
        Fault(.methodTooLong, at: line.lowerBound + longestMethod, status: 501))
    }
    if methodEnd == line.lowerBound || (methodEnd < line.upperBound && text[methodEnd] != 0x20) {
      return .failure(Fault(.methodSyntax, at: methodEnd))
    }
    if methodEnd == line.upperBound { return .failure(Fault(.targetSyntax, at: methodEnd)) }
    let targetStart = methodEnd + 1
    // The CR that ends the line also ends the target, so the scan stays inside the line.
    let targetEnd = Scan.endOfTarget(text, from: targetStart)
    if targetEnd == targetStart || (targetEnd < line.upperBound && text[targetEnd] != 0x20) {
      return .failure(Fault(.targetSyntax, at: targetEnd))
    }
    if targetEnd == line.upperBound { return .failure(Fault(.versionSyntax, at: targetEnd)) }
    let versionStart = targetEnd + 1
    guard line.upperBound - versionStart == 8, let version = version(text, versionStart) else {
      return .failure(Fault(.versionSyntax, at: versionStart))
    }
    if version.major != 1 {
      return .failure(Fault(.versionUnsupported, at: versionStart + 5, status: 505))
    }
    var start = StartLine()
    start.methodRange = line.lowerBound..<methodEnd
    start.method = Method(text.extracting(start.methodRange))
    start.targetRange = targetStart..<targetEnd
    start.version = version
    return .success(start)
  }

  /// status-line = HTTP-version SP status-code [ SP reason-phrase ]; the RFC's SP before an empty
  /// reason may be missing (RFC 9112 §4).
  static func status(_ text: Span<UInt8>, _ line: Range<Int>) -> Result<StartLine, Fault> {
    let from = line.lowerBound
    guard line.count >= 12, let version = version(text, from) else {
      return .failure(Fault(.statusSyntax, at: from))
    }
    if version.major != 1 {
      return .failure(Fault(.versionUnsupported, at: from + 5))
    }
    if text[from + 8] != 0x20 { return .failure(Fault(.statusSyntax, at: from + 8)) }
    var code: UInt16 = 0
    for place in 9..<12 {
      let digit = text[from + place] &- 0x30
      if digit > 9 { return .failure(Fault(.statusSyntax, at: from + place)) }
      code = code * 10 + UInt16(digit)
    }
    if code < 100 { return .failure(Fault(.statusSyntax, at: from + 9)) }
    if line.count > 12 && text[from + 12] != 0x20 {
      return .failure(Fault(.statusSyntax, at: from + 12))
    }
    var start = StartLine()
    start.status = Status(rawValue: code)
    start.reasonRange = min(from + 13, line.upperBound)..<line.upperBound
    start.version = version
    return .success(start)
  }

  /// HTTP-version = "HTTP/" DIGIT "." DIGIT, in this case only (RFC 9112 §2.3).
  private static func version(_ text: Span<UInt8>, _ start: Int) -> Version? {
    guard Scan.equal(text.extracting(start..<start + 5), "HTTP/"), text[start + 6] == 0x2e else {
      return nil
    }
    let major = text[start + 5] &- 0x30
    let minor = text[start + 7] &- 0x30
    if major > 9 || minor > 9 { return nil }
    return Version(major: major, minor: minor)
  }
}
