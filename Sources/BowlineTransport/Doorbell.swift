// Audited: one descriptor, owned for life; each pointer is to a local value.
//
// How loops wake a thread that has gone to sleep, for the price of one atomic load when it has not.
//
// No ring is lost. The sleeper says "asleep", then looks at its work once more, and only then
// sleeps. The ringer gives its work, then looks whether the other is asleep. Whichever looks second
// sees what the other has done. Both orders are benign: at worst the sleeper wakes for nothing.

internal import CLinux
internal import Glibc
internal import Synchronization

/// Wakes one sleeping thread. Any thread may ring; one thread sleeps.
package final class Doorbell: Sendable {
  private let asleep = Atomic(false)
  private let fd: Int32

  /// Opens the eventfd behind the bell. Throws when no descriptor is left.
  package init() throws(SystemError) {
    fd = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    if fd < 0 { throw SystemError.last }
  }

  deinit { _ = Glibc.close(fd) }

  /// Wakes the sleeper if it sleeps. To be called after the work was handed over; never waits.
  package func ring() {
    if !asleep.load(ordering: .sequentiallyConsistent) { return }
    // Of several ringers one writes.
    if asleep.exchange(false, ordering: .sequentiallyConsistent) { _ = eventfd_write(fd, 1) }
  }

  /// Says that the caller is about to sleep. It must look at its work once more before `wait`.
  package func prepareToSleep() { asleep.store(true, ordering: .sequentiallyConsistent) }

  /// Says that there was work after all.
  package func stayAwake() { asleep.store(false, ordering: .sequentiallyConsistent) }

  /// Sleeps until somebody rings, or `milliseconds` have passed (nil: without end).
  ///
  /// - Returns: true when it was rung. A late ring of an earlier sleep counts too.
  @discardableResult
  package func wait(milliseconds: Int? = nil) -> Bool {
    var wanted = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&wanted, 1, milliseconds.map { Int32(clamping: $0) } ?? -1)
    asleep.store(false, ordering: .sequentiallyConsistent)
    var count: eventfd_t = 0
    return unsafe eventfd_read(fd, &count) == 0
  }
}
