import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import Testing

/// Which network a conversation is held on.
enum Place: CaseIterable, CustomTestStringConvertible, Sendable {
  case kernel, simulated

  var testDescription: String { self == .kernel ? "kernel" : "simulated" }
}

/// What the proxy's upstreams are.
enum Upstreams {
  /// So many scripted origins, each an upstream of its own.
  case scripted(Int)
  /// One upstream with two addresses: nobody listens on the first.
  case secondAddress
  /// One address where nobody listens.
  case refusing
  /// One address that never answers (simulated only).
  case blackHole
  /// Our own origin server with its demo answers.
  case demo
  /// Our own origin server with the files of a directory; simulated, its wall clock is the real one
  /// in a minute, so that the files are old.
  case files(Directory)

  var wallSeconds: Int64 {
    if case .files = self { Clock.wallSeconds() + 60 } else { SimulatedWorld.startWallSeconds }
  }
}

/// A scripted origin: a listener of the test.
struct ScriptedOrigin {
  let listener: ListenerID
  let address: SocketAddress
}

/// A proxy between scripted clients and origins.
///
/// On the kernel the proxy's loop has a thread of its own, and the script waits for events with a
/// bound. In the simulated world the script steps the world; its clock moves only while the script
/// waits for something.
final class ProxyStage {
  let place: Place
  let network: any Network
  private(set) var origins: [ScriptedOrigin] = []
  private let world: SimulatedWorld?
  private var listeners: [Listener] = []
  /// Where each loop of the proxy listens.
  private var addresses: [SocketAddress] = []
  /// Upstreams of the proxy's loops: their ledgers.
  private(set) var neighbours: Neighbours?
  private var mailboxes: [Mailbox] = []
  private var threads: [LoopThread] = []
  private var loops: [EventLoop] = []
  private let handoff = Handoff(RecordBatch())
  private let originHandoff = Handoff(RecordBatch())
  private let bell: Doorbell
  private var batch = RecordBatch()
  private(set) var story = Story()
  private var wires: [Wire] = []
  private var nextToken: UInt64 = 1 << 32 | 100
  private var events: [NetworkEvent] = []
  private var isOver = false

  init(
    _ place: Place, _ upstreams: Upstreams = .scripted(1), path: VirtualPath = VirtualPath(),
    seed: UInt64 = 1, via: String = "hop", set values: [(id: SettingID, value: Int)] = []
  ) throws {
    self.place = place
    bell = try Doorbell()
    world =
      place == .simulated
      ? SimulatedWorld(seed: seed, path: path, wallSeconds: upstreams.wallSeconds) : nil
    network = try world?.makeNetwork() ?? EpollNetwork()
    var settings = Settings()
    for (id, value) in values { try settings.set(id, to: value) }
    let origins = try prepare(upstreams, settings)
    let listener = try listen()
    addresses = [listener.address]
    try start(.proxy(origins: origins, via: via), listener.id, settings, handoff)
  }

  /// A proxy of several loops, each with a listener of its own, and scripted origins.
  init(
    _ place: Place, loops count: Int, set values: [(id: SettingID, value: Int)] = []
  ) throws {
    self.place = place
    bell = try Doorbell()
    world = place == .simulated ? SimulatedWorld(seed: 1) : nil
    network = try world?.makeNetwork() ?? EpollNetwork()
    var settings = Settings()
    for (id, value) in values { try settings.set(id, to: value) }
    origins.append(try script())
    let upstreams = origins.map { Origin(host: "origin", port: 80, addresses: [$0.address]) }
    let neighbours = Neighbours(loops: count, origins: upstreams.count, settings: settings)
    self.neighbours = neighbours
    for _ in 0..<count {
      let listener = try listen()
      addresses.append(listener.address)
      try start(
        .proxy(origins: upstreams, via: "hop", neighbours: neighbours), listener.id, settings,
        handoff)
    }
  }

  /// A forward proxy, a blind relay or a mapping proxy between scripted peers. `role` says what
  /// stands in the middle, given the addresses of the scripted origins.
  init(
    _ place: Place, scripted: Int = 1, set values: [(id: SettingID, value: Int)] = [],
    role: ([SocketAddress]) -> RoleChoice
  ) throws {
    self.place = place
    bell = try Doorbell()
    world = place == .simulated ? SimulatedWorld(seed: 1) : nil
    network = try world?.makeNetwork() ?? EpollNetwork()
    var settings = Settings()
    for (id, value) in values { try settings.set(id, to: value) }
    for _ in 0..<scripted { origins.append(try script()) }
    let listener = try listen()
    addresses = [listener.address]
    try start(role(origins.map(\.address)), listener.id, settings, handoff)
  }

  /// `127.0.0.1:port` of a scripted origin.
  func place(of origin: Int = 0) -> String { origins[origin].address.description }

  /// Where the one in the middle listens.
  var middle: SocketAddress { addresses[0] }

  deinit {
    for mailbox in mailboxes { mailbox.post(Halt()) }
    for thread in threads { thread.join() }
    for loop in loops { loop.client = nil }
    for listener in listeners { listener.close() }
  }

  private func prepare(_ upstreams: Upstreams, _ settings: Settings) throws -> [Origin] {
    func origin(_ addresses: [SocketAddress]) -> Origin {
      Origin(host: "origin", port: 80, addresses: addresses)
    }
    switch upstreams {
    case .scripted(let count):
      for _ in 0..<count { origins.append(try script()) }
      return origins.map { origin([$0.address]) }
    case .secondAddress:
      let dead = try deadAddress()
      origins.append(try script())
      return [origin([dead, origins[0].address])]
    case .refusing:
      return [origin([try deadAddress()])]
    case .blackHole:
      origins.append(try script())
      world?.setPath(to: origins[0].address, VirtualPath(delay: 3_600_000_000_000))
      return [origin([origins[0].address])]
    case .demo:
      let listener = try listen()
      try start(.origin, listener.id, settings, originHandoff)
      return [origin([listener.address])]
    case .files(let directory):
      let listener = try listen()
      try start(.files(directory), listener.id, settings, originHandoff)
      return [origin([listener.address])]
    }
  }

  private func script() throws -> ScriptedOrigin {
    let listener = try listen()
    network.adopt(listener.id)
    return ScriptedOrigin(listener: listener.id, address: listener.address)
  }

  private func listen() throws -> (id: ListenerID, address: SocketAddress) {
    if let world {
      let id = try world.listen(.loopback(0))
      return (id, world.address(of: id))
    }
    let listener = try Listener.open(.loopback(0))
    listeners.append(listener)
    return (listener.id, listener.address)
  }

  private func deadAddress() throws -> SocketAddress {
    if world != nil { return .loopback(9) }
    let listener = try Listener.open(.loopback(0))
    defer { listener.close() }
    return listener.address
  }

  private func start(
    _ role: RoleChoice, _ listener: ListenerID, _ settings: Settings,
    _ handoff: Handoff<RecordBatch>
  ) throws {
    let bell = bell
    let number = UInt16(mailboxes.count)
    if let world {
      let loop = EventLoop(network: world.makeNetwork())
      loop.client = ProxyLoop(
        loop, role, number: number, listener: listener, settings: settings, handoff: handoff,
        bell: bell)
      world.attach(loop)
      loops.append(loop)
      mailboxes.append(loop.mailbox)
      return
    }
    let loop = EventLoop(network: try EpollNetwork())
    mailboxes.append(loop.mailbox)
    threads.append(
      try LoopThread.start(name: "proxy test") {
        loop.client = ProxyLoop(
          loop, role, number: number, listener: listener, settings: settings, handoff: handoff,
          bell: bell)
        loop.run()
        loop.client = nil
      })
  }

  // MARK: Peers

  /// A client that connects to the proxy, to the loop of this number.
  func client(_ cut: Cut = .whole, loop: Int = 0) throws -> Wire {
    nextToken += 2
    guard case .started(let socket) = network.connect(to: addresses[loop], token: nextToken)
    else {
      throw StageError.noConnection
    }
    return keep(Wire(self, network, socket, cut: cut))
  }

  /// The next connection that the proxy opens to the scripted origin `index`.
  func accept(_ index: Int = 0, _ cut: Cut = .whole) throws -> Wire {
    var accepted: SocketID?
    turn {
      accepted = self.acceptNow(index)
      return accepted != nil
    }
    guard let accepted else { throw StageError.noConnection }
    return take(accepted, cut)
  }

  /// A connection to the scripted origin `index`, if one has come by now.
  func acceptIfThere(_ index: Int) -> Wire? {
    acceptNow(index).map { take($0, .whole) }
  }

  /// A connection that the proxy has opened by now, without time passing (simulated only).
  func acceptNow() -> Wire? {
    world?.settle()
    return acceptIfThere(0)
  }

  /// Nobody listens at the scripted origin any more (simulated only).
  func stopListening() { world?.close(origins[0].listener) }

  /// The scripted origin answers no dial any more (simulated only).
  func silence() {
    world?.setPath(to: origins[0].address, VirtualPath(delay: 3_600_000_000_000))
  }

  /// The proxy's first loop may hold so many sockets from now on (simulated only).
  func limitSockets(to count: Int?) {
    (loops.first?.network as? SimulatedNetwork)?.socketLimit = count
  }

  /// Tells the proxy to end, in its own time.
  func drain() {
    for mailbox in middles { mailbox.post(LoopOrder.drain) }
  }

  private func take(_ socket: SocketID, _ cut: Cut) -> Wire {
    nextToken += 2
    #expect(network.watch(socket, token: nextToken) == nil)
    return keep(Wire(self, network, socket, cut: cut))
  }

  private func acceptNow(_ index: Int) -> SocketID? {
    if case .accepted(let socket, _) = network.accept(origins[index].listener) { return socket }
    return nil
  }

  /// The proxy has opened no connection to origin `index` that was not accepted yet. To be asked
  /// when the proxy has answered.
  func expectNoContact(_ index: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) {
    world?.settle()
    #expect(acceptNow(index) == nil, "upstream contact", sourceLocation: sourceLocation)
  }

  private func keep(_ wire: Wire) -> Wire {
    wires.append(wire)
    return wire
  }

  // MARK: Time

  /// Moves bytes, and lets time pass, until `done`, or until nothing more happens within ten
  /// seconds of the kernel's time or five minutes of the world's.
  func turn(until done: () -> Bool) {
    pumpAll()
    let patience = world.map { $0.now.advanced(milliseconds: 300_000) }
    var idleWaits = 0
    while !done() {
      if let world, let patience {
        if pumpAll() { continue }
        if world.now > patience || !world.step() { return }
        pumpAll()
      } else {
        if pumpAll() {
          idleWaits = 0
          continue
        }
        network.wait(until: Clock.monotonic().advanced(milliseconds: 500), events: &events)
        idleWaits = events.isEmpty ? idleWaits + 1 : 0
        if idleWaits > 20 { return }
      }
    }
  }

  @discardableResult
  private func pumpAll() -> Bool {
    world?.settle()
    if world != nil { network.wait(until: Instant(nanoseconds: 0), events: &events) }
    var moved = false
    for wire in wires where wire.pump() {
      moved = true
      world?.settle()
    }
    return moved
  }

  /// Lets virtual time pass; on the kernel nothing: what is expected next is waited for.
  func pass(milliseconds: Int) {
    pumpAll()
    world?.run(milliseconds: milliseconds)
    pumpAll()
  }

  // MARK: Looking

  /// The mailboxes of the proxy's loops.
  private var middles: ArraySlice<Mailbox> { mailboxes.suffix(addresses.count) }

  /// What the proxy's loops hold now, in all.
  func inspect() -> Inspection.Answer {
    world?.settle()
    var sum = Inspection.Answer()
    for mailbox in middles {
      let question = Inspection(bell: bell)
      mailbox.post(question)
      world?.settle()
      sum += question.wait() ?? Inspection.Answer()
    }
    collect()
    return sum
  }

  /// Waits until what the proxy holds is as `done` wants it.
  func inspect(until done: (Inspection.Answer) -> Bool) -> Inspection.Answer {
    var answer = inspect()
    for _ in 0..<2000 where !done(answer) {
      if !pumpAll() {
        if let world {
          if !world.step() { break }
        } else {
          network.wait(until: Clock.monotonic().advanced(milliseconds: 2), events: &events)
        }
      }
      answer = inspect()
    }
    return answer
  }

  private func collect() {
    while handoff.take(&batch) {
      story.add(batch)
      batch.removeAll()
    }
  }

  /// Waits until so many exchanges have ended.
  @discardableResult
  func ended(_ count: Int) -> [ExchangeStory] {
    _ = inspect { _ in self.story.exchanges.count >= count }
    return story.exchanges
  }

  /// The end of every conversation: nothing may be left beyond idle upstream links; then the loop
  /// is shut down, and everything that was opened must have ended once.
  @discardableResult
  func finish(sourceLocation: SourceLocation = #_sourceLocation) -> Story {
    if isOver { return story }
    isOver = true
    for wire in wires where wire.ended != nil { wire.close() }
    let rest = inspect {
      $0.figures.exchanges == 0 && $0.figures.upstream == $0.figures.idleUpstream
    }
    #expect(rest.figures.exchanges == 0, sourceLocation: sourceLocation)
    #expect(rest.relays == 0, sourceLocation: sourceLocation)
    #expect(rest.figures.upstream == rest.figures.idleUpstream, sourceLocation: sourceLocation)
    if rest.figures.downstream == 0 {
      #expect(rest.figures.buffers == 0, "lent buffers", sourceLocation: sourceLocation)
    }
    for mailbox in middles { mailbox.post(LoopOrder.shutDown) }
    let last = inspect { $0.figures == LinksFigures() }
    #expect(last.figures == LinksFigures(), sourceLocation: sourceLocation)
    #expect(last.relays == 0, sourceLocation: sourceLocation)
    for _ in 0..<3 { _ = inspect() }
    story.expectSound(sourceLocation: sourceLocation)
    for wire in wires { wire.close() }
    return story
  }
}

enum StageError: Error {
  case noConnection
}
