// Where rooms become a process. Not written yet.

internal import BowlineTransport

/// Builds loops, roles and the log writer from options, runs them, and returns the exit status.
enum Composition {
  static func proxy(_ options: ProxyOptions) -> Int32 { notBuilt("proxy") }
  static func serve(_ options: ServeOptions) -> Int32 { notBuilt("serve") }
  static func demo(_ options: DemoOptions) -> Int32 { notBuilt("demo") }

  private static func notBuilt(_ command: String) -> Int32 {
    try? StandardStream.error.write("bowline: `\(command)` cannot run yet\n")
    return ExitStatus.internalError
  }
}
