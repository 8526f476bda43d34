internal import Glibc

extension Signals {
  /// Sends `number` to this process: one thread's word to the thread that waits in `next`.
  package static func tellOurselves(_ number: Int32) { kill(getpid(), number) }
}
