import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineServer
import BowlineTransport
import Testing

/// Our own origin server, asked directly: one loop in the simulated world. It serves a directory,
/// that of this file unless another is asked for, and the demo answers.
final class OriginStage {
  static let here = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")

  private let world: SimulatedWorld
  private let loop: EventLoop
  private let outside: SimulatedNetwork
  private let address: SocketAddress
  private let handoff = Handoff(RecordBatch())

  init(
    _ directory: String = OriginStage.here, wallSeconds: Int64 = SimulatedWorld.startWallSeconds
  ) throws {
    world = SimulatedWorld(wallSeconds: wallSeconds)
    let network = world.makeNetwork()
    let listener = try world.listen(.loopback(9000))
    address = world.address(of: listener)
    loop = EventLoop(network: network)
    outside = world.makeNetwork()
    let bell = try Doorbell()
    let links = Links(
      loop: loop, network: network, settings: Settings(), loopNumber: 0,
      journal: JournalWriter(handoff: handoff, bell: bell, limit: 1 << 20))
    loop.client = links
    let server = OriginServer(links: links, directory: try Directory.open(directory), demo: true)
    links.serve(listener, handler: server.handlerNumber)
    world.attach(loop)
  }

  deinit { loop.client = nil }

  /// Everything that the origin sends back for `request`, and whether it ended the connection.
  func ask(_ request: String) throws -> (text: String, ended: Bool) {
    read(try begin(request))
  }

  /// Sends `request` on a connection of its own, and reads nothing of the answer.
  func begin(_ request: String) throws -> SocketID {
    guard case .started(let socket) = outside.connect(to: address, token: 1 << 32) else {
      throw NetworkError(kind: .refused, code: 0)
    }
    world.settle()
    _ = outside.connectResult(socket)
    _ = outside.send(socket, octets(request).span, Span<UInt8>())
    world.settle()
    return socket
  }

  /// Reads until nothing more comes, and closes.
  func read(_ socket: SocketID) -> (text: String, ended: Bool) {
    defer { world.settle() }
    defer { outside.close(socket, .orderly) }
    var received: [UInt8] = []
    var buffer = ReadBuffer()
    while true {
      world.settle()
      buffer.bytes.removeAll()
      switch outside.receive(socket, into: &buffer, limit: ReadBuffer.size) {
      case .bytes:
        let bytes = buffer.bytes.span
        for index in bytes.indices { received.append(bytes[index]) }
      case .wouldBlock: return (text(received), false)
      case .end, .failed: return (text(received), true)
      }
    }
  }

  func pass(milliseconds: Int) { world.run(milliseconds: milliseconds) }

  /// Why the exchanges ended that have, in order; each is told once.
  func ends() -> [EndReason] {
    world.settle()
    var batch = RecordBatch()
    return handoff.take(&batch) ? batch.exchanges.map(\.end) : []
  }
}

/// The value of the first field called `name` in a head.
func field(_ name: String, of answer: String) -> String? {
  let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
  return lines.prefix { !$0.isEmpty }
    .first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
}
