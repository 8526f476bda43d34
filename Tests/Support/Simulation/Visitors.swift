import BowlineCore
import BowlineTransport

/// The clients: each makes one visit after the other until enough requests are out.
final class Visitors: LoopClient {
  private let loop: EventLoop
  private let network: SimulatedNetwork
  private let ledger: Ledger
  private let destination: SocketAddress
  private var scenario: Scenario
  private var visits: [Visit] = []
  private(set) var tally = Tally()
  /// Visits that have not ended.
  private(set) var living = 0

  init(
    _ loop: EventLoop, _ network: SimulatedNetwork, _ ledger: Ledger, _ scenario: Scenario,
    to destination: SocketAddress
  ) {
    self.loop = loop
    self.network = network
    self.ledger = ledger
    self.scenario = scenario
    self.destination = destination
  }

  /// Lets every client begin, some of them later.
  func begin() {
    for client in 0..<scenario.clients {
      let pause = scenario.dice.pick([0, 0, 1, 50, scenario.idle])
      loop.schedule(Self.token(client, isClient: true), at: loop.now.advanced(milliseconds: pause))
    }
  }

  /// Requests that still wait for something on a connection that is open.
  var unanswered: [Int] {
    visits.filter { $0.state != .over }.flatMap { $0.due.map(\.token) }
  }

  private static func token(_ index: Int, isClient: Bool = false) -> UInt64 {
    1 << 32 | UInt64(index) << 1 | (isClient ? 1 : 0)
  }

  private static func index(_ token: UInt64) -> Int { Int(token & 0xffff_ffff) >> 1 }

  // MARK: The loop's calls

  func acceptable(_ listener: ListenerID) {}
  func receive(_ message: any Sendable) {}
  func turnEnded(buffer: inout ReadBuffer) {}

  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    let index = Self.index(token)
    if visits[index].state == .over { return }
    visits[index].wire.note(readiness)
    if visits[index].state == .connecting { connected(index) }
    move(index, &buffer)
  }

  func expired(_ token: UInt64, buffer: inout ReadBuffer) {
    let index = Self.index(token)
    if token & 1 == 1 {
      visit(index)
    } else {
      move(index, &buffer)
    }
  }

  private func visit(_ client: Int) {
    if ledger.begun >= scenario.goal { return }
    let plan = scenario.visit()
    let token = Self.token(visits.count)
    guard case .started(let socket) = network.connect(to: destination, token: token) else {
      ledger.broken("the world has room", "no connection for client \(client)")
      return
    }
    ledger.note("client \(client) visits as \(visits.count): \(plan)")
    visits.append(
      Visit(
        client: client, plan: plan, wire: PlainWire(socket: socket, token: token), now: loop.now))
    living += 1
    if plan.sip > 0 { tally.count(.slowRead) }
    if plan.piece > 0 { tally.count(.slowSend) }
  }

  private func connected(_ index: Int) {
    if let error = network.connectResult(visits[index].wire.socket) {
      ledger.note("visit \(index): \(error.kind)")
      end(index, .orderly, .cut)
    } else {
      visits[index].state = .open
    }
  }

  // MARK: One visit

  /// Does all that can be done now.
  private func move(_ index: Int, _ buffer: inout ReadBuffer) {
    while visits[index].state == .open || visits[index].state == .waiting {
      ask(index)
      send(index)
      let mayBeMore = read(index, &buffer)
      if leaves(index) { return }
      if !mayBeMore && !visits[index].asks(loop.now) { break }
    }
    if visits[index].state == .over || visits[index].state == .connecting { return }
    if visits[index].wire.end != nil {
      connectionEnded(index)
      return
    }
    if isDone(index) {
      if visits[index].plan.ending == .wait && !visits[index].isLast {
        visits[index].state = .waiting
      } else {
        let resets = visits[index].plan.ending == .reset
        if resets { tally.count(.clientReset) }
        end(index, resets ? .reset : .orderly, .cut)
      }
    }
  }

  private func isDone(_ index: Int) -> Bool {
    visits[index].state == .open && visits[index].due.isEmpty && visits[index].hasAskedAll
  }

  private func ask(_ index: Int) {
    let now = loop.now
    while visits[index].asks(now) {
      let token = ledger.add(scenario.request())
      ledger.note("visit \(index): #\(token) \(ledger.requests[token])")
      visits[index].write(token, ledger.requests[token])
      if visits[index].due[visits[index].due.count - 1].isHeld {
        visits[index].continuesAt = now.advanced(milliseconds: 400)
        wake(index, at: visits[index].continuesAt)
      }
    }
    if now >= visits[index].continuesAt { goOn(index) }
  }

  /// The content that was held back.
  private func goOn(_ index: Int) {
    visits[index].continuesAt = .distantFuture
    guard let last = visits[index].due.last, last.isHeld else { return }
    visits[index].writeContent(of: ledger.requests[last.token])
  }

  private func send(_ index: Int) {
    let plan = visits[index].plan
    let now = loop.now
    if plan.piece == 0 {
      visits[index].wire.flush(network)
    } else if now >= visits[index].sendsAt && visits[index].wire.unsent > 0 {
      visits[index].wire.flush(network, limit: plan.piece)
      // A long body is not sent byte by byte for ever.
      if visits[index].wire.sent > 600 { visits[index].wire.flush(network) }
      visits[index].sendsAt = now.advanced(milliseconds: max(plan.piecePause, 1))
      if visits[index].wire.unsent > 0 { wake(index, at: visits[index].sendsAt) }
    } else if visits[index].wire.unsent > 0 {
      wake(index, at: visits[index].sendsAt)
    }
    let sent = visits[index].wire.sent
    for due in visits[index].due where sent >= due.headEnd { ledger.headSent(due.token) }
    if plan.ending == .halfClose, visits[index].hasAskedAll, visits[index].wire.unsent == 0,
      !visits[index].hasEndedSending, !(visits[index].due.last?.isHeld ?? false)
    {
      visits[index].hasEndedSending = true
      tally.count(.clientHalfClose)
      ledger.note("visit \(index): ends its side")
      network.shutdownSend(visits[index].wire.socket)
    }
  }

  /// Reads what is there, or a sip of it. True when there may be more.
  private func read(_ index: Int, _ buffer: inout ReadBuffer) -> Bool {
    let plan = visits[index].plan
    if plan.sip == 0 || visits[index].wire.received > 3000 {
      while visits[index].wire.receive(network, &buffer) {}
    } else if loop.now >= visits[index].sipsAt {
      if visits[index].wire.receive(network, &buffer, limit: plan.sip) {
        visits[index].sipsAt = loop.now.advanced(milliseconds: plan.sipPause)
        wake(index, at: visits[index].sipsAt)
      }
    }
    var hasNews = false
    while parse(index) { hasNews = true }
    return hasNews
  }

  /// Takes one response, or interim head. True when there was one.
  private func parse(_ index: Int) -> Bool {
    guard visits[index].state == .open, let first = visits[index].due.first else {
      if visits[index].wire.input.count > 0 && visits[index].state != .over
        && !visits[index].mayTrail
      {
        ledger.broken("nobody gets what was not asked for", "bytes on visit \(index)")
      }
      return false
    }
    let request = ledger.requests[first.token]
    switch visits[index].nextResponse(first.token, request) {
    case .more: return false
    case .informational:
      goOn(index)
      return true
    case .wrong(let rule, let detail):
      ledger.broken(rule, detail)
      return false
    case .response(let status, let byOrigin, let persists):
      answered(index, status: status, byOrigin: byOrigin, persists: persists)
      return true
    }
  }

  private func answered(_ index: Int, status: Int, byOrigin: Bool, persists: Bool) {
    let first = visits[index].due.removeFirst()
    ledger.ended(first.token, .answered(status: status, byOrigin: byOrigin))
    // An answer that overtakes its request ends the visit, too: what would come next is not known.
    if !persists || first.isHeld || visits[index].wire.sent < first.end {
      visits[index].isLast = true
      let isHead = ledger.requests[first.token].method == .head
      visits[index].mayTrail = persists || isHead && !byOrigin
      loseRest(index, .cut)
      visits[index].due = []
      return
    }
    let think = visits[index].plan.think
    visits[index].asksAt = loop.now.advanced(milliseconds: think)
    if think > 0 && !visits[index].hasAskedAll { wake(index, at: visits[index].asksAt) }
  }

  /// True when the client goes away now, as its plan says.
  private func leaves(_ index: Int) -> Bool {
    let visit = visits[index]
    guard visit.state == .open, visit.wire.end == nil else { return false }
    let hasSent = visit.plan.leavesAfterSent.map { visit.wire.sent >= $0 } ?? false
    let hasReceived =
      visit.plan.leavesAfterReceived.map { visit.wire.received > $0 } ?? false
    guard hasSent || hasReceived, !visit.due.isEmpty else { return false }
    tally.count(.clientLeaves)
    ledger.note("visit \(index): leaves")
    end(index, visit.plan.leavesWithReset ? .reset : .orderly, .abandoned)
    return true
  }

  private func connectionEnded(_ index: Int) {
    let isOrderly = visits[index].wire.end == .finished
    if isOrderly, let first = visits[index].due.first {
      let request = ledger.requests[first.token]
      switch visits[index].reader.atEnd(first.token, request) {
      case .response(let status, let byOrigin, _):
        visits[index].due.removeFirst()
        ledger.ended(first.token, .answered(status: status, byOrigin: byOrigin))
      case .wrong(let rule, let detail): ledger.broken(rule, detail)
      case .more, .informational, nil: break
      }
    }
    ledger.note("visit \(index): the connection has ended, \(isOrderly ? "FIN" : "RST")")
    end(index, .orderly, .cut)
  }

  /// The visit is over; what it asked and was not told has `outcome`.
  private func end(_ index: Int, _ manner: CloseManner, _ outcome: Outcome) {
    loseRest(index, outcome)
    visits[index].due = []
    visits[index].state = .over
    living -= 1
    network.close(visits[index].wire.socket, manner)
    let pause = scenario.dice.pick([0, 0, 1, 30, scenario.idle])
    loop.schedule(
      Self.token(visits[index].client, isClient: true), at: loop.now.advanced(milliseconds: pause))
  }

  private func loseRest(_ index: Int, _ outcome: Outcome) {
    let sent = visits[index].wire.sent
    for due in visits[index].due {
      ledger.ended(due.token, sent >= due.headEnd ? outcome : .unsent)
    }
  }

  private func wake(_ index: Int, at instant: Instant) {
    loop.schedule(Self.token(index), at: instant)
  }
}
