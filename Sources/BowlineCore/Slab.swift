// Audited: pages of raw storage behind generation-checked handles.
//
// The tables hold the hot state of a loop. They are reached through one pointer that never changes,
// so a class keeps them in a `let`, and an access costs a compare and two loads: no exclusivity
// bookkeeping by the runtime (measured: that was a third of all instructions of a proxied request).
// The price is a rule that the compiler no longer checks: an element may not be reached a second
// time while it is being changed. Machines call nobody, and roles are never re-entered, so this
// holds by construction.
//
// Invariants: a page of 64 cells is allocated once and never moves, so the address of an element is
// good for its life, whatever is inserted meanwhile. A cell's element is initialised exactly while
// `Slab` says so: in a Slab while the cell's generation is odd, in a Shelf from its first lending
// on. Every access compares the handle's generation with the cell's, so a stale handle traps (our
// own mistake) and never reads freed state.

/// Names an element of one slab. Never reused: the generation changes with each insertion.
@frozen
@usableFromInline
package struct Handle: Hashable, Sendable, BitwiseCopyable {
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

/// Names an element that the holder has borrowed from a shelf and will give back itself, in half
/// the room of a handle. Nobody else may give it back, so its generation needs no keeping.
@frozen
@usableFromInline
package struct Loan: Equatable, Sendable, BitwiseCopyable {
  @usableFromInline let index: UInt32

  @inlinable
  init(index: UInt32) { self.index = index }

  /// Nothing borrowed.
  @inlinable
  package static var none: Loan { Loan(index: .max) }

  @inlinable
  package static func == (a: Loan, b: Loan) -> Bool { a.index == b.index }
}

/// Pages of cells with their generations: what a slab and a shelf share.
@safe
@usableFromInline
struct CellTable<Element: ~Copyable>: ~Copyable {
  @safe
  @usableFromInline
  struct Header {
    @usableFromInline var pages: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    @usableFromInline var generations: UnsafeMutablePointer<UInt32>
    /// Positions that are free, as a stack.
    @usableFromInline var free: UnsafeMutablePointer<UInt32>
    @usableFromInline var freeCount = 0
    /// Cells that exist, and cells that the three tables have room for.
    @usableFromInline var cells = 0
    @usableFromInline var room = 64

    @usableFromInline
    init() {
      unsafe pages = .allocate(capacity: 1)
      unsafe generations = .allocate(capacity: 64)
      unsafe free = .allocate(capacity: 64)
    }
  }

  @usableFromInline let header: UnsafeMutablePointer<Header>

  @usableFromInline
  init() {
    unsafe header = .allocate(capacity: 1)
    unsafe header.initialize(to: Header())
  }

  deinit {
    for page in 0..<(unsafe header.pointee.cells / 64) {
      unsafe header.pointee.pages[page].deallocate()
    }
    unsafe header.pointee.pages.deallocate()
    unsafe header.pointee.generations.deallocate()
    unsafe header.pointee.free.deallocate()
    unsafe header.deallocate()
  }

  /// Cells in use.
  @inlinable
  var count: Int { unsafe header.pointee.cells - header.pointee.freeCount }

  /// Cells that exist.
  @inlinable
  var cells: Int { unsafe header.pointee.cells }

  @inlinable
  @inline(__always)
  func contains(_ handle: Handle) -> Bool {
    // Handles that were given out are odd, so an equal generation is that of a living element.
    unsafe Int(handle.index) < header.pointee.cells
      && header.pointee.generations[Int(handle.index)] == handle.generation
  }

  /// The address of a living element.
  @inlinable
  @inline(__always)
  @unsafe
  func address(_ handle: Handle) -> UnsafeMutablePointer<Element> {
    precondition(contains(handle), "a handle used after its element was given up")
    return unsafe cell(Int(handle.index))
  }

  /// The address of an element that is borrowed now.
  @inlinable
  @inline(__always)
  @unsafe
  func address(_ loan: Loan) -> UnsafeMutablePointer<Element> {
    precondition(isTaken(loan), "a loan used after it was given back")
    return unsafe cell(Int(loan.index))
  }

  @inlinable
  @inline(__always)
  func isTaken(_ loan: Loan) -> Bool {
    unsafe Int(loan.index) < header.pointee.cells
      && header.pointee.generations[Int(loan.index)] & 1 == 1
  }

  @inlinable
  @inline(__always)
  @unsafe
  func cell(_ index: Int) -> UnsafeMutablePointer<Element> {
    unsafe header.pointee.pages[index >> 6] + (index & 63)
  }

  /// Takes a free position and makes its generation odd.
  @inlinable
  func take() -> Handle {
    if unsafe header.pointee.freeCount == 0 { grow() }
    unsafe header.pointee.freeCount -= 1
    let index = unsafe header.pointee.free[header.pointee.freeCount]
    unsafe header.pointee.generations[Int(index)] &+= 1
    return Handle(index: index, generation: unsafe header.pointee.generations[Int(index)])
  }

  /// Makes the generation even, and the position free.
  @inlinable
  func release(_ handle: Handle) {
    precondition(contains(handle), "given back twice")
    // 0 is kept for cells that were never taken: after four thousand million uses it is passed
    // over.
    let next = handle.generation &+ 1
    unsafe header.pointee.generations[Int(handle.index)] = next == 0 ? 2 : next
    unsafe header.pointee.free[header.pointee.freeCount] = handle.index
    unsafe header.pointee.freeCount += 1
  }

  @inlinable
  func generation(_ index: Int) -> UInt32 {
    precondition(index < cells, "a position outside the table")
    return unsafe header.pointee.generations[index]
  }

  /// Adds a page of 64 free cells, lowest position on top.
  @usableFromInline
  func grow() {
    let first = unsafe header.pointee.cells
    if unsafe first == header.pointee.room { widen() }
    unsafe header.pointee.pages[first >> 6] = .allocate(capacity: 64)
    for offset in 0..<64 {
      unsafe header.pointee.generations[first + offset] = 0
      unsafe header.pointee.free[offset] = UInt32(truncatingIfNeeded: first + 63 - offset)
    }
    unsafe header.pointee.freeCount = 64
    unsafe header.pointee.cells = first + 64
  }

  /// Doubles the tables. The pages stay where they are.
  private func widen() {
    let room = unsafe header.pointee.room
    let pages = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(capacity: room / 32)
    unsafe pages.initialize(from: header.pointee.pages, count: room / 64)
    unsafe header.pointee.pages.deallocate()
    unsafe header.pointee.pages = pages
    let generations = UnsafeMutablePointer<UInt32>.allocate(capacity: room * 2)
    unsafe generations.initialize(from: header.pointee.generations, count: room)
    unsafe header.pointee.generations.deallocate()
    unsafe header.pointee.generations = generations
    let free = UnsafeMutablePointer<UInt32>.allocate(capacity: room * 2)
    unsafe free.initialize(from: header.pointee.free, count: header.pointee.freeCount)
    unsafe header.pointee.free.deallocate()
    unsafe header.pointee.free = free
    unsafe header.pointee.room = room * 2
  }
}

/// Stable, reusable storage for the hot state of one loop. Kept in a `let`: see the top of this
/// file.
@safe
@usableFromInline
package struct Slab<Element: ~Copyable>: ~Copyable {
  @usableFromInline let table: CellTable<Element>

  @inlinable
  package init() { table = CellTable() }

  deinit {
    for index in 0..<table.cells where table.generation(index) & 1 == 1 {
      unsafe table.cell(index).deinitialize(count: 1)
    }
  }

  /// Elements that live now.
  @inlinable
  package var count: Int { table.count }

  /// Stores `element`. Allocates a page of 64 cells when none is free.
  @inlinable
  package func insert(_ element: consuming Element) -> Handle {
    let handle = table.take()
    unsafe table.cell(Int(handle.index)).initialize(to: element)
    return handle
  }

  /// Takes the element out. The handle is dead afterwards.
  @inlinable
  package func remove(_ handle: Handle) -> Element {
    let element = unsafe table.address(handle).move()
    table.release(handle)
    return element
  }

  /// True while the element that `handle` names lives. Late events use this to be ignored.
  @inlinable
  package func contains(_ handle: Handle) -> Bool { table.contains(handle) }

  /// The element in place.
  @inlinable
  package subscript(handle: Handle) -> Element {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(table.address(handle)) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe table.address(handle) }
  }

  /// Positions that there are, living or free.
  package var positions: Int { table.cells }

  /// What lives at `position`; nil when it is free.
  package func handle(at position: Int) -> Handle? {
    let generation = table.generation(position)
    if generation & 1 == 0 { return nil }
    return Handle(index: UInt32(truncatingIfNeeded: position), generation: generation)
  }

  /// Every living handle, in order of position. For sweeps (drain, snapshots), not for requests.
  package var handles: [Handle] {
    var found: [Handle] = []
    found.reserveCapacity(count)
    for index in 0..<table.cells where table.generation(index) & 1 == 1 {
      found.append(
        Handle(index: UInt32(truncatingIfNeeded: index), generation: table.generation(index)))
    }
    return found
  }
}

/// Elements that are lent and come back, storage kept: exchanges and buffers of one loop.
///
/// An element is made by `make` at the first lending of its cell, and lives as long as the shelf. A
/// handle is dead once its element was given back, as in a slab. Kept in a `let`, as a slab is.
@safe
@usableFromInline
package struct Shelf<Element: ~Copyable>: ~Copyable {
  @usableFromInline let table: CellTable<Element>

  @inlinable
  package init() { table = CellTable() }

  deinit {
    // A generation of 0 says that the cell was never lent, so never initialised.
    for index in 0..<table.cells where table.generation(index) != 0 {
      unsafe table.cell(index).deinitialize(count: 1)
    }
  }

  /// Elements lent out now.
  @inlinable
  package var lent: Int { table.count }

  /// Borrows a free element; one that `make` returns if the cell was never used.
  @inlinable
  package func lend(_ make: () -> Element) -> Handle {
    let handle = table.take()
    if handle.generation == 1 { unsafe table.cell(Int(handle.index)).initialize(to: make()) }
    return handle
  }

  /// Borrows a free element for a holder that will give it back itself.
  @inlinable
  package func borrow(_ make: () -> Element) -> Loan { Loan(index: lend(make).index) }

  /// Takes a lent element back. The borrower must have emptied it.
  @inlinable
  package func giveBack(_ handle: Handle) { table.release(handle) }

  /// The same for a loan.
  @inlinable
  package func giveBack(_ loan: Loan) {
    precondition(table.isTaken(loan), "given back twice")
    table.release(
      Handle(index: loan.index, generation: table.generation(Int(loan.index))))
  }

  /// The borrowed element in place.
  @inlinable
  package subscript(loan: Loan) -> Element {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(table.address(loan)) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe table.address(loan) }
  }

  /// True while the element is lent under this handle.
  @inlinable
  package func contains(_ handle: Handle) -> Bool { table.contains(handle) }

  /// The lent element in place.
  @inlinable
  package subscript(handle: Handle) -> Element {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(table.address(handle)) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe table.address(handle) }
  }
}

/// One element, held like those of a slab: in a `let`, reached through a pointer. For the scratch
/// space of a loop's classes.
@safe
@usableFromInline
package struct Held<Element: ~Copyable>: ~Copyable {
  @usableFromInline let place: UnsafeMutablePointer<Element>

  @inlinable
  package init(_ element: consuming Element) {
    unsafe place = .allocate(capacity: 1)
    unsafe place.initialize(to: element)
  }

  deinit {
    unsafe place.deinitialize(count: 1)
    unsafe place.deallocate()
  }

  /// The element in place.
  @inlinable
  package var value: Element {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(place) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe place }
  }
}
