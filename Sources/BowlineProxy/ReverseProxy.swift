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
  let upstreams: Upstreams
  let mode: ProxyMode
  /// Our name in Via.
  let name: ByteBuffer
  /// Every request goes through one of the configured upstreams, which are proxies too.
  let hasParent: Bool
  private let registered = Held<UInt16>(0)
  let relays = Shelf<Relay>()
  private let hop: Held<ForwardingHop>
  let scratch = Held(HeadBlock())

  /// - Parameters:
  ///   - links: the loop's links.
  ///   - origins: the upstreams, used in turn.
  ///   - via: our name in Via.
  ///   - mode: what we are to our clients.
  ///   - names: looks up the names that requests bring (forward proxy).
  package init(
    links: Links, origins: [Origin], via: String, mode: ProxyMode = .reverse,
    names: (any NameSource)? = nil
  ) {
    self.links = links
    self.mode = mode
    var name = ByteBuffer(capacity: 64)
    name.append(utf8: via)
    self.name = name
    hop = Held(ForwardingHop(name: via))
    var rules: ForwardRules?
    if case .forward(let given) = mode { rules = given }
    hasParent = rules != nil && !origins.isEmpty
    upstreams = Upstreams(links: links, origins: origins, names: names, rules: rules)
    upstreams.serve(self)
    registered.value = links.register(self)
  }

  package func messageArrived(_ message: any OwnerMessage) {
    if let verification = message as? Verification { verified(verification) }
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

  func requestArrived(_ exchange: Handle, _ framing: BodyFraming) {
    do throws(RouteRefusal) {
      guard let route = try route(exchange, framing) else { return }
      let relay = relays.lend { Relay() }
      links.exchanges[exchange].context = relay
      compose(
        &relays[relay], links.exchanges[exchange], options: links.options(exchange), framing,
        route)
      relays[relay].downstream = exchange
      if relays[relay].flags.contains(.toOldHop) { meetOldHop(relay, exchange) }
      if !relays[relay].flags.contains(.gathering) { ask(relay, fresh: route.isTunnel) }
    } catch {
      refuse(exchange, error)
    }
  }

  /// Answers a request that goes nowhere.
  func refuse(_ exchange: Handle, _ refusal: RouteRefusal) {
    answer(exchange, refusal.status, refusal.failure)
  }

  /// Answers by ourselves, and says which proxy does.
  private func answer(_ exchange: Handle, _ status: Status, _ failure: Failure) {
    links.answer(exchange, status, failure) { head in
      if status.rawValue == 407 { head.add(.proxyAuthenticate, "Basic realm=\"bowline\"") }
      ProxyStatus.add(failure.reason, name: name, to: &head)
    }
  }

  /// Composes the head that goes on into the relay.
  private func compose(
    _ relay: inout Relay, _ exchange: borrowing Exchange, options: ConnectionOptions,
    _ framing: BodyFraming, _ route: Route
  ) {
    relay.origin = route.origin
    let isOld = !route.isTunnel && upstreams.speaksOld(relay.origin)
    if isOld { relay.flags.insert(.toOldHop) }
    relay.method = exchange.head.start.method
    relay.requestOptions = options
    relay.wantsTrailers = TrailerRules.areWelcome(exchange.head, options)
    relay.body =
      switch framing {
      case .none, .tunnel: .none
      case .length(let count): .length(count)
      case .chunked, .untilClose: .unknown
      }
    if route.isTunnel {
      relay.flags.insert(.opensTunnel)
      return
    }
    Forwarding.request(
      exchange.head, authority: upstreams.authority(relay.origin), hop: hop.value,
      client: exchange.record.peer, options: options,
      trailersFollow: framing.isChunked && !isOld, trailersWelcome: relay.wantsTrailers,
      form: route.form,
      upgrade: options.upgrade && Forwarding.offersUpgrade(exchange.head, options),
      forwards: route.forwards,
      expects: !isOld || Expectation(exchange.head) != .continue100, into: &relay.head)
  }

  private func responseArrived(_ exchange: Handle, _ framing: BodyFraming) {
    let relay = links.exchanges[exchange].context
    let downstream = relays[relay].downstream
    if case .untilClose = framing, links.exchanges[exchange].head.contains(.transferEncoding) {
      // A transfer coding that is not chunked: we do not decode it, and cannot pass it on.
      refuseResponse(relay, exchange, Fault(.codingUnknown, at: 0))
      return
    }
    links.exchanges[downstream].record.marks.responseBegan = links.now
    let requestEnded = compose(
      &relays[relay], links.exchanges[exchange].head, options: links.options(exchange), framing)
    if !scratch.value.contains(.date) { links.appendDate(to: &scratch.value) }
    // A response that overtakes its request is the last one on the client's connection: what is
    // left of the request may never come (RFC 9112 §9.3).
    let body = outgoing(framing, links.exchanges[exchange].head)
    if framing == .tunnel { relays[relay].flags.insert(.tunnels) }
    links.sendHead(downstream, scratch.value, body: body, close: !requestEnded)
  }

  /// Composes the response head for the client. True when the request was complete before.
  private func compose(
    _ relay: inout Relay, _ head: borrowing HeadBlock, options: ConnectionOptions,
    _ framing: BodyFraming
  ) -> Bool {
    learn(&relay, head)
    relay.responseOptions = options
    relay.flags.insert(.responseBegan)
    Forwarding.response(
      head, hop: hop.value, options: options,
      trailersFollow: framing.isChunked && relay.wantsTrailers, into: &scratch.value)
    return relay.flags.contains(.requestEnded)
  }

  /// Answers 502 instead of a response that must not go on.
  private func refuseResponse(_ relay: Handle, _ exchange: Handle, _ fault: Fault) {
    let failure = Failure(.upstreamFaultHead, fault: fault, evidence: .responseBegan)
    links.abort(exchange, failure)
    upstreamFailed(relay, failure)
  }

  private func outgoing(_ framing: BodyFraming, _ head: borrowing HeadBlock) -> OutgoingBody {
    switch framing {
    case .length(let count): return .length(count)
    case .chunked, .untilClose: return .unknown
    case .tunnel: return .none
    case .none:
      return Framing.declaredLength(head).map { .declared($0) } ?? .none
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

  func ask(_ relay: Handle, fresh: Bool) {
    let downstream = relays[relay].downstream
    let origin = relays[relay].origin
    noteAsked(&links.exchanges[downstream].record, origin)
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

  private func noteAsked(_ record: inout ExchangeRecord, _ origin: Int) {
    if record.marks.leaseAsked == nil { record.marks.leaseAsked = links.now }
    record.upstreamIndex = Int16(truncatingIfNeeded: origin)
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
    note(
      &links.exchanges[downstream].record, links.facts(link), wasReused: lease.wasReused,
      leaseReason(relays[relay], lease))
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
      if !mayReplayBody(relay) { dropHeld(relay) }
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
  private func openTunnel(_ relay: Handle) {
    let downstream = relays[relay].downstream
    relays[relay].flags.formUnion([.tunnels, .responseBegan])
    links.beginTunnel(relays[relay].upstream)
    links.exchanges[downstream].record.marks.responseBegan = links.now
    scratch.value.compose(status: 200)
    links.appendDate(to: &scratch.value)
    links.sendHead(downstream, scratch.value, body: .none)
  }

  private func leaseReason(_ relay: borrowing Relay, _ lease: borrowing Lease) -> LeaseReason {
    if relay.flags.contains(.waiting) { return .waited }
    if lease.wasReused { return .reused }
    if relay.replays > 0 { return .newAfterReplay }
    return lease.isLast ? .newHopCloses : .newNoneIdle
  }

  private func note(
    _ record: inout ExchangeRecord, _ facts: LinkFacts, wasReused: Bool, _ reason: LeaseReason
  ) {
    record.upstream = facts.id
    record.upstreamOrdinal = facts.exchanges + 1
    record.marks.leased = links.now
    record.lease = reason
    if !wasReused { record.marks.dialEnded = links.now }
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
      if relays[relay].flags.contains(.gathering) {
        gather(relay, exchange, bytes.count)
      } else {
        relays[relay].owedToClient += bytes.count
      }
      return
    }
    links.sendBody(upstream, bytes)
    if !relays[relay].flags.contains(.tunnels) { hold(relay, bytes) }
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
    if relays[relay].flags.contains(.tunnels) {
      // One side has ended its stream; the other goes on.
      let isUpstream = links.exchanges[exchange].side == .upstream
      links.sendEnd(isUpstream ? relays[relay].downstream : relays[relay].upstream)
    } else if links.exchanges[exchange].side == .upstream {
      relays[relay].flags.insert(.responseEnded)
      endResponse(relay, exchange, trailers)
    } else {
      relays[relay].flags.insert(.requestEnded)
      if relays[relay].flags.contains(.gathering) {
        sendGathered(relay)
        return
      }
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
      let tunnelEnd =
        relays[relay].flags.contains(.tunnels) ? links.exchanges[exchange].record.end : nil
      releaseIfOver(relay)
      guard let lease else { return }
      if let tunnelEnd {
        upstreams.discard(lease, tunnelEnd)
      } else {
        upstreams.giveBack(lease)
      }
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
      upstreams.discard(lease, failure.reason, failure.evidence)
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
  func refuse(_ relay: Handle, _ status: Status, _ failure: Failure) {
    let downstream = relays[relay].downstream
    relays[relay].downstream = .none
    releaseIfOver(relay)
    answer(downstream, status, failure)
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
      .upstreamStalledWrite, .upstreamTimeoutResolving, .upstreamHungOnReuse:
      504
    case .policyRefusedDestination: 403
    case .policyTimeoutWaiting, .policyLimitWaiting, .usErrorDescriptors, .usErrorPorts,
      .usShutdown:
      503
    default: 502
    }
  }
}
