import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport
import BowlineUpstream

/// One request on its way through: a downstream exchange, and the upstream exchange that serves it.
///
/// States, by what is there: no lease (dialling or waiting in line), lease without upstream
/// exchange (never outside a call), both (under way), upstream exchange gone and lease gone (its
/// response is complete, or it failed and is tried again, `backsOff` while that has to wait).
///
/// Lent by the proxy's shelf and used again: its buffers are kept.
struct Relay: ~Copyable {
  var downstream = Handle.none
  var upstream = Handle.none
  var lease: Lease?
  /// Which upstream of the list serves it.
  var origin = 0
  var method = Method.other
  /// The request head as it goes on. Kept for a replay.
  var head = HeadBlock()
  /// The request's trailers as they go on.
  var trailers = HeadBlock()
  /// Request body bytes kept while there is no upstream exchange, and for a replay.
  var held = ByteBuffer(capacity: 64)
  var body = OutgoingBody.none
  /// The client takes trailers: 1.1, and it said TE: trailers.
  var wantsTrailers = false
  var flags: RelayFlags = []
  /// Automatic attempts after the first.
  var replays = 0
  /// Body bytes taken from the client and not granted again yet, and the same from the upstream.
  var owedToClient = 0
  var owedToUpstream = 0
  var requestOptions = ConnectionOptions()
  var responseOptions = ConnectionOptions()

  init() {}

  /// Forgets everything and keeps the storage.
  mutating func reset() {
    downstream = .none
    upstream = .none
    head.removeAll()
    trailers.removeAll()
    held.removeAll()
    body = .none
    wantsTrailers = false
    flags = []
    replays = 0
    owedToClient = 0
    owedToUpstream = 0
    requestOptions = ConnectionOptions()
    responseOptions = ConnectionOptions()
  }
}

/// Facts about a relay that are true or not.
struct RelayFlags: OptionSet {
  let rawValue: UInt16
  /// The client's request is complete.
  static let requestEnded = RelayFlags(rawValue: 1)
  /// A final response head went to the client.
  static let responseBegan = RelayFlags(rawValue: 2)
  /// The response is complete.
  static let responseEnded = RelayFlags(rawValue: 4)
  /// Some of the request body is no longer held: it cannot be sent again.
  static let bodyGone = RelayFlags(rawValue: 8)
  /// Waiting for a connection, one way or the other.
  static let pending = RelayFlags(rawValue: 32)
  /// The client's CONNECT wants a connection of raw bytes.
  static let opensTunnel = RelayFlags(rawValue: 64)
  /// Raw bytes go both ways: after a CONNECT, or a 101.
  static let tunnels = RelayFlags(rawValue: 128)
  /// The upstream is known to speak HTTP/1.0.
  static let toOldHop = RelayFlags(rawValue: 256)
  /// The request body is gathered, because its length must be known before it goes on.
  static let gathering = RelayFlags(rawValue: 512)
  /// Waits for nothing but time, before it is sent again.
  static let backsOff = RelayFlags(rawValue: 1024)
}
