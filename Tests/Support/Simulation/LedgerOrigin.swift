import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport

/// An origin on our own links and HTTP machine. It executes requests, which the ledger counts, and
/// answers them as planned.
final class LedgerOrigin: ExchangeHandler {
  /// One request under way.
  private struct Open {
    let exchange: Handle
    let token: Int
    let plan: AnswerPlan
    let method: Method
    var received = 0
    var hasEnded = false
    /// The head of the answer is out.
    var hasBegun = false
    var sent = 0
    var hasPaused = false
    var isSilent = false
  }

  private let links: Links
  private let world: SimulatedWorld
  private let ledger: Ledger
  private let address: SocketAddress
  private var open: [Open] = []
  private(set) var number: UInt16 = 0
  private(set) var tally = Tally()
  private var scratch = HeadBlock()

  init(_ links: Links, _ world: SimulatedWorld, _ ledger: Ledger, at address: SocketAddress) {
    self.links = links
    self.world = world
    self.ledger = ledger
    self.address = address
    number = links.register(self)
  }

  private func place(_ exchange: Handle) -> Int? { open.firstIndex { $0.exchange == exchange } }

  // MARK: Requests

  func headArrived(_ exchange: Handle, framing: BodyFraming) {
    guard let token = Self.token(links.exchanges[exchange].head),
      ledger.requests.indices.contains(token)
    else {
      ledger.broken("origins get requests that were made", "another target")
      links.abort(exchange, .usErrorInternal)
      return
    }
    let request = ledger.requests[token]
    if links.exchanges[exchange].head.start.method != request.method {
      ledger.broken("origins get requests that were made", "#\(token) with another method")
    }
    ledger.note("#\(token) has come to \(address)")
    var plan = request.answer
    // Our machine sends none of these.
    if plan.shape == .untilClose { plan.shape = .chunked }
    open.append(Open(exchange: exchange, token: token, plan: plan, method: request.method))
    if plan.executesAtHead { ledger.executed(token) }
    if plan.isEarly {
      tally.count(.originEarlyAnswer)
      answer(exchange)
    } else if links.expectsContinue(exchange) {
      scratch.compose(status: 100)
      links.sendInformational(exchange, scratch)
    }
  }

  private static func token(_ head: borrowing HeadBlock) -> Int? {
    let target = head.target
    guard target.count > 2, target[0] == 0x2f, target[1] == 0x74 else { return nil }
    var number = 0
    for index in 2..<target.count {
      guard target[index] >= 0x30 && target[index] <= 0x39 && index < 12 else { return nil }
      number = number * 10 + Int(target[index] - 0x30)
    }
    return number
  }

  func informationalArrived(_ exchange: Handle) {}

  func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    guard let place = place(exchange) else { return }
    let token = open[place].token
    if !Pattern.matches(bytes, .request, token, from: open[place].received) {
      ledger.broken("content goes with its request", "#\(token) from \(open[place].received) on")
    }
    open[place].received += bytes.count
    links.grant(exchange, bytes.count)
  }

  func messageEnded(_ exchange: Handle, trailers: Bool) {
    guard let place = place(exchange) else { return }
    open[place].hasEnded = true
    let token = open[place].token
    ledger.completed(token, received: open[place].received)
    if !open[place].plan.executesAtHead { ledger.executed(token) }
    if open[place].plan.isEarly { return }
    if open[place].plan.delay > 0 {
      links.delay(exchange, milliseconds: open[place].plan.delay)
    } else {
      answer(exchange)
    }
  }

  // MARK: Answers

  func delayEnded(_ exchange: Handle) {
    guard let place = place(exchange) else { return }
    if open[place].isSilent {
      // Links wait for their role without end; the role must not.
      open.remove(at: place)
      links.abort(exchange, .usErrorInternal)
    } else if open[place].hasBegun {
      sendBody(exchange)
    } else {
      answer(exchange)
    }
  }

  private func answer(_ exchange: Handle) {
    guard let place = place(exchange) else { return }
    let plan = open[place].plan
    switch plan.fate {
    case .silence:
      tally.count(.originSilent)
      open[place].isSilent = true
      links.delay(exchange, milliseconds: 60_000)
      return
    case .resetUnanswered:
      tally.count(.originResetsUnanswered)
      reset(exchange)
      return
    case .endsUnanswered:
      tally.count(.originEndsUnanswered)
      open.remove(at: place)
      links.abort(exchange, .usErrorInternal)
      return
    case .whole, .endsAfter, .resetAfter: break
    }
    for _ in 0..<plan.informational {
      scratch.compose(status: 103)
      links.sendInformational(exchange, scratch)
    }
    open[place].hasBegun = true
    sendHead(exchange, open[place])
    sendBody(exchange)
  }

  private func sendHead(_ exchange: Handle, _ one: Open) {
    let plan = one.plan
    scratch.compose(status: Status(rawValue: UInt16(plan.status)))
    scratch.add(
      FieldName.other, nameBytes: Self.tokenName.span, value: Array("\(one.token)".utf8).span)
    if plan.hint > 0 {
      scratch.add(.keepAlive, Array("timeout=\(plan.hint)".utf8).span)
    }
    let body: OutgoingBody
    if one.method == .head {
      body = .declared(UInt64(plan.count))
    } else if plan.status == 304 {
      body = .none
    } else {
      body = plan.shape == .chunked ? .unknown : .length(UInt64(plan.count))
    }
    links.sendHead(exchange, scratch, body: body, close: plan.saysClose)
  }

  private static let tokenName = Array("X-Token".utf8)

  /// Sends as much of the body as may be sent now.
  private func sendBody(_ exchange: Handle) {
    guard let place = place(exchange) else { return }
    let total = open[place].plan.bodyCount(for: open[place].method)
    let token = open[place].token
    var limit = total
    switch open[place].plan.fate {
    case .endsAfter(let count), .resetAfter(let count): limit = min(count, total)
    default: break
    }
    while open[place].sent < limit {
      if open[place].plan.pause > 0 && !open[place].hasPaused && open[place].sent >= total / 2 {
        open[place].hasPaused = true
        links.delay(exchange, milliseconds: open[place].plan.pause)
        return
      }
      if links.mustHold(exchange) { return }
      let most = open[place].plan.pause > 0 ? max(1, total / 2) : limit
      let count = min(limit - open[place].sent, most)
      let run = Pattern.run(.response, token, from: open[place].sent, count: count)
      open[place].sent += run.count
      links.sendBody(exchange, run.span)
    }
    finish(exchange, place, limit < total)
  }

  private func finish(_ exchange: Handle, _ place: Int, _ isShort: Bool) {
    switch open[place].plan.fate {
    case .endsAfter where isShort:
      tally.count(.originTruncates)
      open.remove(at: place)
      links.abort(exchange, .usErrorInternal)
    case .resetAfter where isShort:
      tally.count(.originResetsResponse)
      reset(exchange)
    default: links.sendEnd(exchange)
    }
  }

  /// The connection is reset as by an application that has died: nothing more is read or sent.
  private func reset(_ exchange: Handle) {
    world.reset(local: address, peer: links.exchanges[exchange].record.peer)
  }

  func outputDrained(_ exchange: Handle) {
    guard let place = place(exchange), open[place].hasBegun else { return }
    sendBody(exchange)
  }

  func exchangeFinished(_ exchange: Handle) { open.removeAll { $0.exchange == exchange } }

  func exchangeFailed(_ exchange: Handle, _ failure: Failure) {
    open.removeAll { $0.exchange == exchange }
  }
}
