// The reverse proxy: what happens to a request, in the order it happens.
//
//   headArrived (downstream)   compose the forwarded head, choose an upstream, ask for a connection
//   begin                      a connection is there: send the head and what is held of the body
//   bodyArrived (downstream)   pass on, or hold while there is no connection yet
//   headArrived (upstream)     compose the response head for the client
//   bodyArrived (upstream)     pass on
//   messageEnded, exchangeFinished   end the other side; give the connection back
//   exchangeFailed             try again where the evidence allows it; else answer, or abort
//
// Credit keeps both sides in step: bytes that were passed on are granted again at once, unless too
// much waits on the other side; then they are owed, and granted when it has drained.

package import BowlineCore
package import BowlineExchange
package import BowlineJournal
import BowlinePool
package import BowlineTransport
package import BowlineUpstream

/// The reverse proxy of one loop: a role for its listeners, and the taker of upstream leases.
package final class ReverseProxy: ExchangeHandler, LeaseTaker {
  let links: Links
  private let upstreams: Upstreams
  private let registered = Held<UInt16>(0)
  private let relays = Shelf<Relay>()
  private let hop: Held<ForwardingHop>
  private let scratch = Held(HeadBlock())

  /// - Parameters:
  ///   - links: the loop's links.
  ///   - origins: the upstreams, used in turn.
  ///   - via: our name in Via.
  package init(links: Links, origins: [Origin], via: String) {
    self.links = links
    hop = Held(ForwardingHop(name: via))
    upstreams = Upstreams(links: links, origins: origins)
    upstreams.serve(self)
    registered.value = links.register(self)
  }

  /// The number under which listeners serve this role.
  package var handlerNumber: UInt16 { registered.value }

  /// Requests on their way through.
  package var relayCount: Int { relays.lent }

  /// Closes idle upstream connections (drain).
  package func closeIdle() { upstreams.closeIdle() }

  // MARK: Heads

  package func headArrived(_ exchange: Handle, framing: BodyFraming) {
    if links.exchanges[exchange].side == .upstream {
      responseArrived(exchange, framing)
    } else {
      requestArrived(exchange, framing)
    }
  }

  private func requestArrived(_ exchange: Handle, _ framing: BodyFraming) {
    // A gateway opens no tunnels, and has no secured connection to offer (RFC 9110 §7.4).
    let method = links.exchanges[exchange].head.start.method
    if method == .connect || Forwarding.isSecured(links.exchanges[exchange].head) {
      let status: Status = method == .connect ? 405 : 421
      links.answer(exchange, status, Failure(.policyRefusedTarget))
      return
    }
    let relay = relays.lend { Relay() }
    relays[relay].downstream = exchange
    relays[relay].origin = upstreams.pick()
    relays[relay].method = method
    links.exchanges[exchange].context = relay
    compose(relay, exchange, framing)
    ask(relay, fresh: false)
  }

  /// Composes the head that goes on into the relay.
  private func compose(_ relay: Handle, _ exchange: Handle, _ framing: BodyFraming) {
    let options = links.options(exchange)
    relays[relay].requestOptions = options
    relays[relay].wantsTrailers = TrailerRules.areWelcome(links.exchanges[exchange].head, options)
    relays[relay].body =
      switch framing {
      case .none, .tunnel: .none
      case .length(let count): .length(count)
      case .chunked, .untilClose: .unknown
      }
    Forwarding.request(
      links.exchanges[exchange].head,
      authority: upstreams.origins[relays[relay].origin].authority, hop: hop.value,
      client: links.exchanges[exchange].record.peer, options: options,
      trailersFollow: framing == .chunked, trailersWelcome: relays[relay].wantsTrailers,
      into: &relays[relay].head)
  }

  private func responseArrived(_ exchange: Handle, _ framing: BodyFraming) {
    let relay = links.exchanges[exchange].context
    let downstream = relays[relay].downstream
    if framing == .untilClose && links.exchanges[exchange].head.contains(.transferEncoding) {
      // A transfer coding that is not chunked: we do not decode it, and cannot pass it on.
      refuseResponse(relay, exchange, Fault(.codingUnknown, at: 0))
      return
    }
    let requestEnded = relays[relay].flags.contains(.requestEnded)
    links.exchanges[downstream].record.marks.responseBegan = links.now
    let options = links.options(exchange)
    relays[relay].responseOptions = options
    relays[relay].flags.insert(.responseBegan)
    let body = outgoing(framing, exchange)
    Forwarding.response(
      links.exchanges[exchange].head, hop: hop.value, options: options,
      trailersFollow: framing == .chunked && relays[relay].wantsTrailers, into: &scratch.value)
    if !scratch.value.contains(.date) { links.appendDate(to: &scratch.value) }
    // A response that overtakes its request is the last one on the client's connection: what is
    // left of the request may never come (RFC 9112 §9.3).
    links.sendHead(downstream, scratch.value, body: body, close: !requestEnded)
  }

  /// Answers 502 instead of a response that must not go on.
  private func refuseResponse(_ relay: Handle, _ exchange: Handle, _ fault: Fault) {
    let failure = Failure(.upstreamFaultHead, fault: fault, evidence: .responseBegan)
    links.abort(exchange, failure)
    upstreamFailed(relay, failure)
  }

  private func outgoing(_ framing: BodyFraming, _ exchange: Handle) -> OutgoingBody {
    switch framing {
    case .length(let count): return .length(count)
    case .chunked, .untilClose: return .unknown
    case .tunnel: return .none
    case .none:
      guard let length = Framing.declaredLength(links.exchanges[exchange].head) else {
        return .none
      }
      return .declared(length)
    }
  }

  package func informationalArrived(_ exchange: Handle) {
    let relay = links.exchanges[exchange].context
    let downstream = relays[relay].downstream
    let options = ConnectionOptions(links.exchanges[exchange].head)
    Forwarding.response(
      links.exchanges[exchange].head, hop: hop.value, options: options, trailersFollow: false,
      into: &scratch.value)
    links.sendInformational(downstream, scratch.value)
  }

  // MARK: Connections

  private func ask(_ relay: Handle, fresh: Bool) {
    let downstream = relays[relay].downstream
    if links.exchanges[downstream].record.marks.leaseAsked == nil {
      links.exchanges[downstream].record.marks.leaseAsked = links.now
    }
    let origin = relays[relay].origin
    links.exchanges[downstream].record.upstreamIndex = Int16(truncatingIfNeeded: origin)
    let outcome = upstreams.lease(
      relay, origin: origin, fresh: fresh, careful: !relays[relay].method.isIdempotent)
    switch consume outcome {
    case .ready(let lease):
      begin(relay, lease)
    case .pending(let isWaiting):
      relays[relay].flags.insert(.pending)
      if isWaiting { relays[relay].flags.insert(.waiting) }
      if !isWaiting { links.exchanges[downstream].record.marks.dialBegan = links.now }
    case .refused:
      refuse(relay, 503, Failure(.policyLimitWaiting))
    }
  }

  package func leaseGranted(_ ticket: Handle, _ lease: consuming Lease) {
    guard relays.contains(ticket) else {
      upstreams.giveBack(lease)
      return
    }
    relays[ticket].flags.remove(.pending)
    begin(ticket, lease)
  }

  package func leaseRefused(
    _ ticket: Handle, origin: Int, _ reason: EndReason, _ error: NetworkError?
  ) {
    guard relays.contains(ticket) else { return }
    relays[ticket].flags.remove(.pending)
    let failure = Failure(reason, network: error, evidence: .notConnected)
    refuse(ticket, Self.status(of: reason), failure)
  }

  /// A connection is there: the request goes out on it.
  private func begin(_ relay: Handle, _ lease: consuming Lease) {
    let link = lease.link
    let downstream = relays[relay].downstream
    note(relay, link, wasReused: lease.wasReused)
    relays[relay].lease = consume lease
    let upstream = links.openExchange(link, handler: handlerNumber, context: relay)
    relays[relay].upstream = upstream
    links.sendHead(upstream, relays[relay].head, body: relays[relay].body)
    if !relays[relay].held.isEmpty {
      links.sendBody(upstream, relays[relay].held)
      if !mayReplayBody(relay) { dropHeld(relay) }
    }
    if relays[relay].flags.contains(.requestEnded) { endRequest(relay) }
    let owed = relays[relay].owedToClient
    if owed > 0 && !links.mustHold(upstream) {
      relays[relay].owedToClient = 0
      links.grant(downstream, owed)
    }
  }

  private func note(_ relay: Handle, _ link: Handle, wasReused: Bool) {
    let downstream = relays[relay].downstream
    let facts = links.facts(link)
    let waited = relays[relay].flags.contains(.waiting)
    links.exchanges[downstream].record.upstream = facts.id
    links.exchanges[downstream].record.upstreamOrdinal = facts.exchanges + 1
    links.exchanges[downstream].record.marks.leased = links.now
    links.exchanges[downstream].record.lease =
      waited
      ? .waited
      : wasReused ? .reused : relays[relay].replays > 0 ? .newAfterReplay : .newNoneIdle
    if !wasReused { links.exchanges[downstream].record.marks.dialEnded = links.now }
  }

  // MARK: Bodies

  package func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    let relay = links.exchanges[exchange].context
    if links.exchanges[exchange].side == .upstream {
      let downstream = relays[relay].downstream
      links.sendBody(downstream, bytes)
      if links.mustHold(downstream) {
        relays[relay].owedToUpstream += bytes.count
      } else {
        links.grant(exchange, bytes.count)
      }
      return
    }
    let upstream = relays[relay].upstream
    if upstream == .none {
      relays[relay].held.append(bytes)
      relays[relay].owedToClient += bytes.count
      return
    }
    links.sendBody(upstream, bytes)
    hold(relay, bytes)
    if links.mustHold(upstream) {
      relays[relay].owedToClient += bytes.count
    } else {
      links.grant(exchange, bytes.count)
    }
  }

  /// Keeps body bytes that were sent, while the request may have to be sent again and they are few.
  private func hold(_ relay: Handle, _ bytes: Span<UInt8>) {
    if relays[relay].flags.contains(.bodyGone) { return }
    if mayReplayBody(relay),
      relays[relay].held.count + bytes.count <= links.settings[.watermarkHigh]
    {
      relays[relay].held.append(bytes)
    } else {
      dropHeld(relay)
    }
  }

  private func mayReplayBody(_ relay: Handle) -> Bool {
    relays[relay].method.isIdempotent && relays[relay].replays < links.settings[.replayAttempts]
  }

  private func dropHeld(_ relay: Handle) {
    relays[relay].held.removeAll()
    relays[relay].flags.insert(.bodyGone)
  }

  package func outputDrained(_ exchange: Handle) {
    let relay = links.exchanges[exchange].context
    guard relays.contains(relay) else { return }
    if links.exchanges[exchange].side == .downstream {
      let owed = relays[relay].owedToUpstream
      relays[relay].owedToUpstream = 0
      if relays[relay].upstream != .none { links.grant(relays[relay].upstream, owed) }
    } else {
      let owed = relays[relay].owedToClient
      relays[relay].owedToClient = 0
      links.grant(relays[relay].downstream, owed)
    }
  }

  // MARK: Ends

  package func messageEnded(_ exchange: Handle, trailers: Bool) {
    let relay = links.exchanges[exchange].context
    if links.exchanges[exchange].side == .upstream {
      relays[relay].flags.insert(.responseEnded)
      endResponse(relay, exchange, trailers)
    } else {
      relays[relay].flags.insert(.requestEnded)
      if trailers {
        let options = relays[relay].requestOptions
        _ = Forwarding.trailers(
          links.exchanges[exchange].head, options: options, into: &relays[relay].trailers)
      }
      if relays[relay].upstream != .none { endRequest(relay) }
    }
  }

  private func endRequest(_ relay: Handle) {
    let upstream = relays[relay].upstream
    links.exchanges[relays[relay].downstream].record.marks.requestSent = links.now
    if relays[relay].trailers.count > 0 {
      links.sendEnd(upstream, trailers: relays[relay].trailers)
    } else {
      links.sendEnd(upstream)
    }
  }

  private func endResponse(_ relay: Handle, _ exchange: Handle, _ trailers: Bool) {
    let downstream = relays[relay].downstream
    if trailers && relays[relay].wantsTrailers {
      let options = relays[relay].responseOptions
      if Forwarding.trailers(links.exchanges[exchange].head, options: options, into: &scratch.value)
      {
        links.sendEnd(downstream, trailers: scratch.value)
        return
      }
    }
    links.sendEnd(downstream)
  }

  package func exchangeFinished(_ exchange: Handle) {
    let relay = links.exchanges[exchange].context
    if links.exchanges[exchange].side == .upstream {
      relays[relay].upstream = .none
      let lease = relays[relay].lease.take()
      releaseIfOver(relay)
      if let lease { upstreams.giveBack(lease) }
    } else {
      relays[relay].downstream = .none
      releaseIfOver(relay)
    }
  }

  package func exchangeFailed(_ exchange: Handle, _ failure: Failure) {
    let relay = links.exchanges[exchange].context
    guard relays.contains(relay) else { return }
    if links.exchanges[exchange].side == .upstream {
      upstreamFailed(relay, failure)
    } else {
      clientFailed(relay)
    }
  }

  private func clientFailed(_ relay: Handle) {
    relays[relay].downstream = .none
    if relays[relay].flags.contains(.pending) {
      upstreams.cancel(relay, origin: relays[relay].origin)
    }
    let upstream = relays[relay].upstream
    relays[relay].upstream = .none
    if upstream != .none { links.abort(upstream, .usAbortedClientGone) }
    let lease = relays[relay].lease.take()
    releaseIfOver(relay)
    if let lease { upstreams.discard(lease, .usAbortedClientGone) }
  }

  private func upstreamFailed(_ relay: Handle, _ failure: Failure) {
    relays[relay].upstream = .none
    var wasReused = false
    if let lease = relays[relay].lease.take() {
      wasReused = lease.wasReused
      upstreams.discard(lease, failure.reason)
    }
    let downstream = relays[relay].downstream
    if downstream == .none {
      releaseIfOver(relay)
    } else if relays[relay].flags.contains(.responseEnded) {
      relays[relay].downstream = .none
      releaseIfOver(relay)
      links.endAfterResponse(downstream)
    } else if relays[relay].flags.contains(.responseBegan) {
      relays[relay].downstream = .none
      releaseIfOver(relay)
      links.abort(downstream, failure)
    } else {
      replayOrRefuse(relay, failure, wasReused: wasReused)
    }
  }

  private func replayOrRefuse(_ relay: Handle, _ failure: Failure, wasReused: Bool) {
    let attempt = Attempt(
      method: relays[relay].method, evidence: failure.evidence, wasReused: wasReused,
      isWhole: !relays[relay].flags.contains(.bodyGone), replays: relays[relay].replays)
    guard Pool.replay(attempt, allowed: links.settings[.replayAttempts]) == .replay else {
      refuse(relay, Self.status(of: failure.reason), failure)
      return
    }
    relays[relay].replays += 1
    let downstream = relays[relay].downstream
    links.exchanges[downstream].record.replays += 1
    links.exchanges[downstream].record.replayCause = failure.reason
    ask(relay, fresh: true)
  }

  /// Answers the client ourselves.
  private func refuse(_ relay: Handle, _ status: Status, _ failure: Failure) {
    let downstream = relays[relay].downstream
    relays[relay].downstream = .none
    releaseIfOver(relay)
    links.answer(downstream, status, failure)
  }

  private func releaseIfOver(_ relay: Handle) {
    guard relays[relay].downstream == .none, relays[relay].upstream == .none else { return }
    relays[relay].reset()
    relays.giveBack(relay)
  }

  package func delayEnded(_ exchange: Handle) {}

  /// What the client is told: 504 for silence, 503 for our own limits, 502 for the rest.
  private static func status(of reason: EndReason) -> Status {
    switch reason {
    case .upstreamTimeoutDialling, .upstreamTimeoutResponse, .upstreamTimeoutBody,
      .upstreamStalledWrite:
      504
    case .policyTimeoutWaiting, .policyLimitWaiting, .usErrorDescriptors, .usErrorPorts,
      .usShutdown:
      503
    default: 502
    }
  }
}
