import BowlineCore
import BowlineHTTP1
import BowlineJournal

/// The settings that deadlines are made of, in milliseconds: looked up once, used on every request.
struct Deadlines {
  let connect: Int
  let writeStall: Int
  let lingerIdle: Int
  let lingerTotal: Int
  /// A drain shortens it: see `Links.drain`.
  var clientIdle: Int
  let upstreamIdle: Int
  let head: Int
  let bodyGrace: Int
  let response: Int
  let tunnelIdle: Int
  let tunnelHalfClosed: Int
  let hung: Int

  init(_ settings: Settings) {
    connect = settings[.connectTimeout]
    writeStall = settings[.writeStallTimeout]
    lingerIdle = settings[.lingerIdle]
    lingerTotal = settings[.lingerTotal]
    clientIdle = settings[.clientIdleTimeout]
    upstreamIdle = settings[.upstreamIdleTimeout]
    head = settings[.headTimeout]
    bodyGrace = settings[.bodyRateGrace]
    response = settings[.responseTimeout]
    tunnelIdle = settings[.tunnelIdleTimeout]
    tunnelHalfClosed = settings[.tunnelHalfCloseTimeout]
    hung = settings[.hungTimeout]
  }

  /// The shortest that an open link may have to wait for something.
  var shortest: Int {
    min(
      min(writeStall, clientIdle, upstreamIdle), min(head, bodyGrace, response),
      min(tunnelIdle, tunnelHalfClosed), hung)
  }

  /// When what `link` waits for is overdue, but for its exchange.
  func due(_ link: borrowing Link, _ closing: Closing) -> Instant {
    let progress = link.progress
    switch link.state {
    case .dialling:
      return progress.advanced(milliseconds: connect)
    case .closing:
      if link.output != .none { return progress.advanced(milliseconds: writeStall) }
      return closing.deadline(progress: progress, idle: lingerIdle, total: lingerTotal)
    case .open:
      let stall = link.output == .none ? nil : progress.advanced(milliseconds: writeStall)
      if link.exchange != .none { return stall ?? .distantFuture }
      let idle = progress.advanced(
        milliseconds: link.side == .downstream ? clientIdle : upstreamIdle)
      return min(idle, stall ?? .distantFuture)
    }
  }

  /// When `exchange`, which an open `link` carries, is overdue.
  func due(_ exchange: borrowing Exchange, on link: borrowing Link) -> Instant {
    let progress = exchange.progress
    let due = exchange.delayUntil
    if progress.contains(.tunnel) {
      let isHalf = !progress.isDisjoint(with: [.received, .sent])
      return min(
        due, link.progress.advanced(milliseconds: isHalf ? tunnelHalfClosed : tunnelIdle))
    }
    if link.side == .upstream {
      // Until the request is out, the client's own deadlines and the write stall govern.
      let waits = progress.contains(.sent) && !progress.contains(.received)
      guard waits && exchange.credit > 0 else { return due }
      let patience = exchange.isWatched ? Int(exchange.patience) : response
      return min(due, link.progress.advanced(milliseconds: patience))
    }
    if !progress.contains(.headReceived) {
      return min(due, exchange.record.marks.began.advanced(milliseconds: head))
    }
    if progress.contains(.received) || exchange.credit <= 0 || link.http1.expectsContinue {
      return due
    }
    return min(due, exchange.rateSince.advanced(milliseconds: bodyGrace))
  }
}
