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

  /// Names and hashes out of the file's text.
  static func parse(_ text: String) throws(Refusal) -> Users {
    var hashes: [String: String] = [:]
    var decoy = ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = line.hasSuffix("\r") ? line.dropLast() : line
      if line.isEmpty || line.hasPrefix("#") { continue }
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
        throw Refusal(line: index + 1, reason: "`name:hash` is expected")
      }
      let name = String(line[..<colon])
      let hash = String(line[line.index(after: colon)...])
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
