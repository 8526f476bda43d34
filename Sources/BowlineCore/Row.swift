// Audited: a growable run of small plain values, for the tables that every request touches.
//
// A standard array asks at each write whether its storage is shared, and a class that keeps one
// asks the runtime whether the property is in use: together more work than the write itself. A row
// has one owner, so neither question is asked. Invariant: 0 <= count <= capacity, and every element
// in 0..<count is initialised.

/// A run of plain values with one owner, that keeps its storage when it is emptied.
@safe
@usableFromInline
package struct Row<Element: BitwiseCopyable>: ~Copyable {
  @usableFromInline var base: UnsafeMutablePointer<Element>
  @usableFromInline var capacity: Int
  /// Elements in the row.
  @usableFromInline package var count = 0

  /// An empty row with room for `capacity` elements (at least 4).
  @inlinable
  package init(capacity: Int = 16) {
    self.capacity = max(capacity, 4)
    unsafe base = .allocate(capacity: self.capacity)
  }

  deinit { unsafe base.deallocate() }

  /// True when nothing is in the row.
  @inlinable
  package var isEmpty: Bool { count == 0 }

  /// The element at `index`.
  @inlinable
  package subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "index outside the row")
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < count, "index outside the row")
      unsafe base[index] = newValue
    }
  }

  /// Adds `element` at the end.
  @inlinable
  package mutating func append(_ element: Element) {
    if count == capacity { grow() }
    unsafe base[count] = element
    count &+= 1
  }

  /// Takes the last element out; nil when there is none.
  @inlinable
  package mutating func popLast() -> Element? {
    if count == 0 { return nil }
    count &-= 1
    return unsafe base[count]
  }

  /// Forgets every element and keeps the storage.
  @inlinable
  package mutating func removeAll() { count = 0 }

  @usableFromInline
  @inline(never)
  mutating func grow() {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
    unsafe larger.update(from: base, count: count)
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
  }
}
