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

  /// True when the system knows how to check against `hash`.
  package static func isUsable(_ hash: String) -> Bool {
    guard hash.first == "$" || hash.first == "_" else { return false }
    let verdict = unsafe crypt_checksalt(hash)
    return verdict != CRYPT_SALT_INVALID && verdict != CRYPT_SALT_METHOD_DISABLED
  }
}
