internal import CLinux
internal import Glibc

/// A failed system call outside the network: files, standard streams, threads.
package struct SystemError: Error, Equatable, Sendable {
  /// The errno.
  package let code: Int32

  package init(code: Int32) { self.code = code }

  /// The calling thread's errno.
  static var last: SystemError { SystemError(code: errno) }

  package static let notFound = SystemError(code: ENOENT)
  package static let denied = SystemError(code: EACCES)
  package static let brokenPipe = SystemError(code: EPIPE)

  /// True when the process or the system has no descriptor or memory left: later it may have.
  package var isShortage: Bool { code == EMFILE || code == ENFILE || code == ENOMEM }
  /// True when a name says nothing that could exist.
  package var isNoName: Bool { code == ENAMETOOLONG || code == EINVAL || code == EILSEQ }
}

extension SystemError: CustomStringConvertible {
  /// The system's words, such as "No such file or directory".
  package var description: String { unsafe String(cString: strerror(code)) }
}

extension NetworkError {
  /// Puts an errno into our words.
  init(code: Int32) {
    let kind: Kind =
      switch code {
      case ECONNREFUSED: .refused
      case ECONNRESET, EPIPE, ECONNABORTED: .reset
      case ETIMEDOUT: .timedOut
      case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EAFNOSUPPORT: .unreachable
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: .descriptors
      case EADDRNOTAVAIL: .ports
      case EADDRINUSE: .inUse
      case EACCES, EPERM: .denied
      default: .other
      }
    self.init(kind: kind, code: code)
  }
}
