import BowlineCore

/// How long a client's connection may live, and what it is told of that.
struct Lifetime {
  /// Requests of one connection.
  private let requests: UInt32
  /// Seconds told in Keep-Alive; 0 is nothing.
  private let hint: UInt32

  init(_ settings: Settings) {
    let most = settings[.clientMaxRequests]
    requests = most == 0 ? .max : UInt32(clamping: most)
    hint = UInt32(clamping: settings[.keepAliveHint] / 1000)
  }

  /// True when the exchange numbered `count`, from 1, is the connection's last.
  func isOver(after count: UInt32) -> Bool { count >= requests }

  /// True when clients that ask are told how long their connection is kept.
  var makesOffers: Bool { hint > 0 }

  /// What a client is told with the response to the exchange numbered `count`.
  func offer(after count: UInt32) -> KeepAliveOffer {
    KeepAliveOffer(
      timeout: hint, max: requests == .max ? nil : requests - min(count, requests))
  }
}
