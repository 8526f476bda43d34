internal import BowlineCore

/// One end of a simulated connection. Its behaviour is the kernel's as seen through `Network`; the
/// world moves what is under way between two of them.
final class SimulatedSocket {
  enum Phase {
    /// Next: open, failed, closed.
    case connecting
    /// Next: failed (by a reset), closed.
    case open
    /// The error is told once, then the stream is at its end. Next: closed.
    case failed
    case closed
  }

  let id: SocketID
  let local: SocketAddress
  let peer: SocketAddress
  let path: VirtualPath
  var phase = Phase.connecting
  /// The other end. nil while it is being dialled.
  var other: SimulatedSocket?
  /// The loop's network that holds this socket; nil while it waits in a listener's queue, on its
  /// way from one loop to another, and when it is closed. Not weak: that would make every use of
  /// the network slow.
  var owner: SimulatedNetwork?
  /// Under which it is watched.
  var token: UInt64?
  /// In the owner's list of reports.
  var isReported = false
  /// A failure that nobody has been told of yet.
  var error: NetworkError?

  var incoming = SimulatedInput()
  var endArrived = false

  /// Bytes sent that the peer's application has not taken, as far as we know.
  var outstanding = 0
  /// When the line has carried all that was sent.
  var lineFreeAt: Int64 = 0
  /// A send was short: the next free space is to be reported.
  var wantsSpace = false
  var isSendShut = false
  /// True when this end dialled, and its SYN was acknowledged.
  var hasDialled = false
  /// Bytes of the peer's that have arrived.
  var arrivals: UInt64 = 0
  /// Bytes of ours that the peer's application has taken, as far as we know.
  var taken: UInt64 = 0
  /// Bytes of ours that had arrived when the peer sent its FIN.
  var takenByEnd: UInt64 = 0

  // Faults.
  /// A send was made short: there is no room until the world says so.
  var isThrottled = false
  /// The path has forgotten the connection: what is sent is lost and answered with RST.
  var isCut = false
  /// The next report says ready, whatever is true.
  var isSpurious = false
  /// Which of the world's groups counts it.
  var group: Int?

  init(id: SocketID, local: SocketAddress, peer: SocketAddress, path: VirtualPath) {
    self.id = id
    self.local = local
    self.peer = peer
    self.path = path
  }

  /// What a report would say now.
  var readiness: Readiness {
    switch phase {
    case .connecting, .closed: return []
    case .failed: return [.readable, .writable, .ended]
    case .open:
      var readiness: Readiness = []
      if incoming.arrived > 0 || endArrived { readiness.insert(.readable) }
      if endArrived { readiness.insert(.ended) }
      if isSendShut || hasRoom { readiness.insert(.writable) }
      return readiness
    }
  }

  /// What the peer has acknowledged, as far as we know. What it takes it acknowledges, and its FIN
  /// acknowledges what had arrived.
  var acknowledged: UInt64 {
    (hasDialled ? 1 : 0) + max(taken, endArrived ? takenByEnd : 0)
  }

  /// A third of the queue is free: the kernel, too, does not report every byte of space.
  var hasRoom: Bool {
    !isThrottled && (path.queueBytes - outstanding) * 3 >= path.queueBytes
  }

  /// What a report says, once.
  func takeReadiness() -> Readiness {
    defer { isSpurious = false }
    return isSpurious && phase == .open ? readiness.union([.readable, .writable]) : readiness
  }

  /// The failure that was not told yet; tells it.
  func takeError() -> NetworkError? {
    defer { error = nil }
    return error
  }

  /// Puts the socket into its owner's next reports.
  func report() {
    guard let owner, token != nil, !isReported else { return }
    if owner.world.postponesReport(of: self) { return }
    reportNow()
  }

  func reportNow() {
    guard let owner, token != nil, !isReported else { return }
    isReported = true
    owner.reports.append(.socket(self))
  }

  func fail(_ kind: NetworkError.Kind) {
    phase = .failed
    error = NetworkError(kind: kind, code: 0)
    incoming.dropUnarrived()
    report()
  }
}

/// The bytes on their way to one socket, and those that have arrived.
struct SimulatedInput: ~Copyable {
  /// First those that have arrived, then those under way.
  private var bytes = ByteBuffer()
  private(set) var arrived = 0

  mutating func append(_ sent: Span<UInt8>) { bytes.append(sent) }

  mutating func arrive(_ count: Int) { arrived += count }

  mutating func take(_ count: Int, into buffer: inout ReadBuffer) {
    buffer.bytes.append(bytes.span.extracting(first: count))
    bytes.consume(count)
    arrived -= count
  }

  mutating func dropUnarrived() { bytes.truncate(to: arrived) }
}

/// A simulated listening socket.
final class SimulatedListener {
  let id: ListenerID
  let address: SocketAddress
  let backlog: Int
  /// Established and not accepted yet.
  var queue: [SimulatedSocket] = []
  var adopters: [SimulatedNetwork] = []
  var isOpen = true

  init(id: ListenerID, address: SocketAddress, backlog: Int) {
    self.id = id
    self.address = address
    self.backlog = backlog
  }

  func answers(_ wanted: SocketAddress) -> Bool {
    guard isOpen, address.port == wanted.port else { return false }
    if address.high == wanted.high && address.low == wanted.low { return true }
    return address.isUnspecified && (!address.isIPv4 || wanted.isIPv4)
  }

  /// True when `wanted` cannot be listened on beside this one.
  func conflicts(_ wanted: SocketAddress) -> Bool {
    answers(wanted) || isOpen && wanted.isUnspecified && address.port == wanted.port
  }
}
