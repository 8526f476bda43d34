import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport

/// One loop with its links in a simulated world, a role that serves a listener, and the peers that
/// talk raw bytes to it. Time is virtual: nothing waits.
final class Stage {
  let world: SimulatedWorld
  let network: SimulatedNetwork
  /// Where the peers live.
  let outside: SimulatedNetwork
  let loop: EventLoop
  let links: Links
  let role: ScriptedRole
  let listener: ListenerID
  private let desk: Desk
  private let handoff: Handoff<RecordBatch>
  private var peers: [Peer] = []
  private var collected = RecordBatch()
  private var tokens: UInt32 = 0

  init(
    _ values: KeyValuePairs<SettingID, Int> = [:], path: VirtualPath = VirtualPath(delay: 1000),
    seed: UInt64 = 1, as recipient: Persistence.Recipient = .origin
  ) throws {
    var settings = Settings()
    for (id, value) in values { try settings.set(id, to: value) }
    world = SimulatedWorld(seed: seed, path: path)
    network = world.makeNetwork()
    outside = world.makeNetwork()
    loop = EventLoop(network: network)
    handoff = Handoff(RecordBatch())
    let journal = JournalWriter(handoff: handoff, bell: try Doorbell(), limit: 1 << 26)
    links = Links(
      loop: loop, network: network, settings: settings, loopNumber: 0, journal: journal)
    role = ScriptedRole(links: links)
    listener = try world.listen(.loopback(80), backlog: 1024)
    desk = Desk(links: links)
    loop.client = desk
    world.attach(loop)
    links.serve(listener, handler: role.number, as: recipient)
  }

  // Links, loop and desk hold each other.
  deinit { loop.client = nil }

  // MARK: Moving

  /// Runs `deed` in a turn of the loop, as a role's own call would, and lets the world settle.
  func act(_ deed: @escaping (Links) -> Void) {
    desk.deeds.append(deed)
    loop.mailbox.post(0)
    settle()
  }

  /// Lets everything happen that needs no time: peers send what they have to send and read.
  func settle() {
    repeat { world.settle() } while peers.reduce(false) { $1.move() || $0 }
  }

  /// Lets `milliseconds` pass.
  func run(milliseconds: Int) {
    settle()
    world.run(milliseconds: milliseconds)
    settle()
  }

  // MARK: Peers

  /// A client that has connected, from `address` if that matters.
  func client(from address: SocketAddress? = nil) -> Peer {
    let network = address.map { world.makeNetwork(address: $0) } ?? outside
    let peer = Peer(self, dial(world.address(of: listener), over: network))
    settle()
    return peer
  }

  /// A client whose connection and whose other deeds arrive in the same turn.
  func client(meanwhile deed: () -> Void) -> Peer {
    let peer = Peer(self, dial(world.address(of: listener)))
    deed()
    settle()
    return peer
  }

  /// A client that has connected and sent `text`.
  func client(sending text: String) -> Peer {
    let peer = Peer(self, dial(world.address(of: listener)))
    settle()
    peer.send(text)
    return peer
  }

  private func dial(_ address: SocketAddress, over network: SimulatedNetwork? = nil) -> SocketID {
    tokens += 1
    let token = Handle(index: tokens, generation: 1).word
    guard case .started(let socket) = (network ?? outside).connect(to: address, token: token) else {
      preconditionFailure("the outside has no limit on sockets")
    }
    return socket
  }

  /// The next connection that came in at `listener`, which is an upstream's.
  func accept(_ listener: ListenerID) -> Peer? {
    settle()
    guard case .accepted(let socket, _) = outside.accept(listener) else { return nil }
    return Peer(self, socket)
  }

  func join(_ peer: Peer) { peers.append(peer) }

  // MARK: What is left behind

  /// Every record so far.
  var records: RecordBatch {
    take()
    links.handOverJournal()
    take()
    return collected
  }

  /// What the writer finds in the slot now; empty when it finds nothing.
  func takeRecords() -> RecordBatch {
    var batch = RecordBatch()
    _ = handoff.take(&batch)
    return batch
  }

  private func take() {
    var batch = RecordBatch()
    guard handoff.take(&batch) else { return }
    collected.connections += batch.connections
    collected.exchanges += batch.exchanges
    collected.dropped += batch.dropped
    collected.pausesAtLimit += batch.pausesAtLimit
    collected.pausesWithoutDescriptors += batch.pausesWithoutDescriptors
  }

  /// How the connections ended, in that order.
  var connectionEnds: [EndReason] { records.connections.map(\.end) }
  /// How the exchanges ended, in that order.
  var exchangeEnds: [EndReason] { records.exchanges.map(\.end) }
  /// The link of the exchange that began last, of those under way.
  var busyLink: Handle? { role.open.last.map { links.exchanges[$0].link } }
}

/// Passes the loop's calls on to the links, and runs what a test wants done within a turn.
private final class Desk: LoopClient {
  let links: Links
  var deeds: [(Links) -> Void] = []

  init(links: Links) { self.links = links }

  func acceptable(_ listener: ListenerID) { links.acceptable(listener) }
  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    links.ready(token, readiness, buffer: &buffer)
  }
  func expired(_ token: UInt64, buffer: inout ReadBuffer) { links.expired(token, buffer: &buffer) }
  func turnEnded(buffer: inout ReadBuffer) { links.turnEnded(buffer: &buffer) }

  func receive(_ message: any Sendable) {
    links.receive(message)
    let todo = deeds
    deeds = []
    for deed in todo { deed(links) }
  }
}

/// The other end of a connection: sends and receives raw bytes.
final class Peer {
  enum Ending { case fin, reset }

  /// Reads what arrives. Without, the bytes stay in the pipe.
  var reads = true
  /// Everything read so far.
  private(set) var bytes: [UInt8] = []
  /// How the other side ended, when it did.
  private(set) var ending: Ending?
  /// Bytes that wait for room in the pipe.
  private(set) var unsent: [UInt8] = []
  private unowned let stage: Stage
  private let socket: SocketID
  private var isClosed = false
  private var finishes = false

  init(_ stage: Stage, _ socket: SocketID) {
    self.stage = stage
    self.socket = socket
    stage.join(self)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The statuses of the responses read so far.
  var statuses: [String] {
    text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: false).dropFirst()
      .map { String($0.prefix(3)) }
  }

  /// The bodies of the responses read so far, provided that none has an H in it.
  var bodies: [String] {
    text.split(separator: "\r\n\r\n").dropFirst().map { String($0.prefix { $0 != "H" }) }
  }

  /// The content of the one chunked response read so far.
  func chunkedBody() -> [UInt8] {
    guard let head = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
    var rest = bytes[head.upperBound...]
    var content: [UInt8] = []
    while let line = rest.firstRange(of: [13, 10]) {
      let digits = String(decoding: rest[..<line.lowerBound], as: UTF8.self)
      guard let count = Int(digits, radix: 16), count > 0 else { break }
      content += rest[line.upperBound...].prefix(count)
      rest = rest[line.upperBound...].dropFirst(count + 2)
    }
    return content
  }

  /// What was read since the last call.
  func read() -> String {
    defer { bytes = [] }
    return text
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    unsent += bytes
    stage.settle()
  }

  /// Puts `text` on its way without letting anything else happen, so that several peers' bytes
  /// are seen in one turn.
  func post(_ text: String) {
    unsent += Array(text.utf8)
    _ = push()
  }

  /// Sends `text` with FIN right behind it, before anything can read either.
  func postAndFinish(_ text: String) {
    unsent += Array(text.utf8)
    finishes = true
    _ = push()
    stage.settle()
  }

  /// Sends FIN behind everything sent before.
  func finish() {
    finishes = true
    stage.settle()
  }

  func close(_ manner: CloseManner = .orderly) {
    if isClosed { return }
    isClosed = true
    stage.outside.close(socket, manner)
    stage.settle()
  }

  /// Takes what has arrived, whether it reads by itself or not.
  func readOnce() {
    _ = pull()
    stage.settle()
  }

  /// Sends and reads what it can. True when something moved.
  func move() -> Bool {
    if isClosed { return false }
    let sent = push()
    return reads && pull() || sent
  }

  private func push() -> Bool {
    var moved = false
    if !unsent.isEmpty {
      switch stage.outside.send(socket, unsent.span, Span<UInt8>()) {
      case .sent(let count):
        unsent.removeFirst(count)
        moved = count > 0
      case .failed:
        unsent = []
        ending = .reset
      }
    }
    if finishes && unsent.isEmpty {
      finishes = false
      stage.outside.shutdownSend(socket)
      moved = true
    }
    return moved
  }

  private func pull() -> Bool {
    var buffer = ReadBuffer()
    var moved = false
    while ending == nil {
      buffer.bytes.removeAll()
      switch stage.outside.receive(socket, into: &buffer, limit: ReadBuffer.size) {
      case .bytes:
        for index in 0..<buffer.bytes.count { bytes.append(buffer.bytes[index]) }
        moved = true
      case .wouldBlock: return moved
      case .end: ending = .fin
      case .failed: ending = .reset
      }
    }
    return moved
  }
}
