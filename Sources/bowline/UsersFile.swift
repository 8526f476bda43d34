// The file of `--users`: one `name:hash` a line, as htpasswd writes it. Empty lines, and lines that
// begin with `#`, are skipped.

import BowlineProxy
import BowlineTransport

enum UsersFile {
  /// Most bytes that are read.
  private static let mostBytes = 1 << 20

  static func read(_ path: String) throws(StartError) -> Users {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try WholeFile.read(path, limit: mostBytes)
    } catch {
      throw StartError(sentence: "cannot read the users in `\(path)`: \(error)")
    }
    do throws(Refusal) {
      return try parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      throw StartError(sentence: "`\(path)`, line \(error.line): \(error.reason)")
    }
  }

  /// Why a file is not one of users.
  struct Refusal: Error, Equatable {
    let line: Int
    let reason: String
  }

  /// True unless the hash is of a kind whose length is known, and has another: no password would
  /// ever match it.
  private static func isWhole(_ hash: String) -> Bool {
    let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count > 2, let last = parts.last else { return true }
    switch parts[1] {
    case "6": return last.utf8.count == 86
    case "5", "y", "gy", "7": return last.utf8.count == 43
    case "2a", "2b", "2x", "2y": return hash.utf8.count == 60
    default: return true
    }
  }

  /// Names and hashes out of the file's text.
  static func parse(_ text: String) throws(Refusal) -> Users {
    var hashes: [String: String] = [:]
    var decoy = ""
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      if line.isEmpty || line.hasPrefix("#") { continue }
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
        throw Refusal(line: index + 1, reason: "`name:hash` is expected")
      }
      let name = String(line[..<colon])
      let hash = String(line[line.index(after: colon)...])
      guard isWhole(hash) else {
        throw Refusal(line: index + 1, reason: "the hash of `\(name)` is not whole")
      }
      guard PasswordHash.isUsable(hash) else {
        throw Refusal(
          line: index + 1,
          reason: "the password of `\(name)` is not hashed in a way that crypt(5) knows; "
            + "`htpasswd -B` and `openssl passwd -6` make such hashes")
      }
      decoy = hash
      if hashes.updateValue(hash, forKey: name) != nil {
        throw Refusal(line: index + 1, reason: "`\(name)` is there twice")
      }
    }
    if hashes.isEmpty { throw Refusal(line: lines.count, reason: "there is nobody in it") }
    return Users(hashes, decoy: decoy)
  }
}
