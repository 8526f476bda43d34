// A proxy, reverse or forward: what happens to a request, in the order it happens.
//
//   headArrived (downstream)   decide where it goes (see Routes.swift), compose the head that
//                              goes on, ask for a connection
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
import BowlineJournal
import BowlinePool
import BowlineTransport
package import BowlineUpstream

/// The proxy of one loop, whatever its mode: a role for its listeners, and the taker of upstream
/// leases.
package final class Proxy: ExchangeHandler, LeaseTaker {
  let links: Links
  let upstreams: Upstreams
  let mode: ProxyMode
  /// Our name in Via.
  let name: ByteBuffer
  /// Every request goes through one of the configured upstreams, which are proxies too.
  let hasParent: Bool
  let registered = Held<UInt16>(0)
  let relays = Shelf<Relay>()
  let hop: Held<ForwardingHop>
  /// When requests are sent again, and how often.
  let replayRules: ReplayRules
  let budget: Held<RetryBudget>
  let scratch = Held(HeadBlock())

  /// - Parameters:
  ///   - links: the loop's links.
  ///   - origins: the upstreams, used in turn.
  ///   - via: our name in Via.
  ///   - mode: what we are to our clients.
  ///   - names: looks up the names that requests bring (forward proxy).
  ///   - neighbours: the loops of the process; nil when this is the only one.
  package init(
    links: Links, origins: [Origin], via: String, mode: ProxyMode = .reverse,
    names: (any NameSource)? = nil, neighbours: Neighbours? = nil
  ) {
    self.links = links
    self.mode = mode
    var name = ByteBuffer(capacity: 64)
    name.append(utf8: via)
    self.name = name
    hop = Held(ForwardingHop(name: via))
    replayRules = ReplayRules(links.settings)
    budget = Held(RetryBudget(links.settings, now: links.now))
    var rules: ForwardRules?
    if case .forward(let given) = mode { rules = given }
    hasParent = rules != nil && !origins.isEmpty
    upstreams = Upstreams(
      links: links, origins: origins, neighbours: neighbours, names: names, rules: rules)
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

  /// What the pool of one upstream of the list holds.
  package func poolFigures(of origin: Int) -> PoolFigures { upstreams.figures(of: origin) }

  /// Closes idle upstream connections (drain).
  package func closeIdle() { upstreams.closeIdle() }
}

// Heads, on their way up and down.
extension Proxy {
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
      budget.value.countRequest(links.now)
      let relay = relays.lend { Relay() }
      links.exchanges[exchange].context = relay
      compose(
        &relays[relay], links.exchanges[exchange], options: links.options(exchange), framing,
        route)
      relays[relay].downstream = exchange
      if relays[relay].flags.contains(.toOldHop) { meetOldHop(relay, exchange) }
      if !relays[relay].flags.contains(.gathering) { ask(relay) }
    } catch {
      refuse(exchange, error)
    }
  }

  /// Answers a request that goes nowhere.
  func refuse(_ exchange: Handle, _ refusal: RouteRefusal) {
    answer(exchange, refusal.status, refusal.failure)
  }

  /// Answers by ourselves, and says which proxy does.
  func answer(_ exchange: Handle, _ status: Status, _ failure: Failure) {
    links.answer(exchange, status, failure) { head in
      if status.rawValue == 407 { head.add(.proxyAuthenticate, "Basic realm=\"bowline\"") }
      ProxyStatus.add(failure.reason, name: name, to: &head)
    }
  }

  /// Composes the head that goes on into the relay.
  func compose(
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

  func responseArrived(_ exchange: Handle, _ framing: BodyFraming) {
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
    // Nor is there another when the next proxy refuses a tunnel and bytes for it have come.
    let isLast = !requestEnded || framing != .tunnel && links.isSentAhead(downstream)
    links.sendHead(downstream, scratch.value, body: body, close: isLast)
  }

  /// Composes the response head for the client. True when the request was complete before.
  func compose(
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
  func refuseResponse(_ relay: Handle, _ exchange: Handle, _ fault: Fault) {
    let failure = Failure(.upstreamFaultHead, fault: fault, evidence: .responseBegan)
    links.abort(exchange, failure)
    upstreamFailed(relay, failure)
  }

  func outgoing(_ framing: BodyFraming, _ head: borrowing HeadBlock) -> OutgoingBody {
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
}
