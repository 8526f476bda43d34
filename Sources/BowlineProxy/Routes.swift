// What a forward proxy decides about a request, in this order:
//
//   1  who asks          407 without valid credentials, when `--users` is set
//   2  what for          the whole URI, or host:port with CONNECT; else 400
//   3  a loop?           502 when our own name stands in Via
//   4  the last hop?     TRACE and OPTIONS with Max-Forwards: 0 are answered here
//   5  a destination     403 when the rules do not permit the host (`AccessRules`)
//   6  its origin        known, or new: looked up when a connection is dialled, every address put
//                        to the rules
//
// RFC 9110 §7.3, §7.6, §9.3.6, §11.7.

package import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
package import BowlineUpstream

/// What a proxy is to its clients.
package enum ProxyMode {
  /// A gateway: requests go to the configured upstreams, in turn.
  case reverse
  /// A forward proxy: they go where their targets say; with upstreams configured, through these,
  /// which then are the next proxies.
  case forward(ForwardRules)
  /// A gateway that believes in Proxy-Connection, as browsers and proxies of the nineties did.
  /// A demonstration of why nobody should (RFC 9112 §C.2.2).
  case mapping
}

/// The rules of a forward proxy on one loop.
package final class ForwardRules: DestinationRules {
  let access: AccessRules
  let guardian: Guardian?

  /// - Parameters:
  ///   - access: where it may go.
  ///   - guardian: who may use it; nil for everybody.
  package init(access: AccessRules, guardian: Guardian? = nil) {
    self.access = access
    self.guardian = guardian
  }

  package func permits(_ address: SocketAddress, of origin: Origin) -> Bool {
    access.permits(address, host: origin.host, isTunnel: origin.isTunnel)
  }

  package func permits(connectedTo peer: SocketAddress, from local: SocketAddress) -> Bool {
    access.permits(connectedTo: peer, from: local)
  }
}

/// Where a request goes, once that is decided.
struct Route {
  /// Place in the upstreams' table.
  var origin: Int
  var form: ForwardingForm
  /// A connection of raw bytes, for CONNECT.
  var isTunnel = false
  /// What Max-Forwards says from here on.
  var forwards: UInt32?
}

/// Why a request goes nowhere, and what its client is told.
struct RouteRefusal: Error {
  let status: Status
  let failure: Failure

  init(_ status: Status, _ reason: EndReason) {
    self.status = status
    failure = Failure(reason)
  }
}

extension Proxy {
  /// Decides where the request goes whose head has arrived.
  ///
  /// - Returns: nil when it is answered already, or waits for its credentials to be checked.
  func route(_ exchange: Handle, _ framing: BodyFraming) throws(RouteRefusal) -> Route? {
    guard case .forward(let rules) = mode else { return try gatewayRoute(exchange, framing) }
    guard try isAdmitted(exchange, framing, rules) else { return nil }
    let target = try Self.target(links.exchanges[exchange].head)
    let forwards = try hopsLeft(exchange)
    if forwards == .some(nil) {
      answerAsLastHop(exchange)
      return nil
    }
    var route = try destination(exchange, target, rules)
    route.forwards = forwards ?? nil
    return route
  }

  /// A gateway opens no tunnels, and has no secured connection to offer (RFC 9110 §7.4).
  private func gatewayRoute(
    _ exchange: Handle, _ framing: BodyFraming
  ) throws(RouteRefusal) -> Route? {
    if case .connect = links.exchanges[exchange].head.start.method {
      throw RouteRefusal(405, .policyRefusedTarget)
    }
    if Forwarding.isSecured(links.exchanges[exchange].head) {
      throw RouteRefusal(421, .policyRefusedTarget)
    }
    let forwards = try hopsLeft(exchange)
    if forwards == .some(nil) {
      answerAsLastHop(exchange)
      return nil
    }
    var form = ForwardingForm.gateway
    if case .mapping = mode {
      try mapConnection(exchange, framing)
      // Its next hop may be a proxy.
      form = .nextProxy
    }
    return Route(origin: upstreams.pick(), form: form, forwards: forwards ?? nil)
  }

  /// Takes Proxy-Connection for Connection. The next hop will be asked to keep the connection.
  private func mapConnection(
    _ exchange: Handle, _ framing: BodyFraming
  ) throws(RouteRefusal) {
    if framing.isChunked { throw RouteRefusal(411, .policyRefusedTarget) }
    if Self.asksProxyToKeep(links.exchanges[exchange].head) { links.keepOldVersion(exchange) }
  }

  private static func asksProxyToKeep(_ head: borrowing HeadBlock) -> Bool {
    guard let index = head.first(.proxyConnection) else { return false }
    return Scan.equalIgnoringCase(head.value(index), "keep-alive")
  }

  // MARK: Loops and last hops

  /// Looks at Via and Max-Forwards.
  ///
  /// - Returns: nil when the hops are not counted; `.some(nil)` when this is the last one; else how
  ///   many are left behind us.
  private func hopsLeft(_ exchange: Handle) throws(RouteRefusal) -> UInt32?? {
    if hasBeenHere(links.exchanges[exchange].head) {
      throw RouteRefusal(502, .policyRefusedLoop)
    }
    switch MaxForwards(links.exchanges[exchange].head) {
    case .none: return nil
    case .malformed: throw RouteRefusal(400, .policyRefusedTarget)
    case .left(0): return .some(nil)
    case .left(let count): return .some(count - 1)
    }
  }

  private func hasBeenHere(_ head: borrowing HeadBlock) -> Bool {
    head.contains(.via) && Via.names(name, in: head)
  }

  /// OPTIONS: an empty 200. TRACE: the request as it came, without what nobody else should see
  /// (RFC 9110 §9.3.8).
  private func answerAsLastHop(_ exchange: Handle) {
    let isTrace =
      if case .trace = links.exchanges[exchange].head.start.method { true } else { false }
    // The answer's text and the request's head are different buffers of the links.
    var echo = ByteBuffer(capacity: 512)
    if isTrace { Self.echo(links.exchanges[exchange].head, into: &echo) }
    links.answer(exchange, Failure(.complete)) { head, text in
      head.compose(status: 200)
      links.appendDate(to: &head)
      if isTrace { head.add(.contentType, "message/http") }
      text.removeAll()
      text.append(echo.span)
    }
  }

  private static func echo(_ head: borrowing HeadBlock, into echo: inout ByteBuffer) {
    echo.append(head.method)
    echo.append(0x20)
    echo.append(head.target)
    echo.append(head.start.version >= .http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n")
    for index in 0..<head.count {
      switch head[index].name {
      case .authorization, .cookie, .proxyAuthorization, .setCookie: continue
      default: break
      }
      echo.append(head.name(index))
      echo.append(": ")
      echo.append(head.value(index))
      echo.append("\r\n")
    }
    echo.append("\r\n")
  }

  // MARK: Destinations

  /// What a target says: ranges of its bytes.
  private struct Destination {
    var host: Range<Int>
    var port: UInt16
    var isTunnel: Bool
  }

  private static func target(_ head: borrowing HeadBlock) throws(RouteRefusal) -> Destination {
    let target = head.target
    switch Target.form(head.start.method, target) {
    case .success(.authority(let host, let port)):
      return Destination(host: host, port: port, isTunnel: true)
    case .success(.absolute(.http, let range, _)):
      guard case .success(let authority) = Authority.parse(target.extracting(range)) else { break }
      let start = range.lowerBound
      let host = start + authority.host.lowerBound..<start + authority.host.upperBound
      guard authority.port != 0 else { break }
      return Destination(host: host, port: authority.port ?? 80, isTunnel: false)
    case .success(.absolute(.https, _, _)), .success(.origin), .success(.asterisk), .failure:
      // https goes through CONNECT; anything else is meant for an origin, and we are none.
      break
    }
    throw RouteRefusal(400, .policyRefusedTarget)
  }

  private func destination(
    _ exchange: Handle, _ target: Destination, _ rules: ForwardRules
  ) throws(RouteRefusal) -> Route {
    if !hasParent, let origin = find(links.exchanges[exchange].head, target) {
      return Route(origin: origin, form: .forward, isTunnel: target.isTunnel)
    }
    guard let host = Self.host(links.exchanges[exchange].head, target) else {
      throw RouteRefusal(400, .policyRefusedTarget)
    }
    guard rules.access.permits(host: host, port: target.port, isTunnel: target.isTunnel) else {
      throw RouteRefusal(403, .policyRefusedDestination)
    }
    if hasParent {
      if let literal = SocketAddress(host: host, port: target.port),
        !rules.access.permits(literal, host: host, isTunnel: target.isTunnel)
      {
        throw RouteRefusal(403, .policyRefusedDestination)
      }
      return Route(origin: upstreams.pick(), form: .nextProxy)
    }
    do throws(OriginRefusal) {
      let origin = try upstreams.add(host, target.port, isTunnel: target.isTunnel)
      return Route(origin: origin, form: .forward, isTunnel: target.isTunnel)
    } catch {
      switch error {
      case .forbidden: throw RouteRefusal(403, .policyRefusedDestination)
      case .tooMany: throw RouteRefusal(503, .policyLimitOrigins)
      }
    }
  }

  private func find(_ head: borrowing HeadBlock, _ target: Destination) -> Int? {
    upstreams.find(
      head.target.extracting(target.host), target.port, isTunnel: target.isTunnel)
  }

  /// The host in lower case, without brackets and without a dot at its end; nil when it is no name
  /// that a resolver could be asked for.
  private static func host(_ head: borrowing HeadBlock, _ target: Destination) -> String? {
    let bytes = head.target.extracting(target.host)
    var text = ""
    for index in bytes.indices {
      let byte = Scan.lowercased(bytes[index])
      if byte == 0x25 { return nil }
      text.unicodeScalars.append(Unicode.Scalar(byte))
    }
    if text.hasPrefix("[") {
      let inner = String(text.dropFirst().dropLast())
      return SocketAddress(host: inner, port: 0) == nil ? nil : inner
    }
    if text.hasSuffix(".") { text.removeLast() }
    return text.isEmpty || text.utf8.count > 253 ? nil : text
  }
}
