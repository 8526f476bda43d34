import BowlineCore
import BowlineTransport

/// A scripted origin: bytes by hand, and whatever a decent server does not do.
final class PlainOrigin: LoopClient {
  /// One connection.
  private struct Caller {
    var wire: PlainWire
    let peer: SocketAddress
    /// The request being read, or answered.
    var token: Int?
    var body = PlainBody.none
    var isComplete = false
    /// Its answer is out, or will never come.
    var isAnswered = false
    var answersAt = Instant.distantFuture
    /// The second part of the answer, and when it goes out.
    var rest: [UInt8] = []
    var restAt = Instant.distantFuture
    /// How the connection ends when everything is out.
    var ending: CloseManner?
    var idleSince: Instant
    var isOver = false

    mutating func readBody(of token: Int) -> PlainBody.Step {
      body.take(&wire.input) { bytes, offset in
        Pattern.matches(bytes, .request, token, from: offset)
      }
    }
  }

  private let loop: EventLoop
  private let network: SimulatedNetwork
  private let ledger: Ledger
  private let address: SocketAddress
  private let idle: Int
  private var callers: [Caller] = []
  private(set) var tally = Tally()

  init(
    _ loop: EventLoop, _ network: SimulatedNetwork, _ ledger: Ledger, at address: SocketAddress,
    idle: Int
  ) {
    self.loop = loop
    self.network = network
    self.ledger = ledger
    self.address = address
    self.idle = idle
  }

  // MARK: The loop's calls

  func receive(_ message: any Sendable) {}
  func turnEnded(buffer: inout ReadBuffer) {}

  func acceptable(_ listener: ListenerID) {
    while case .accepted(let socket, let peer) = network.accept(listener) {
      let token = 1 << 32 | UInt64(callers.count)
      callers.append(
        Caller(
          wire: PlainWire(socket: socket, token: token), peer: peer, idleSince: loop.now))
      _ = network.watch(socket, token: token)
      wake(callers.count - 1, at: loop.now.advanced(milliseconds: idle))
    }
  }

  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    let index = Int(token & 0xffff_ffff)
    if callers[index].isOver { return }
    callers[index].wire.note(readiness)
    move(index, &buffer)
  }

  func expired(_ token: UInt64, buffer: inout ReadBuffer) {
    let index = Int(token & 0xffff_ffff)
    if callers[index].isOver { return }
    move(index, &buffer)
    let caller = callers[index]
    guard !caller.isOver, caller.token == nil, caller.wire.input.count == 0 else { return }
    if loop.now >= caller.idleSince.advanced(milliseconds: idle) {
      ledger.note("\(address) closes \(caller.peer), idle")
      close(index, .orderly)
    } else {
      wake(index, at: caller.idleSince.advanced(milliseconds: idle))
    }
  }

  private func wake(_ index: Int, at instant: Instant) {
    loop.schedule(1 << 32 | UInt64(index), at: instant)
  }

  private func close(_ index: Int, _ manner: CloseManner) {
    callers[index].isOver = true
    network.close(callers[index].wire.socket, manner)
  }

  // MARK: One connection

  private func move(_ index: Int, _ buffer: inout ReadBuffer) {
    while callers[index].wire.receive(network, &buffer) {}
    var goesOn = true
    while goesOn && !callers[index].isOver {
      read(index)
      answer(index)
      if callers[index].isOver { return }
      callers[index].wire.flush(network)
      goesOn = finish(index)
    }
    if !callers[index].isOver && callers[index].wire.end != nil {
      // Whoever has gone wants no answer any more. (A half-close of the proxy is none we know.)
      close(index, .orderly)
    }
  }

  /// Reads what has come of the request.
  private func read(_ index: Int) {
    if callers[index].token == nil {
      guard let lines = callers[index].wire.input.takeHead() else { return }
      begin(index, PlainHead(lines))
    }
    guard let token = callers[index].token, !callers[index].isComplete else { return }
    switch callers[index].readBody(of: token) {
    case .more: break
    case .wrong(let what): ledger.broken("content goes with its request", "#\(token): \(what)")
    case .complete: completed(index, token)
    }
  }

  private func begin(_ index: Int, _ head: PlainHead) {
    let words = head.start.split(separator: 0x20)
    guard words.count == 3, words[1].prefix(2).elementsEqual("/t".utf8),
      let token = number(words[1].dropFirst(2)), ledger.requests.indices.contains(token)
    else {
      ledger.broken("origins get requests that were made", "another request line")
      close(index, .reset)
      return
    }
    let request = ledger.requests[token]
    if !words[0].elementsEqual("\(request.method.name)".utf8) {
      ledger.broken("origins get requests that were made", "#\(token) with another method")
    }
    ledger.note("#\(token) has come to \(address) from \(callers[index].peer)")
    callers[index].token = token
    callers[index].isComplete = false
    callers[index].isAnswered = false
    callers[index].body =
      head.isChunked ? .chunked : head.length.map { PlainBody(length: $0) } ?? .none
    if request.answer.executesAtHead { ledger.executed(token) }
    if request.answer.isEarly {
      tally.count(.originEarlyAnswer)
      callers[index].answersAt = loop.now
    } else if head.expects && token % 2 == 0 {
      callers[index].wire.write("HTTP/1.1 100 Continue\r\n\r\n")
    }
  }

  private func completed(_ index: Int, _ token: Int) {
    callers[index].isComplete = true
    let plan = ledger.requests[token].answer
    ledger.completed(token, received: callers[index].body.count)
    if !plan.executesAtHead { ledger.executed(token) }
    if plan.isEarly { return }
    callers[index].answersAt = loop.now.advanced(milliseconds: plan.delay)
    if plan.delay > 0 { wake(index, at: callers[index].answersAt) }
  }

  // MARK: Answers

  private func answer(_ index: Int) {
    if loop.now >= callers[index].restAt {
      callers[index].restAt = .distantFuture
      callers[index].wire.write(callers[index].rest[...])
      callers[index].rest = []
    }
    guard let token = callers[index].token, loop.now >= callers[index].answersAt else { return }
    callers[index].answersAt = .distantFuture
    let request = ledger.requests[token]
    switch request.answer.fate {
    case .silence: tally.count(.originSilent)
    case .resetUnanswered:
      tally.count(.originResetsUnanswered)
      close(index, .reset)
    case .endsUnanswered:
      tally.count(.originEndsUnanswered)
      close(index, .orderly)
    case .whole, .endsAfter, .resetAfter:
      callers[index].isAnswered = true
      write(index, token, request)
    }
  }

  private func write(_ index: Int, _ token: Int, _ request: Request) {
    var plan = request.answer
    // Who asked in 1.1 is answered in chunks, whose end is seen.
    if plan.isOld && plan.shape == .chunked { plan.shape = .length }
    for _ in 0..<plan.informational {
      callers[index].wire.write("HTTP/1.1 103 Early Hints\r\n\r\n")
    }
    let total = plan.bodyCount(for: request.method)
    var limit = total
    switch plan.fate {
    case .endsAfter(let count), .resetAfter(let count): limit = min(count, total)
    default: break
    }
    let isShort = limit < total
    callers[index].wire.write(head(token, plan, request.method))
    let half = plan.pause > 0 ? limit / 2 : limit
    callers[index].wire.write(body(token, plan, 0..<half)[...])
    var rest = body(token, plan, half..<limit)
    if plan.shape == .chunked && !isShort && hasBody(plan, request.method) {
      rest += Array("0\r\n\r\n".utf8)
    }
    callers[index].ending = ending(plan, isShort: isShort, request.method)
    if plan.hasSurplus && !isShort && callers[index].ending == nil && rest.count < 5000
      && callers[index].wire.unsent < 5000
    {
      tally.count(.originSurplus)
      rest += Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Token: 999999\r\n\r\nno".utf8)
    }
    if half < limit {
      callers[index].rest = rest
      callers[index].restAt = loop.now.advanced(milliseconds: plan.pause)
      wake(index, at: callers[index].restAt)
    } else {
      callers[index].wire.write(rest[...])
    }
  }

  private func hasBody(_ plan: AnswerPlan, _ method: Method) -> Bool {
    method != .head && plan.status != 204 && plan.status != 304
  }

  private func head(_ token: Int, _ plan: AnswerPlan, _ method: Method) -> ArraySlice<UInt8> {
    var text = "HTTP/1.\(plan.isOld ? 0 : 1) \(plan.status) Word\r\nX-Token: \(token)\r\n"
    if hasBody(plan, method) || method == .head && plan.status != 204 {
      switch plan.shape {
      case .length: text += "Content-Length: \(plan.count)\r\n"
      case .chunked: text += "Transfer-Encoding: chunked\r\n"
      case .untilClose: break
      }
    }
    if plan.hint > 0 { text += "Keep-Alive: timeout=\(plan.hint)\r\n" }
    if plan.saysClose {
      text += "Connection: close\r\n"
    } else if plan.isOld && plan.shape == .length {
      text += "Connection: keep-alive\r\n"
    }
    return Array((text + "\r\n").utf8)[...]
  }

  private func body(_ token: Int, _ plan: AnswerPlan, _ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    var offset = range.lowerBound
    while offset < range.upperBound {
      let run = Pattern.run(.response, token, from: offset, count: range.upperBound - offset)
      if plan.shape == .chunked {
        bytes += Array((String(run.count, radix: 16) + "\r\n").utf8) + run + [0x0d, 0x0a]
      } else {
        bytes += run
      }
      offset += run.count
    }
    return bytes
  }

  /// How the connection ends behind the answer; nil when it goes on.
  private func ending(_ plan: AnswerPlan, isShort: Bool, _ method: Method) -> CloseManner? {
    switch plan.fate {
    case .endsAfter where isShort:
      tally.count(.originTruncates)
      return .orderly
    case .resetAfter where isShort:
      tally.count(.originResetsResponse)
      return .reset
    default: break
    }
    if plan.endsUnannounced {
      tally.count(.originEndsUnannounced)
      return .orderly
    }
    let isOpenEnded = plan.shape == .untilClose && hasBody(plan, method)
    return plan.saysClose || isOpenEnded || plan.isOld && plan.shape != .length ? .orderly : nil
  }

  /// Ends the exchange when everything is out. True when the next may begin.
  private func finish(_ index: Int) -> Bool {
    let caller = callers[index]
    guard caller.isAnswered, caller.wire.unsent == 0, caller.restAt == .distantFuture else {
      return false
    }
    if let manner = caller.ending {
      close(index, manner)
      return false
    }
    guard caller.isComplete else { return false }
    callers[index].token = nil
    callers[index].isAnswered = false
    callers[index].idleSince = loop.now
    wake(index, at: loop.now.advanced(milliseconds: idle))
    return callers[index].wire.input.count > 0
  }
}
