// The file of `--users`; how its lines are read is in Users.

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
    do throws(Users.Refusal) {
      return try Users(file: bytes)
    } catch {
      throw StartError(sentence: "`\(path)`, line \(error.line): \(error.reason)")
    }
  }
}
