/// Numbers by hash: where in a list the things with that hash may be. Open addressing, so that a
/// look costs no allocation and the order never differs between runs.
struct OriginPlaces: Sendable {
  private enum Slot {
    static let free: Int32 = -1
    /// Was in use: a walk goes on behind it.
    static let left: Int32 = -2
  }

  /// A look for one hash, slot by slot.
  struct Walk {
    fileprivate var at: Int
  }

  private var slots: [Int32] = Array(repeating: Slot.free, count: 64)
  private var hashes: [UInt64] = Array(repeating: 0, count: 64)
  /// Slots that are not free.
  private var used = 0

  func walk(_ hash: UInt64) -> Walk { Walk(at: start(hash)) }

  /// The next number that may be meant; nil when there is none.
  func next(_ walk: inout Walk) -> Int? {
    while slots[walk.at] != Slot.free {
      let place = slots[walk.at]
      walk.at = (walk.at + 1) & (slots.count - 1)
      if place >= 0 { return Int(place) }
    }
    return nil
  }

  mutating func insert(_ place: Int, _ hash: UInt64) {
    if used * 2 >= slots.count { rebuild() }
    var at = start(hash)
    while slots[at] >= 0 { at = (at + 1) & (slots.count - 1) }
    if slots[at] == Slot.free { used += 1 }
    slots[at] = Int32(truncatingIfNeeded: place)
    hashes[at] = hash
  }

  mutating func remove(_ place: Int, _ hash: UInt64) {
    var at = start(hash)
    while slots[at] != Slot.free {
      if slots[at] == Int32(truncatingIfNeeded: place) {
        slots[at] = Slot.left
        return
      }
      at = (at + 1) & (slots.count - 1)
    }
  }

  /// Never more than half full, so that every walk ends soon.
  private mutating func rebuild() {
    let old = slots
    let oldHashes = hashes
    let kept = old.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) }
    let count = kept * 4 > old.count ? old.count * 2 : old.count
    slots = Array(repeating: Slot.free, count: count)
    hashes = Array(repeating: 0, count: count)
    used = 0
    for index in old.indices where old[index] >= 0 {
      insert(Int(old[index]), oldHashes[index])
    }
  }

  private func start(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash >> 17) & (slots.count - 1)
  }
}
