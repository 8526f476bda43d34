// The loops of a process, as their upstreams see each other: what they share, and how one writes to
// another.

package import BowlineCore
import BowlineExchange
import BowlinePool
import BowlineTransport
internal import Synchronization

/// See the top of this file. One for a process; every loop joins it.
package final class Neighbours: Sendable {
  private struct Member: Sendable {
    let mailbox: Mailbox
    let owner: UInt16
  }

  /// Origins that requests name. Only the loops that know one hold it. A list: it is searched when
  /// a loop meets an origin for the first time.
  private struct Named: Sendable {
    private struct Entry: Sendable {
      let key: OriginKey
      weak let origin: SharedOrigin?
    }

    private var entries: [Entry] = []
    private var purgeAt = 64

    subscript(key: OriginKey) -> SharedOrigin? {
      entries.first { $0.key.hash == key.hash && $0.key == key && $0.origin != nil }?.origin
    }

    mutating func add(_ origin: SharedOrigin, _ key: OriginKey) {
      if entries.count >= purgeAt {
        entries.removeAll { $0.origin == nil }
        purgeAt = max(64, 2 * entries.count)
      }
      entries.append(Entry(key: key, origin: origin))
    }
  }

  /// Loops there will be.
  let loops: Int
  private let limits: PoolLimits
  private let members = Mutex<[Member]>([])
  private let configured: [SharedOrigin]
  private let named = Mutex(Named())

  /// - Parameters:
  ///   - loops: how many will join.
  ///   - origins: how many are configured, the same on every loop.
  ///   - settings: of the process.
  package init(loops: Int, origins: Int, settings: Settings) {
    self.loops = loops
    let limits = PoolLimits(settings)
    self.limits = limits
    configured = (0..<origins).map { _ in SharedOrigin(loops: loops, limits) }
  }

  /// A loop joins.
  ///
  /// - Parameters:
  ///   - mailbox: the loop's.
  ///   - owner: the number under which its upstreams are told of messages.
  /// - Returns: the loop's place, from 0.
  func join(_ mailbox: Mailbox, owner: UInt16) -> Int {
    members.withLock { members in
      precondition(members.count < loops, "more loops than were announced")
      members.append(Member(mailbox: mailbox, owner: owner))
      return members.count - 1
    }
  }

  /// What is shared of a configured origin.
  package func shared(_ origin: Int) -> SharedOrigin { configured[origin] }

  /// What is shared of an origin that a request named.
  func shared(_ key: OriginKey) -> SharedOrigin {
    named.withLock { named in
      if let origin = named[key] { return origin }
      let origin = SharedOrigin(loops: loops, limits)
      named.add(origin, key)
      return origin
    }
  }

  /// Writes to another loop.
  func post(to loop: Int, _ message: (UInt16) -> any OwnerMessage) {
    let member = members.withLock { $0[loop] }
    member.mailbox.post(message(member.owner))
  }
}

/// To a loop whose request waits: here is a connection.
struct LinkOffer: OwnerMessage {
  let owner: UInt16
  let origin: SharedOrigin
  let waiter: Waiter
  let limit: ReuseLimit
  let rested: Int
  let parcel: LinkParcel
}

/// To a loop whose request waits: there is a place, dial.
struct PlaceOffer: OwnerMessage {
  let owner: UInt16
  let origin: SharedOrigin
  let waiter: Waiter
}

/// To a loop on which connections rest: somebody waits for one.
struct LinkWish: OwnerMessage {
  let owner: UInt16
  let origin: SharedOrigin
}
