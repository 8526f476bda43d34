// One seed, one history.
//
// Clients (bytes by script), a proxy of one to three loops with its pools, and one to three origins
// stand in a simulated world whose network fails as the seed says. Proxy, pool, links and machine
// are those of the product, unchanged. The world turns until nothing is left to happen: by then
// every timeout is over, so whoever still waits would wait for ever.
//
// What must hold is checked where it can break: executions when they happen, responses byte by
// byte when they are read, limits and the waiting line whenever nothing is left to do at one
// instant, and the rest at the end.

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineProxy
package import BowlineTransport
import BowlineUpstream

/// What became of one seed.
package struct Verdict: Sendable {
  package let seed: UInt64
  /// The first invariant that did not hold.
  package var violation: Violation?
  package var tally = Tally()
  /// Equal histories have equal digests.
  package var digest: UInt64 = 0
  /// What arrived where, and what was said and done; empty unless asked for.
  package var trace: [String] = []
  package var conversation: [String] = []
}

/// The world of one seed.
package final class Simulation {
  /// Steps after which a world that has not come to rest never will.
  private static let mostSteps = 400_000

  let scenario: Scenario
  let world: SimulatedWorld
  let ledger: Ledger
  var middles: [Middle] = []
  /// What the proxy's loops share.
  private var neighbours: Neighbours?
  var origins: [any SimulatedOrigin] = []
  var groups: [Int] = []
  private var visitors: Visitors?
  private var loops: [EventLoop] = []
  private var networks: [SimulatedNetwork] = []
  private var listeners: [ListenerID] = []
  private let bell: Doorbell
  private var drainsAfter: Int?
  var tally = Tally()

  /// - Parameters:
  ///   - seed: gives everything.
  ///   - isVerbose: the trace and the conversation are kept.
  ///   - bell: rung for the log writer, who is not there; one serves many simulations.
  /// - Throws: when the world's addresses are taken, which they are not.
  package init(seed: UInt64, isVerbose: Bool = false, bell: Doorbell) throws {
    let scenario = Scenario(seed: seed)
    let world = SimulatedWorld(seed: seed, path: scenario.clientPath)
    world.coalescing = scenario.coalescing
    world.faults = scenario.faults
    if isVerbose { world.trace = [] }
    self.scenario = scenario
    drainsAfter = scenario.drainsAfter
    self.world = world
    self.bell = bell
    ledger = Ledger(keepsConversation: isVerbose) { [unowned world] in
      let microseconds = world.now.since(SimulatedWorld.start) / 1000
      return "\(microseconds / 1000).\(String(microseconds % 1000 + 1000).dropFirst()) ms"
    }
    try build()
    world.whenSettled = { [unowned self] in settled() }
  }

  /// Runs the seed to its end.
  ///
  /// - Parameters:
  ///   - seed: gives everything.
  ///   - isVerbose: the trace and the conversation are kept.
  ///   - bell: rung for nobody.
  /// - Returns: what became of it.
  /// - Throws: when the world cannot be built.
  package static func run(
    seed: UInt64, isVerbose: Bool = false, bell: Doorbell
  ) throws -> Verdict {
    try Simulation(seed: seed, isVerbose: isVerbose, bell: bell).run()
  }

  // MARK: Building

  private func build() throws {
    var found: [Origin] = []
    for (index, plan) in scenario.upstreams.enumerated() {
      let address = SocketAddress(high: 0, low: 0xffff_0a00_0001 + UInt64(index), port: 80)
      let listener = try world.listen(address)
      listeners.append(listener)
      world.setPath(to: address, plan.path)
      startOrigin(plan, listener, address)
      var addresses = [address]
      if plan.hasDeadAddress {
        addresses.insert(SocketAddress(high: address.high, low: address.low, port: 9), at: 0)
      }
      groups.append(world.count(towards: addresses))
      found.append(Origin(host: "origin\(index)", port: 80, addresses: addresses))
    }
    let front = try world.listen(SocketAddress(high: 0, low: 0xffff_0a01_0001, port: 8080))
    listeners.append(front)
    neighbours = Neighbours(
      loops: scenario.loops, origins: found.count, settings: scenario.settings)
    for number in 0..<scenario.loops {
      middles.append(makeMiddle(number, found, front))
    }
    let network = world.makeNetwork()
    let loop = attach(network)
    let visitors = Visitors(
      loop, network, ledger, scenario, to: world.address(of: front))
    loop.client = visitors
    self.visitors = visitors
    visitors.begin()
  }

  private func attach(_ network: SimulatedNetwork) -> EventLoop {
    let loop = EventLoop(network: network)
    world.attach(loop)
    loops.append(loop)
    networks.append(network)
    return loop
  }

  private func makeMiddle(_ number: Int, _ origins: [Origin], _ front: ListenerID) -> Middle {
    let handoff = Handoff(RecordBatch())
    let network = world.makeNetwork()
    let loop = attach(network)
    let links = Links(
      loop: loop, network: network, settings: scenario.settings, loopNumber: UInt16(number),
      journal: JournalWriter(handoff: handoff, bell: bell, limit: 1 << 24))
    let proxy = Proxy(links: links, origins: origins, via: "sim", neighbours: neighbours)
    links.serve(front, handler: proxy.handlerNumber)
    loop.client = links
    return Middle(links: links, proxy: proxy, origins: origins.count, handoff: handoff)
  }

  private func startOrigin(
    _ plan: UpstreamPlan, _ listener: ListenerID, _ address: SocketAddress
  ) {
    let network = world.makeNetwork()
    let loop = attach(network)
    switch plan.kind {
    case .links:
      let handoff = Handoff(RecordBatch())
      let links = Links(
        loop: loop, network: network, settings: scenario.originSettings, loopNumber: 0,
        journal: JournalWriter(handoff: handoff, bell: bell, limit: 1 << 24))
      let origin = LedgerOrigin(links, world, ledger, at: address)
      links.serve(listener, handler: origin.number)
      loop.client = links
      origins.append(LinkedOrigin(links: links, origin: origin, handoff: handoff))
    case .plain:
      let origin = PlainOrigin(loop, network, ledger, at: address, idle: plan.idle)
      network.adopt(listener)
      loop.client = origin
      origins.append(origin)
    }
  }

  // MARK: Running

  package func run() -> Verdict {
    var steps = 0
    while ledger.violation == nil && world.step() {
      steps += 1
      if steps > Self.mostSteps {
        ledger.broken("the world comes to rest", "not within \(steps) steps")
      }
    }
    settled()
    tally.steps = steps
    if ledger.violation == nil { checkEnd() }
    return verdict()
  }

  /// Nothing is left to do at this instant.
  private func settled() {
    if let milliseconds = drainsAfter,
      world.now >= SimulatedWorld.start.advanced(milliseconds: milliseconds)
    {
      drainsAfter = nil
      ledger.note("the first loop drains")
      middles[0].drain()
    }
    checkLimit()
    checkPools()
    for index in middles.indices { middles[index].collect() }
    for origin in origins { origin.collect() }
  }

  /// No socket is opened before the one whose place it takes is closed.
  private func checkLimit() {
    let limit = scenario.settings[.upstreamConnections]
    for group in groups {
      let count = world.socketsTowards(group)
      if count.most > limit {
        ledger.broken("the limit holds", "\(count.most) sockets towards one upstream, of \(limit)")
      }
    }
  }

  /// The pools of all loops hold what their ledger counts, and whoever waits waits because the
  /// limit is reached.
  private func checkPools() {
    let limit = scenario.settings[.upstreamConnections]
    guard let neighbours else { return }
    for origin in groups.indices {
      let shared = neighbours.shared(origin)
      let figures = middles.map { $0.proxy.poolFigures(of: origin) }
      let open = figures.reduce(0) { $0 + $1.open }
      let waiting = figures.reduce(0) { $0 + $1.waiting }
      if shared.open != open || shared.waiting != waiting || open > limit {
        ledger.broken(
          "the limit holds",
          "\(shared.open) places and \(shared.waiting) waiting, of \(limit); \(figures)")
      }
      if waiting > 0 && open < limit {
        ledger.broken("nobody waits while there is room", "of \(limit): \(figures)")
      }
      if shared.waitingForAny > 0 && figures.contains(where: { $0.idle > 0 }) {
        ledger.broken("nobody waits while a connection rests", "of \(limit): \(figures)")
      }
    }
  }

  private func verdict() -> Verdict {
    finishTally()
    var verdict = Verdict(seed: scenario.seed)
    verdict.violation = ledger.violation
    verdict.digest = world.digest
    for request in ledger.requests {
      verdict.digest = (verdict.digest ^ request.outcome.digest) &* 0x9e37_79b9_7f4a_7c15
      verdict.digest ^= verdict.digest >> 29 &+ UInt64(request.executions)
    }
    verdict.tally = tally
    verdict.trace = world.trace ?? []
    verdict.conversation = ledger.conversation ?? []
    for loop in loops { loop.client = nil }
    for middle in middles { middle.links.end() }
    for origin in origins { origin.end() }
    return verdict
  }

  private func finishTally() {
    tally.exchanges = ledger.begun
    tally.faults = world.faults.counts
    tally.virtualSeconds = world.now.since(SimulatedWorld.start) / 1_000_000_000
    if let visitors { tally += visitors.tally }
    for origin in origins { tally += origin.tally }
    for middle in middles { middle.count(in: &tally) }
    for request in ledger.requests {
      if let outcome = request.outcome { tally.count(outcome) }
      if request.executions > 1 { tally.doubled += 1 }
    }
    tally.finish()
  }

  // MARK: The end

  private func checkEnd() {
    for token in visitors?.unanswered ?? [] {
      ledger.broken("no request waits for ever", "#\(token) waits on an open connection")
    }
    if let living = visitors?.living, living > 0 {
      ledger.broken("no connection stays for ever", "\(living) visits have not ended")
    }
    if ledger.begun < scenario.goal {
      ledger.broken("requests get out", "\(ledger.begun) of \(scenario.goal)")
    }
    for middle in middles { middle.check(ledger) }
    let opened = middles.reduce(0) { $0 + $1.opened }
    let ended = middles.reduce(0) { $0 + $1.ended }
    if opened != ended {
      ledger.broken(
        "every connection ends once, with a reason",
        "\(opened) were opened, \(ended) have ended")
    }
    for (token, request) in ledger.requests.enumerated() { check(token, request) }
    for origin in origins { origin.check(ledger) }
    for network in networks where network.openSockets != 0 {
      ledger.broken("nothing leaks", "\(network.openSockets) sockets of one network")
    }
    if world.openSockets != 0 {
      ledger.broken("nothing leaks", "\(world.openSockets) sockets of the world")
    }
    for group in groups where world.socketsTowards(group).open != 0 {
      ledger.broken("nothing leaks", "sockets towards an upstream")
    }
  }

  private func check(_ token: Int, _ request: Request) {
    guard let outcome = request.outcome else {
      ledger.broken("one outcome for each request", "#\(token) has none")
      return
    }
    let most = 1 + scenario.settings[.replayAttempts]
    if request.executions > most {
      ledger.broken(
        "replays are bounded", "#\(token) was executed \(request.executions) times of \(most)")
    }
    switch outcome {
    case .answered(_, let byOrigin):
      if byOrigin && request.executions == 0 {
        ledger.broken("an answer is of an execution", "#\(token) was answered and not executed")
      }
      if request.records != 1 && byOrigin {
        ledger.broken("each exchange ends once", "#\(token) has \(request.records) records")
      }
    case .unsent:
      if request.executions > 0 {
        ledger.broken("an execution is of a request", "#\(token) was not sent, and executed")
      }
    case .cut, .abandoned: break
    }
  }
}

extension Outcome? {
  fileprivate var digest: UInt64 {
    switch self {
    case nil: 1
    case .cut: 2
    case .abandoned: 3
    case .unsent: 4
    case .answered(let status, let byOrigin): UInt64(status) << 1 | (byOrigin ? 1 : 0)
    }
  }
}
