// Audited: crypt_rn writes into the buffer that it is given and nowhere else.

internal import CCrypt
internal import Glibc

/// Passwords against the hashes of crypt(5): bcrypt, SHA-2, yescrypt and older ones.
package enum PasswordHash {
  /// True when `password` is what `hash` was made of. Slow on purpose.
  package static func matches(_ password: [UInt8], _ hash: String) -> Bool {
    if password.contains(0) { return false }
    var made = [CChar](repeating: 0, count: 512)
    let word = password.map { CChar(bitPattern: $0) } + [0]
    let length = unsafe linux_crypt(word, hash, &made, Int32(made.count))
    let expected = Array(hash.utf8)
    guard length == expected.count else { return false }
    var difference: UInt8 = 0
    for index in expected.indices { difference |= UInt8(bitPattern: made[index]) ^ expected[index] }
    return difference == 0
  }

  /// True when the system knows how to check against `hash`, and some password could match it.
  package static func isUsable(_ hash: String) -> Bool {
    let bytes = Array(hash.utf8)
    guard bytes.first == 0x24 || bytes.first == 0x5f, isWhole(bytes) else { return false }
    let verdict = unsafe crypt_checksalt(hash)
    return verdict != CRYPT_SALT_INVALID && verdict != CRYPT_SALT_METHOD_DISABLED
  }

  /// False when the hash is of a kind whose length is known, and has another. The system looks at
  /// the beginning only.
  private static func isWhole(_ hash: [UInt8]) -> Bool {
    let parts = hash.split(separator: 0x24, omittingEmptySubsequences: false)
    guard parts.count > 2, let last = parts.last else { return true }
    switch String(decoding: parts[1], as: UTF8.self) {
    case "6": return last.count == 86
    case "5", "y", "gy", "7": return last.count == 43
    case "2a", "2b", "2x", "2y": return hash.count == 60
    default: return true
    }
  }
}
