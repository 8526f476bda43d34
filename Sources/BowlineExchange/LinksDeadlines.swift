// One deadline a link: when what it waits for is overdue.
//
// The deadline is a pure function of the link's state, worked out when it is needed and not kept.
// The timer wheel holds at most one entry that matters for each link. When the entry fires and the
// deadline turns out to be later, it is set again for that. So a deadline that moves later costs
// nothing, and the steady state of a busy connection touches the wheel once per timeout, not once
// per request.
//
// An entry that fires at the horizon (now, plus the shortest timeout of an open link) is early
// enough for whatever an event can have made of the deadline: every timeout counts from an event.
// So an event looks at no timeout at all; the entry that fires does.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Sets a timer entry for the link, if none fires early enough.
  func rearm(_ handle: Handle) {
    guard links[handle].state == .open else {
      rearmExactly(handle)
      return
    }
    let horizon = state.value.horizon
    if links[handle].armed <= horizon { return }
    links[handle].armed = horizon
    loop.schedule(handle.word, at: horizon)
  }

  /// The same where a deadline came nearer than the shortest timeout.
  func rearmExactly(_ handle: Handle) {
    let due = dueTime(links[handle])
    if due >= links[handle].armed { return }
    links[handle].armed = due
    loop.schedule(handle.word, at: due)
  }

  private func dueTime(_ link: borrowing Link) -> Instant {
    let closing = link.ending == .none ? Closing() : endings[link.ending].closing
    var due = state.value.deadlines.due(link, closing)
    var exchange = link.state == .open ? link.exchange : .none
    while exchange != .none {
      due = min(due, state.value.deadlines.due(exchanges[exchange], on: link))
      exchange = exchanges[exchange].next
    }
    return due
  }

  /// A timer entry of the link fired.
  func deadlineReported(_ link: Handle) {
    guard links[link].armed <= now else { return }
    links[link].armed = .distantFuture
    if dueTime(links[link]) <= now && links[link].flags.isDisjoint(with: .doomed) {
      overdue(link)
    }
    if links.contains(link) { rearmExactly(link) }
  }

  private func overdue(_ link: Handle) {
    switch links[link].state {
    case .dialling:
      doom(link, .upstreamTimeoutDialling)
    case .closing:
      if links[link].output != .none { endings[ending(link)].manner = .reset }
      doom(link, endings[ending(link)].reason)
    case .open:
      if isStalled(link) {
        stalled(link)
      } else if links[link].exchange == .none {
        let reason: EndReason = links[link].side == .downstream ? .usTimeoutIdle : .usPoolIdle
        doom(link, isDraining ? .usDrain : reason)
      } else {
        exchangesOverdue(link)
      }
    }
  }

  private func isStalled(_ link: Handle) -> Bool {
    links[link].output != .none
      && links[link].progress.advanced(milliseconds: settings[.writeStallTimeout]) <= now
  }

  private func stalled(_ link: Handle) {
    let side = links[link].side
    endings[ending(link)].manner = .reset
    let reason: EndReason = side == .downstream ? .clientStalledWrite : .upstreamStalledWrite
    let exchange = links[link].exchange
    if exchange == .none || links[link].machine != 0 {
      doom(link, reason)
    } else {
      fail(link, exchange, Failure(reason, evidence: evidence(link, exchange)))
    }
  }

  private func exchangesOverdue(_ link: Handle) {
    var exchange = links[link].exchange
    while exchange != .none && exchanges.contains(exchange) {
      let next = exchanges[exchange].next
      if state.value.deadlines.due(exchanges[exchange], on: links[link]) <= now {
        exchangeOverdue(link, exchange)
      }
      exchange = next
    }
  }

  private func exchangeOverdue(_ link: Handle, _ exchange: Handle) {
    if exchanges[exchange].delayUntil <= now {
      exchanges[exchange].delayUntil = .distantFuture
      handler(exchange).delayEnded(exchange)
      return
    }
    let progress = exchanges[exchange].progress
    if progress.contains(.tunnel) {
      let isHalf = !progress.isDisjoint(with: [.received, .sent])
      fail(link, exchange, Failure(isHalf ? .usTimeoutHalfClosed : .usTimeoutTunnel))
    } else if links[link].side == .upstream {
      let reason: EndReason =
        progress.contains(.headReceived)
        ? .upstreamTimeoutBody
        : exchanges[exchange].isWatched ? .upstreamHungOnReuse : .upstreamTimeoutResponse
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

  /// Gives the response to a request on a suspect hop only `upstream.hung-timeout` to begin.
  /// Nothing is armed for it: that is no shorter than the horizon.
  package func watch(_ exchange: Handle) {
    let hung = state.value.deadlines.hung
    if hung < state.value.deadlines.response {
      exchanges[exchange].patience = Int32(clamping: hung)
    }
  }

  /// Calls the handler's `delayEnded` after `milliseconds`.
  package func delay(_ exchange: Handle, milliseconds: Int) {
    exchanges[exchange].delayUntil = now.advanced(milliseconds: milliseconds)
    rearmExactly(exchanges[exchange].link)
  }
}
