// How the simulated world works.
//
// Nothing here waits. Whatever one socket does to another becomes a delivery with a due time; the
// deliveries lie in one schedule ordered by (time, sequence). `step` first lets every loop that has
// something to do take a turn. Only when nobody has, the clock moves to the next delivery or the
// next deadline, whichever is earlier. So one seed gives one history, and an hour costs nothing.
//
// A world, its loops and its networks belong to one thread. Mailboxes may be posted to from others,
// which gives up determinism.

package import BowlineCore

/// A network in memory with a virtual clock, for tests and for the simulator.
package final class SimulatedWorld {
  /// How much arrives at once when several things are due at the same instant.
  package enum Coalescing: Sendable {
    /// All of it: data and FIN are seen together.
    case together
    /// One by one, with a turn of the loops in between.
    case single
    /// As the seed decides, each time.
    case mixed
  }

  /// Virtual time at the start.
  package static let start = Instant(nanoseconds: 1_000_000_000_000)
  /// The wall clock at the start, unless another is asked for: 2025-06-15 15:06:40 UTC.
  package static let startWallSeconds: Int64 = 1_750_000_000

  /// Virtual time.
  package private(set) var now = SimulatedWorld.start
  /// The way of connections begun from now on, unless `setPath` says otherwise.
  package var path: VirtualPath
  package var coalescing = Coalescing.together
  /// What goes wrong; nothing unless chances are set.
  package var faults = SimulatedFaults(seed: 0)
  /// Called when nothing is left to do at one instant, before the clock moves on.
  package var whenSettled: (() -> Void)?
  /// A line for each delivery when not nil, for reading a failed seed.
  package var trace: [String]?
  /// A number made of every delivery so far: equal histories have equal digests.
  package private(set) var digest: UInt64 = 0

  private let firstWallSeconds: Int64
  private var generator: SplitMix
  private var schedule = SimulatedSchedule()
  private var sockets: [SimulatedSocket?] = []
  private var listeners: [SimulatedListener] = []
  private var routes: [Route] = []
  var groups: [SimulatedGroup] = []
  private var loops: [Turning] = []
  private var nextTurn = 0
  private var buffer = ReadBuffer()
  private var nextPort: UInt16 = 49152

  /// - Parameters:
  ///   - seed: gives the one history.
  ///   - path: the way of connections.
  ///   - wallSeconds: the wall clock at the start; files have the system's times.
  package init(
    seed: UInt64 = 1, path: VirtualPath = VirtualPath(),
    wallSeconds: Int64 = SimulatedWorld.startWallSeconds
  ) {
    firstWallSeconds = wallSeconds
    generator = SplitMix(seed: seed)
    self.path = path
  }

  /// The wall clock at `instant`.
  func wallSeconds(_ instant: Instant) -> Int64 {
    firstWallSeconds + instant.since(Self.start) / 1_000_000_000
  }

  deinit {
    // Two ends hold each other, and a socket and its network do.
    for socket in sockets {
      socket?.other = nil
      socket?.owner = nil
    }
  }

  // MARK: Building

  /// A new endpoint: the network of one loop or of one test peer.
  ///
  /// - Parameter address: what its connections show as their own; the port is chosen for each.
  /// - Returns: the endpoint. The world must outlive it.
  package func makeNetwork(address: SocketAddress = .loopback(0)) -> SimulatedNetwork {
    SimulatedNetwork(world: self, address: address, seed: generator.next())
  }

  /// Opens a listener. Port 0 picks one.
  package func listen(
    _ address: SocketAddress, backlog: Int = 128
  ) throws(NetworkError) -> ListenerID {
    var address = address
    if address.port == 0 { address.port = takePort() }
    if listeners.contains(where: { $0.conflicts(address) }) {
      throw NetworkError(kind: .inUse, code: 0)
    }
    let id = ListenerID(rawValue: Int32(listeners.count))
    listeners.append(SimulatedListener(id: id, address: address, backlog: backlog))
    return id
  }

  /// Where a listener listens.
  package func address(of listener: ListenerID) -> SocketAddress {
    self.listener(listener).address
  }

  /// Closes a listener. Who still waits in its queue is reset.
  package func close(_ id: ListenerID) {
    let listener = listener(id)
    listener.isOpen = false
    listener.adopters = []
    for socket in listener.queue { close(socket, .reset) }
    listener.queue = []
  }

  /// The way of connections to `destination` begun from now on.
  package func setPath(to destination: SocketAddress, _ path: VirtualPath) {
    routes.removeAll { $0.destination == destination }
    routes.append(Route(destination: destination, path: path))
  }

  /// Lets the world turn `loop`, whose network must be one of this world's.
  package func attach(_ loop: EventLoop) {
    guard let network = loop.network as? SimulatedNetwork, network.world === self else {
      preconditionFailure("a loop of another world")
    }
    loops.append(Turning(loop: loop, network: network))
  }

  /// Stops turning `loop`.
  package func detach(_ loop: EventLoop) {
    loops.removeAll { $0.loop === loop }
  }

  /// Sockets that nobody has closed yet, those in listeners' queues included.
  package var openSockets: Int { sockets.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }

  // MARK: Moving

  /// Lets one thing happen: a turn of a loop, or what is due next.
  ///
  /// - Returns: false when nothing is left to happen, ever.
  @discardableResult
  package func step() -> Bool {
    step(noLaterThan: .distantFuture)
  }

  /// Steps until nothing is left to happen before `end`, which then is the time.
  package func run(until end: Instant) {
    bounded { step(noLaterThan: end) }
    now = max(now, end)
  }

  /// `run(until:)`, counted from now.
  package func run(milliseconds: Int) {
    run(until: now.advanced(milliseconds: milliseconds))
  }

  /// Steps until nothing is under way and no loop has anything to do. Deadlines that lie further
  /// off than the last delivery do not pass.
  package func settle() {
    bounded { (!schedule.isEmpty || loops.contains(where: hasWork)) && step() }
  }

  /// Calls `move` while it says true; traps when time stands still for a million moves.
  private func bounded(_ move: () -> Bool) {
    var instant = now
    var moves = 0
    while move() {
      moves += 1
      if now > instant {
        instant = now
        moves = 0
      }
      precondition(moves < 1_000_000, "the simulated world does not move on")
    }
  }

  private func step(noLaterThan end: Instant) -> Bool {
    if turnOne() { return true }
    var deadline = Instant.distantFuture
    for turning in loops {
      deadline = min(deadline, turning.loop.nextDeadline ?? .distantFuture)
    }
    let arrival = schedule.nextTime.map(Instant.init(nanoseconds:)) ?? .distantFuture
    let next = min(deadline, arrival)
    if next == .distantFuture || next > end { return false }
    if next > now, let whenSettled { whenSettled() }
    now = max(now, next)
    let leap = leap()
    if leap > 0 { now = Instant(nanoseconds: now.nanoseconds + leap) }
    if arrival <= deadline { deliverDue() }
    return true
  }

  /// Turns the next loop, in a circle, that has something to do.
  private func turnOne() -> Bool {
    for offset in 0..<loops.count {
      let index = (nextTurn + offset) % loops.count
      if !hasWork(loops[index]) { continue }
      nextTurn = index + 1
      loops[index].loop.turn(buffer: &buffer, wait: false)
      return true
    }
    return false
  }

  private func hasWork(_ turning: Turning) -> Bool {
    if turning.network.hasReports || !turning.loop.mailbox.isEmpty { return true }
    return turning.loop.nextDeadline.map { $0 <= now } ?? false
  }

  private func deliverDue() {
    repeat {
      guard let delivery = schedule.takeNext() else { return }
      note(delivery)
      if !faults.isOn || !meetsFault(delivery) { deliver(delivery) }
      if coalescing == .single || coalescing == .mixed && generator.next() & 1 == 0 { return }
    } while schedule.nextTime.map { $0 <= now.nanoseconds } ?? false
  }

  private func note(_ delivery: SimulatedDelivery) {
    let parts = delivery.parts
    let number = parts.socket.id.rawValue
    let words = [now.nanoseconds, Int64(parts.code), Int64(number), Int64(parts.count)]
    for word in words {
      digest = (digest ^ UInt64(bitPattern: word)) &* 0x9e37_79b9_7f4a_7c15
      digest ^= digest >> 29
    }
    trace?.append("\(now.since(Self.start)) ns: \(parts.word) \(number) (\(parts.count))")
  }

  // MARK: For networks

  func random() -> UInt64 { generator.next() }

  /// The one door to the future.
  func send(_ delivery: SimulatedDelivery, at time: Int64) {
    schedule.add(delivery, at: time)
  }

  /// Sends over `path` now, behind nothing; later when a fault will have it.
  func send(_ delivery: SimulatedDelivery, over path: VirtualPath) {
    send(delivery, at: now.nanoseconds + path.delay + lateness(of: delivery))
  }

  func listener(_ id: ListenerID) -> SimulatedListener {
    let index = Int(id.rawValue)
    precondition(listeners.indices.contains(index), "a listener of another world")
    return listeners[index]
  }

  /// The open socket `id`. A closed one is our own mistake: in the kernel its number could be
  /// another connection's by now.
  func socket(_ id: SocketID) -> SimulatedSocket {
    let index = Int(id.rawValue)
    guard sockets.indices.contains(index), let socket = sockets[index] else {
      preconditionFailure("a socket used after it was closed")
    }
    return socket
  }

  /// The open socket with these ends.
  func findSocket(local: SocketAddress, peer: SocketAddress) -> SimulatedSocket? {
    for case .some(let socket) in sockets where socket.local == local && socket.peer == peer {
      return socket
    }
    return nil
  }

  /// The socket `id`, or nil when it is closed.
  func openSocket(_ id: SocketID) -> SimulatedSocket? {
    let index = Int(id.rawValue)
    return sockets.indices.contains(index) ? sockets[index] : nil
  }

  func makeSocket(
    local: SocketAddress, peer: SocketAddress, path: VirtualPath
  ) -> SimulatedSocket {
    let id = SocketID(rawValue: Int32(sockets.count))
    let socket = SimulatedSocket(id: id, local: local, peer: peer, path: path)
    sockets.append(socket)
    return socket
  }

  func path(to destination: SocketAddress) -> VirtualPath {
    routes.first { $0.destination == destination }?.path ?? path
  }

  func takePort() -> UInt16 {
    defer { nextPort = nextPort == .max ? 49152 : nextPort + 1 }
    return nextPort
  }

  func findListener(_ address: SocketAddress) -> SimulatedListener? {
    listeners.first { $0.answers(address) }
  }

  func close(_ socket: SimulatedSocket, _ manner: CloseManner) {
    let wasConnected = socket.phase == .open
    socket.phase = .closed
    socket.token = nil
    sockets[Int(socket.id.rawValue)] = nil
    leaveGroup(socket)
    socket.owner = nil
    guard let other = socket.other else { return }
    if other.phase == .closed {
      // Both ends are gone: nobody needs the way from one to the other any more.
      socket.other = nil
      other.other = nil
    }
    if !wasConnected || socket.isCut { return }
    if manner == .reset || socket.incoming.arrived > 0 {
      // Like the kernel: closing over bytes that nobody read is a reset, too.
      send(.reset(to: other), over: socket.path)
    } else if !socket.isSendShut {
      sendEnd(of: socket, to: other)
    }
  }

  /// Sends FIN behind everything that `socket` has sent.
  func sendEnd(of socket: SimulatedSocket, to other: SimulatedSocket) {
    socket.isSendShut = true
    other.takenByEnd = socket.arrivals
    if socket.isCut { return }
    let departure = max(socket.lineFreeAt, now.nanoseconds)
    send(.end(to: other), at: departure + socket.path.delay)
  }
}

/// A loop that the world turns.
private struct Turning {
  let loop: EventLoop
  let network: SimulatedNetwork
}

/// The path that leads to one address.
private struct Route {
  let destination: SocketAddress
  let path: VirtualPath
}
