internal import Synchronization

/// Messages from other threads to one loop. Posting never waits for the loop.
package final class Mailbox: Sendable {
  private let messages = Mutex<[any Sendable]>([])
  /// Changed under the lock only, read without it: an empty mailbox costs a load a turn.
  private let hasMail = Atomic(false)
  private let waker: any Waker

  package init(waker: any Waker) { self.waker = waker }

  /// Hands `message` to the loop, which gets it in order of posting. From any thread. A message to
  /// a loop that has ended is kept and never read.
  package func post(_ message: any Sendable) {
    let isFirst = messages.withLock { messages in
      messages.append(message)
      hasMail.store(true, ordering: .releasing)
      return messages.count == 1
    }
    if isFirst { waker.wake() }
  }

  /// True when nothing is waiting to be taken.
  package var isEmpty: Bool { !hasMail.load(ordering: .acquiring) }

  /// Swaps the messages against `taken`, which must be empty. On the loop's thread.
  func take(_ taken: inout [any Sendable]) {
    precondition(taken.isEmpty, "messages taken over messages")
    messages.withLock { messages in
      swap(&messages, &taken)
      hasMail.store(false, ordering: .releasing)
    }
  }
}
