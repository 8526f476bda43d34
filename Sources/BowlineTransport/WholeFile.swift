// Audited: reads go into an array's own storage, no more than it has.

internal import Glibc

/// A small file, read at start-up.
package enum WholeFile {
  /// The bytes of the file at `path`.
  ///
  /// - Parameters:
  ///   - path: of the file.
  ///   - limit: most bytes that it may have.
  /// - Returns: all of them.
  /// - Throws: what the system says; EFBIG when there is more.
  package static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    let fd = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if fd < 0 { throw SystemError.last }
    defer { _ = Glibc.close(fd) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe Glibc.read(fd, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw SystemError.last }
      if count == 0 { return bytes }
      bytes += piece[0..<count]
      if bytes.count > limit { throw SystemError(code: EFBIG) }
    }
  }
}
