// To be replaced by LoopThread when that is merged: same shape, `start(name:body:)` and `join()`.

internal import Glibc

/// A system thread of its own for work that may block.
package struct WriterThread: Sendable {
  private let thread: pthread_t

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts `body` on a new thread. `name` is not told to the system yet. Throws when no thread is
  /// left.
  package static func start(
    name: String, body: @escaping @Sendable () -> Void
  ) throws(NetworkError) -> WriterThread {
    var thread = pthread_t()
    let box = unsafe Unmanaged.passRetained(Body(run: body))
    let code = unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if code != 0 {
      unsafe box.release()
      throw NetworkError(kind: .other, code: code)
    }
    return WriterThread(thread: thread)
  }

  /// Waits until the body has returned. To be called once.
  package func join() { pthread_join(thread, nil) }
}
