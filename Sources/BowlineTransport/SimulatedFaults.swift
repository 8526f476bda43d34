// What can go wrong in a simulated world, by seed.
//
// The world asks at each opportunity: a SYN leaves, a segment leaves, something arrives, a report
// is due, the clock moves. Each kind has a chance of its own, in 65,536. All are 0 unless somebody
// sets them; then nothing is drawn from the generator, and the world is as it would be without.
//
// A fault never does what a kernel could not do: bytes of one direction stay in order, what was
// acknowledged is not lost, a connection that broke is broken for both ends in the end.

package import BowlineCore

/// The faults of one world: how often each kind is to occur, and how often it did.
package struct SimulatedFaults: Sendable {
  package enum Kind: Int, CaseIterable, Sendable {
    /// A SYN is answered with RST although somebody listens.
    case refusedConnect
    /// A SYN is never answered.
    case blackHole
    /// RST to both ends, at any delivery of an established connection.
    case reset
    /// FIN to both ends at the very instant in which bytes leave one of them: some of these arrive,
    /// the others draw RST. A middlebox forgets its idle connections like this.
    case earlyEnd
    /// Something takes longer than the path says.
    case delay
    /// Bytes arrive in segments of a few.
    case smallSegments
    /// Bytes arrive one by one.
    case singleBytes
    /// A send takes less than it is given, nothing at times.
    case shortSend
    /// Time leaps ahead for everybody: all of it was suspended.
    case clockLeap
    /// What an application has taken is acknowledged late, after its RST maybe.
    case lateAcknowledgement
    /// A socket is said to be ready and is not.
    case spuriousReport
    /// A socket is ready, and its loop hears of it late.
    case lateReport
  }

  private var chances = [UInt32](repeating: 0, count: Kind.allCases.count)
  /// How often each kind has occurred, by its number.
  package private(set) var counts = [UInt64](repeating: 0, count: Kind.allCases.count)
  private var generator: SplitMix
  /// Some kind has a chance.
  private(set) var isOn = false

  package init(seed: UInt64) { generator = SplitMix(seed: seed) }

  /// Chances in 65,536 that `kind` occurs when it could.
  package mutating func set(_ kind: Kind, _ chances: UInt32) {
    self.chances[kind.rawValue] = chances
    if chances > 0 { isOn = true }
  }

  /// Ends all faults; what is under way goes on.
  package mutating func stop() {
    for kind in Kind.allCases { chances[kind.rawValue] = 0 }
    isOn = false
  }

  /// Whether `kind` occurs now; counts it.
  mutating func occurs(_ kind: Kind) -> Bool {
    if !isOn { return false }
    let chance = chances[kind.rawValue]
    if chance == 0 || generator.next() & 0xffff >= UInt64(chance) { return false }
    counts[kind.rawValue] += 1
    return true
  }

  /// A number of 0..<bound.
  mutating func number(below bound: Int) -> Int {
    Int(truncatingIfNeeded: generator.next(below: UInt64(max(bound, 1))))
  }

  /// Nanoseconds: mostly microseconds to milliseconds, at times seconds.
  mutating func pause() -> Int64 {
    switch number(below: 16) {
    case 0: Int64(number(below: 4_000_000)) * 1000
    case 1...5: Int64(number(below: 200_000)) * 1000
    default: Int64(number(below: 5000)) * 1000
    }
  }
}

// Connections.
extension SimulatedWorld {
  /// Nanoseconds after which nobody waits for an answer to SYN any longer.
  private static let blackHoleTime: Int64 = 127_000_000_000

  /// Sends the SYN of `socket`.
  func dial(_ socket: SimulatedSocket) {
    if faults.occurs(.blackHole) {
      send(.refused(socket, .timedOut), at: now.nanoseconds + Self.blackHoleTime)
    } else if faults.occurs(.refusedConnect) {
      send(.refused(socket, .refused), at: now.nanoseconds + 2 * socket.path.delay)
    } else {
      send(.opening(from: socket, attempt: 0), over: socket.path)
    }
  }

  /// What may befall the connection that something arrives on: a reset, before it or after it.
  ///
  /// - Returns: true when it is gone, and the delivery with it.
  func meetsFault(_ delivery: SimulatedDelivery) -> Bool {
    let socket = delivery.parts.socket
    guard socket.phase == .open else { return false }
    if faults.occurs(.spuriousReport) {
      socket.isSpurious = true
      socket.report()
    }
    guard faults.occurs(.reset) else { return false }
    let isAfter = faults.number(below: 2) == 0
    if isAfter { deliver(delivery) }
    if case .queued = delivery, !isAfter {
      // It never gets into the queue, so nobody would close it.
      close(socket, .reset)
    } else {
      breakOff(socket)
    }
    return true
  }

  /// RST to `socket` now, and to its other end as fast as the path is.
  func breakOff(_ socket: SimulatedSocket) {
    if let other = socket.other { send(.reset(to: other), over: socket.path) }
    if socket.phase == .open { socket.fail(.reset) }
  }

  /// Breaks the connection whose ends are as given, as seen from one of them: that end's
  /// application resets it without closing it.
  ///
  /// - Returns: false when there is none.
  @discardableResult
  package func reset(local: SocketAddress, peer: SocketAddress) -> Bool {
    guard let socket = findSocket(local: local, peer: peer) else { return false }
    breakOff(socket)
    return true
  }
}

// Bytes.
extension SimulatedWorld {
  /// Bytes that a send takes of `count` that would fit.
  func accepted(_ count: Int, by socket: SimulatedSocket) -> Int {
    guard count > 0, faults.occurs(.shortSend) else { return count }
    socket.isThrottled = true
    send(.writable(socket), at: now.nanoseconds + faults.pause())
    return faults.number(below: count)
  }

  /// Bytes of `count` sent that reach the other end, and whether the connection is cut off behind
  /// them.
  func passing(_ count: Int, from socket: SimulatedSocket) -> (count: Int, isCut: Bool) {
    if socket.isCut {
      send(.reset(to: socket), over: socket.path)
      return (0, false)
    }
    guard faults.occurs(.earlyEnd) else { return (count, false) }
    // All of them, too: a request is executed, and its answer finds no way back.
    return (faults.number(below: 3) == 0 ? count : faults.number(below: count), true)
  }

  /// The connection is forgotten by the path: FIN to both ends behind what is under way, and RST to
  /// the sender when bytes of it were lost.
  func cutOff(_ socket: SimulatedSocket, _ other: SimulatedSocket, lost: Bool) {
    socket.isCut = true
    other.isCut = true
    for (end, peer) in [(socket, other), (other, socket)] {
      let departure = max(end.lineFreeAt, now.nanoseconds)
      send(.end(to: peer), at: departure + end.path.delay)
    }
    if lost { send(.reset(to: socket), at: now.nanoseconds + socket.path.delay + faults.pause()) }
  }

  /// Nanoseconds by which `delivery` is later than the path says.
  func lateness(of delivery: SimulatedDelivery) -> Int64 {
    if !faults.isOn { return 0 }
    if case .space = delivery, faults.occurs(.lateAcknowledgement) { return faults.pause() }
    return faults.occurs(.delay) ? faults.pause() : 0
  }

  /// Nanoseconds that the line stands still before it takes what is sent next.
  func lineStop() -> Int64 { faults.occurs(.delay) ? faults.pause() : 0 }

  /// Most bytes of the segments that `count` bytes go in, how many of them go so, and how long the
  /// line is busy with each: so that each arrives alone.
  func cut(_ count: Int, _ path: VirtualPath) -> (size: Int, limit: Int, gap: Int64) {
    if faults.occurs(.singleBytes) { return (1, 1 + faults.number(below: 80), 1000) }
    if faults.occurs(.smallSegments) {
      return (2 + faults.number(below: 60), 1 + faults.number(below: 2000), 1000)
    }
    return (path.segmentSize, count, 0)
  }
}

// Time and reports.
extension SimulatedWorld {
  /// Nanoseconds by which the clock moves on further than it had to.
  func leap() -> Int64 {
    guard faults.occurs(.clockLeap) else { return 0 }
    return Int64(1 + faults.number(below: 180_000)) * 1_000_000
  }

  /// True when the report of `socket` comes later.
  func postponesReport(of socket: SimulatedSocket) -> Bool {
    guard faults.occurs(.lateReport) else { return false }
    send(.report(socket), at: now.nanoseconds + faults.pause())
    return true
  }
}

/// Sockets that lead to one place, counted from the connect to the close.
struct SimulatedGroup {
  let addresses: [SocketAddress]
  var open = 0
  var most = 0
}

extension SimulatedWorld {
  /// Counts, from now on, the sockets that lead to one of `addresses` and that whoever dialled them
  /// has not closed.
  ///
  /// - Returns: the number to ask `socketsTowards` with.
  package func count(towards addresses: [SocketAddress]) -> Int {
    groups.append(SimulatedGroup(addresses: addresses))
    return groups.count - 1
  }

  /// How many sockets lead there now, and the most that did at once.
  package func socketsTowards(_ group: Int) -> (open: Int, most: Int) {
    (groups[group].open, groups[group].most)
  }

  func enterGroup(_ socket: SimulatedSocket) {
    guard let index = groups.firstIndex(where: { $0.addresses.contains(socket.peer) }) else {
      return
    }
    socket.group = index
    groups[index].open += 1
    groups[index].most = max(groups[index].most, groups[index].open)
  }

  func leaveGroup(_ socket: SimulatedSocket) {
    guard let index = socket.group else { return }
    socket.group = nil
    groups[index].open -= 1
  }
}
