// The file of `--users`: one `name:hash` a line, as htpasswd writes it. Empty lines, and lines that
// begin with `#`, are skipped.

import BowlineTransport

extension Users {
  /// Why a text is not one of users.
  package struct Refusal: Error, Equatable {
    /// The line at fault, counted from 1.
    package let line: Int
    package let reason: String
  }

  /// Names and hashes out of the bytes of a file. Lines end with LF or CRLF.
  package init(file bytes: [UInt8]) throws(Refusal) {
    var hashes: [String: String] = [:]
    var decoy = ""
    // Bytes, not characters: CR LF is one Character, and a colon with an accent is no colon.
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = line.last == 0x0d ? line.dropLast() : line
      if line.isEmpty || line.first == 0x23 { continue }
      guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex else {
        throw Refusal(line: index + 1, reason: "`name:hash` is expected")
      }
      let name = String(decoding: line[..<colon], as: UTF8.self)
      let hash = String(decoding: line[(colon + 1)...], as: UTF8.self)
      guard PasswordHash.isUsable(hash) else {
        throw Refusal(
          line: index + 1,
          reason: "the password of `\(name)` is not hashed in a way that crypt(5) knows, or not "
            + "whole; `htpasswd -B` and `openssl passwd -6` make such hashes")
      }
      decoy = hash
      if hashes.updateValue(hash, forKey: name) != nil {
        throw Refusal(line: index + 1, reason: "`\(name)` is there twice")
      }
    }
    if hashes.isEmpty { throw Refusal(line: lines.count, reason: "there is nobody in it") }
    self.init(hashes, decoy: decoy)
  }
}
