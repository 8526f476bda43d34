// From the socket into the machine, and out of it to the role.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Receives in one event before other links get a turn: 16 x 64 KiB.
  private static var receivesPerEvent: Int { 16 }

  /// Receives until the kernel has nothing more, the link may take nothing more, or it is others'
  /// turn.
  func read(_ handle: Handle, _ buffer: inout ReadBuffer) {
    var rounds = 0
    while links.contains(handle), let limit = receiveLimit(&links[handle]) {
      if rounds == Self.receivesPerEvent {
        // Not in this turn: whoever sends faster than we read would keep it to itself.
        postpone(handle)
        break
      }
      rounds += 1
      buffer.bytes.removeAll()
      switch receive(&links[handle], &buffer, limit) {
      case .bytes(let count):
        let used = received(handle, buffer.bytes.span)
        if used < count { keepLeftover(handle, buffer.bytes.span.extracting(used..<count)) }
      case .wouldBlock: break
      case .end: endReceived(handle)
      case .failed(let error): networkFailed(handle, error)
      }
    }
    if links.contains(handle) { rearm(handle) }
  }

  private func receive(
    _ link: inout Link, _ buffer: inout ReadBuffer, _ limit: Int
  ) -> ReceiveOutcome {
    let outcome = network.receive(link.socket, into: &buffer, limit: limit)
    link.note(outcome, limit: limit, now: now)
    return outcome
  }

  /// How many bytes may be received now; nil for none.
  private func receiveLimit(_ link: inout Link) -> Int? {
    guard link.mayReceive else { return nil }
    let exchange = link.exchange
    if exchange == .none || link.machine != 0 || link.state == .closing {
      return ReadBuffer.size
    }
    return exchanges[exchange].receiveLimit
  }

  /// Takes up bytes that could not be parsed before, then reads on.
  func resume(_ handle: Handle, _ buffer: inout ReadBuffer) {
    if links[handle].flags.contains(.postponed) { return }
    if links[handle].flags.contains(.unparked) {
      links[handle].flags.remove(.unparked)
      if links[handle].leftover == .none { _ = received(handle, Span<UInt8>()) }
      if links[handle].leftover != .none { takeLeftover(handle) }
    } else if links[handle].leftover != .none, links[handle].state == .open {
      if links[handle].exchange == .none {
        guard takesTurn(handle) else { return }
        takeLeftover(handle)
      } else if exchanges[links[handle].exchange].progress.contains(.tunnel) {
        takeLeftover(handle)
      }
    }
    if links.contains(handle) { read(handle, &buffer) }
    if links.contains(handle), links[handle].flags.contains(.peerEnded) { takeEarlyEnd(handle) }
  }

  /// Parses the leftover in place: what is consumed is dropped from its front.
  private func takeLeftover(_ handle: Handle) {
    // Not the link's while it is parsed: an answer may begin the close, which gives it back. And
    // not the shelf's, so that roles may use the other buffers.
    let leftover = links[handle].leftover
    links[handle].leftover = .none
    var bytes = ByteBuffer(capacity: 16)
    swap(&bytes, &buffers[leftover])
    bytes.consume(received(handle, bytes.span))
    swap(&bytes, &buffers[leftover])
    links[handle].leftover = leftover
    if buffers[leftover].isEmpty || links[handle].state != .open {
      returnLeftover(handle)
      links[handle].burst = 0
    } else if links[handle].exchange == .none {
      queueResume(handle)
    }
  }

  /// A client that pipelines gets `pipeline.depth` answers in one go; then others have a turn.
  private func takesTurn(_ handle: Handle) -> Bool {
    links[handle].burst &+= 1
    if Int(links[handle].burst) <= settings[.pipelineDepth] { return true }
    links[handle].burst = 0
    postpone(handle)
    return false
  }

  /// Reads the link again in the next turn of the loop, and not before.
  private func postpone(_ handle: Handle) {
    if links[handle].flags.contains(.postponed) { return }
    links[handle].flags.insert(.postponed)
    state.value.postponed.append(handle)
  }

  /// Gives received bytes to whatever the link is doing. Returns how many of them are used up; the
  /// others are pipelined.
  private func received(_ handle: Handle, _ bytes: Span<UInt8>) -> Int {
    if links[handle].state == .closing {
      let action = endings[ending(handle)].closing.received(
        bytes.count, limit: settings[.lingerBytes])
      if action == .stopReading {
        endings[ending(handle)].reason = .policyLimitLinger
        links[handle].flags.insert(.full)
      }
    } else if links[handle].machine != 0 {
      pullMultiplexed(handle, bytes)
    } else {
      return pull(handle, bytes)
    }
    return bytes.count
  }

  /// Pulls events out of the HTTP/1 machine until it wants more bytes. Returns how many of them are
  /// used up.
  private func pull(_ handle: Handle, _ bytes: Span<UInt8>) -> Int {
    let side = links[handle].side
    if links[handle].exchange == .none {
      guard side == .downstream else {
        // Nobody asked: the upstream and we disagree where messages end.
        if !Self.isBlank(bytes) { doom(handle, .upstreamUnexpectedBytes) }
        return bytes.count
      }
      beginServerExchange(handle)
    }
    let exchange = links[handle].exchange
    if side == .upstream, refuse(handle, exchange, bytes) { return bytes.count }
    exchanges[exchange].progress.insert(.headBegun)
    let handler = self.handler(exchange)
    var cursor = 0
    while links[handle].mayPull {
      if links[handle].exchange != exchange { return cursor }
      switch nextEvent(&links[handle], &exchanges[exchange], bytes, &cursor) {
      case .head(let framing):
        if side == .downstream {
          noteRequest(handle, exchange, framing)
          if cursor < bytes.count { noteSentAhead(&links[handle]) }
        }
        handler.headArrived(exchange, framing: framing)
      case .informational:
        handler.informationalArrived(exchange)
      case .body(let range):
        handler.bodyArrived(exchange, bytes.extracting(range))
      case .end where exchanges[exchange].progress.contains(.tunnel):
        // Of the request that asked for the tunnel, which was answered at once.
        break
      case .end(let trailers):
        if cursor < bytes.count && side == .upstream {
          refuseSurplus(handle, bytes.extracting(cursor...))
          cursor = bytes.count
        }
        handler.messageEnded(exchange, trailers: trailers)
        finishIfDone(handle)
        // Its owner may have given it to another loop.
        if side == .upstream, !links.contains(handle) { return bytes.count }
      case .more:
        if side == .downstream && links[handle].http1.isIdle { withdraw(handle, exchange) }
        return bytes.count
      case .paused:
        return cursor
      case .fault(let fault):
        faultReceived(handle, exchange, fault)
        return bytes.count
      }
    }
    return links[handle].flags.contains(.parked) ? cursor : bytes.count
  }

  private func noteSentAhead(_ link: inout Link) {
    if case .connect = link.http1.requestMethod { link.flags.insert(.sentAhead) }
  }

  /// The machine's next event, noted in the exchange.
  private func nextEvent(
    _ link: inout Link, _ exchange: inout Exchange, _ bytes: Span<UInt8>, _ cursor: inout Int
  ) -> Event {
    let event = link.http1.receive(bytes, at: &cursor, head: &exchange.head, limits: limits)
    switch event {
    case .head(let framing):
      exchange.progress.insert(.headReceived)
      if framing == .tunnel { exchange.beginTunnel(now: now) }
    case .body(let range):
      exchange.credit -= range.count
      exchange.record.requestBytes &+= UInt64(range.count)
    case .end where exchange.progress.contains(.tunnel): break
    case .end: exchange.progress.insert(.received)
    case .informational, .more, .paused, .fault: break
    }
    return event
  }

  /// Empty lines are no request (RFC 9112 §2.2): the link is as idle as before.
  private func withdraw(_ handle: Handle, _ exchange: Handle) {
    unlink(handle, exchange)
    releaseExchange(exchange)
    links[handle].exchanges &-= 1
  }

  /// Bytes behind an upstream's response belong to no request. They must never be taken for the
  /// answer to the next one (RFC 9112 §9.2): the link is not used again. Empty lines are nothing.
  private func refuseSurplus(_ handle: Handle, _ bytes: Span<UInt8>) {
    if Self.isBlank(bytes) { return }
    links[handle].http1.markClose()
    endings[ending(handle)].reason = .upstreamUnexpectedBytes
  }

  /// Refuses bytes of an upstream that come behind the response, or before the request. True when
  /// they are not to be parsed.
  private func refuse(_ handle: Handle, _ exchange: Handle, _ bytes: Span<UInt8>) -> Bool {
    if exchanges[exchange].progress.contains(.received) {
      refuseSurplus(handle, bytes)
    } else if isAhead(links[handle], exchanges[exchange]) {
      refuseAhead(handle, exchange, bytes)
    } else {
      return false
    }
    return true
  }

  /// True when the link has rested, and no byte of its request was sent yet: bytes that come now
  /// answer another, or nobody. What comes first on a new link can be meant for nobody else.
  private func isAhead(_ link: borrowing Link, _ exchange: borrowing Exchange) -> Bool {
    !exchange.progress.contains(.headBegun) && link.bytesOut == exchange.sentBefore
      && exchange.progress.contains(.rested)
  }

  /// The link was at rest for its peer, and bytes on it are as little a response as on any other at
  /// rest (RFC 9112 §9.2). The request can go elsewhere: none of it was sent.
  private func refuseAhead(_ handle: Handle, _ exchange: Handle, _ bytes: Span<UInt8>) {
    if Self.isBlank(bytes) { return }
    fail(handle, exchange, Failure(.upstreamUnexpectedBytes, evidence: .nothingWritten))
  }

  private static func isBlank(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices where bytes[index] != 0x0d && bytes[index] != 0x0a { return false }
    return true
  }

  /// Keeps pipelined bytes for later.
  private func keepLeftover(_ handle: Handle, _ bytes: Span<UInt8>) {
    if bytes.isEmpty || links[handle].state != .open { return }
    let buffer = buffers.borrow { ByteBuffer() }
    buffers[buffer].append(bytes)
    links[handle].leftover = buffer
    if links[handle].exchange == .none { queueResume(handle) }
  }

  // MARK: The end of the peer's stream

  private func endReceived(_ handle: Handle) {
    if links[handle].state == .closing {
      if endings[ending(handle)].closing.peerEnded() == .close {
        doom(handle, endings[ending(handle)].reason)
      }
      return
    }
    if links[handle].machine != 0 {
      multiplexedEnded(handle, idle: idleEnd(handle), busy: .clientClosedResponse)
      return
    }
    let exchange = links[handle].exchange
    guard exchange != .none else {
      // An answer of our own may still wait to be sent.
      if links[handle].output != .none {
        beginClose(handle, idleEnd(handle), lingers: false)
      } else {
        doom(handle, idleEnd(handle))
      }
      return
    }
    if exchanges[exchange].progress.contains(.received) {
      // A client's FIN after its request takes nothing back (RFC 9112 §9.6). An upstream that ends
      // after its response wants no more of the request.
      if links[handle].side == .upstream { fail(handle, exchange, Failure(.upstreamAskedClose)) }
      return
    }
    switch links[handle].http1.receiveEnd(head: &exchanges[exchange].head) {
    case .completesBody where !links[handle].flags.contains(.sendBroken):
      exchanges[exchange].noteReceived()
      handler(exchange).messageEnded(exchange, trailers: false)
      finishIfDone(handle)
    #if BOWLINE_BUG_TRUNCATION
      case .truncated
      where links[handle].side == .upstream
        && exchanges[exchange].progress.contains(.headReceived):
        exchanges[exchange].noteReceived()
        handler(exchange).messageEnded(exchange, trailers: false)
        finishIfDone(handle)
    #endif
    case .truncated(let fault):
      truncated(handle, exchange, fault)
    case .clean, .completesBody:
      truncated(handle, exchange, nil)
    }
  }

  /// The client ended its stream before its tunnel began; the tunnel begins half-closed.
  private func takeEarlyEnd(_ handle: Handle) {
    let exchange = links[handle].exchange
    guard links[handle].mayPull, exchange != .none, links[handle].leftover == .none else { return }
    let progress = exchanges[exchange].progress
    if progress.contains(.tunnel) && !progress.contains(.received) { endReceived(handle) }
  }

  private func truncated(_ handle: Handle, _ exchange: Handle, _ fault: Fault?) {
    if exchanges[exchange].progress.contains(.tunnel) {
      fail(handle, exchange, Failure(tunnelReset(handle), network: endings[ending(handle)].error))
      return
    }
    let headReceived = exchanges[exchange].progress.contains(.headReceived)
    if links[handle].side == .downstream {
      let reason: EndReason = headReceived ? .clientClosedBody : .clientClosedHead
      failDownstream(handle, exchange, Failure(reason, fault: fault), status: 400)
      return
    }
    fail(
      handle, exchange,
      Failure(
        upstreamEnd(handle, exchange, reset: false), fault: fault,
        evidence: evidence(handle, exchange)))
  }

  private func idleEnd(_ handle: Handle) -> EndReason {
    if links[handle].side == .upstream { return .upstreamClosedIdle }
    return links[handle].exchanges == 0 ? .clientClosedUnused : .clientClosedIdle
  }

  /// A receive or a send failed: the connection is dead.
  func networkFailed(_ handle: Handle, _ error: NetworkError) {
    endings[ending(handle)].error = error
    endings[ending(handle)].manner = .reset
    let exchange = links[handle].exchange
    if links[handle].state == .closing {
      doom(handle, endings[ending(handle)].reason)
    } else if links[handle].machine != 0 {
      multiplexedEnded(handle, idle: .clientResetIdle, busy: .clientResetResponse)
    } else if exchange != .none, exchanges[exchange].progress.contains(.tunnel) {
      fail(handle, exchange, Failure(tunnelReset(handle), network: error))
    } else if links[handle].side == .upstream {
      guard exchange != .none else {
        doom(handle, .upstreamClosedIdle)
        return
      }
      fail(
        handle, exchange,
        Failure(
          upstreamEnd(handle, exchange, reset: true), network: error,
          evidence: evidence(handle, exchange)))
    } else if exchange == .none {
      doom(handle, .clientResetIdle)
    } else {
      let received = exchanges[exchange].progress.contains(.received)
      fail(
        handle, exchange,
        Failure(received ? .clientResetResponse : .clientResetRequest, network: error))
    }
  }

  /// While a client waits for its response nothing is read from it; a reset is still to be seen.
  func lookForReset(_ handle: Handle) {
    guard links.contains(handle), links[handle].state == .open, links[handle].exchange != .none,
      links[handle].flags.isDisjoint(with: [.doomed, .peerEnded])
    else { return }
    switch network.peek(links[handle].socket) {
    case .failed(let error): networkFailed(handle, error)
    case .bytes, .wouldBlock, .end: break
    }
  }

  private func tunnelReset(_ handle: Handle) -> EndReason {
    links[handle].side == .downstream ? .clientResetTunnel : .upstreamResetTunnel
  }

  /// How an upstream's end is called, by what it cut off.
  private func upstreamEnd(_ handle: Handle, _ exchange: Handle, reset: Bool) -> EndReason {
    let progress = exchanges[exchange].progress
    if progress.contains(.headBegun) {
      return reset ? .upstreamResetResponse : .upstreamClosedResponse
    }
    if links[handle].exchanges > 1 { return reset ? .upstreamResetOnReuse : .upstreamClosedOnReuse }
    if reset && !progress.contains(.sent) { return .upstreamResetSending }
    return reset ? .upstreamResetWaiting : .upstreamClosedWaiting
  }

  /// How far the request on an upstream link had come, at the exact byte.
  func evidence(_ handle: Handle, _ exchange: Handle) -> Evidence {
    let progress = exchanges[exchange].progress
    if progress.contains(.headBegun) { return .responseBegan }
    if isUnsent(exchange) { return .nothingWritten }
    if isUnacknowledged(handle, exchange) { return .unacknowledged }
    // A send that failed has dropped what it was to send.
    let isWritten = links[handle].output == .none && !links[handle].flags.contains(.sendBroken)
    return progress.contains(.sent) && isWritten ? .allWritten : .partlyWritten
  }

  /// True while no byte of the request on an upstream link was handed to the kernel.
  package func isUnsent(_ exchange: Handle) -> Bool {
    links[exchanges[exchange].link].bytesOut == exchanges[exchange].sentBefore
  }

  /// True when the peer's FIN was read, and its kernel has acknowledged no byte of the request.
  ///
  /// A send that failed takes the error with it, and a reset then reads like the end of the stream:
  /// so behind a failed send nothing is known of a FIN.
  private func isUnacknowledged(_ handle: Handle, _ exchange: Handle) -> Bool {
    guard links[handle].flags.contains(.peerEnded),
      links[handle].flags.isDisjoint(with: .sendBroken),
      let acknowledged = network.facts(links[handle].socket)?.acknowledged
    else { return false }
    // One is for our SYN.
    return acknowledged <= exchanges[exchange].sentBefore + 1
  }
}
