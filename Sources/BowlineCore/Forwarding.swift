// How a head goes on to the next hop. RFC 9110 §7.6. One function a direction.
//
// Framing and Connection are not copied: the machine that sends writes its own. Everything else
// goes on in the order it came, except what belongs to this hop (`HopByHop`) and what would let a
// client lie about itself (X-Forwarded-*, Forwarded), which is replaced by what we know.

/// What we say of ourselves and of the message's sender.
package struct ForwardingHop: ~Copyable {
  /// Our name in Via: a pseudonym (RFC 9110 §7.6.3).
  package var name: ByteBuffer
  /// The client's address as text, for X-Forwarded-For.
  package var client: ByteBuffer

  package init(name: String) {
    self.name = ByteBuffer(capacity: 64)
    self.name.append(utf8: name)
    client = ByteBuffer(capacity: 64)
  }
}

/// Composes the head for the next hop from the head that was received.
package enum Forwarding {
  /// Writes the target for the next hop in origin-form or asterisk-form: as received, byte for byte
  /// (RFC 9110 §7.7), or taken out of an absolute-form.
  ///
  /// - Returns: where an absolute target's authority stands in the received target; it replaces the
  ///   received Host (RFC 9112 §3.2.2). Nil for the other forms.
  package static func target(
    _ head: borrowing HeadBlock, into out: inout ByteBuffer
  ) -> (scheme: Target.Scheme, authority: Range<Int>)? {
    out.removeAll()
    let received = head.target
    guard
      case .success(.absolute(let scheme, let authority, let path)) =
        Target.form(head.start.method, received)
    else {
      out.append(received)
      return nil
    }
    if path.isEmpty && head.start.method == .options {
      out.append(0x2a)
    } else if path.isEmpty || received[path.lowerBound] != 0x2f {
      out.append(0x2f)
    }
    out.append(received.extracting(path))
    return (scheme, authority)
  }

  /// Writes the Host for the next hop: the authority of an absolute target, else the received Host.
  ///
  /// - Returns: false when there is neither (HTTP/1.0).
  package static func host(
    _ head: borrowing HeadBlock, authority: Range<Int>?, into out: inout ByteBuffer
  ) -> Bool {
    out.removeAll()
    if let authority {
      out.append(head.target.extracting(authority))
      return true
    }
    guard let host = head.first(.host) else { return false }
    out.append(head.value(host))
    return true
  }

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
  /// - Parameters:
  ///   - head: as received; its target and Host have been checked.
  ///   - target: the target in origin-form or asterisk-form.
  ///   - host: the Host of the next request: the received one, or the one of an absolute target
  ///     (RFC 9112 §3.2.2).
  ///   - hop: our name and the client's address.
  ///   - options: the connection options of `head`.
  ///   - trailersFollow: the request has a place for trailers: keep their announcement.
  ///   - trailersWelcome: the client takes trailers in the response, so the upstream may send them
  ///     (RFC 9110 §6.5.1).
  ///   - out: composed here.
  package static func request(
    _ head: borrowing HeadBlock, target: borrowing ByteBuffer, host: borrowing ByteBuffer,
    hop: borrowing ForwardingHop, options: ConnectionOptions, trailersFollow: Bool,
    trailersWelcome: Bool, into out: inout HeadBlock
  ) {
    out.compose(method: head.method, target: target.span)
    out.add(.host, host.span)
    var index = 0
    while index < head.count {
      let name = head[index].name
      let isIgnored = name == .expect && head.start.version < .http11
      if !claims.contains(name), !isIgnored,
        HopByHop.forwards(head, index, nominated: options, trailersFollow: trailersFollow)
      {
        out.add(index, of: head)
      }
      index += 1
    }
    out.add(.xForwardedFor, hop.client.span)
    out.add(.xForwardedProto, "http")
    if trailersWelcome { out.add(.te, "trailers") }
    addVia(head.start.version, hop, &out)
  }

  /// The response head for a client: final or 1xx.
  package static func response(
    _ head: borrowing HeadBlock, hop: borrowing ForwardingHop, options: ConnectionOptions,
    trailersFollow: Bool, into out: inout HeadBlock
  ) {
    out.compose(status: head.start.status, reason: head.reason)
    var index = 0
    while index < head.count {
      if HopByHop.forwards(head, index, nominated: options, trailersFollow: trailersFollow) {
        out.add(index, of: head)
      }
      index += 1
    }
    addVia(head.start.version, hop, &out)
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

  /// Our Via member, on a line of its own behind those of the hops before us (RFC 9110 §7.6.3).
  private static func addVia(
    _ version: Version, _ hop: borrowing ForwardingHop, _ out: inout HeadBlock
  ) {
    out.add(.via, version >= .http11 ? "1.1 " : "1.0 ", hop.name.span)
  }
}
