// Blocking output to a descriptor that somebody else gave us: stdout and stderr. Not for sockets,
// and not for a loop's thread: `write` waits for whoever reads.

internal import Glibc

/// A descriptor that text is written to. It is not owned, and never closed here.
package struct OutputStream: Sendable {
  private let fd: Int32

  package init(fd: Int32) { self.fd = fd }

  package static let standardOutput = OutputStream(fd: 1)
  package static let standardError = OutputStream(fd: 2)

  /// True when a person sits at the other end.
  package var isTerminal: Bool { isatty(fd) == 1 }

  /// Writes all of `bytes`, however long that takes.
  ///
  /// - Throws: what the system said: `.reset` when nobody reads any more. SIGPIPE must be ignored
  ///   or blocked, or the process ends instead.
  package func write(_ bytes: Span<UInt8>) throws(NetworkError) {
    var at = 0
    while at < bytes.count {
      let rest = bytes.extracting(at..<bytes.count)
      let written = unsafe rest.withUnsafeBytes { raw in
        unsafe Glibc.write(fd, raw.baseAddress, raw.count)
      }
      if written >= 0 {
        at += written
        continue
      }
      let code = errno
      if code == EINTR { continue }
      if code == EAGAIN {
        waitUntilWritable()
        continue
      }
      throw NetworkError(kind: code == EPIPE ? .reset : .other, code: code)
    }
  }

  /// Writes `text`. Nobody can be told when talking fails, so failure is not reported.
  package func write(_ text: String) {
    try? write(Array(text.utf8).span)
  }

  /// Somebody may have made our descriptor non-blocking: a shell's other job, for instance.
  private func waitUntilWritable() {
    var wanted = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
    _ = unsafe poll(&wanted, 1, -1)
  }

  /// Blocks SIGPIPE for the calling thread: a write that nobody reads then fails with `.reset`.
  package static func blockPipeSignal() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}
