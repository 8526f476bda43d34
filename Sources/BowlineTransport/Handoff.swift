public import Synchronization

/// One slot through which a loop hands values to another thread without ever waiting.
///
/// Both sides swap: the loop gives a full value and gets the emptied one back, so that storage goes
/// round and nothing is allocated. The lock is held for a swap only, and the loop does not wait for
/// it: if it is taken, or the slot is still full, `offer` says so and the loop keeps its value.
@usableFromInline
package final class Handoff<Value: Sendable>: Sendable {
  @usableFromInline
  struct Slot: Sendable {
    @usableFromInline var value: Value
    @usableFromInline var isFull = false
    @usableFromInline init(value: Value) { self.value = value }
  }

  @usableFromInline let slot: Mutex<Slot>

  /// - Parameter empty: the first value to swap against.
  @inlinable
  package init(_ empty: Value) { slot = Mutex(Slot(value: empty)) }

  /// Swaps `value` into the slot if the slot is empty. False: try again later.
  @inlinable
  package func offer(_ value: inout Value) -> Bool {
    slot.withLockIfAvailable { slot in
      if slot.isFull { return false }
      swap(&slot.value, &value)
      slot.isFull = true
      return true
    } ?? false
  }

  /// Swaps `value` (emptied by the caller) against the slot's if the slot is full.
  @inlinable
  package func take(_ value: inout Value) -> Bool {
    slot.withLock { slot in
      if !slot.isFull { return false }
      swap(&slot.value, &value)
      slot.isFull = false
      return true
    }
  }
}
