package import BowlineCore

/// Somewhere that requests go to: a host and a port, and the addresses behind them.
///
/// One that was configured has its addresses from the start. One that a request named is looked up
/// when a connection is dialled, and again when what was found is too old.
package struct Origin: Sendable {
  /// How far the lookup of its name is.
  enum Lookup: Sendable, Equatable {
    /// The addresses are good, for ever or until the instant.
    case found(until: Instant)
    /// Under way; given up at the instant. → found, none
    case underWay(until: Instant)
    /// Never made, or too old to be used. → underWay
    case none
  }

  /// Host as written, in lower case, without brackets and port.
  package let host: String
  package let port: UInt16
  /// Tried in order when dialling. Empty before the first lookup.
  package internal(set) var addresses: [SocketAddress]
  /// `host:port`, as a Host field without the default port would have it.
  package let authority: String
  /// Connections to it carry raw bytes and are never pooled.
  package let isTunnel: Bool
  var lookup: Lookup
  /// Milliseconds that connecting took last.
  var roundTrip = 0
  /// Requests use it since: the one unused for longest gives up its place first.
  var used = Instant(nanoseconds: 0)
  /// No request finds it any more; its last connections are being closed.
  var isForgotten = false
  /// Counts the origins that had this place before: an answer to an older one is ignored.
  var generation: UInt32 = 0
  /// Its host and port as bytes, to be found by.
  let key: OriginKey

  /// A configured origin.
  package init(host: String, port: UInt16, addresses: [SocketAddress]) {
    precondition(!addresses.isEmpty, "an upstream without an address")
    self.init(
      host: host, port: port, isTunnel: false, addresses: addresses,
      lookup: .found(until: .distantFuture))
  }

  /// An origin that a request named.
  init(named host: String, port: UInt16, isTunnel: Bool, literal: SocketAddress?) {
    self.init(
      host: host, port: port, isTunnel: isTunnel, addresses: literal.map { [$0] } ?? [],
      lookup: literal == nil ? .none : .found(until: .distantFuture))
  }

  private init(
    host: String, port: UInt16, isTunnel: Bool, addresses: [SocketAddress], lookup: Lookup
  ) {
    self.host = host
    self.port = port
    self.isTunnel = isTunnel
    self.addresses = addresses
    self.lookup = lookup
    let name = host.contains(":") ? "[\(host)]" : host
    authority = port == 80 ? name : "\(name):\(port)"
    key = OriginKey(host: Array(name.utf8), port: port, isTunnel: isTunnel)
  }
}

/// What makes two requests go to the same origin.
struct OriginKey: Equatable, Sendable {
  private let host: [UInt8]
  private let port: UInt16
  private let isTunnel: Bool
  let hash: UInt64

  init(host: [UInt8], port: UInt16, isTunnel: Bool) {
    self.host = host
    self.port = port
    self.isTunnel = isTunnel
    hash = Self.hash(host.span, port, isTunnel)
  }

  /// FNV-1a over the host without case. A collision costs a comparison, and the number of origins
  /// is bounded.
  static func hash(_ host: Span<UInt8>, _ port: UInt16, _ isTunnel: Bool) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in host.indices {
      hash = (hash ^ UInt64(Scan.lowercased(host[index]))) &* 0x100_0000_01b3
    }
    return (hash ^ UInt64(port) << 1 ^ (isTunnel ? 1 : 0)) &* 0x100_0000_01b3
  }

  func matches(_ host: Span<UInt8>, _ port: UInt16, _ isTunnel: Bool) -> Bool {
    guard self.port == port, self.isTunnel == isTunnel, self.host.count == host.count else {
      return false
    }
    for index in host.indices where Scan.lowercased(host[index]) != self.host[index] {
      return false
    }
    return true
  }
}
