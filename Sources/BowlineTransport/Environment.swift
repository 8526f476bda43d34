// Audited: the C environment, read into Strings. Not to be changed once threads run.

internal import Glibc

/// The environment of the process.
package enum Environment {
  package static subscript(name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  static func remove(_ name: String) {
    _ = unsafe unsetenv(name)
  }
}

/// The arguments of the command.
package enum Arguments {
  /// All of them, the command's own name first.
  package static var all: [String] { CommandLine.arguments }
}
