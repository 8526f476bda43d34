import BowlineCore
import BowlineTransport
import Testing

/// Which network a behaviour is shown on.
enum Place: CaseIterable, CustomTestStringConvertible {
  case kernel, simulated

  var testDescription: String { self == .kernel ? "kernel" : "simulated" }
}

/// A server's and a client's end of one network, and one listener between them.
final class Stage {
  let server: Peer
  let client: Peer
  /// Another loop's, beside the server's.
  let neighbour: Peer
  let address: SocketAddress
  let listener: ListenerID
  private let world: SimulatedWorld?
  private let opened: Listener?

  init(_ place: Place, path: VirtualPath = VirtualPath(delay: 1000)) throws {
    switch place {
    case .kernel:
      let opened = try Listener.open(.loopback(0), backlog: 16)
      self.opened = opened
      world = nil
      listener = opened.id
      address = opened.address
      server = Peer(try EpollNetwork(), nil)
      client = Peer(try EpollNetwork(), nil)
      neighbour = Peer(try EpollNetwork(), nil)
    case .simulated:
      let world = SimulatedWorld(path: path)
      self.world = world
      opened = nil
      listener = try world.listen(.loopback(0), backlog: 16)
      address = world.address(of: listener)
      server = Peer(world.makeNetwork(), world)
      client = Peer(world.makeNetwork(), world)
      neighbour = Peer(world.makeNetwork(), world)
    }
    server.network.adopt(listener)
  }

  deinit { opened?.close() }

  /// A connection from the client to the server, both ends watched: the client's under `token`, the
  /// server's under `token + 1`.
  func connection(token: UInt64 = 1 << 32 | 10) throws -> (client: SocketID, server: SocketID) {
    let dialled = try #require(client.connect(to: address, token: token))
    #expect(client.readiness(of: token, until: .writable).contains(.writable))
    #expect(client.network.connectResult(dialled) == nil)
    let accepted = try #require(server.accept(listener))
    #expect(server.network.watch(accepted, token: token + 1) == nil)
    return (dialled, accepted)
  }
}

/// One end, with the loops that a test needs to wait for what it expects. Every wait is bounded:
/// the kernel gets five seconds, the simulated world until nothing is under way.
final class Peer {
  let network: any Network
  private let world: SimulatedWorld?
  private var events: [NetworkEvent] = []

  init(_ network: any Network, _ world: SimulatedWorld?) {
    self.network = network
    self.world = world
  }

  /// What one wait reports.
  func wait() -> [NetworkEvent] {
    world?.settle()
    network.wait(until: Clock.monotonic().advanced(milliseconds: 5000), events: &events)
    return events
  }

  /// What is reported right now.
  func look() -> [NetworkEvent] {
    world?.settle()
    network.wait(until: Instant(nanoseconds: 0), events: &events)
    return events
  }

  /// Everything reported of `token` until `wanted` was among it.
  func readiness(of token: UInt64, until wanted: Readiness) -> Readiness {
    var seen: Readiness = []
    while !seen.isSuperset(of: wanted) {
      let events = wait()
      if events.isEmpty { break }
      for event in events {
        if case .socket(token) = event.source { seen.formUnion(event.readiness) }
      }
    }
    return seen
  }

  func connect(to address: SocketAddress, token: UInt64) -> SocketID? {
    if case .started(let socket) = network.connect(to: address, token: token) { return socket }
    return nil
  }

  func accept(_ listener: ListenerID) -> SocketID? {
    while true {
      switch network.accept(listener) {
      case .accepted(let socket, _): return socket
      case .wouldBlock: if wait().isEmpty { return nil }
      case .exhausted, .failed: return nil
      }
    }
  }

  func send(_ socket: SocketID, _ first: String, _ second: String = "") -> SendOutcome {
    network.send(socket, Array(first.utf8).span, Array(second.utf8).span)
  }

  /// One receive.
  func receive(_ socket: SocketID, limit: Int = ReadBuffer.size) -> (ReceiveOutcome, String) {
    var buffer = ReadBuffer()
    let outcome = network.receive(socket, into: &buffer, limit: limit)
    let bytes = (0..<buffer.bytes.count).map { buffer.bytes[$0] }
    return (outcome, String(decoding: bytes, as: UTF8.self))
  }

  /// Receives until something else than bytes or "nothing now" comes, or `count` bytes are there.
  func receiveAll(_ socket: SocketID, upTo count: Int = .max) -> (ReceiveOutcome, String) {
    var text = ""
    while true {
      let (outcome, more) = receive(socket)
      text += more
      switch outcome {
      case .bytes: if text.utf8.count >= count { return (outcome, text) }
      case .wouldBlock: if wait().isEmpty { return (outcome, text) }
      case .end, .failed: return (outcome, text)
      }
    }
  }
}

extension ReceiveOutcome {
  /// The failure's kind; nil when it is none.
  var failure: NetworkError.Kind? {
    if case .failed(let error) = self { error.kind } else { nil }
  }
}

extension SendOutcome {
  /// The failure's kind; nil when it is none.
  var failure: NetworkError.Kind? {
    if case .failed(let error) = self { error.kind } else { nil }
  }
}
