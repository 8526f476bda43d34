// How the wheel works.
//
// Time is cut into ticks of one millisecond. A deadline is rounded up to its tick, so no timer
// fires early. A tick number is read as eight digits of six bits. `current` is the tick the wheel
// stands at. An entry hangs in the slot (level, digit), where level is the highest digit in which
// its tick differs from `current`, and digit is its tick's digit there; level 0 when they are
// equal.
//
// From this follows all the rest:
// - Everything of a lower level is due before everything of a higher one, and within one level the
//   slots are in order of time. The first slot in use holds the earliest entry.
// - Two entries of the same tick always hang in the same slot, in the order they came. So the order
//   of expiry is (tick, insertion), whatever the history was.
// - When `current` moves into a slot of a higher level, that slot's entries move down, in order.
//   An entry moves at most seven times in its life; scheduling is O(1).
//
// Each slot remembers its earliest tick, so `nextDeadline` is exact. Nothing is cancelled: an entry
// costs 24 bytes until it fires, and its owner ignores it if it was superseded.

package import BowlineCore

/// Deadlines of one loop: a hierarchical wheel over all of time. A value; time is an argument.
package struct TimerWheel {
  /// In halves, so that it takes 20 bytes and not 24: every idle connection has one.
  private struct Entry {
    private let tokenHigh: UInt32
    private let tokenLow: UInt32
    private let tickHigh: UInt32
    private let tickLow: UInt32
    /// Next in the slot's list or in the free list; `none` at the end.
    var next: Int32

    init(token: UInt64, tick: Int64, next: Int32) {
      tokenHigh = UInt32(truncatingIfNeeded: token >> 32)
      tokenLow = UInt32(truncatingIfNeeded: token)
      tickHigh = UInt32(truncatingIfNeeded: tick >> 32)
      tickLow = UInt32(truncatingIfNeeded: tick)
      self.next = next
    }

    var token: UInt64 { UInt64(tokenHigh) << 32 | UInt64(tokenLow) }
    var tick: Int64 { Int64(bitPattern: UInt64(tickHigh) << 32 | UInt64(tickLow)) }
  }

  private struct Slot {
    var first: Int32 = TimerWheel.none
    var last: Int32 = TimerWheel.none
    /// The earliest tick in the list. Meaningless while the list is empty.
    var earliest: Int64 = 0
  }

  /// Nanoseconds of a tick: one millisecond.
  package static let tick: Int64 = 1_000_000
  private static let levels = 8
  private static let none: Int32 = -1

  /// In pages, so that growing copies nothing and leaves no hole behind.
  private var pages: [[Entry]] = []
  private var made: Int32 = 0
  private static let pageSize = 256
  private var free = TimerWheel.none
  private var slots = [Slot](repeating: Slot(), count: levels * 64)
  /// One bit a slot in use, one word a level.
  private var used = [UInt64](repeating: 0, count: levels)
  private var current: Int64
  /// Entries that have not fired yet, superseded ones included.
  package private(set) var count = 0

  /// - Parameter now: where the wheel stands at first.
  package init(now: Instant = Instant(nanoseconds: 0)) {
    current = Self.floor(now)
  }

  /// Lets `token` expire at `deadline`, rounded up to a whole millisecond; at the next `advance` if
  /// that has passed. `Instant.distantFuture` never comes and is not stored.
  package mutating func schedule(token: UInt64, at deadline: Instant) {
    if deadline == .distantFuture { return }
    let entry = Entry(
      token: token, tick: max(Self.ceiling(deadline), current), next: Self.none)
    let index: Int32
    if free != Self.none {
      index = free
      free = self[index].next
      self[index] = entry
    } else {
      index = made
      made += 1
      append(entry)
    }
    count += 1
    hang(index)
  }

  /// When `advance` will next find something, or nil. Exact.
  package var nextDeadline: Instant? {
    guard let slot = firstSlot else { return nil }
    return Instant(nanoseconds: slots[slot].earliest * Self.tick)
  }

  /// Moves the wheel to `now` and appends the tokens that have expired, in order of (tick,
  /// insertion). A `now` before the last one changes nothing but lets what is due expire.
  package mutating func advance(to now: Instant, expired: inout [UInt64]) {
    let target = max(Self.floor(now), current)
    while let slot = firstSlot, slots[slot].earliest <= target {
      current = slots[slot].earliest
      let first = takeList(slot)
      if slot < 64 {
        expire(first, into: &expired)
      } else {
        hangAgain(first)
      }
    }
    if target == current { return }
    let top = Self.level(of: target, from: current)
    current = target
    // Everything left is later. What shares the new position's slots moves down, highest first.
    var level = top
    while level > 0 {
      let slot = level << 6 | Self.digit(target, level)
      if used[level] >> UInt64(slot & 63) & 1 == 1 { hangAgain(takeList(slot)) }
      level -= 1
    }
  }

  private subscript(index: Int32) -> Entry {
    get { pages[Int(index) / Self.pageSize][Int(index) % Self.pageSize] }
    set { pages[Int(index) / Self.pageSize][Int(index) % Self.pageSize] = newValue }
  }

  private mutating func append(_ entry: Entry) {
    if pages.last.map({ $0.count == Self.pageSize }) ?? true {
      pages.append([])
      pages[pages.count - 1].reserveCapacity(Self.pageSize)
    }
    pages[pages.count - 1].append(entry)
  }

  private var firstSlot: Int? {
    var level = 0
    while level < Self.levels {
      if used[level] != 0 { return level << 6 | used[level].trailingZeroBitCount }
      level += 1
    }
    return nil
  }

  /// Appends entry `index` to the list of the slot that its tick has now.
  private mutating func hang(_ index: Int32) {
    let tick = self[index].tick
    let level = Self.level(of: tick, from: current)
    let digit = Self.digit(tick, level)
    let slot = level << 6 | digit
    self[index].next = Self.none
    if used[level] >> UInt64(digit) & 1 == 0 {
      used[level] |= 1 << UInt64(digit)
      slots[slot] = Slot(first: index, last: index, earliest: tick)
    } else {
      self[slots[slot].last].next = index
      slots[slot].last = index
      slots[slot].earliest = min(slots[slot].earliest, tick)
    }
  }

  private mutating func hangAgain(_ first: Int32) {
    var index = first
    while index != Self.none {
      let next = self[index].next
      hang(index)
      index = next
    }
  }

  private mutating func takeList(_ slot: Int) -> Int32 {
    used[slot >> 6] &= ~(1 << UInt64(slot & 63))
    return slots[slot].first
  }

  private mutating func expire(_ first: Int32, into expired: inout [UInt64]) {
    var index = first
    while index != Self.none {
      let entry = self[index]
      expired.append(entry.token)
      self[index].next = free
      free = index
      count -= 1
      index = entry.next
    }
  }

  private static func level(of tick: Int64, from current: Int64) -> Int {
    let differing = UInt64(tick ^ current)
    return differing == 0 ? 0 : (63 - differing.leadingZeroBitCount) / 6
  }

  private static func digit(_ tick: Int64, _ level: Int) -> Int {
    Int(tick >> Int64(level * 6) & 63)
  }

  private static func floor(_ instant: Instant) -> Int64 {
    max(instant.nanoseconds, 0) / tick
  }

  private static func ceiling(_ instant: Instant) -> Int64 {
    // The last tick is the largest that can be turned back into an Instant.
    let whole = floor(instant)
    return whole * tick < instant.nanoseconds ? min(whole + 1, Int64.max / tick) : whole
  }
}
