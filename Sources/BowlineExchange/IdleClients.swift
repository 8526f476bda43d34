// Which client has been idle longest, without a list of all of them.
//
// A list in order of idleness would cost every connection 8 bytes and every request two moves in
// it, for something that only a full process needs. Instead a hand goes round the slab. A search
// looks at the next 64 places and keeps the eight longest idle that it and the searches before it
// have seen; the oldest of these that has stayed idle since is taken. With at most 64 places the
// answer is exact. With more it is near: each search sees the rest of the slab a little further,
// and what it passed over was younger than eight others. While none was found it looks on, up to
// 1,024 places, so an accept never sweeps the slab; and when that was in vain, the next search
// comes ten milliseconds later at the earliest, however many clients come and go meanwhile.

import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

/// The hand, and the longest idle clients it has passed. A value; the slab is the caller's.
struct IdleClients: ~Copyable {
  struct Candidate: BitwiseCopyable {
    let link: Handle
    let since: Instant
  }

  private static let most = 8
  private var hand = 0
  /// No search before: the last one found nobody.
  var rests = Instant(nanoseconds: 0)
  private var kept = Row<Candidate>(capacity: most)

  var isEmpty: Bool { kept.isEmpty }

  /// The next place in the circle of `positions`.
  mutating func next(of positions: Int) -> Int {
    if hand >= positions { hand = 0 }
    defer { hand += 1 }
    return hand
  }

  /// Keeps `link`, if it is among the longest idle seen.
  mutating func note(_ link: Handle, since: Instant) {
    var youngest = 0
    for index in 0..<kept.count {
      if kept[index].link == link { return }
      if kept[index].since > kept[youngest].since { youngest = index }
    }
    if kept.count < Self.most {
      kept.append(Candidate(link: link, since: since))
    } else if since < kept[youngest].since {
      kept[youngest] = Candidate(link: link, since: since)
    }
  }

  /// Forgets those that `isStill` does not hold for.
  mutating func keep(where isStill: (Candidate) -> Bool) {
    for index in (0..<kept.count).reversed() where !isStill(kept[index]) { remove(index) }
  }

  /// Takes out the one that has been idle longest.
  mutating func popOldest() -> Candidate? {
    if kept.isEmpty { return nil }
    var oldest = 0
    for index in 1..<kept.count where kept[index].since < kept[oldest].since { oldest = index }
    let found = kept[oldest]
    remove(oldest)
    return found
  }

  private mutating func remove(_ index: Int) {
    guard let last = kept.popLast(), index < kept.count else { return }
    kept[index] = last
  }
}

extension Links {
  /// The client connection that has been idle longest, or nearly; none when no idle one was found.
  func longestIdle() -> Handle {
    idle.value.keep { mayGo($0.link) && links[$0.link].progress == $0.since }
    if idle.value.isEmpty && now < idle.value.rests { return .none }
    let positions = links.positions
    var looked = 0
    while looked < positions && (looked < 64 || looked < 1024 && idle.value.isEmpty) {
      looked += 1
      guard let link = links.handle(at: idle.value.next(of: positions)), mayGo(link) else {
        continue
      }
      idle.value.note(link, since: links[link].progress)
    }
    while let found = idle.value.popOldest() {
      // Its next request may have arrived and not been reported yet.
      guard case .wouldBlock = network.peek(links[found.link].socket) else { continue }
      // It stays a candidate until it is gone.
      idle.value.note(found.link, since: found.since)
      return found.link
    }
    idle.value.rests = now.advanced(milliseconds: 10)
    return .none
  }

  /// Idle, and not because it has only just come: its first request may be on the way.
  private func mayGo(_ link: Handle) -> Bool {
    guard links.contains(link), links[link].side == .downstream, links[link].isIdle,
      links[link].flags.isDisjoint(with: [.doomed, .mayRead])
    else { return false }
    return links[link].exchanges > 0
      || links[link].progress.advanced(milliseconds: Self.firstRequestGrace) <= now
  }

  /// Closes an idle client at once: the room it takes is needed in this event.
  func evict(_ link: Handle) {
    endings[ending(link)].reason = .policyEvictedIdle
    tearDown(link)
  }
}
