package import BowlineCore
internal import Synchronization

/// One endpoint of a simulated world: the network of a loop, or of a test's peer.
///
/// `wait` never waits: it reports what there is now, and time passes in the world's steps only.
package final class SimulatedNetwork: Network {
  enum Report {
    case socket(SimulatedSocket)
    /// Level-triggered: reported at each wait until its queue is empty.
    case listener(SimulatedListener)
  }

  unowned let world: SimulatedWorld
  /// What `wait` will report, oldest first.
  var reports: [Report] = []
  /// Most sockets this endpoint may hold; nil is without limit. What comes on top is refused as
  /// the kernel does when no descriptor is left.
  package var socketLimit: Int?
  /// Sockets that this endpoint holds.
  package private(set) var openSockets = 0
  package private(set) var now: Instant

  private let address: SocketAddress
  private let simulatedWaker = SimulatedWaker()
  private var generator: SplitMix

  init(world: SimulatedWorld, address: SocketAddress, seed: UInt64) {
    self.world = world
    self.address = address
    generator = SplitMix(seed: seed)
    now = world.now
  }

  package var wallClockSeconds: Int64 { world.wallSeconds(now) }

  package var waker: any Waker { simulatedWaker }
  package func random() -> UInt64 { generator.next() }

  /// True when `wait` would report something or has been woken.
  package var hasReports: Bool {
    simulatedWaker.isAwake
      || reports.contains { report in
        switch report {
        case .socket(let socket): !socket.readiness.isEmpty || socket.isSpurious
        case .listener(let listener): !listener.queue.isEmpty
        }
      }
  }

  private var isFull: Bool { socketLimit.map { openSockets >= $0 } ?? false }
  private static let noDescriptors = NetworkError(kind: .descriptors, code: 0)

  // MARK: Listening

  package func adopt(_ id: ListenerID) {
    let listener = world.listener(id)
    if listener.adopters.contains(where: { $0 === self }) { return }
    listener.adopters.append(self)
    if !listener.queue.isEmpty { report(listener) }
  }

  package func release(_ id: ListenerID) {
    world.listener(id).adopters.removeAll { $0 === self }
    reports.removeAll { report in
      if case .listener(let listener) = report { listener.id == id } else { false }
    }
  }

  package func accept(_ id: ListenerID) -> AcceptOutcome {
    let listener = world.listener(id)
    if listener.queue.isEmpty { return .wouldBlock }
    if isFull { return .exhausted(Self.noDescriptors) }
    let socket = listener.queue.removeFirst()
    hold(socket)
    return .accepted(socket.id, peer: socket.peer)
  }

  func report(_ listener: SimulatedListener) {
    let isThere = reports.contains { report in
      if case .listener(let other) = report { other === listener } else { false }
    }
    if !isThere { reports.append(.listener(listener)) }
  }

  // MARK: Connecting

  package func connect(to destination: SocketAddress, token: UInt64) -> ConnectOutcome {
    if isFull { return .failed(Self.noDescriptors) }
    var local = address
    local.port = world.takePort()
    let socket = world.makeSocket(
      local: local, peer: destination, path: world.path(to: destination))
    hold(socket)
    _ = watch(socket.id, token: token)
    world.enterGroup(socket)
    world.dial(socket)
    return .started(socket.id)
  }

  package func connectResult(_ id: SocketID) -> NetworkError? {
    world.socket(id).takeError()
  }

  package func watch(_ id: SocketID, token: UInt64) -> NetworkError? {
    precondition(token >> 32 & 1 == 1, "a token whose generation is even")
    let socket = world.socket(id)
    precondition(socket.token == nil, "a socket watched twice")
    if socket.owner == nil {
      // It was another's until now. The limit counts here as it does for new ones.
      if isFull { return Self.noDescriptors }
      hold(socket)
    }
    socket.token = token
    if !socket.readiness.isEmpty { socket.report() }
    return nil
  }

  package func unwatch(_ id: SocketID) {
    let socket = world.socket(id)
    precondition(socket.owner === self, "a socket given up by who does not hold it")
    socket.token = nil
    socket.owner = nil
    openSockets -= 1
    guard socket.isReported else { return }
    socket.isReported = false
    reports.removeAll { report in
      if case .socket(let other) = report { other === socket } else { false }
    }
  }

  private func hold(_ socket: SimulatedSocket) {
    socket.owner = self
    openSockets += 1
  }

  // MARK: Bytes

  package func receive(
    _ id: SocketID, into buffer: inout ReadBuffer, limit: Int
  ) -> ReceiveOutcome {
    precondition(limit >= 1 && limit <= ReadBuffer.size, "a receive outside 1...64 KiB")
    precondition(buffer.bytes.isEmpty, "a receive over bytes that nobody took")
    let socket = world.socket(id)
    let count = min(limit, socket.incoming.arrived)
    if count == 0 { return emptyOutcome(socket) }
    socket.incoming.take(count, into: &buffer)
    if let other = socket.other { world.send(.space(to: other, count: count), over: socket.path) }
    return .bytes(count)
  }

  package func peek(_ id: SocketID) -> ReceiveOutcome {
    let socket = world.socket(id)
    return socket.incoming.arrived > 0 ? .bytes(1) : emptyOutcome(socket)
  }

  private func emptyOutcome(_ socket: SimulatedSocket) -> ReceiveOutcome {
    if let error = socket.takeError() { return .failed(error) }
    return socket.endArrived || socket.phase == .failed ? .end : .wouldBlock
  }

  package func send(
    _ id: SocketID, _ first: Span<UInt8>, _ second: Span<UInt8>
  ) -> SendOutcome {
    let offered = first.count + second.count
    if offered == 0 { return .sent(0) }
    let socket = world.socket(id)
    if let error = socket.takeError() { return .failed(error) }
    if socket.phase == .failed || socket.isSendShut {
      return .failed(NetworkError(kind: .reset, code: 0))
    }
    let room = socket.path.queueBytes - socket.outstanding
    let count =
      socket.phase == .open && !socket.isThrottled
      ? world.accepted(min(offered, room), by: socket) : 0
    if count < offered { socket.wantsSpace = true }
    if let other = socket.other, count > 0 {
      let passing = world.passing(count, from: socket)
      if other.phase == .open {
        other.incoming.append(first.extracting(first: min(passing.count, first.count)))
        other.incoming.append(second.extracting(first: max(passing.count - first.count, 0)))
      }
      depart(passing.count, from: socket, to: other)
      if passing.isCut { world.cutOff(socket, other, lost: passing.count < count) }
    }
    return .sent(count)
  }

  /// Puts `count` bytes on the line, in segments.
  private func depart(_ count: Int, from socket: SimulatedSocket, to other: SimulatedSocket) {
    socket.outstanding += count
    var rest = count
    let cut = world.cut(count, socket.path)
    socket.lineFreeAt = max(socket.lineFreeAt, world.now.nanoseconds) + world.lineStop()
    while rest > 0 {
      let isSmall = count - rest < cut.limit
      let segment = min(rest, isSmall ? cut.size : socket.path.segmentSize)
      socket.lineFreeAt += socket.path.occupation(segment) + (isSmall ? cut.gap : 0)
      world.send(
        .segment(to: other, count: segment), at: socket.lineFreeAt + socket.path.delay)
      rest -= segment
    }
  }

  package func shutdownSend(_ id: SocketID) {
    let socket = world.socket(id)
    guard socket.phase == .open, !socket.isSendShut, let other = socket.other else { return }
    world.sendEnd(of: socket, to: other)
    // shutdown(2) wakes whoever waits for the socket.
    socket.report()
  }

  package func close(_ id: SocketID, _ manner: CloseManner) {
    let socket = world.socket(id)
    socket.owner?.openSockets -= 1
    world.close(socket, manner)
  }

  package func facts(_ id: SocketID) -> SocketFacts? {
    guard let socket = world.openSocket(id), socket.phase == .open else { return nil }
    var facts = SocketFacts(local: socket.local, peer: socket.peer)
    facts.roundTripMicroseconds = UInt32(clamping: 2 * socket.path.delay / 1000)
    let size = socket.path.segmentSize
    facts.unacknowledged = UInt32(clamping: (socket.outstanding + size - 1) / size)
    facts.acknowledged = socket.acknowledged
    return facts
  }

  // MARK: Waiting

  package func wait(until deadline: Instant?, events: inout [NetworkEvent]) {
    events.removeAll(keepingCapacity: true)
    now = world.now
    simulatedWaker.rest()
    let taken = reports.prefix(256)
    reports.removeFirst(taken.count)
    for report in taken {
      switch report {
      case .socket(let socket):
        socket.isReported = false
        let readiness = socket.takeReadiness()
        guard let token = socket.token, !readiness.isEmpty else { continue }
        events.append(NetworkEvent(source: .socket(token: token), readiness: readiness))
      case .listener(let listener):
        if listener.queue.isEmpty { continue }
        events.append(NetworkEvent(source: .listener(listener.id), readiness: .readable))
        reports.append(report)
      }
    }
  }
}

/// Remembers that somebody wants the loop.
private final class SimulatedWaker: Waker {
  private let awake = Atomic(false)

  var isAwake: Bool { awake.load(ordering: .acquiring) }
  func wake() { awake.store(true, ordering: .releasing) }
  func rest() { awake.store(false, ordering: .releasing) }
}
