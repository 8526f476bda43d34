// Audited: the body crosses to the new thread in a box whose one reference is handed over.

internal import CLinux
internal import Glibc

/// A thread of the system, for one loop.
package struct LoopThread: Sendable {
  private let thread: pthread_t

  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  /// Starts a thread that runs `body` and ends. What `body` captures moves to that thread.
  ///
  /// - Parameters:
  ///   - name: shown by ps and debuggers; cut after 15 bytes.
  ///   - body: what the thread does.
  /// - Returns: the thread, to be joined.
  /// - Throws: EAGAIN when the system has no room for another thread.
  package static func start(
    name: String, _ body: sending @escaping () -> Void
  ) throws(SystemError) -> LoopThread {
    let box = unsafe Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        }
        return nil
      }, box.toOpaque())
    if code != 0 {
      unsafe box.release()
      throw SystemError(code: code)
    }
    var short = name
    while short.utf8.count > 15 { short.removeLast() }
    _ = unsafe pthread_setname_np(thread, short)
    return LoopThread(thread: thread)
  }

  /// Lets the thread end by itself. To be called once, instead of `join`.
  package func detach() {
    _ = pthread_detach(thread)
  }

  /// Waits until the body has returned. To be called once.
  package func join() {
    _ = pthread_join(thread, nil)
  }
}
