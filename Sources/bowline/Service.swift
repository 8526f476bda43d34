// A running process: its listeners, its loops, its log writer.
//
//   starting ──► serving ──first signal──► draining ──all loops done──► ended (0)
//                                             └──second signal──► cutting ──► ended (5)

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineObserve
import BowlineProxy
import BowlineServer
import BowlineTransport
import BowlineUpstream
import Synchronization

/// See the top of this file.
struct Service {
  /// How the joining thread tells the signal loop that every loop has ended.
  static var endedSignal: Int32 { Signals.user2 }

  private let serving: ServingOptions
  private let plan: Plan
  private let settings: Settings
  private let listeners: [Listener]
  private let originListener: Listener?
  private let origins: [Origin]
  private let directory: Directory?
  private let via: String
  private let users: Users?
  /// For what blocks; a forward proxy's only.
  private let blocking: BlockingCalls?
  private let loopCount: Int
  private let handoffs: [Handoff<RecordBatch>]
  private let bell: Doorbell
  private let clients = ClientsByAddress()
  private let neighbours: Neighbours
  private let progress: DrainProgress
  private let writer: LogWriter

  init(_ serving: ServingOptions, _ plan: Plan) throws(StartError) {
    self.serving = serving
    self.plan = plan
    loopCount = serving.loops ?? ProcessLimits.processors
    let descriptors = ProcessLimits.raiseDescriptorLimit()
    settings = Self.fitted(serving.settings, descriptors, loops: loopCount, plan)
    directory = try Self.directory(plan.directory)
    via = plan.via ?? "bowline-\(Self.sixDigits())"
    users = try plan.users.map { path throws(StartError) in try UsersFile.read(path) }
    origins = try Self.resolve(plan.upstreams)
    neighbours = Neighbours(loops: loopCount, origins: origins.count, settings: settings)
    let inherited = Listener.inherited()
    let backlog = Int32(clamping: settings[.listenBacklog])
    listeners = try Self.listen(serving.listen, backlog, inherited)
    originListener = try plan.origin.map { address throws(StartError) in
      try Self.listen(address, backlog, inherited)
    }
    progress = DrainProgress(loops: loopCount)
    handoffs = (0..<loopCount).map { _ in Handoff(RecordBatch()) }
    do throws(SystemError) {
      bell = try Doorbell()
      blocking = plan.mode == .forward ? try BlockingCalls() : nil
      writer = try LogWriter(sources: handoffs, bell: bell, log: Self.log(serving, plan))
    } catch {
      throw StartError(sentence: "no descriptor is left for the log writer")
    }
  }

  // MARK: Starting

  /// `client.connections` 0 is what the descriptor limit leaves, less a reserve for upstreams and
  /// for ourselves.
  private static func fitted(
    _ settings: Settings, _ descriptors: Int, loops: Int, _ plan: Plan
  ) -> Settings {
    var fitted = settings
    if settings[.clientConnections] == 0 {
      let wanted = plan.upstreams.count * settings[.upstreamConnections]
      let reserve = 64 + 8 * loops + min(wanted, descriptors / 3)
      try? fitted.set(.clientConnections, to: max(1, (descriptors - reserve) / loops))
    }
    return fitted
  }

  private static func directory(_ path: String?) throws(StartError) -> Directory? {
    guard let path else { return nil }
    do throws(SystemError) {
      return try Directory.open(path)
    } catch {
      throw StartError(sentence: "cannot open the directory `\(path)`: \(error)")
    }
  }

  private static func resolve(_ upstreams: [UpstreamURL]) throws(StartError) -> [Origin] {
    var origins: [Origin] = []
    for upstream in upstreams {
      switch Resolver.resolve(host: upstream.host, port: upstream.port) {
      case .success(let addresses):
        origins.append(
          Origin(host: upstream.host, port: upstream.port, addresses: addresses))
      case .failure(let failure):
        throw StartError(sentence: "the upstream \(upstream.authority) has no address: \(failure)")
      }
    }
    return origins
  }

  private static func listen(
    _ addresses: [SocketAddress], _ backlog: Int32, _ inherited: [Listener]
  ) throws(StartError) -> [Listener] {
    var found: [Listener] = []
    for address in addresses { found.append(try listen(address, backlog, inherited)) }
    return found
  }

  private static func listen(
    _ address: SocketAddress, _ backlog: Int32, _ inherited: [Listener]
  ) throws(StartError) -> Listener {
    do throws(NetworkError) {
      return try Listener.open(address, backlog: backlog, inherited: inherited)
    } catch {
      let why =
        switch error.kind {
        case .inUse: "the port is in use by another process"
        case .denied: "the system does not allow it (ports below 1024 need a privilege)"
        case .ports: "it is no address of this machine"
        default: SystemError(code: error.code).description
        }
      throw StartError(sentence: "cannot listen on \(address): \(why)")
    }
  }

  private static func log(_ serving: ServingOptions, _ plan: Plan) -> AccessLog? {
    if serving.log == .off { return nil }
    return AccessLog(
      form: serving.log == .json ? .json : .text, logsConnections: serving.logsConnections,
      upstreams: plan.upstreams.map(\.authority), generation: serving.settings.generation)
  }

  /// Makes our name in Via differ from that of the next proxy in the row.
  private static func sixDigits() -> String {
    var random = SplitMix.seededBySystem()
    let number = random.next() >> 40
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 6 - digits.count) + digits
  }

  // MARK: Running

  /// Says on stderr what this process does, and with which limits.
  func announce() { Talk.say(announcement) }

  /// What was decided: listeners, upstreams, main limits.
  private var announcement: String {
    var lines = [
      "bowline \(Invocation.version): \(plan.title), \(loopCount) loop\(loopCount == 1 ? "" : "s")"
    ]
    for listener in listeners {
      lines.append("  listen     \(listener.address)\(listener.isInherited ? " (inherited)" : "")")
    }
    for (index, origin) in origins.enumerated() {
      let resolved = origin.addresses.map(\.description).joined(separator: ", ")
      lines.append("  upstream   http://\(plan.upstreams[index].authority) (\(resolved))")
    }
    if let path = plan.directory { lines.append("  directory  \(path)") }
    if plan.mode != nil { lines.append("  via        \(via)") }
    lines += forwarding
    if let originListener { lines.append("  origin     \(originListener.address) (demo)") }
    lines.append(
      "  limits     head \(settings.text(.headBytes)) in \(settings.text(.headTimeout))"
        + " · idle \(settings.text(.clientIdleTimeout))"
        + " · \(settings[.clientConnections] * loopCount) clients"
        + " · drain \(settings.text(.drainTimeout))")
    if !origins.isEmpty {
      lines.append(
        "             upstream connections \(settings[.upstreamConnections]) each,"
          + " idle \(settings.text(.upstreamIdleTimeout))"
          + " · connect \(settings.text(.connectTimeout))"
          + " · response \(settings.text(.responseTimeout))")
    }
    lines.append("  log        \(serving.log.rawValue) · every limit: bowline settings")
    if plan.isDemo, let port = listeners.first?.address.port {
      lines += [
        "", "Try, in another terminal:", "  curl -v http://127.0.0.1:\(port)/hello",
        "  curl -v http://127.0.0.1:\(port)/head http://127.0.0.1:\(port)/head",
        "  curl -v -d 'some text' http://127.0.0.1:\(port)/echo", "Ctrl-C ends it.", "",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Who may use a forward proxy, and what for.
  private var forwarding: [String] {
    guard plan.mode == .forward else { return [] }
    var lines: [String] = []
    let count = plan.rules.count
    let rules = count == 0 ? "" : "\(count) rule\(count == 1 ? "" : "s"), then "
    lines.append("  goes to    \(rules)public addresses; CONNECT to port 443")
    if let users {
      lines.append("  users      \(users.count)")
    } else if listeners.contains(where: { !$0.address.isLoopback }) {
      lines.append("  users      everybody who can connect: an OPEN PROXY; see `--users`")
    }
    return lines
  }

  func run(_ signals: Signals) -> Int32 {
    do throws(SystemError) { try writer.start() } catch {
      Talk.say("bowline: the system has no thread left\n")
      return ExitStatus.cannotStart
    }
    var mailboxes: [Mailbox] = []
    var threads: [LoopThread] = []
    for number in 0..<loopCount {
      guard let started = start(number) else {
        Talk.say("bowline: the system has no thread or descriptor left for a loop\n")
        return ExitStatus.cannotStart
      }
      mailboxes.append(started.mailbox)
      threads.append(started.thread)
    }
    let joining = joinInBackground(threads)
    let status = serve(signals, mailboxes)
    joining?.join()
    return status
  }

  private func serve(_ signals: Signals, _ mailboxes: [Mailbox]) -> Int32 {
    var isDraining = false
    var status = ExitStatus.success
    while true {
      let signal = signals.next()
      if signal == Self.endedSignal { break }
      if isDraining {
        Talk.say("bowline: told twice; closing every connection now\n")
        status = ExitStatus.interrupted
        for mailbox in mailboxes { mailbox.post(LoopOrder.shutDown) }
      } else {
        isDraining = true
        Talk.say(
          "\nbowline: draining for at most \(settings.text(.drainTimeout)); "
            + "again to end at once\n")
        for mailbox in mailboxes { mailbox.post(LoopOrder.drain) }
      }
    }
    if progress.wasCut {
      Talk.say("bowline: drain.timeout is over; what was left was cut\n")
      status = ExitStatus.interrupted
    }
    blocking?.stop()
    let summary = writer.stop()
    Talk.say(summary.text + learned)
    return status
  }

  /// What was learned of how long the upstreams keep connections at rest.
  private var learned: String {
    var text = ""
    for index in origins.indices {
      let lesson = neighbours.shared(index).lesson(
        now: Clock.monotonic(), memory: settings[.learnedAge])
      if let lesson { text += "learned    \(plan.upstreams[index].authority) \(lesson)\n" }
    }
    return text
  }

  /// Waits for the loops on a thread of its own, because this one waits for signals.
  private func joinInBackground(_ threads: [LoopThread]) -> LoopThread? {
    let joining = try? LoopThread.start(name: "join") {
      for thread in threads { thread.join() }
      Signals.tellOurselves(Self.endedSignal)
    }
    assert(joining != nil, "no thread to wait for the loops")
    return joining
  }

  private struct Started {
    let mailbox: Mailbox
    let thread: LoopThread
  }

  private func start(_ number: Int) -> Started? {
    guard let network = try? EpollNetwork() else { return nil }
    let loop = EventLoop(network: network)
    let mailbox = loop.mailbox
    progress.join(mailbox)
    let parts = self
    let thread = try? LoopThread.start(name: "loop \(number)") {
      parts.runLoop(loop, number)
    }
    return thread.map { Started(mailbox: mailbox, thread: $0) }
  }

  /// One loop's life, on its own thread.
  private func runLoop(_ loop: EventLoop, _ number: Int) {
    let journal = JournalWriter(
      handoff: handoffs[number], bell: bell, limit: settings[.logBytes])
    let links = Links(
      loop: loop, network: loop.network, settings: settings, loopNumber: UInt16(number),
      journal: journal, clients: clients)
    loop.client = links
    let proxy = makeProxy(links)
    let relay =
      plan.mode == .blind ? BlindRelay(links: links, origin: origins[0]) : nil
    let server =
      directory == nil && originListener == nil
      ? nil : OriginServer(links: links, directory: directory, demo: plan.isDemo)
    links.whenReleased = {
      // From here on the kernel refuses. Not earlier: what it has queued is still served.
      guard progress.oneMoreReleased() else { return }
      for listener in listeners { listener.close() }
      originListener?.close()
    }
    links.whenDrained = {
      proxy?.closeIdle()
      // Requests of other loops may still wait for connections that are here: all end together.
      progress.oneMoreDrained()
    }
    let front = proxy?.handlerNumber ?? relay?.handlerNumber ?? server?.handlerNumber ?? 0
    let recipient: Persistence.Recipient = plan.mode == .forward ? .forwardProxy : .origin
    for listener in listeners { links.serve(listener.id, handler: front, as: recipient) }
    if let originListener, let server {
      links.serve(originListener.id, handler: server.handlerNumber)
    }
    loop.run()
    if links.drainWasCut { progress.cut() }
    links.handOverJournal()
    links.end()
    loop.client = nil
  }
}

extension Service {
  /// The proxy of one loop, if the plan has one.
  private func makeProxy(_ links: Links) -> Proxy? {
    switch plan.mode {
    case .reverse:
      return Proxy(links: links, origins: origins, via: via, neighbours: neighbours)
    case .mapping:
      return Proxy(
        links: links, origins: origins, via: via, mode: .mapping, neighbours: neighbours)
    case .forward:
      let access = AccessRules(plan.rules, listeners: listeners.map(\.address))
      let guardian = users.map {
        Guardian(users: $0, calls: blocking, seed: links.network.random())
      }
      let names = blocking.map { SystemNames(calls: $0, mailbox: links.mailbox) }
      return Proxy(
        links: links, origins: origins, via: via,
        mode: .forward(ForwardRules(access: access, guardian: guardian)), names: names,
        neighbours: neighbours)
    case .blind, nil: return nil
    }
  }
}

/// What the loops of a process tell each other about its end.
private final class DrainProgress: Sendable {
  private let stillAccepting: Atomic<Int>
  private let stillServing: Atomic<Int>
  private let isCut = Atomic(false)
  private let mailboxes = Mutex<[Mailbox]>([])

  init(loops: Int) {
    stillAccepting = Atomic(loops)
    stillServing = Atomic(loops)
  }

  func join(_ mailbox: Mailbox) { mailboxes.withLock { $0.append(mailbox) } }

  /// A loop has no client any more. After the last one all of them end.
  func oneMoreDrained() {
    guard stillServing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    for mailbox in mailboxes.withLock({ $0 }) { mailbox.post(LoopOrder.stop) }
  }

  /// True when some loop had to cut connections at the deadline. Final once the loops have ended.
  var wasCut: Bool { isCut.load(ordering: .relaxed) }

  func cut() { isCut.store(true, ordering: .relaxed) }

  /// A loop takes no connection any more. True for the last one.
  func oneMoreReleased() -> Bool {
    stillAccepting.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
  }
}
