// A blind relay: the dumb proxy of the book, as a demonstration. Not for use.
//
//   first request of a connection ──► next hop, byte for byte, Connection and Keep-Alive with it
//   whatever comes back ──► client, byte for byte, until the next hop ends its stream
//   what the client sends behind its first request: read, and ignored
//
// It is a proxy that knows where a request ends and nothing else. Both its neighbours read a
// Connection field that was meant for it: they believe that it keeps connections, and it waits for
// the next hop to close. So the client's second request hangs until somebody's patience is over
// (RFC 9112 §C.2.2).

package import BowlineCore
package import BowlineExchange
package import BowlineJournal
package import BowlineTransport
package import BowlineUpstream

/// The blind relay of one loop.
package final class BlindRelay: ExchangeHandler, LinkOwner {
  /// A client's connection and the one made for it.
  ///
  /// dialling → relaying → over. The request is held while dialling.
  private struct Pair: ~Copyable {
    var downstream = Handle.none
    var upstream = Handle.none
    var link = Handle.none
    /// The request as it came, until there is somebody to send it to.
    var held = ByteBuffer(capacity: 1024)
    var requestEnded = false
    /// Response bytes taken and not granted again: the client does not keep up.
    var owed = 0
    init() {}
  }

  private let links: Links
  private let origin: Origin
  private let pairs = Slab<Pair>()
  private let numbers = Held<(handler: UInt16, owner: UInt16)>((0, 0))

  /// - Parameters:
  ///   - links: the loop's links.
  ///   - origin: the next hop.
  package init(links: Links, origin: Origin) {
    self.links = links
    self.origin = origin
    numbers.value = (
      links.register(self as any ExchangeHandler), links.register(self as any LinkOwner)
    )
  }

  /// The number under which listeners serve this role.
  package var handlerNumber: UInt16 { numbers.value.handler }

  /// Relays under way.
  package var pairCount: Int { pairs.count }

  // MARK: The client

  package func headArrived(_ exchange: Handle, framing: BodyFraming) {
    if links.exchanges[exchange].side == .upstream { return }
    switch framing {
    case .none, .length: break
    case .chunked, .untilClose, .tunnel:
      // Taken apart already: it could not be passed on as it came.
      links.answer(exchange, 411, Failure(.policyRefusedTarget))
      return
    }
    var pair = Pair()
    pair.downstream = exchange
    Self.copy(links.exchanges[exchange].head, into: &pair.held)
    let handle = pairs.insert(pair)
    links.exchanges[exchange].context = handle
    pairs[handle].link = links.dial(
      origin.addresses[0], owner: numbers.value.owner, since: links.now)
  }

  private static func copy(_ head: borrowing HeadBlock, into held: inout ByteBuffer) {
    held.append(head.bytes.span)
  }

  package func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    let pair = links.exchanges[exchange].context
    guard pairs.contains(pair) else { return }
    if exchange == pairs[pair].upstream {
      endRequest(pair)
      links.sendBody(pairs[pair].downstream, bytes)
      if links.mustHold(pairs[pair].downstream) {
        pairs[pair].owed += bytes.count
        return
      }
    } else if !pairs[pair].requestEnded {
      if pairs[pair].upstream == .none {
        pairs[pair].held.append(bytes)
      } else {
        links.sendBody(pairs[pair].upstream, bytes)
      }
    }
    // What the client sends behind its request is ignored: nobody expects it.
    links.grant(exchange, bytes.count)
  }

  package func messageEnded(_ exchange: Handle, trailers: Bool) {
    let pair = links.exchanges[exchange].context
    guard pairs.contains(pair) else { return }
    if exchange == pairs[pair].upstream {
      // The next hop has ended its stream: that is the end of the response.
      endRequest(pair)
      links.sendEnd(pairs[pair].downstream)
      links.sendEnd(exchange)
    } else if pairs[pair].requestEnded {
      // The client has gone. So do we.
      end(pair, abortDownstream: true)
    } else {
      pairs[pair].requestEnded = true
      if pairs[pair].upstream != .none { links.beginTunnel(exchange) }
    }
  }

  /// A next hop that answers before it has the whole request gets no more of it.
  private func endRequest(_ pair: Handle) {
    if pairs[pair].requestEnded { return }
    pairs[pair].requestEnded = true
    links.beginTunnel(pairs[pair].downstream)
  }

  package func informationalArrived(_ exchange: Handle) {}

  package func outputDrained(_ exchange: Handle) {
    let pair = links.exchanges[exchange].context
    guard pairs.contains(pair), exchange == pairs[pair].downstream else { return }
    links.grant(pairs[pair].upstream, pairs[pair].owed)
    pairs[pair].owed = 0
  }

  package func delayEnded(_ exchange: Handle) {}

  package func exchangeFinished(_ exchange: Handle) { gone(exchange) }

  package func exchangeFailed(_ exchange: Handle, _ failure: Failure) {
    let pair = links.exchanges[exchange].context
    guard pairs.contains(pair) else { return }
    let isUpstream = exchange == pairs[pair].upstream
    gone(exchange)
    if pairs.contains(pair) { end(pair, abortDownstream: isUpstream) }
  }

  private func gone(_ exchange: Handle) {
    let pair = links.exchanges[exchange].context
    guard pairs.contains(pair) else { return }
    if exchange == pairs[pair].upstream {
      pairs[pair].upstream = .none
      links.close(pairs[pair].link, .upstreamClosedTunnel)
    } else {
      pairs[pair].downstream = .none
    }
    removeIfOver(pair)
  }

  private func end(_ pair: Handle, abortDownstream: Bool) {
    let downstream = pairs[pair].downstream
    let upstream = pairs[pair].upstream
    let link = pairs[pair].link
    pairs[pair].downstream = .none
    pairs[pair].upstream = .none
    if downstream != .none && abortDownstream { links.abort(downstream, .usAbortedUpstreamFailed) }
    if upstream != .none {
      links.abort(upstream, .usAbortedClientGone)
    } else {
      links.close(link, .usAbortedClientGone)
    }
    removeIfOver(pair)
  }

  private func removeIfOver(_ pair: Handle) {
    guard pairs[pair].downstream == .none, pairs[pair].upstream == .none else { return }
    _ = pairs.remove(pair)
  }

  // MARK: The next hop

  package func linkOpened(_ link: Handle) {
    guard let pair = pair(of: link) else {
      links.close(link, .usAbortedClientGone)
      return
    }
    let upstream = links.openExchange(link, handler: handlerNumber, context: pair)
    pairs[pair].upstream = upstream
    links.beginTunnel(upstream)
    links.sendBody(upstream, pairs[pair].held)
    pairs[pair].held.removeAll()
    // Not before: an answer of our own would be too late.
    if pairs[pair].requestEnded { links.beginTunnel(pairs[pair].downstream) }
  }

  package func linkEnded(_ link: Handle, _ reason: EndReason, _ error: NetworkError?) {
    guard let pair = pair(of: link), pairs[pair].upstream == .none else { return }
    let downstream = pairs[pair].downstream
    pairs[pair].downstream = .none
    _ = pairs.remove(pair)
    if downstream != .none { links.answer(downstream, 502, Failure(reason, network: error)) }
  }

  private func pair(of link: Handle) -> Handle? { pairs.handles.first { pairs[$0].link == link } }

  package func wokenAt(_ now: Instant) {}
}
