// Audited: pages of raw storage behind generation-checked handles.
//
// Invariant: `pages` grows only; a page is allocated for `pageSize` cells and never moves. A cell's
// element is initialised exactly while its generation is odd. Every access compares the handle's
// generation with the cell's, so a stale handle traps (our own mistake) and never reads freed
// state.

/// Names an element of one slab. Never reused: the generation changes with each insertion.
@frozen
@usableFromInline
package struct Handle: Hashable, Sendable {
  /// Position in the slab.
  @usableFromInline package let index: UInt32
  /// Odd while the element lives.
  @usableFromInline package let generation: UInt32

  @inlinable
  package init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// The handle as one word, for the kernel to carry (epoll data).
  @inlinable
  package init(word: UInt64) {
    index = UInt32(truncatingIfNeeded: word)
    generation = UInt32(truncatingIfNeeded: word >> 32)
  }

  /// See `init(word:)`.
  @inlinable
  package var word: UInt64 { UInt64(generation) << 32 | UInt64(index) }

  /// A handle that no slab ever gives out.
  @inlinable
  package static var none: Handle { Handle(index: .max, generation: 0) }
}

/// Stable, reusable storage for the hot state of one loop: links, exchanges, relays.
@safe
@usableFromInline
package struct Slab<Element: ~Copyable>: ~Copyable {
  @usableFromInline var pages: [UnsafeMutablePointer<Element>] = unsafe []
  @usableFromInline var generations: [UInt32] = []
  @usableFromInline var free: [UInt32] = []
  /// Elements that live now.
  @usableFromInline package var count = 0

  @inlinable static var pageBits: UInt32 { 6 }
  @inlinable static var pageSize: Int { 64 }

  @inlinable
  package init() {}

  deinit {
    for index in generations.indices where generations[index] & 1 == 1 {
      unsafe cell(UInt32(truncatingIfNeeded: index)).deinitialize(count: 1)
    }
    // Not `for unsafe page in …`: swift format of 6.3.1 joins the two words.
    for index in 0..<(unsafe pages.count) { unsafe pages[index].deallocate() }
  }

  @inlinable
  @unsafe
  func cell(_ index: UInt32) -> UnsafeMutablePointer<Element> {
    unsafe pages[Int(index >> Self.pageBits)] + Int(index & 63)
  }

  /// Stores `element`. Allocates a page of 64 cells when none is free.
  @inlinable
  package mutating func insert(_ element: consuming Element) -> Handle {
    if free.isEmpty { grow() }
    let index = free.removeLast()
    let generation = generations[Int(index)] &+ 1
    generations[Int(index)] = generation
    unsafe cell(index).initialize(to: element)
    count += 1
    return Handle(index: index, generation: generation)
  }

  /// Takes the element out. The handle is dead afterwards.
  @inlinable
  package mutating func remove(_ handle: Handle) -> Element {
    precondition(contains(handle), "a handle used after its element was removed")
    generations[Int(handle.index)] &+= 1
    free.append(handle.index)
    count -= 1
    return unsafe cell(handle.index).move()
  }

  /// True while the element that `handle` names lives. Late events use this to be ignored.
  @inlinable
  package func contains(_ handle: Handle) -> Bool {
    Int(handle.index) < generations.count
      && generations[Int(handle.index)] == handle.generation && handle.generation & 1 == 1
  }

  /// The element in place.
  @inlinable
  package subscript(handle: Handle) -> Element {
    unsafeAddress { unsafe UnsafePointer(address(handle)) }
    unsafeMutableAddress { unsafe address(handle) }
  }

  @inlinable
  @unsafe
  func address(_ handle: Handle) -> UnsafeMutablePointer<Element> {
    precondition(contains(handle), "a handle used after its element was removed")
    return unsafe cell(handle.index)
  }

  /// Every living handle, in order of position. For sweeps (drain, snapshots), not for requests.
  package var handles: [Handle] {
    var found: [Handle] = []
    found.reserveCapacity(count)
    for index in generations.indices where generations[index] & 1 == 1 {
      found.append(
        Handle(index: UInt32(truncatingIfNeeded: index), generation: generations[index]))
    }
    return found
  }

  @usableFromInline
  mutating func grow() {
    let first = generations.count
    unsafe pages.append(UnsafeMutablePointer<Element>.allocate(capacity: Self.pageSize))
    generations.append(contentsOf: repeatElement(0, count: Self.pageSize))
    free.reserveCapacity(generations.count)
    var index = first + Self.pageSize
    while index > first {
      index -= 1
      free.append(UInt32(truncatingIfNeeded: index))
    }
  }
}

/// Elements that are lent and come back, storage kept: exchanges and buffers of one loop.
///
/// An element is made by `make` when none is free, and lives as long as the shelf. A handle is dead
/// once its element was given back, as in a slab.
@usableFromInline
package struct Shelf<Element: ~Copyable>: ~Copyable {
  @usableFromInline var slab = Slab<Element>()
  @usableFromInline var idle: [UInt32] = []
  /// Odd while the element is lent.
  @usableFromInline var generations: [UInt32] = []

  @inlinable
  package init() {}

  /// Elements lent out now.
  @inlinable
  package var lent: Int { slab.count - idle.count }

  /// Borrows a free element, or stores the one that `make` returns.
  @inlinable
  package mutating func lend(_ make: () -> Element) -> Handle {
    if let index = idle.popLast() {
      generations[Int(index)] &+= 1
      return Handle(index: index, generation: generations[Int(index)])
    }
    let fresh = slab.insert(make())
    while generations.count <= Int(fresh.index) { generations.append(0) }
    generations[Int(fresh.index)] = 1
    idle.reserveCapacity(slab.count)
    return Handle(index: fresh.index, generation: 1)
  }

  /// Takes a lent element back. The borrower must have emptied it.
  @inlinable
  package mutating func giveBack(_ handle: Handle) {
    precondition(contains(handle), "given back twice")
    generations[Int(handle.index)] &+= 1
    idle.append(handle.index)
  }

  /// True while the element is lent under this handle.
  @inlinable
  package func contains(_ handle: Handle) -> Bool {
    Int(handle.index) < generations.count
      && generations[Int(handle.index)] == handle.generation && handle.generation & 1 == 1
  }

  /// The lent element in place.
  @inlinable
  package subscript(handle: Handle) -> Element {
    unsafeAddress { unsafe UnsafePointer(address(handle)) }
    unsafeMutableAddress { unsafe address(handle) }
  }

  @inlinable
  @unsafe
  func address(_ handle: Handle) -> UnsafeMutablePointer<Element> {
    precondition(contains(handle), "a handle used after its element was given back")
    return unsafe slab.cell(handle.index)
  }
}
