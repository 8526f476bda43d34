import BowlineCore

/// When a response announces the end of its connection although the client could go on: looked up
/// once, compared with every request.
///
/// Above the high-water mark connections are renewed instead of kept, so that clients who wait for
/// a place get one with every response and not only when somebody falls idle. RFC 9112 §9.5 wants
/// connections to be kept: so below the mark nothing changes.
struct Crowd {
  private let highWater: Int

  init(_ settings: Settings) {
    let most = settings[.clientConnections]
    let percent = settings[.clientHighWater]
    // Rounded up: the mark of a small limit is the limit, and nothing is above that.
    highWater = most == 0 || percent == 0 ? .max : (most * percent + 99) / 100
  }

  /// True when responses are to announce the end, with `clients` connected.
  func isCrowded(_ clients: Int) -> Bool { clients > highWater }
}
