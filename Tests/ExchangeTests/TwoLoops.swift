import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport

/// Which network something is shown on.
enum Place: CaseIterable, Sendable {
  case kernel, simulated
}

/// One loop with its links, and somebody who uses upstream links. Parcels come as messages.
final class Seat: LoopClient {
  /// Ends the loop after its turn.
  struct Halt: Sendable {}
  /// Lets the caller dial.
  struct Dial: Sendable { let address: SocketAddress }

  let loop: EventLoop
  let links: Links
  let caller: Caller
  /// Called when a parcel was attached.
  var onParcel: (Seat) -> Void = { _ in }
  private let handoff = Handoff(RecordBatch())
  private var deeds: [(Seat) -> Void] = []
  private var buffer = ReadBuffer()

  init(_ network: any Network, number: UInt16, _ settings: Settings) throws {
    loop = EventLoop(network: network)
    let journal = JournalWriter(handoff: handoff, bell: try Doorbell(), limit: 1 << 20)
    links = Links(
      loop: loop, network: network, settings: settings, loopNumber: number, journal: journal)
    caller = Caller(links: links)
    loop.client = self
  }

  /// Lets loop and roles go: they hold each other.
  func end() {
    links.end()
    loop.client = nil
  }

  /// Runs `deed` in the loop's next turn.
  func post(_ deed: @escaping (Seat) -> Void) {
    deeds.append(deed)
    loop.mailbox.post(0)
  }

  /// One turn, without waiting.
  func turn() { loop.turn(buffer: &buffer, wait: false) }

  /// The records of connections that ended since the last call.
  func takeConnections() -> [ConnectionRecord] {
    var taken: [ConnectionRecord] = []
    for _ in 0..<2 {
      var batch = RecordBatch()
      if handoff.take(&batch) { taken += batch.connections }
      links.handOverJournal()
    }
    return taken
  }

  func acceptable(_ listener: ListenerID) { links.acceptable(listener) }
  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    links.ready(token, readiness, buffer: &buffer)
  }
  func expired(_ token: UInt64, buffer: inout ReadBuffer) { links.expired(token, buffer: &buffer) }
  func turnEnded(buffer: inout ReadBuffer) { links.turnEnded(buffer: &buffer) }

  func receive(_ message: any Sendable) {
    links.receive(message)
    if let parcel = message as? LinkParcel {
      caller.attach(parcel)
      onParcel(self)
    }
    if let dial = message as? Dial { caller.dial(dial.address) }
    if message is Halt { loop.stop() }
    let todo = deeds
    deeds = []
    for deed in todo { deed(self) }
  }
}

/// Two loops of one process, turned by the test, and an origin that both can reach.
final class TwoLoops {
  let here: Seat
  let there: Seat
  let world: SimulatedWorld?
  /// Where the origin lives.
  let outside: any Network
  let address: SocketAddress
  private let listener: ListenerID
  private let opened: Listener?

  init(_ place: Place, _ values: KeyValuePairs<SettingID, Int> = [:]) throws {
    var settings = Settings()
    for (id, value) in values { try settings.set(id, to: value) }
    switch place {
    case .kernel:
      let opened = try Listener.open(.loopback(0), backlog: 16)
      self.opened = opened
      world = nil
      listener = opened.id
      address = opened.address
      outside = try EpollNetwork()
      here = try Seat(try EpollNetwork(), number: 0, settings)
      there = try Seat(try EpollNetwork(), number: 1, settings)
    case .simulated:
      let world = SimulatedWorld(path: VirtualPath(delay: 1000))
      self.world = world
      opened = nil
      listener = try world.listen(.loopback(0))
      address = world.address(of: listener)
      outside = world.makeNetwork()
      here = try Seat(world.makeNetwork(), number: 0, settings)
      there = try Seat(world.makeNetwork(), number: 1, settings)
      world.attach(here.loop)
      world.attach(there.loop)
    }
    outside.adopt(listener)
  }

  deinit {
    here.end()
    there.end()
    opened?.close()
  }

  /// Lets the loops turn until `condition` holds. The kernel gets ten seconds, the simulated world
  /// until nothing is under way.
  func until(_ condition: () -> Bool) -> Bool {
    if let world {
      world.settle()
      return condition()
    }
    let end = Clock.monotonic().advanced(milliseconds: 10_000)
    var events: [NetworkEvent] = []
    repeat {
      here.turn()
      there.turn()
      if condition() { return true }
      outside.wait(until: Clock.monotonic().advanced(milliseconds: 1), events: &events)
    } while Clock.monotonic() < end
    return false
  }

  /// Runs `deed` in a turn of `seat`.
  func act(_ seat: Seat, _ deed: @escaping (Seat) -> Void) -> Bool {
    var isDone = false
    seat.post {
      deed($0)
      isDone = true
    }
    return until { isDone }
  }

  /// Opens a link on `here`, and returns its other end.
  func connect() -> Outpost? {
    here.loop.mailbox.post(Seat.Dial(address: address))
    var socket: SocketID?
    let isOpen = until {
      if socket == nil, case .accepted(let taken, _) = outside.accept(listener) { socket = taken }
      return socket != nil && here.caller.log == ["opened"]
    }
    guard isOpen, let socket else { return nil }
    return Outpost(self, socket)
  }

  /// Asks for `path` on the link of `seat`, and lets `origin` answer. True when that went well.
  func exchange(_ seat: Seat, _ path: String, _ origin: Outpost) -> Bool {
    guard act(seat, { _ = $0.caller.request(path) }) else { return false }
    let request = "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n"
    guard origin.receives(request) else { return false }
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return until { seat.caller.log.last == "finished" }
  }

  /// Takes the link off `seat`.
  func detach(_ seat: Seat) -> LinkParcel? {
    var parcel: LinkParcel?
    _ = act(seat) { parcel = $0.caller.detach() }
    return parcel
  }

  /// Moves the link of `seat` to `other`.
  func move(from seat: Seat, to other: Seat) -> Bool {
    guard let parcel = detach(seat) else { return false }
    other.loop.mailbox.post(parcel)
    return until { other.caller.link != nil }
  }
}

/// The origin's end of a connection: sends and receives raw bytes.
final class Outpost {
  // Held: a release build may let go of the stage before its outposts.
  private let stage: TwoLoops
  private let socket: SocketID
  private var isClosed = false

  init(_ stage: TwoLoops, _ socket: SocketID) {
    self.stage = stage
    self.socket = socket
  }

  deinit { close(.orderly) }

  /// True when exactly `expected` arrives.
  func receives(_ expected: String) -> Bool {
    var text = ""
    var buffer = ReadBuffer()
    let isThere = stage.until {
      buffer.bytes.removeAll()
      if case .bytes(let count) = stage.outside.receive(
        socket, into: &buffer, limit: ReadBuffer.size)
      {
        text += String(decoding: (0..<count).map { buffer.bytes[$0] }, as: UTF8.self)
      }
      return text.utf8.count >= expected.utf8.count
    }
    return isThere && text == expected
  }

  /// True when our stream has ended.
  func seesEnd() -> Bool {
    stage.until { if case .end = stage.outside.peek(socket) { true } else { false } }
  }

  func send(_ text: String) {
    _ = stage.outside.send(socket, Array(text.utf8).span, Span<UInt8>())
  }

  func finish() { stage.outside.shutdownSend(socket) }

  func close(_ manner: CloseManner) {
    if isClosed { return }
    isClosed = true
    stage.outside.close(socket, manner)
  }
}
