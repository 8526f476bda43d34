// Audited: writes from borrowed spans with their own length.

internal import Glibc

/// Standard output and standard error, unbuffered.
package enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  /// True when a person is likely to read it.
  package var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Writes all of `bytes`, waiting where the reader is slow. Not for a loop's thread.
  ///
  /// - Throws: what write(2) says; `.brokenPipe` when the reader has gone.
  package func write(_ bytes: Span<UInt8>) throws(SystemError) {
    var written = 0
    while written < bytes.count {
      let rest = bytes.extracting(written..<bytes.count)
      let count = unsafe rest.withUnsafeBytes { raw in
        unsafe Glibc.write(rawValue, raw.baseAddress, raw.count)
      }
      if count >= 0 {
        written += count
      } else if errno == EAGAIN {
        // Somebody made the terminal non-blocking. SIGPIPE is ignored, see Signals.
        var wanted = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&wanted, 1, -1)
      } else if errno != EINTR {
        throw SystemError.last
      }
    }
  }

  /// Writes all of `text`. See `write(_:)` for spans.
  package func write(_ text: String) throws(SystemError) {
    let bytes = Array(text.utf8)
    try write(bytes.span)
  }
}
