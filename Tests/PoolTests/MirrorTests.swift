import BowlineCore
import BowlineJournal
import BowlinePool
import Testing

/// Three loops with one ledger, against a naive model, by thousands of random operations.
struct MirrorTests {
  /// What the pools should do, written down as simply as possible.
  private struct Connection {
    let link: Handle
    let opened: Instant
    var uses = 0
    var rested: Instant
  }

  /// One loop: its pool, and what the model thinks is in it.
  private struct Side {
    var pool: Pool
    var idle: [Connection] = []
    var leased: [Connection] = []
    var dialling = 0
    var closing = 0
  }

  private struct Town {
    let limits: PoolLimits
    var sides: [Side]
    var ledger: Ledger
    /// Who waits, in order.
    var line: [Waiter] = []
    /// How often each ticket was answered.
    var answers: [Handle: Int] = [:]
    var random: Seeded
    var now = PoolTalk.start
    var tickets = 0
    var links = 0

    init(seed: Int) throws {
      random = Seeded(seed)
      let talk = try PoolTalk(
        connections: 1 + random.below(8), waiting: random.below(8), waitTimeout: 500,
        maxAge: 3000, maxUses: 5, proven: 100, takeOver: random.below(3))
      limits = talk.pool.limits
      ledger = talk.ledger
      sides = (0..<3).map { _ in Side(pool: talk.pool) }
    }

    var open: Int {
      sides.reduce(0) { $0 + $1.idle.count + $1.leased.count + $1.dialling + $1.closing }
    }

    mutating func answer(_ ticket: Handle) { answers[ticket, default: 0] += 1 }

    mutating func ask() {
      let loop = random.below(3)
      tickets += 1
      let ticket = PoolTalk.ticket(tickets)
      let need = [Need.any, .any, .proven, .fresh][random.below(4)]
      while true {
        let top = sides[loop].idle.last
        switch sides[loop].pool.reuse(need, now: now) {
        case .reuse(let link, _, let rested):
          #expect(need != .fresh && link == top?.link)
          #expect(need == .any || rested <= 100)
          sides[loop].leased.append(sides[loop].idle.removeLast())
          answer(ticket)
          return
        case .retire(let link, let reason):
          #expect(link == top?.link && reason == .usPoolAge)
          sides[loop].idle.removeLast()
          sides[loop].closing += 1
        case .none(let reason):
          #expect(need != .any || top == nil)
          #expect(need == .fresh || (reason == .newNoneIdle) == (top == nil))
          place(ticket, loop, need)
          return
        }
      }
    }

    private mutating func place(_ ticket: Handle, _ loop: Int, _ need: Need) {
      let elsewhere = sides.indices.reduce(0) { $0 + ($1 == loop ? 0 : sides[$1].idle.count) }
      let takesOver = need == .any && elsewhere > limits.takeOver && open < limits.connections
      let decision = sides[loop].pool.place(
        ticket, loop: UInt16(loop), need, ledger: &ledger, elsewhere: elsewhere, now: now)
      switch decision {
      case .dial:
        #expect(open < limits.connections)
        #expect(!takesOver || line.count == limits.waiting)
        sides[loop].dialling += 1
        answer(ticket)
      case .wait(let until):
        #expect(open == limits.connections || takesOver)
        #expect(until == now.advanced(milliseconds: 500))
        line.append(
          Waiter(
            ticket, loop: UInt16(loop), isCareful: need != .any, takesOver: takesOver,
            deadline: until))
      case .refuse:
        #expect(open == limits.connections && line.count == limits.waiting)
        answer(ticket)
      }
    }

    mutating func endDial() {
      let loop = random.below(3)
      guard sides[loop].dialling > 0 else { return }
      sides[loop].dialling -= 1
      if random.below(4) == 0 {
        sides[loop].pool.dialFailed()
        release()
      } else {
        sides[loop].pool.dialled()
        links += 1
        sides[loop].leased.append(
          Connection(link: PoolTalk.link(links), opened: now, rested: now))
      }
    }

    mutating func giveBack() {
      let loop = random.below(3)
      guard !sides[loop].leased.isEmpty else { return }
      var connection = sides[loop].leased.remove(at: random.below(sides[loop].leased.count))
      connection.uses += 1
      connection.rested = now
      let returned = sides[loop].pool.giveBack(
        connection.link, opened: connection.opened, uses: connection.uses, now: now)
      if now.since(connection.opened) >= 3_000_000_000 {
        #expect(returned == .close(.usPoolAge))
        sides[loop].closing += 1
      } else if connection.uses >= 5 {
        #expect(returned == .close(.usPoolUses))
        sides[loop].closing += 1
      } else {
        #expect(returned == .rest(until: connection.opened.advanced(milliseconds: 3000)))
        sides[loop].idle.append(connection)
        serve(loop)
      }
    }

    /// What the shell does when a connection rests while somebody waits.
    private mutating func serve(_ loop: Int) {
      while let top = sides[loop].idle.last {
        let isProven = now.since(top.rested) <= 100_000_000
        let expected = line.firstIndex { isProven || !$0.isCareful }
        let waiter = ledger.takeWaiter(proven: isProven)
        #expect(waiter == expected.map { line[$0] })
        guard let waiter, let expected else { return }
        line.remove(at: expected)
        sides[loop].idle.removeLast()
        if Int(waiter.loop) == loop {
          sides[loop].pool.lendTop()
        } else {
          sides[loop].pool.sendTop()
          sides[Int(waiter.loop)].pool.received()
        }
        sides[Int(waiter.loop)].pool.waiting -= 1
        sides[Int(waiter.loop)].leased.append(top)
        answer(waiter.ticket)
      }
    }

    /// A socket is closed: its place goes to the first in line.
    private mutating func release() {
      let next = ledger.release()
      #expect(next == line.first)
      guard let next else { return }
      line.removeFirst()
      let loop = Int(next.loop)
      sides[loop].pool.waiting -= 1
      sides[loop].pool.dialForWaiting()
      sides[loop].dialling += 1
      answer(next.ticket)
    }

    mutating func discard() {
      let loop = random.below(3)
      guard !sides[loop].leased.isEmpty else { return }
      sides[loop].leased.remove(at: random.below(sides[loop].leased.count))
      sides[loop].pool.discarded()
      sides[loop].closing += 1
    }

    mutating func close() {
      let loop = random.below(3)
      guard sides[loop].closing > 0 else { return }
      sides[loop].closing -= 1
      sides[loop].pool.closed()
      release()
    }

    mutating func loseIdle() {
      let loop = random.below(3)
      let link = PoolTalk.link(1 + random.below(links + 1))
      let index = sides[loop].idle.firstIndex { $0.link == link }
      let ended = sides[loop].pool.idleEnded(link)?.link
      #expect(ended == index.map { _ in link })
      guard let index else { return }
      sides[loop].idle.remove(at: index)
      release()
    }

    mutating func cancel() {
      let ticket = PoolTalk.ticket(1 + random.below(tickets + 1))
      let loop = UInt16(random.below(3))
      let index = line.firstIndex { $0.ticket == ticket && $0.loop == loop }
      let wasWaiting = ledger.cancel(ticket, loop: loop)
      #expect(wasWaiting == (index != nil))
      guard let index else { return }
      sides[Int(loop)].pool.waiting -= 1
      line.remove(at: index)
      answer(ticket)
    }

    mutating func expire() {
      let loop = UInt16(random.below(3))
      while let index = line.firstIndex(where: { $0.loop == loop }), line[index].deadline <= now {
        let expired = ledger.expire(loop: loop, now: now)
        #expect(expired == line[index])
        answer(line[index].ticket)
        line.remove(at: index)
        sides[Int(loop)].pool.waiting -= 1
      }
      let none = ledger.expire(loop: loop, now: now)
      #expect(none == nil)
    }

    mutating func retire() {
      let loop = random.below(3)
      if random.below(3) == 0 {
        let oldest = sides[loop].idle.first?.link
        let retired = sides[loop].pool.retireOldest()
        #expect(retired == oldest)
        guard oldest != nil else { return }
        sides[loop].idle.removeFirst()
        sides[loop].closing += 1
      } else {
        let limit = now.advanced(milliseconds: -3000)
        while let index = sides[loop].idle.firstIndex(where: { $0.opened <= limit }) {
          let expired = sides[loop].pool.retireExpired(now: now)
          #expect(expired?.link == sides[loop].idle[index].link)
          sides[loop].idle.remove(at: index)
          sides[loop].closing += 1
        }
        let none = sides[loop].pool.retireExpired(now: now)
        #expect(none == nil)
      }
    }

    mutating func step() {
      switch random.below(100) {
      case 0..<35: ask()
      case 35..<50: endDial()
      case 50..<70: giveBack()
      case 70..<75: discard()
      case 75..<82: close()
      case 82..<85: loseIdle()
      case 85..<88: cancel()
      case 88..<91: expire()
      case 91..<94: retire()
      default: now = now.advanced(milliseconds: random.below(200))
      }
      compare()
    }

    func compare() {
      for side in sides {
        #expect(side.pool.dialling == side.dialling)
        #expect(side.pool.leased == side.leased.count)
        #expect(side.pool.closing == side.closing)
        #expect(side.pool.idleCount == side.idle.count)
      }
      #expect(ledger.open == open)
      #expect(open <= limits.connections)
      #expect(ledger.waiting == line.count && line.count <= limits.waiting)
      #expect(sides.reduce(0) { $0 + $1.pool.waiting } == line.count)
      // Nobody waits while a place is free, but for those who wait on purpose.
      #expect(open == limits.connections || line.allSatisfy(\.takesOver))
    }

    /// Ends whatever is under way.
    mutating func finish() {
      now = now.advanced(milliseconds: 10_000)
      for _ in 0..<100_000 where open > 0 || !line.isEmpty {
        endDial()
        discard()
        close()
        expire()
        retire()
      }
      compare()
    }
  }

  @Test(arguments: 1...20)
  func doesWhatTheModelDoes(seed: Int) throws {
    var town = try Town(seed: seed)
    for _ in 0..<2000 { town.step() }
    town.finish()
    #expect(town.open == 0 && town.ledger.open == 0 && town.ledger.waiting == 0)
    #expect(town.tickets > 500)
    // Every ticket was answered, and none twice.
    #expect(town.answers.count == town.tickets)
    #expect(town.answers.values.allSatisfy { $0 == 1 })
  }
}
