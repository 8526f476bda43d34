import BowlineCore
import BowlineTransport
import Testing

/// One side of the talk: sends numbered bytes as fast as it may, and looks at what comes.
private final class Talker: LoopClient {
  static let total = 4000
  let loop: EventLoop
  let network: SimulatedNetwork
  private var socket: SocketID?
  private var listener: ListenerID?
  private var sent = 0
  private(set) var received = 0
  private(set) var isInOrder = true
  /// Its stream has ended, or broken.
  private(set) var hasEnded = false

  init(_ world: SimulatedWorld, _ address: SocketAddress) {
    network = world.makeNetwork()
    loop = EventLoop(network: network)
    guard case .started(let socket) = network.connect(to: address, token: 1 << 32) else { return }
    self.socket = socket
  }

  init(_ world: SimulatedWorld, _ listener: ListenerID) {
    network = world.makeNetwork()
    loop = EventLoop(network: network)
    self.listener = listener
    network.adopt(listener)
  }

  func acceptable(_ listener: ListenerID) {
    guard socket == nil, case .accepted(let socket, _) = network.accept(listener) else { return }
    self.socket = socket
    _ = network.watch(socket, token: 1 << 32)
  }

  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    guard let socket else { return }
    write(socket)
    while !hasEnded {
      buffer.bytes.removeAll()
      switch network.receive(socket, into: &buffer, limit: 700) {
      case .bytes(let count):
        for index in 0..<count where buffer.bytes[index] != UInt8((received + index) % 251) {
          isInOrder = false
        }
        received += count
      case .wouldBlock: return
      case .end: hasEnded = true
      case .failed:
        hasEnded = true
        sent = Self.total
      }
    }
    // It says all that it has to say before it goes.
    if sent < Self.total { return }
    network.close(socket, .orderly)
    self.socket = nil
  }

  private func write(_ socket: SocketID) {
    while sent < Self.total {
      let part = (sent..<min(sent + 300, Self.total)).map { UInt8($0 % 251) }
      guard case .sent(let count) = network.send(socket, part.span, Span<UInt8>()) else {
        sent = Self.total
        return
      }
      sent += count
      if count < part.count { return }
      if sent == Self.total { network.shutdownSend(socket) }
    }
  }

  func expired(_ token: UInt64, buffer: inout ReadBuffer) {}
  func receive(_ message: any Sendable) {}
  func turnEnded(buffer: inout ReadBuffer) {}
}

@Suite struct SimulatedFaultsTests {
  /// Two talk to each other, both ways at once, until nothing is left to happen.
  private func talk(seed: UInt64, _ faults: SimulatedFaults) throws -> (SimulatedWorld, [Talker]) {
    let world = SimulatedWorld(
      seed: seed, path: VirtualPath(delay: 300_000, segmentSize: 500, queueBytes: 2000))
    world.coalescing = .mixed
    world.faults = faults
    let listener = try world.listen(.loopback(80))
    let talkers = [Talker(world, listener), Talker(world, .loopback(80))]
    for talker in talkers {
      talker.loop.client = talker
      world.attach(talker.loop)
    }
    world.run(milliseconds: 3_600_000)
    for talker in talkers { talker.loop.client = nil }
    return (world, talkers)
  }

  @Test(arguments: SimulatedFaults.Kind.allCases)
  func whatArrivesIsInOrderWhateverGoesWrong(kind: SimulatedFaults.Kind) throws {
    var count: UInt64 = 0
    var whole = 0
    for seed in 1...8 as ClosedRange<UInt64> {
      var faults = SimulatedFaults(seed: seed)
      faults.set(kind, 6000)
      let (world, talkers) = try talk(seed: seed, faults)
      count += world.faults.counts[kind.rawValue]
      for talker in talkers {
        #expect(talker.isInOrder, "seed \(seed)")
        if talker.received == Talker.total { whole += 1 }
      }
      // Nobody waits for ever: the dialler is told of everything that breaks its connection.
      #expect(talkers[1].hasEnded, "seed \(seed)")
      #expect(world.openSockets == 0, "seed \(seed)")
      let others = world.faults.counts.indices.filter { $0 != kind.rawValue }
      #expect(others.allSatisfy { world.faults.counts[$0] == 0 })
    }
    #expect(count > 0)
    switch kind {
    case .refusedConnect, .blackHole, .reset, .earlyEnd: #expect(whole < 16)
    case .delay, .smallSegments, .singleBytes, .shortSend, .clockLeap, .lateAcknowledgement,
      .spuriousReport, .lateReport:
      #expect(whole == 16, "nothing is lost")
    }
  }

  @Test func withoutChancesAWorldIsAsItWas() throws {
    let (world, _) = try talk(seed: 3, SimulatedFaults(seed: 1))
    let (other, _) = try talk(seed: 3, SimulatedFaults(seed: 2))
    #expect(world.digest == other.digest)
    #expect(world.faults.counts.allSatisfy { $0 == 0 })
    var faults = SimulatedFaults(seed: 1)
    faults.set(.delay, 6000)
    #expect(try talk(seed: 3, faults).0.digest != world.digest)
    faults.stop()
    #expect(try talk(seed: 3, faults).0.digest == world.digest)
  }

  @Test func socketsTowardsAPlaceAreCounted() throws {
    let world = SimulatedWorld()
    let listener = try world.listen(.loopback(80))
    let group = world.count(towards: [.loopback(80), .loopback(81)])
    let peer = Peer(world.makeNetwork(), world)
    let first = try #require(peer.connect(to: .loopback(80), token: 1 << 32 | 2))
    // Nobody listens there; it counts until it is closed.
    let second = try #require(peer.connect(to: .loopback(81), token: 1 << 32 | 4))
    _ = try #require(peer.connect(to: .loopback(82), token: 1 << 32 | 6))
    world.settle()
    #expect(world.socketsTowards(group) == (2, 2))
    peer.network.close(second, .orderly)
    #expect(world.socketsTowards(group) == (1, 2))
    world.close(listener)
    world.settle()
    #expect(world.socketsTowards(group) == (1, 2))
    peer.network.close(first, .orderly)
    #expect(world.socketsTowards(group) == (0, 2))
  }

  @Test func anApplicationDiesWithItsAcknowledgementOnTheWay() throws {
    let world = SimulatedWorld(path: VirtualPath(delay: 1_000_000))
    let listener = try world.listen(.loopback(80))
    let server = Peer(world.makeNetwork(), world)
    let client = Peer(world.makeNetwork(), world)
    server.network.adopt(listener)
    let socket = try #require(client.connect(to: .loopback(80), token: 1 << 32 | 2))
    let accepted = try #require(server.accept(listener))
    #expect(server.network.watch(accepted, token: 1 << 32 | 4) == nil)
    let ends = try #require(server.network.facts(accepted))
    #expect(client.send(socket, "request") == .sent(7))
    #expect(server.receiveAll(accepted, upTo: 7).1 == "request")
    world.faults.set(.lateAcknowledgement, 65_536)
    #expect(client.send(socket, "another") == .sent(7))
    #expect(server.receiveAll(accepted, upTo: 7).1 == "another")
    #expect(world.reset(local: ends.local, peer: ends.peer))
    world.run(milliseconds: 1)
    #expect(client.receiveAll(socket).0.failure == .reset)
    #expect(!world.reset(local: ends.peer, peer: .loopback(1)))
  }
}
