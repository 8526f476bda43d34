// Audited: the only raw memory of Core besides Scan.swift and Slab.swift.
//
// A ByteBuffer owns one malloc'ed block. Invariant: 0 <= head <= tail <= capacity, and every byte
// in head..<tail is initialised. All unsafe accesses below stay inside that window or the free
// space behind it, each after a checked precondition.

#if canImport(Glibc)
  internal import Glibc
#endif

/// A growable first-in first-out run of bytes: appended at the end, consumed at the front.
///
/// Buffers are lent by a loop (see `Shelf`) and returned when drained, so an idle connection owns
/// none. Growth doubles; a reused buffer keeps its storage and allocates nothing.
@safe
@usableFromInline
package struct ByteBuffer: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var head = 0
  private var tail = 0
  /// Bytes that fit before the next growth.
  package private(set) var capacity: Int

  /// An empty buffer with room for `capacity` bytes (at least 16).
  package init(capacity: Int = 1024) {
    let room = max(capacity, 16)
    unsafe base = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
    self.capacity = room
  }

  deinit {
    unsafe base.deallocate()
  }

  /// Readable bytes.
  package var count: Int { tail - head }

  /// True when nothing is readable.
  package var isEmpty: Bool { tail == head }

  /// The readable bytes, oldest first.
  package var span: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let readable = unsafe Span(_unsafeStart: base + head, count: tail - head)
      return unsafe _overrideLifetime(readable, borrowing: self)
    }
  }

  /// One readable byte. `index` counts from the oldest.
  package subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < tail - head, "byte index outside the buffer")
    return unsafe base[head + index]
  }

  /// True when the readable bytes spell `text` exactly.
  package func spells(_ text: StaticString) -> Bool { Scan.equal(span, text) }

  /// Appends a copy of `bytes`.
  package mutating func append(_ bytes: Span<UInt8>) {
    let added = bytes.count
    if added == 0 { return }
    reserve(added)
    unsafe bytes.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      unsafe memcpy(base + tail, start, added)
    }
    tail += added
  }

  /// Appends one byte.
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    unsafe base[tail] = byte
    tail += 1
  }

  /// Appends ASCII or UTF-8 text known at compile time.
  package mutating func append(_ text: StaticString) {
    let added = text.utf8CodeUnitCount
    precondition(text.hasPointerRepresentation, "a text of one scalar")
    reserve(added)
    unsafe memcpy(base + tail, text.utf8Start, added)
    tail += added
  }

  /// Appends the UTF-8 bytes of `text`. For edges and errors, not for the request path.
  package mutating func append(utf8 text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Appends `number` in decimal, without leading zeros.
  package mutating func append(decimal number: UInt64) {
    appendDigits(number, radix: 10)
  }

  /// Appends `number` in lower-case hexadecimal, without leading zeros (RFC 9112 §7.1 chunk-size).
  package mutating func append(hexadecimal number: UInt64) {
    appendDigits(number, radix: 16)
  }

  /// Appends `number` in decimal, with leading zeros to at least `digits` places.
  package mutating func append(decimal number: UInt64, digits: Int) {
    appendDigits(number, radix: 10, least: digits)
  }

  @inline(__always)
  private mutating func appendDigits(_ number: UInt64, radix: UInt64, least: Int = 1) {
    var digits = 1
    var limit = radix
    while digits < 20, number >= limit {
      digits &+= 1
      let (next, overflow) = limit.multipliedReportingOverflow(by: radix)
      if overflow { break }
      limit = next
    }
    digits = max(digits, least)
    reserve(digits)
    var rest = number
    var place = tail &+ digits
    while place > tail {
      place &-= 1
      let digit = UInt8(truncatingIfNeeded: rest % radix)
      unsafe base[place] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
      rest /= radix
    }
    tail += digits
  }

  /// Appends an IPv4 address: `192.0.2.7`.
  package mutating func append(dotted address: UInt32) {
    reserve(16)
    var place = tail
    var shift: UInt32 = 32
    while shift > 0 {
      shift -= 8
      let octet = address >> shift & 0xff
      if octet >= 100 {
        unsafe base[place] = UInt8(truncatingIfNeeded: 0x30 &+ octet / 100)
        place &+= 1
      }
      if octet >= 10 {
        unsafe base[place] = UInt8(truncatingIfNeeded: 0x30 &+ octet / 10 % 10)
        place &+= 1
      }
      unsafe base[place] = UInt8(truncatingIfNeeded: 0x30 &+ octet % 10)
      unsafe base[place &+ 1] = 0x2e
      place &+= 2
    }
    tail = place - 1
  }

  /// Drops the `count` oldest bytes.
  package mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= tail - head, "consumed more than there is")
    head += count
    if head == tail {
      head = 0
      tail = 0
    }
  }

  /// Keeps the `count` oldest bytes and drops the rest.
  package mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= tail - head, "truncated to more than there is")
    tail = head + count
  }

  /// Drops every byte and keeps the storage.
  package mutating func removeAll() {
    head = 0
    tail = 0
  }

  /// Makes room for `added` more bytes without a further growth.
  @inline(__always)
  package mutating func reserve(_ added: Int) {
    if capacity - tail < added { makeRoom(added) }
  }

  @inline(never)
  private mutating func makeRoom(_ added: Int) {
    let held = tail - head
    if head > 0 && capacity - held >= added && head >= held {
      unsafe memmove(base, base + head, held)
    } else {
      let larger = max(capacity * 2, held + added)
      let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
      unsafe memcpy(fresh, base + head, held)
      unsafe base.deallocate()
      unsafe base = fresh
      capacity = larger
    }
    head = 0
    tail = held
  }

  /// Lets `fill` write into the free space behind the readable bytes, for a receive from the
  /// kernel.
  ///
  /// - Parameters:
  ///   - minimum: free bytes that `fill` is given at least.
  ///   - fill: gets the free space and returns how many bytes it wrote there; a result outside
  ///     0...space is our own mistake and traps.
  @unsafe
  package mutating func withFreeSpace(
    minimum: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int
  ) {
    reserve(minimum)
    let free = unsafe UnsafeMutableRawBufferPointer(start: base + tail, count: capacity - tail)
    let written = unsafe fill(free)
    precondition(written >= 0 && written <= capacity - tail, "wrote outside the free space")
    tail += written
  }
}

/// The loop is the only owner of a buffer at any time; ownership may move between threads.
extension ByteBuffer: @unchecked Sendable {}

extension [UInt8] {
  /// Appends a copy of `bytes`, in one piece.
  package mutating func append(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
