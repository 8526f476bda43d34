import BowlineCore
import BowlinePool
import Testing

/// The pool against a naive model of itself, by thousands of random operations.
struct MirrorTests {
  /// What the pool should do, written down as simply as possible.
  private struct Model {
    struct Waiting {
      let ticket: Handle
      let deadline: Instant
    }
    struct Connection {
      let link: Handle
      let opened: Instant
      var uses = 0
    }

    let limits: PoolLimits
    var idle: [Connection] = []
    var leased: [Connection] = []
    /// Tickets that a dial is under way for.
    var dialling: [Handle] = []
    var line: [Waiting] = []
    /// How often each ticket was answered.
    var answers: [Handle: Int] = [:]
    var open: Int { idle.count + leased.count + dialling.count }

    mutating func answer(_ ticket: Handle) { answers[ticket, default: 0] += 1 }
  }

  /// One pool, its model, and the seed's numbers.
  private struct Pair {
    var pool: Pool
    var model: Model
    var random: Seeded
    var now = PoolTests.start
    var tickets = 0
    var links = 0

    init(seed: Int) throws {
      random = Seeded(seed)
      pool = try PoolTests.pool(
        connections: 1 + random.below(6), waiting: random.below(6), waitTimeout: 500,
        maxAge: 3000, maxUses: 5)
      model = Model(limits: pool.limits)
    }

    mutating func ask() {
      tickets += 1
      let ticket = PoolTests.ticket(tickets)
      let fresh = random.below(5) == 0
      let decision = pool.ask(ticket, fresh: fresh, now: now)
      if !fresh, let last = model.idle.popLast() {
        #expect(decision == .reuse(last.link))
        model.leased.append(last)
        model.answer(ticket)
      } else if model.open < model.limits.connections {
        #expect(decision == .dial)
        model.dialling.append(ticket)
      } else if model.line.count < model.limits.waiting {
        let deadline = now.advanced(milliseconds: 500)
        #expect(decision == .wait(until: deadline))
        model.line.append(Model.Waiting(ticket: ticket, deadline: deadline))
      } else {
        #expect(decision == .refuse)
        model.answer(ticket)
      }
    }

    mutating func endDial() {
      if model.dialling.isEmpty { return }
      model.answer(model.dialling.remove(at: random.below(model.dialling.count)))
      if random.below(4) == 0 {
        pool.dialFailed()
      } else {
        pool.dialled()
        links += 1
        model.leased.append(Model.Connection(link: PoolTests.link(links), opened: now))
      }
    }

    mutating func giveBack() {
      if model.leased.isEmpty { return }
      var connection = model.leased.remove(at: random.below(model.leased.count))
      connection.uses += 1
      let returned = pool.giveBack(
        connection.link, opened: connection.opened, uses: connection.uses, now: now)
      if now.since(connection.opened) >= 3_000_000_000 {
        #expect(returned == .closeForAge)
      } else if connection.uses >= 5 {
        #expect(returned == .closeForUses)
      } else if !model.line.isEmpty {
        let first = model.line.removeFirst().ticket
        #expect(returned == .hand(to: first))
        model.answer(first)
        model.leased.append(connection)
      } else {
        #expect(returned == .keep)
        model.idle.append(connection)
      }
    }

    mutating func discard() {
      if model.leased.isEmpty { return }
      model.leased.remove(at: random.below(model.leased.count))
      pool.discarded()
    }

    mutating func loseIdle() {
      let link = PoolTests.link(1 + random.below(links + 1))
      let index = model.idle.firstIndex { $0.link == link }
      #expect(pool.idleEnded(link) == (index != nil))
      if let index { model.idle.remove(at: index) }
    }

    mutating func cancel() {
      let ticket = PoolTests.ticket(1 + random.below(tickets + 1))
      let index = model.line.firstIndex { $0.ticket == ticket }
      #expect(pool.cancel(ticket) == (index != nil))
      if let index {
        model.line.remove(at: index)
        model.answer(ticket)
      }
    }

    mutating func dialForWaiting() {
      let next =
        model.open < model.limits.connections && !model.line.isEmpty
        ? model.line.removeFirst().ticket : nil
      #expect(pool.dialForWaiting() == next)
      if let next { model.dialling.append(next) }
    }

    mutating func expire() {
      while let first = model.line.first, first.deadline <= now {
        #expect(pool.expire(now: now) == first.ticket)
        model.answer(first.ticket)
        model.line.removeFirst()
      }
      #expect(pool.expire(now: now) == nil)
    }

    mutating func takeIdle() {
      #expect(pool.takeIdle() == model.idle.map(\.link))
      model.idle = []
    }

    mutating func step() {
      switch random.below(100) {
      case 0..<35: ask()
      case 35..<50: endDial()
      case 50..<70: giveBack()
      case 70..<76: discard()
      case 76..<80: loseIdle()
      case 80..<84: cancel()
      case 84..<90: dialForWaiting()
      case 90..<94: expire()
      case 94: if random.below(10) == 0 { takeIdle() }
      default: now = now.advanced(milliseconds: random.below(200))
      }
      compare()
    }

    func compare() {
      #expect(pool.dialling == model.dialling.count)
      #expect(pool.leased == model.leased.count)
      #expect(pool.idleCount == model.idle.count)
      #expect(pool.waitingCount == model.line.count)
      #expect(pool.nextDeadline == model.line.first?.deadline)
      #expect(pool.open == model.open && pool.open <= pool.limits.connections)
      #expect(pool.waitingCount <= pool.limits.waiting)
    }

    /// Ends whatever is under way.
    mutating func finish() {
      while !model.dialling.isEmpty { endDial() }
      now = now.advanced(milliseconds: 10_000)
      expire()
      while !model.leased.isEmpty { discard() }
      takeIdle()
      compare()
    }
  }

  @Test(arguments: 1...20)
  func doesWhatTheModelDoes(seed: Int) throws {
    var pair = try Pair(seed: seed)
    for _ in 0..<2000 { pair.step() }
    pair.finish()
    #expect(pair.pool.open == 0 && pair.pool.waitingCount == 0)
    #expect(pair.tickets > 500)
    // Every ticket was answered, and none twice.
    #expect(pair.model.answers.count == pair.tickets)
    #expect(pair.model.answers.values.allSatisfy { $0 == 1 })
  }
}
