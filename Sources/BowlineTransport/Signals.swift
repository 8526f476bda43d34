// Audited: signal sets are local values.

internal import Glibc

/// Signals as messages: blocked in every thread, taken by the one that waits.
package struct Signals: Sendable {
  package static let interrupt = SIGINT
  package static let terminate = SIGTERM
  package static let hangUp = SIGHUP
  package static let user1 = SIGUSR1
  package static let user2 = SIGUSR2
  package static let quit = SIGQUIT

  private let numbers: [Int32]

  /// Blocks `numbers` in the calling thread and in every thread that it starts from now on, and
  /// ignores SIGPIPE in the process. To be called before other threads are started.
  package init(blocking numbers: [Int32]) {
    self.numbers = numbers
    signal(SIGPIPE, SIG_IGN)
    var set = Self.set(numbers)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Waits for the next of the signals. One that came before the call is not lost.
  package func next() -> Int32 {
    var set = Self.set(numbers)
    var number: Int32 = 0
    while unsafe sigwait(&set, &number) != 0 {}
    return number
  }

  /// Ends the process by `number`, as if it had never been blocked: the parent sees which one.
  package static func end(by number: Int32) -> Never {
    signal(number, SIG_DFL)
    var set = Self.set([number])
    _ = unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(number)
    exit(128 + number)
  }

  private static func set(_ numbers: [Int32]) -> sigset_t {
    var set = sigset_t()
    _ = unsafe sigemptyset(&set)
    for number in numbers { _ = unsafe sigaddset(&set, number) }
    return set
  }
}
