// How a head goes on to the next hop. RFC 9110 §7.6. One function a direction.
//
// Framing and Connection are not copied: the machine that sends writes its own. Everything else
// goes on in the order it came, except what belongs to this hop (`HopByHop`) and what would let a
// client lie about itself (X-Forwarded-*, Forwarded), which is replaced by what we know.

/// What kind of intermediary sends a request on.
package enum ForwardingForm: UInt8, Sendable {
  /// A gateway, to an origin of its own: what clients claim about themselves (X-Forwarded-*,
  /// Forwarded) is replaced by what we know.
  case gateway
  /// A forward proxy, to the origin that the target names. It says nothing about its client.
  case forward
  /// A forward proxy, to the next proxy: the target stays whole.
  case nextProxy
}

/// What we say of ourselves in every message that goes on: lines composed once, copied each time.
package struct ForwardingHop: ~Copyable {
  /// Via and X-Forwarded-Proto for a request, by the version it was received in.
  private var request11 = HeadBlock()
  private var request10 = HeadBlock()
  /// Via for a response.
  private var response11 = HeadBlock()
  private var response10 = HeadBlock()

  /// - Parameter name: our name in Via: a pseudonym (RFC 9110 §7.6.3).
  package init(name: String) {
    var text = ByteBuffer(capacity: 64)
    text.append(utf8: name)
    request11.add(.xForwardedProto, "http")
    request11.add(.via, "1.1 ", text.span)
    request10.add(.xForwardedProto, "http")
    request10.add(.via, "1.0 ", text.span)
    response11.add(.via, "1.1 ", text.span)
    response10.add(.via, "1.0 ", text.span)
  }

  /// Adds our lines to a request: our Via member stands on a line of its own behind those of the
  /// hops before us (RFC 9110 §7.6.3).
  func endRequest(_ received: Version, _ out: inout HeadBlock) {
    if received >= .http11 {
      out.add(0..<request11.count, of: request11) { _, _ in true }
    } else {
      out.add(0..<request10.count, of: request10) { _, _ in true }
    }
  }

  /// The same for a response.
  func endResponse(_ received: Version, _ out: inout HeadBlock) {
    if received >= .http11 {
      out.add(0..<response11.count, of: response11) { _, _ in true }
    } else {
      out.add(0..<response10.count, of: response10) { _, _ in true }
    }
  }
}

/// Composes the head for the next hop from the head that was received.
package enum Forwarding {
  /// True when the target is an https URI: it must not be served over a connection that is not
  /// secured (RFC 9110 §7.4).
  package static func isSecured(_ head: borrowing HeadBlock) -> Bool {
    let target = head.target
    if target.isEmpty || target[0] == 0x2f { return false }
    guard case .success(.absolute(.https, _, _)) = Target.form(head.start.method, target) else {
      return false
    }
    return true
  }

  /// Fields that a client may not speak for itself; replaced or dropped (RFC 7239 §8).
  private static let claims: FieldNameSet = [
    .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost,
  ]

  /// The request head for an upstream.
  ///
  /// The target goes on as received, byte for byte (RFC 9110 §7.7), or in origin-form or
  /// asterisk-form, taken out of an absolute-form whose authority then replaces the received Host
  /// (RFC 9112 §3.2.2).
  ///
  /// - Parameters:
  ///   - head: as received; its target and Host have been checked.
  ///   - authority: the upstream's, for a request without Host (HTTP/1.0).
  ///   - hop: our lines.
  ///   - client: the client's address, for X-Forwarded-For.
  ///   - options: the connection options of `head`.
  ///   - trailersFollow: the request has a place for trailers: keep their announcement.
  ///   - trailersWelcome: the client takes trailers in the response, so the upstream may send them
  ///     (RFC 9110 §6.5.1).
  ///   - form: what we are to client and next hop.
  ///   - upgrade: offer the next hop the protocols that the client offered (RFC 9110 §7.8).
  ///   - forwards: what Max-Forwards says from here on; nil when it is none of our business.
  ///   - expects: keep Expect; false when we have answered the expectation ourselves.
  ///   - out: composed here.
  package static func request(
    _ head: borrowing HeadBlock, authority: String, hop: borrowing ForwardingHop,
    client: SocketAddress, options: ConnectionOptions, trailersFollow: Bool,
    trailersWelcome: Bool, form: ForwardingForm = .gateway, upgrade: Bool = false,
    forwards: UInt32? = nil, expects: Bool = true, into out: inout HeadBlock
  ) {
    var stays = FieldNameSet()
    switch form {
    case .gateway:
      beginRequest(head, authority, &out)
      stays = claims
    case .forward: beginRequest(head, authority, &out)
    case .nextProxy: beginWhole(head, &out)
    }
    if !expects || head.start.version < .http11 { stays.insert(.expect) }
    if forwards != nil { stays.insert(.maxForwards) }
    copy(head, but: stays, options, trailersFollow, &out)
    if let forwards { out.add(.maxForwards) { $0.append(decimal: UInt64(forwards)) } }
    if upgrade { copyUpgrade(head, &out) }
    if case .gateway = form { out.add(.xForwardedFor) { client.appendHost(to: &$0) } }
    if trailersWelcome { out.add(.te, "trailers") }
    switch form {
    case .gateway: hop.endRequest(head.start.version, &out)
    case .forward, .nextProxy: hop.endResponse(head.start.version, &out)
    }
  }

  /// The lines of Upgrade: the one thing of this hop that is offered to the next.
  private static func copyUpgrade(_ head: borrowing HeadBlock, _ out: inout HeadBlock) {
    var line = head.first(.upgrade)
    while let index = line {
      out.add(index, of: head)
      line = head.first(.upgrade, from: index + 1)
    }
  }

  /// True when the request asks for another protocol on this connection, and the next hop may be
  /// asked the same: version 1.1, and Upgrade named in Connection (RFC 9110 §7.8).
  ///
  /// h2c is never offered on: RFC 9113 §3.1 made it obsolete, and a tunnel to an origin that
  /// accepts it would carry requests past every rule of ours.
  package static func offersUpgrade(
    _ head: borrowing HeadBlock, _ options: ConnectionOptions
  ) -> Bool {
    guard options.upgrade, head.start.version >= .http11, let first = head.first(.upgrade) else {
      return false
    }
    var line: Int? = first
    while let index = line {
      let value = head.value(index)
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        if Scan.equalIgnoringCase(value.extracting(member), "h2c") { return false }
      }
      line = head.first(.upgrade, from: index + 1)
    }
    return true
  }

  /// Request line and Host for the next proxy: the target as received, and the Host it implies.
  private static func beginWhole(_ head: borrowing HeadBlock, _ out: inout HeadBlock) {
    let target = head.target
    out.compose(method: head.method, target: target)
    switch Target.form(head.start.method, target) {
    case .success(.absolute(_, let range, _)): out.add(.host, target.extracting(range))
    case .success(.authority): out.add(.host, target)
    case .success(.origin), .success(.asterisk), .failure:
      if let host = head.first(.host) { out.add(host, of: head) }
    }
  }

  /// Request line and Host.
  private static func beginRequest(
    _ head: borrowing HeadBlock, _ authority: String, _ out: inout HeadBlock
  ) {
    let target = head.target
    // The usual target is in origin-form; only an absolute one is taken apart.
    if target.isEmpty || target[0] != 0x2f,
      case .success(.absolute(_, let range, let path)) = Target.form(head.start.method, target)
    {
      let isOptions = if case .options = head.start.method { true } else { false }
      let root: StaticString =
        path.isEmpty && isOptions ? "*" : path.isEmpty || target[path.lowerBound] != 0x2f ? "/" : ""
      out.compose(method: head.method, root: root, target: target.extracting(path))
      out.add(.host, target.extracting(range))
      return
    }
    out.compose(method: head.method, target: target)
    if let host = head.first(.host) {
      out.add(host, of: head)
    } else {
      out.add(.host) { $0.append(utf8: authority) }
    }
  }

  /// Copies the field lines that go on, in the order they came, in as few runs as possible.
  private static func copy(
    _ head: borrowing HeadBlock, but stays: FieldNameSet, _ options: ConnectionOptions,
    _ trailersFollow: Bool, _ out: inout HeadBlock
  ) {
    let stays = HopByHop.staying(stays, nominated: options, trailersFollow: trailersFollow)
    out.add(0..<head.count, of: head) { head, index in
      let name = head[index].name
      return !stays.contains(name) && (name.isInterned || !options.nominates(head, index))
    }
  }

  /// The response head for a client: final or 1xx.
  package static func response(
    _ head: borrowing HeadBlock, hop: borrowing ForwardingHop, options: ConnectionOptions,
    trailersFollow: Bool, into out: inout HeadBlock
  ) {
    let status = head.start.status.rawValue
    out.compose(status: head.start.status, reason: head.reason)
    copy(head, but: [], options, trailersFollow, &out)
    // 101 names the protocol that was chosen, 426 those that would be (RFC 9110 §7.8, §15.5.22).
    if status == 101 || status == 426 { copyUpgrade(head, &out) }
    hop.endResponse(head.start.version, &out)
  }

  /// The trailers that go on; true when there are any.
  package static func trailers(
    _ received: borrowing HeadBlock, options: ConnectionOptions, into out: inout HeadBlock
  ) -> Bool {
    out.removeAll()
    var index = 0
    while index < received.count {
      if HopByHop.forwards(received, index, nominated: options, in: .trailers) {
        out.add(index, of: received)
      }
      index += 1
    }
    return out.count > 0
  }
}
