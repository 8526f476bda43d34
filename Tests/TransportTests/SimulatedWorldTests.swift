import BowlineCore
import BowlineTransport
import Testing

/// Sends back what it receives, as fast as the peer takes it.
private final class Echo: LoopClient {
  let loop: EventLoop
  var sockets: [UInt64: SocketID] = [:]
  var rest: [UInt64: [UInt8]] = [:]
  var ended: Set<UInt64> = []
  var messages = 0
  private var nextToken: UInt64 = 1 << 32

  init(_ loop: EventLoop) { self.loop = loop }

  func acceptable(_ listener: ListenerID) {
    while case .accepted(let socket, _) = loop.network.accept(listener) {
      nextToken += 1
      sockets[nextToken] = socket
      #expect(loop.network.watch(socket, token: nextToken) == nil)
    }
  }

  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    guard let socket = sockets[token] else { return }
    flush(token, socket)
    while rest[token] == nil {
      buffer.bytes.removeAll()
      switch loop.network.receive(socket, into: &buffer, limit: 1000) {
      case .bytes:
        rest[token] = (0..<buffer.bytes.count).map { buffer.bytes[$0] }
        flush(token, socket)
      case .wouldBlock: return
      case .end, .failed:
        loop.network.close(socket, .orderly)
        sockets[token] = nil
        return
      }
    }
  }

  private func flush(_ token: UInt64, _ socket: SocketID) {
    guard let bytes = rest[token] else { return }
    let nothing: [UInt8] = []
    let outcome = loop.network.send(socket, bytes.span, nothing.span)
    guard case .sent(let count) = outcome else { return }
    rest[token] = count == bytes.count ? nil : Array(bytes[count...])
  }

  func expired(_ token: UInt64, buffer: inout ReadBuffer) {}
  func receive(_ message: any Sendable) { messages += 1 }
  func turnEnded(buffer: inout ReadBuffer) {}
}

@Suite struct SimulatedWorldTests {
  private let token: UInt64 = 1 << 32 | 10

  /// Milliseconds of virtual time.
  private func elapsed(_ world: SimulatedWorld) -> Int64 {
    world.now.since(SimulatedWorld.start) / 1_000_000
  }

  /// Eight clients send random lots to an echo loop and hang up. Returns what the world became.
  private func history(seed: UInt64) throws -> (digest: UInt64, trace: [String]) {
    let path = VirtualPath(delay: 300_000, rate: 1_000_000, segmentSize: 500, queueBytes: 3000)
    let world = SimulatedWorld(seed: seed, path: path)
    world.coalescing = .mixed
    world.trace = []
    let listener = try world.listen(.loopback(80))
    let loop = EventLoop(network: world.makeNetwork())
    let echo = Echo(loop)
    loop.client = echo
    defer { loop.client = nil }
    loop.network.adopt(listener)
    world.attach(loop)
    var random = SplitMix(seed: seed)
    for number in 0..<8 as Range<UInt64> {
      let peer = Peer(world.makeNetwork(), world)
      let socket = try #require(peer.connect(to: .loopback(80), token: token + number))
      world.settle()
      let text = String(repeating: "lots", count: Int(random.next(below: 700)) + 1)
      guard case .sent(let count) = peer.send(socket, text) else { return (0, []) }
      #expect(peer.receiveAll(socket, upTo: count).1 == text.prefix(count))
      peer.network.close(socket, .orderly)
    }
    world.settle()
    #expect(world.openSockets == 0)
    #expect(echo.sockets.isEmpty)
    return (world.digest, world.trace ?? [])
  }

  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func oneSeedIsOneHistory(seed: UInt64) throws {
    let first = try history(seed: seed)
    let second = try history(seed: seed)
    #expect(first.digest == second.digest)
    #expect(first.trace == second.trace)
    #expect(first.trace.count > 50)
    #expect(try history(seed: seed + 100).digest != first.digest)
  }

  @Test func timePassesAsThePathSays() throws {
    // 10 ms one way, 1 MB/s.
    let path = VirtualPath(delay: 10_000_000, rate: 1_000_000, queueBytes: 2_000_000)
    let stage = SimulatedWorld(path: path)
    let listener = try stage.listen(.loopback(80))
    let server = Peer(stage.makeNetwork(), nil)
    let client = Peer(stage.makeNetwork(), nil)
    server.network.adopt(listener)
    let socket = try #require(client.connect(to: .loopback(80), token: token))
    stage.run(milliseconds: 19)
    #expect(client.look().isEmpty)
    stage.run(milliseconds: 1)
    #expect(client.look().count == 1)
    #expect(server.look().isEmpty)
    stage.run(milliseconds: 10)
    #expect(server.look().count == 1)
    let accepted = try #require(server.accept(listener))
    #expect(client.send(socket, String(repeating: "x", count: 1_000_000)) == .sent(1_000_000))
    stage.settle()
    #expect(elapsed(stage) == 30 + 1000 + 10)
    var buffer = ReadBuffer()
    #expect(server.network.receive(accepted, into: &buffer, limit: 65536) == .bytes(65536))
    #expect(client.network.facts(socket)?.roundTripMicroseconds == 20_000)
  }

  @Test func bytesUnderWayAreLostInAReset() throws {
    let path = VirtualPath(delay: 1_000_000, rate: 1_000_000, segmentSize: 1000)
    let world = SimulatedWorld(path: path)
    let listener = try world.listen(.loopback(80))
    let server = Peer(world.makeNetwork(), world)
    let client = Peer(world.makeNetwork(), world)
    server.network.adopt(listener)
    let socket = try #require(client.connect(to: .loopback(80), token: token))
    let accepted = try #require(server.accept(listener))
    #expect(server.network.watch(accepted, token: token + 1) == nil)
    // 100 kB take 100 ms. The reset comes after 10 of them and overtakes what has not left yet.
    _ = client.send(socket, String(repeating: "x", count: 100_000))
    world.run(milliseconds: 10)
    client.network.close(socket, .reset)
    let (outcome, text) = server.receiveAll(accepted)
    #expect(outcome.failure == .reset)
    #expect(text.utf8.count == 10_000)
  }

  // covers: S024
  @Test func aFullBacklogDelaysAndThenTimesOut() throws {
    let world = SimulatedWorld()
    let listener = try world.listen(.loopback(80), backlog: 1)
    let peer = Peer(world.makeNetwork(), nil)
    for number in 0..<2 as Range<UInt64> {
      _ = peer.connect(to: .loopback(80), token: token + number)
      world.run(milliseconds: 1)
    }
    #expect(peer.look().count == 2)
    // The queue holds one more than the backlog. The third SYN is dropped, and sent again.
    let late = try #require(peer.connect(to: .loopback(80), token: token + 2))
    world.run(milliseconds: 900)
    #expect(peer.look().isEmpty)
    guard case .accepted = peer.network.accept(listener) else {
      Issue.record("nobody to accept")
      return
    }
    world.run(milliseconds: 200)
    #expect(peer.look().count == 1)
    #expect(peer.network.connectResult(late) == nil)
    let never = try #require(peer.connect(to: .loopback(80), token: token + 3))
    world.run(milliseconds: 126_000)
    #expect(peer.look().isEmpty)
    world.run(milliseconds: 1000)
    #expect(peer.look().count == 1)
    #expect(peer.network.connectResult(never)?.kind == .timedOut)
  }

  @Test func anHourOfDeadlinesCostsNothing() throws {
    let world = SimulatedWorld()
    let loop = EventLoop(network: world.makeNetwork())
    let client = Ticking(loop)
    loop.client = client
    defer { loop.client = nil }
    world.attach(loop)
    loop.schedule(1, at: world.now.advanced(milliseconds: 60_000))
    world.run(milliseconds: 3_600_000)
    #expect(client.fired.count == 60)
    #expect(client.fired.first == SimulatedWorld.start.advanced(milliseconds: 60_000))
    #expect(loop.network.wallClockSeconds == SimulatedWorld.startWallSeconds + 3600)
    // Settling lets no deadline pass.
    world.settle()
    #expect(client.fired.count == 60)
    world.detach(loop)
    #expect(!world.step())
  }

  /// Asks to be called again every minute.
  private final class Ticking: LoopClient {
    let loop: EventLoop
    var fired: [Instant] = []
    init(_ loop: EventLoop) { self.loop = loop }
    func acceptable(_ listener: ListenerID) {}
    func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {}
    func expired(_ token: UInt64, buffer: inout ReadBuffer) {
      fired.append(loop.now)
      loop.schedule(token, at: loop.now.advanced(milliseconds: 60_000))
    }
    func receive(_ message: any Sendable) {}
    func turnEnded(buffer: inout ReadBuffer) {}
  }

  @Test func mailIsNoticed() throws {
    let world = SimulatedWorld()
    let loop = EventLoop(network: world.makeNetwork())
    let echo = Echo(loop)
    loop.client = echo
    defer { loop.client = nil }
    world.attach(loop)
    #expect(!world.step())
    loop.mailbox.post("one")
    loop.mailbox.post("two")
    #expect(world.step())
    #expect(echo.messages == 2)
    #expect(!world.step())
    #expect(world.now == SimulatedWorld.start)
  }

  @Test func loopsShareAListenerByTheSeed() throws {
    func shares(seed: UInt64) throws -> [Int] {
      let world = SimulatedWorld(seed: seed)
      let listener = try world.listen(.loopback(80))
      let echoes = (0..<2).map { _ in Echo(EventLoop(network: world.makeNetwork())) }
      for echo in echoes {
        echo.loop.client = echo
        echo.loop.network.adopt(listener)
        world.attach(echo.loop)
      }
      let peer = Peer(world.makeNetwork(), world)
      for number in 0..<64 as Range<UInt64> {
        _ = peer.connect(to: .loopback(80), token: token + number)
        world.settle()
      }
      for echo in echoes { echo.loop.client = nil }
      return echoes.map(\.sockets.count)
    }
    let first = try shares(seed: 7)
    #expect(first.reduce(0, +) == 64)
    #expect(first.allSatisfy { $0 > 10 })
    #expect(try shares(seed: 7) == first)
  }

  @Test func listenersObeyTheKernelsRules() throws {
    let world = SimulatedWorld()
    let listener = try world.listen(.loopback(80))
    let inUse = NetworkError(kind: .inUse, code: 0)
    #expect(throws: inUse) { try world.listen(.loopback(80)) }
    #expect(throws: inUse) { try world.listen(SocketAddress(high: 0, low: 0, port: 80)) }
    let peer = Peer(world.makeNetwork(), world)
    _ = try #require(peer.connect(to: .loopback(80), token: token))
    #expect(peer.readiness(of: token, until: .writable) == .writable)
    // Closing the listener resets who waits in its queue.
    world.close(listener)
    #expect(peer.readiness(of: token, until: .ended).contains(.ended))
    _ = try world.listen(.loopback(80))
  }

  @Test func anEndpointRunsOutOfSockets() throws {
    let world = SimulatedWorld()
    let listener = try world.listen(.loopback(80))
    let network = world.makeNetwork()
    network.socketLimit = 1
    let peer = Peer(network, world)
    let socket = try #require(peer.connect(to: .loopback(80), token: token))
    #expect(peer.connect(to: .loopback(80), token: token + 2) == nil)
    network.adopt(listener)
    _ = peer.wait()
    guard case .exhausted(let error) = network.accept(listener) else {
      Issue.record("accepted over the limit")
      return
    }
    #expect(error.kind == .descriptors)
    network.close(socket, .orderly)
    #expect(network.openSockets == 0)
    #expect(peer.accept(listener) != nil)
  }

  @Test func ourOwnMistakesTrap() async {
    await #expect(processExitsWith: .failure) {
      let stage = try Stage(.simulated)
      let (client, _) = try stage.connection()
      stage.client.network.close(client, .orderly)
      _ = stage.client.send(client, "after close")
    }
    await #expect(processExitsWith: .failure) {
      let stage = try Stage(.simulated)
      _ = stage.client.connect(to: stage.address, token: 2 << 32)
    }
    await #expect(processExitsWith: .failure) {
      let stage = try Stage(.kernel)
      _ = stage.client.connect(to: stage.address, token: 2 << 32)
    }
  }
}
