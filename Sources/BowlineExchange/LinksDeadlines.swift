// One deadline a link: when what it waits for is overdue.
//
// The deadline is a pure function of the link's state. The timer wheel holds at most one entry that
// matters for each link: moving a deadline later only stores it, and the entry, when it fires,
// finds that it is early and is set again. So the steady state of a busy connection touches the
// wheel once per timeout, not once per request.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Notes the link's deadline, and sets a timer entry if none fires early enough.
  func rearm(_ link: Handle) {
    let due = dueTime(link)
    links[link].deadline = due
    if due < links[link].armed {
      links[link].armed = due
      loop.schedule(link.word, at: due)
    }
  }

  private func dueTime(_ link: Handle) -> Instant {
    let progress = links[link].progress
    switch links[link].state {
    case .dialling:
      return progress.advanced(milliseconds: settings[.connectTimeout])
    case .closing:
      if links[link].output != .none {
        return progress.advanced(milliseconds: settings[.writeStallTimeout])
      }
      return links[link].closing.deadline(
        progress: progress, idle: settings[.lingerIdle], total: settings[.lingerTotal])
    case .open:
      let waiting = links[link].exchange == .none ? idleDue(link) : exchangeDue(link)
      if links[link].output == .none { return waiting }
      return min(waiting, progress.advanced(milliseconds: settings[.writeStallTimeout]))
    }
  }

  private func idleDue(_ link: Handle) -> Instant {
    let setting: SettingID =
      links[link].side == .downstream ? .clientIdleTimeout : .upstreamIdleTimeout
    return links[link].progress.advanced(milliseconds: settings[setting])
  }

  private func exchangeDue(_ link: Handle) -> Instant {
    let exchange = links[link].exchange
    let progress = exchanges[exchange].progress
    var due = exchanges[exchange].delayUntil
    if links[link].side == .upstream {
      // Until the request is out, the client's own deadlines and the write stall govern.
      if progress.contains(.sent) && !progress.contains(.received) && exchanges[exchange].credit > 0
      {
        due = min(due, links[link].progress.advanced(milliseconds: settings[.responseTimeout]))
      }
    } else if !progress.contains(.headReceived) {
      let began = exchanges[exchange].record.marks.began
      due = min(due, began.advanced(milliseconds: settings[.headTimeout]))
    } else if !progress.contains(.received) && exchanges[exchange].credit > 0
      && !links[link].http1.expectsContinue
    {
      let since = exchanges[exchange].rateSince
      due = min(due, since.advanced(milliseconds: settings[.bodyRateGrace]))
    }
    return due
  }

  /// A timer entry of the link fired.
  func deadlineReported(_ link: Handle) {
    guard links[link].armed <= now else { return }
    links[link].armed = .distantFuture
    if links[link].deadline <= now && links[link].flags.isDisjoint(with: .doomed) {
      overdue(link)
    }
    if links.contains(link) { rearm(link) }
  }

  private func overdue(_ link: Handle) {
    switch links[link].state {
    case .dialling:
      doom(link, .upstreamTimeoutDialling)
    case .closing:
      if links[link].output != .none { links[link].doomManner = .reset }
      doom(link, links[link].doom)
    case .open:
      if isStalled(link) {
        stalled(link)
      } else if links[link].exchange == .none {
        doom(link, links[link].side == .downstream ? .usTimeoutIdle : .usPoolIdle)
      } else {
        exchangeOverdue(link, links[link].exchange)
      }
    }
  }

  private func isStalled(_ link: Handle) -> Bool {
    links[link].output != .none
      && links[link].progress.advanced(milliseconds: settings[.writeStallTimeout]) <= now
  }

  private func stalled(_ link: Handle) {
    let side = links[link].side
    links[link].doomManner = .reset
    let reason: EndReason = side == .downstream ? .clientStalledWrite : .upstreamStalledWrite
    let exchange = links[link].exchange
    if exchange == .none {
      doom(link, reason)
    } else {
      fail(link, exchange, Failure(reason, evidence: evidence(link, exchange)))
    }
  }

  private func exchangeOverdue(_ link: Handle, _ exchange: Handle) {
    if exchanges[exchange].delayUntil <= now {
      exchanges[exchange].delayUntil = .distantFuture
      handlers[Int(exchanges[exchange].handler)].delayEnded(exchange)
      return
    }
    let progress = exchanges[exchange].progress
    if links[link].side == .upstream {
      let reason: EndReason =
        progress.contains(.headReceived) ? .upstreamTimeoutBody : .upstreamTimeoutResponse
      fail(link, exchange, Failure(reason, evidence: evidence(link, exchange)))
    } else if !progress.contains(.headReceived) {
      failDownstream(link, exchange, Failure(.clientTimeoutHead), status: 408)
    } else {
      checkBodyRate(link, exchange)
    }
  }

  /// The body must have come at the least rate since the last check.
  private func checkBodyRate(_ link: Handle, _ exchange: Handle) {
    let received = exchanges[exchange].record.requestBytes
    let count = received &- exchanges[exchange].rateBytes
    let elapsed = now.since(exchanges[exchange].rateSince) / 1_000_000
    let least = UInt64(settings[.bodyRate]) * UInt64(max(elapsed, 0)) / 1000
    if count < least {
      failDownstream(link, exchange, Failure(.clientSlowBody), status: 408)
    } else {
      exchanges[exchange].rateBytes = received
      exchanges[exchange].rateSince = now
    }
  }

  /// Calls the owner's `wokenAt` at `deadline`.
  package func wake(_ owner: UInt16, at deadline: Instant) {
    loop.schedule(Handle(index: .max - 16 - UInt32(owner), generation: 1).word, at: deadline)
  }

  /// Calls the handler's `delayEnded` after `milliseconds`.
  package func delay(_ exchange: Handle, milliseconds: Int) {
    exchanges[exchange].delayUntil = now.advanced(milliseconds: milliseconds)
    rearm(exchanges[exchange].link)
  }
}
