package import BowlineCore
internal import Synchronization

/// How many connections each client address has to the whole process: what `client.per-address`
/// compares.
///
/// Shared by all loops, so that the limit is exact. A connection costs one short lock when it comes
/// and one when it goes, in one of sixteen tables chosen by the address; none when the limit is
/// off. An address without a connection is forgotten, and the tables keep their storage: they grow
/// to the most addresses that were connected at a time, and otherwise nothing is allocated.
package final class ClientsByAddress: Sendable {
  private final class Table: Sendable {
    /// Hashed with the process's own seed: nobody can choose addresses that collide.
    let counts = Mutex<[UInt64: Int]>([:])
  }

  private let tables = (0..<16).map { _ in Table() }

  package init() {}

  /// One connection more from `peer`. Returns how many it has now.
  package func enter(_ peer: SocketAddress) -> Int {
    let key = Self.key(peer)
    return table(key).counts.withLock { counts in
      let count = (counts[key] ?? 0) + 1
      counts[key] = count
      return count
    }
  }

  /// One connection less.
  package func leave(_ peer: SocketAddress) {
    let key = Self.key(peer)
    table(key).counts.withLock { counts in
      let count = counts[key] ?? 0
      assert(count > 0, "a connection left that never came")
      if count > 1 { counts[key] = count - 1 } else { counts[key] = nil }
    }
  }

  /// Addresses that have a connection now.
  package var count: Int { tables.reduce(0) { $0 + $1.counts.withLock(\.count) } }

  private func table(_ key: UInt64) -> Table {
    tables[Int((key &* 0x9e37_79b9_7f4a_7c15) >> 60)]
  }

  /// An IPv4 address, or the /64 of an IPv6 address: what one customer is given. The mapped form's
  /// second half is no /64 that anybody has (0:ffff::/32 is not assigned).
  private static func key(_ peer: SocketAddress) -> UInt64 {
    peer.isIPv4 ? peer.low : peer.high
  }
}
