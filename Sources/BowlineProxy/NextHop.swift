// What the next hop shows of itself, and what an upstream of version 1.0 needs.
//
// Such an upstream does not know the chunked coding, nor 100 (Continue). So a body whose length is
// not known is gathered before it goes on, with Content-Length, and the expectation is met by
// ourselves. Before its first response an upstream is taken for 1.1 (RFC 9112 §6.1).

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineUpstream

extension Proxy {
  /// The head of a final response says something about the hop that it came from.
  func learn(_ relay: inout Relay, _ head: borrowing HeadBlock) {
    let isSettled = relay.lease?.isSettled ?? false
    if isSettled && head.start.version >= .http11 && !head.contains(.keepAlive) { return }
    learnMore(&relay, head)
  }

  @inline(never)
  private func learnMore(_ relay: inout Relay, _ head: borrowing HeadBlock) {
    let hasField = head.contains(.keepAlive)
    upstreams.answered(
      relay.origin, head.start.version, sign: hasField || head.options.keepAlive,
      second: relay.lease?.isSecond ?? false)
    if hasField { relay.lease?.told(KeepAliveHint(head, head.options)) }
  }

  /// A request is for an upstream of version 1.0.
  func meetOldHop(_ relay: Handle, _ exchange: Handle) {
    if links.expectsContinue(exchange) {
      scratch.value.compose(status: 100)
      links.sendInformational(exchange, scratch.value)
    }
    if case .unknown = relays[relay].body { relays[relay].flags.insert(.gathering) }
  }

  /// More of a body that is gathered has come, and is held.
  func gather(_ relay: Handle, _ exchange: Handle, _ count: Int) {
    let held = relays[relay].held.count
    guard held > links.settings[.gatherBytes] else {
      links.grant(exchange, count)
      return
    }
    refuse(
      relay, 411,
      Failure(
        .policyLimitGather,
        fault: Fault(.bodyTooLarge, at: held, limit: .gatherBytes, status: 411)))
  }

  /// The whole body is held, so its length is known. There is no place for trailers.
  func sendGathered(_ relay: Handle) {
    relays[relay].flags.remove(.gathering)
    relays[relay].body = .length(UInt64(relays[relay].held.count))
    ask(relay)
  }
}
