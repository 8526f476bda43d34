package import BowlineCore

// One HTTP/1 connection, as a value. RFC 9112.
//
// Theory of operation. A connection carries exchanges one after the other: a request one way, a
// response the other way. Either end sees two message streams, the one it receives and the one it
// sends, and each stream is a small state machine of its own:
//
//     receiving   idle → head → body (length | chunked | untilClose | tunnel) → ending → complete
//     sending     idle → body (length | chunked | untilClose | discard | tunnel) → complete
//
// The two meet in few places, and those are all the coupling there is:
//
// - a response is framed by the request's method, so the machine remembers it;
// - whether the connection persists depends on both messages, and is collected in one `closeCause`;
// - a 2xx to CONNECT, or a 101, turns both streams into a tunnel;
// - when both are complete, `beginNext()` starts the next exchange, or says that there is none.
//
// Both roles run the same machine: the server receives requests and sends responses, the client the
// other way round.
//
// The machine owns no bytes. Received bytes come as a borrowed span with a cursor, a head is
// gathered in the block that the caller lends, and what is to be sent is appended to the caller's
// buffer. It reads no clock, and limits are handed in: an idle connection costs the size of this
// struct.
//
// A message is incomplete until proven complete. `sendEnd` says false when the declared length was
// not met; then the caller must abort the connection, never end the body cleanly.

/// Why a connection cannot carry another exchange after this one.
package enum CloseCause: UInt8, Sendable {
  /// The peer sent `Connection: close`.
  case peerAsked
  /// The peer speaks HTTP/1.0 and did not ask to keep the connection.
  case oldVersion
  /// We announced it.
  case weAsked
  /// A body without a length ends with the connection.
  case closeDelimited
  /// The connection is no longer HTTP.
  case tunnel
  /// The peer's stream has ended.
  case peerEnded
  /// The peer broke a rule.
  case fault
  /// A body that we send fell short of, or went past, its declared length.
  case sendingBroke
}

/// The state of one HTTP/1 connection. See the essay at the top of this file.
package struct HTTP1Connection: Sendable {
  /// The message stream that we read.
  enum Receiving: UInt8, Sendable {
    /// No byte of a message yet. → head, failed
    case idle
    /// Inside a head. → informational, a body state, ending, failed
    case head
    /// A 1xx head was reported and is still in the block. → head, failed
    case informational
    /// `remaining` bytes of the body are still to come. → ending
    case length
    /// Inside a chunked body or its trailers. → ending, failed
    case chunked
    /// Until the end of the stream. → complete
    case untilClose
    /// Raw bytes until the end of the stream. → complete
    case tunnel
    /// Everything was read; the end is still to be reported. → complete
    case ending
    /// The end was reported. → idle (beginNext), tunnel
    case complete
    /// The peer broke a rule; nothing more is read. No successor.
    case failed
  }

  /// The message stream that we write.
  enum Sending: UInt8, Sendable {
    /// No head yet. → any other
    case idle
    /// `sendRemaining` bytes of the declared length are still to be sent. → complete
    case length
    /// Chunked. → complete
    case chunked
    /// Until we close. → complete
    case untilClose
    /// A head without a body: bytes given are dropped (HEAD, 204, 205, 304). → complete
    case discard
    /// Raw bytes. → complete
    case tunnel
    /// Finished. → idle (beginNext)
    case complete
  }

  struct Flags: OptionSet {
    let rawValue: UInt8
    /// A CR of an empty line before a message was read; its LF is due.
    static let afterCR = Flags(rawValue: 1)
    /// The request asked for an upgrade.
    static let upgradeAsked = Flags(rawValue: 2)
    /// The client waits for 100 (Continue).
    static let expectsContinue = Flags(rawValue: 4)
    /// The message had trailers.
    static let hasTrailers = Flags(rawValue: 8)
    /// Both directions are raw once the messages before are read.
    static let tunnels = Flags(rawValue: 16)
    /// The peer's end of stream was seen.
    static let peerEnded = Flags(rawValue: 32)
    /// More body was given than declared.
    static let overran = Flags(rawValue: 64)
    /// Server: we are a forward proxy to the client. Stays for good.
    static let isForwardProxy = Flags(rawValue: 128)
    /// Client, in the same bit: requests go out as HTTP/1.0, with `Connection: keep-alive`.
    static let speaksOld = isForwardProxy
  }

  // In this order there is no hole between the fields: the struct lives in the slab entry of every
  // idle connection.
  /// Body bytes, or bytes of the chunk, still to be received.
  var remaining: UInt64 = 0
  /// Body bytes received (framing excluded) of this message.
  var bodyReceived: UInt64 = 0
  /// Bytes received of this message, framing included, without a head still being gathered.
  var consumed: UInt64 = 0
  /// Body bytes still to be sent of the declared length.
  var sendRemaining: UInt64 = 0
  /// The version of the message received last; 1.1 before the first.
  package internal(set) var peerVersion = Version.http11
  /// Which end we play.
  package let role: Role
  var chunk = ChunkScanner()
  var receiving = Receiving.idle
  var sending = Sending.idle
  var flags: Flags = []
  /// The request's method: of the one received (server) or sent (client).
  package internal(set) var requestMethod = Method.other
  /// Why there is no next exchange; nil while there may be one. The first cause stays,
  /// unless the peer breaks a rule later.
  package internal(set) var closeCause: CloseCause?
  var emptyLines: UInt8 = 0
  var informational: UInt16 = 0

  /// A connection on which nothing has been sent or received. `recipient` is what a server is to
  /// its clients.
  package init(role: Role, recipient: Persistence.Recipient = .origin) {
    self.role = role
    if recipient == .forwardProxy { flags = .isForwardProxy }
  }

  /// Starts the next exchange on a connection that persists.
  ///
  /// - Returns: false, and nothing changes, while a message is in progress or when the connection
  ///   must close (`closeCause` says why).
  package mutating func beginNext() -> Bool {
    guard receiving == .complete && sending == .complete && !willClose else { return false }
    receiving = .idle
    sending = .idle
    flags.formIntersection(.isForwardProxy)
    requestMethod = .other
    remaining = 0
    bodyReceived = 0
    consumed = 0
    sendRemaining = 0
    emptyLines = 0
    informational = 0
    assertInvariant()
    return true
  }

  /// Sends requests as HTTP/1.0 from now on, and asks the server to keep the connection (client
  /// role). For showing what that leads to: see `bowline proxy --mode mapping`.
  package mutating func speakOldVersion() { flags.insert(.speaksOld) }

  /// Keeps a connection whose 1.0 client did not ask for it with Connection (server role).
  package mutating func keepOldVersion() {
    if closeCause == .oldVersion { closeCause = nil }
  }

  /// We will close after this exchange. The next head that is sent says so.
  package mutating func markClose() { close(because: .weAsked) }

  mutating func close(because cause: CloseCause) {
    if closeCause == nil { closeCause = cause }
  }
}

// What the machine can be asked.
extension HTTP1Connection {
  /// True between exchanges: no byte of a message has been sent or received.
  package var isIdle: Bool { receiving == .idle && sending == .idle }

  /// True when the received message is whole and its end was reported.
  package var receivingIsComplete: Bool { receiving == .complete }

  /// True when every byte of the message was read and only its end is still to be reported.
  package var receivingIsEnding: Bool { receiving == .ending }

  /// True when the sent message is finished.
  package var sendingIsComplete: Bool { sending == .complete }

  /// True when there will be no exchange after this one.
  package var willClose: Bool { closeCause != nil }

  /// Server: the client waits for 100 (Continue) before it sends the body it announced. False once
  /// one was sent, a final response was, or body bytes have come (RFC 9110 §10.1.1).
  package var expectsContinue: Bool { flags.contains(.expectsContinue) }

  /// True while received bytes would be taken. A server with a whole request does not read on: the
  /// pipelined bytes wait where they are. A client always reads, to see the connection end.
  package var mayRead: Bool {
    switch receiving {
    case .failed: false
    case .complete: (role == .client || flags.contains(.tunnels)) && !flags.contains(.peerEnded)
    case .idle, .head, .informational, .length, .chunked, .untilClose, .tunnel, .ending:
      !flags.contains(.peerEnded)
    }
  }

  /// True when both directions are raw bytes.
  package var isTunnel: Bool { flags.contains(.tunnels) }

  /// Checks what must always hold. Costs nothing in a release build.
  func assertInvariant() {
    assert(receiving != .length || remaining > 0, "a body with a length waits for bytes")
    assert(sending == .length || sendRemaining == 0 || willClose, "length left without a body")
    assert(receiving != .tunnel || flags.contains(.tunnels), "raw bytes outside a tunnel")
    assert(receiving != .failed || willClose, "a fault ends the connection")
    assert(receiving != .untilClose || role == .client, "a request cannot end with the connection")
    assert(
      role == .server || receiving == .idle || receiving == .failed || sending != .idle,
      "a response without a request")
  }
}
