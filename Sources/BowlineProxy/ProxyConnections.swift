// Connections to upstreams: asked for, granted, put to use.

package import BowlineCore
import BowlineExchange
package import BowlineJournal
import BowlinePool
package import BowlineTransport
package import BowlineUpstream

extension Proxy {
  func ask(_ relay: Handle) {
    let downstream = relays[relay].downstream
    let origin = relays[relay].origin
    noteAsked(&links.exchanges[downstream].record, origin)
    let outcome = upstreams.lease(relay, origin: origin, need(relays[relay]))
    switch consume outcome {
    case .ready(let lease):
      begin(relay, lease)
    case .pending(let isWaiting):
      relays[relay].flags.insert(.pending)
      if !isWaiting { links.exchanges[downstream].record.marks.dialBegan = links.now }
    case .refused:
      links.exchanges[downstream].record.lease = .refusedLineFull
      refuse(relay, 503, Failure(.policyLimitWaiting))
    }
  }

  private func need(_ relay: borrowing Relay) -> Need {
    if relay.replays > 0 { return .fresh }
    return relay.method.isIdempotent ? .any : .proven
  }

  func noteAsked(_ record: inout ExchangeRecord, _ origin: Int) {
    if record.marks.leaseAsked == nil { record.marks.leaseAsked = links.now }
    record.upstreamIndex = Int16(truncatingIfNeeded: origin)
  }

  package func wants(_ ticket: Handle) -> Bool {
    relays.contains(ticket) && relays[ticket].flags.contains(.pending)
  }

  package func leaseGranted(_ ticket: Handle, _ lease: consuming Lease) {
    guard wants(ticket) else {
      upstreams.giveBack(lease)
      return
    }
    relays[ticket].flags.remove(.pending)
    begin(ticket, lease)
  }

  package func leaseRefused(
    _ ticket: Handle, origin: Int, _ reason: EndReason, _ error: NetworkError?
  ) {
    guard wants(ticket) else { return }
    relays[ticket].flags.remove(.pending)
    let isOver = reason == .policyTimeoutWaiting
    links.exchanges[relays[ticket].downstream].record.lease =
      isOver ? .refusedWaitTimeout : .refusedDial
    let failure = Failure(reason, network: error, evidence: .notConnected)
    replayOrRefuse(ticket, failure, wasReused: false)
  }

  /// A connection is there: the request goes out on it.
  func begin(_ relay: Handle, _ lease: consuming Lease) {
    let link = lease.link
    let downstream = relays[relay].downstream
    note(
      &links.exchanges[downstream].record, links.facts(link), wasReused: lease.wasReused,
      relays[relay].replays > 0 && !lease.wasReused ? .newAfterReplay : lease.reason)
    let isLast = lease.isLast
    let isWatched = lease.isWatched
    relays[relay].lease = consume lease
    let upstream = links.openExchange(link, handler: handlerNumber, context: relay)
    relays[relay].upstream = upstream
    if relays[relay].flags.contains(.opensTunnel) {
      openTunnel(relay)
      return
    }
    if isWatched { links.watch(upstream) }
    if case .mapping = mode { links.speakOldVersion(upstream) }
    links.sendHead(upstream, relays[relay].head, body: relays[relay].body, close: isLast)
    if !relays[relay].held.isEmpty {
      links.sendBody(upstream, relays[relay].held)
      if !mayReplayBody(relay) || relays[relay].held.count > replayRules.body { dropHeld(relay) }
    }
    if relays[relay].flags.contains(.requestEnded) { endRequest(relay) }
    let owed = relays[relay].owedToClient
    if owed > 0 && !links.mustHold(upstream) {
      relays[relay].owedToClient = 0
      links.grant(downstream, owed)
    }
  }

  /// The connection that CONNECT asked for is there: from now on bytes go both ways as they are.
  /// What the client has sent ahead follows (RFC 9110 §9.3.6).
  func openTunnel(_ relay: Handle) {
    let downstream = relays[relay].downstream
    relays[relay].flags.formUnion([.tunnels, .responseBegan])
    links.beginTunnel(relays[relay].upstream)
    links.exchanges[downstream].record.marks.responseBegan = links.now
    scratch.value.compose(status: 200)
    links.appendDate(to: &scratch.value)
    links.sendHead(downstream, scratch.value, body: .none)
  }

  func note(
    _ record: inout ExchangeRecord, _ facts: LinkFacts, wasReused: Bool, _ reason: LeaseReason
  ) {
    record.upstream = facts.id
    record.upstreamPeer = facts.peer
    record.upstreamOrdinal = facts.exchanges + 1
    record.marks.leased = links.now
    record.lease = reason
    if !wasReused { record.marks.dialEnded = links.now }
  }
}
