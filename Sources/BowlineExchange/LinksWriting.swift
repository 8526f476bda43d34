// What roles send. Everything is appended to the link's output and flushed when the event is over;
// only large body parts go to the kernel at once, together with what waits before them.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Body parts from this size on are sent from where they lie instead of being copied.
  private static var directSend: Int { 4096 }

  /// Sends the head of a response (downstream) or a request (upstream).
  ///
  /// - Parameters:
  ///   - exchange: whose.
  ///   - head: composed, with end-to-end fields only.
  ///   - body: what follows; decides the framing.
  ///   - close: announce that the connection ends with this exchange.
  package func sendHead(
    _ exchange: Handle, _ head: borrowing HeadBlock, body: OutgoingBody, close: Bool = false
  ) {
    let link = exchanges[exchange].link
    if let machine = multiplexed(link) {
      let output = outputBuffer(&links[link], link)
      exchanges[exchange].progress.insert(.headSent)
      let hasBody = body != .none && body != .length(0)
      machine.sendHead(exchanges[exchange].stream, head, body: hasBody, into: &buffers[output])
    } else {
      writeHead(&links[link], link, &exchanges[exchange], head, body, close)
    }
  }

  private func writeHead(
    _ link: inout Link, _ handle: Handle, _ exchange: inout Exchange, _ head: borrowing HeadBlock,
    _ body: OutgoingBody, _ close: Bool
  ) {
    let output = outputBuffer(&link, handle)
    exchange.progress.insert(.headSent)
    if link.side == .downstream {
      exchange.record.status = head.start.status
      let isLast = close || isDraining || lifetime.isOver(after: link.exchanges)
      let offer =
        lifetime.makesOffers && exchange.head.options.keepAlive
        ? lifetime.offer(after: link.exchanges) : nil
      link.http1.send(
        response: head, body: body, close: isLast, offer: offer, into: &buffers[output])
      if link.http1.isTunnel { beginTunnel(&exchange, handle) }
    } else {
      link.http1.send(request: head, body: body, close: close, into: &buffers[output])
    }
  }

  /// Sends a 1xx head to a client that understands it (RFC 9110 §15.2).
  package func sendInformational(_ exchange: Handle, _ head: borrowing HeadBlock) {
    let link = exchanges[exchange].link
    guard links[link].machine == 0, !exchanges[exchange].progress.contains(.headSent) else {
      return
    }
    let output = outputBuffer(link)
    _ = links[link].http1.sendInformational(head, into: &buffers[output])
    // A client that waited for it sends from now on: so its grace begins now.
    if head.start.status == 100 { exchanges[exchange].rateSince = now }
    queueFlush(link)
  }

  /// True while the client waits for 100 (Continue) before it sends the body it announced.
  package func expectsContinue(_ exchange: Handle) -> Bool {
    links[exchanges[exchange].link].http1.expectsContinue
  }

  /// Sends body bytes. They are with the kernel or copied on return.
  package func sendBody(_ exchange: Handle, _ bytes: Span<UInt8>) {
    if bytes.isEmpty { return }
    let link = exchanges[exchange].link
    // Counted in both directions; only that of a downstream exchange is ever looked at.
    exchanges[exchange].record.responseBytes &+= UInt64(bytes.count)
    if let machine = multiplexed(link) {
      let output = outputBuffer(&links[link], link)
      machine.sendBody(exchanges[exchange].stream, bytes, into: &buffers[output])
    } else {
      let isDirect = bytes.count >= Self.directSend && maySend(link)
      writeBody(&links[link], link, bytes, isDirect: isDirect)
    }
  }

  private func writeBody(
    _ link: inout Link, _ handle: Handle, _ bytes: Span<UInt8>, isDirect: Bool
  ) {
    let output = outputBuffer(&link, handle)
    if isDirect {
      let count = link.http1.beginBody(count: bytes.count, into: &buffers[output])
      if count > 0 { sendDirectly(&link, &buffers[output], bytes.extracting(0..<count)) }
      link.http1.finishBody(count: count, into: &buffers[output])
    } else {
      link.http1.sendBody(bytes, into: &buffers[output])
    }
  }

  /// Sends what a buffer holds.
  package func sendBody(_ exchange: Handle, _ buffer: borrowing ByteBuffer) {
    sendBody(exchange, buffer.span)
  }

  private func maySend(_ link: Handle) -> Bool {
    links[link].flags.isDisjoint(with: [.blocked, .sendBroken, .doomed])
  }

  private func sendDirectly(
    _ link: inout Link, _ output: inout ByteBuffer, _ bytes: Span<UInt8>
  ) {
    let waiting = output.count
    var sent = 0
    switch network.send(link.socket, output.span, bytes) {
    case .sent(let count):
      sent = count
      if count > 0 { link.noteSent(count, now) }
      if count < waiting + bytes.count { link.flags.insert(.blocked) }
    case .failed(let error):
      sendBroke(&link, error)
    }
    output.consume(min(sent, waiting))
    let taken = max(0, sent - waiting)
    if taken < bytes.count { output.append(bytes.extracting(taken..<bytes.count)) }
  }

  /// Completes our message. False when a declared length was not met: the exchange was aborted.
  @discardableResult
  package func sendEnd(_ exchange: Handle) -> Bool {
    let link = exchanges[exchange].link
    if links[link].machine == 0 && links[link].http1.endsWithoutBytes {
      let isWhole = links[link].http1.sendEnd()
      return completeSending(exchange, link, isWhole)
    }
    let output = outputBuffer(link)
    if let machine = multiplexed(link) {
      machine.sendEnd(exchanges[exchange].stream, into: &buffers[output])
      return completeSending(exchange, link, true)
    }
    return completeSending(exchange, link, links[link].http1.sendEnd(into: &buffers[output]))
  }

  /// Completes our message with trailers, where the framing has a place for them.
  @discardableResult
  package func sendEnd(_ exchange: Handle, trailers: borrowing HeadBlock) -> Bool {
    let link = exchanges[exchange].link
    guard links[link].machine == 0 else { return sendEnd(exchange) }
    let output = outputBuffer(link)
    let isWhole = links[link].http1.sendEnd(trailers: trailers, into: &buffers[output])
    return completeSending(exchange, link, isWhole)
  }

  private func completeSending(_ exchange: Handle, _ link: Handle, _ isWhole: Bool) -> Bool {
    guard isWhole else {
      abort(exchange, .usErrorInternal)
      return false
    }
    exchanges[exchange].noteSent()
    queueFlush(link)
    return true
  }

  /// Lets `bytes` more of the peer's body in.
  package func grant(_ exchange: Handle, _ bytes: Int) {
    guard bytes > 0, exchanges.contains(exchange) else { return }
    let link = exchanges[exchange].link
    let wasShut = exchanges[exchange].credit <= 0
    exchanges[exchange].credit += bytes
    if let machine = multiplexed(link) {
      let output = outputBuffer(link)
      machine.grant(exchanges[exchange].stream, bytes, into: &buffers[output])
      queueFlush(link)
    } else if wasShut && exchanges[exchange].credit > 0 {
      // Its silence was ours: what it may take to go on counts from now.
      links[link].progress = now
      exchanges[exchange].rateSince = now
      queueResume(link)
    }
  }

  /// True when so much waits on the exchange's link that its source must hold back. The handler is
  /// then told with `outputDrained`, once, when the low watermark is reached.
  package func mustHold(_ exchange: Handle) -> Bool {
    let link = exchanges[exchange].link
    let output = links[link].output
    guard output != .none, buffers[output].count > settings[.watermarkHigh] else { return false }
    links[link].flags.insert(.holdsSource)
    return true
  }

  func outputBuffer(_ link: Handle) -> Loan {
    if links[link].output == .none { links[link].output = buffers.borrow { ByteBuffer() } }
    return links[link].output
  }

  /// The same, for output that is sent when this event is over.
  private func outputBuffer(_ link: inout Link, _ handle: Handle) -> Loan {
    queueFlush(&link, handle)
    if link.output == .none { link.output = buffers.borrow { ByteBuffer() } }
    return link.output
  }

  /// Hands the link's output to the kernel, as much as it takes.
  func flush(_ link: Handle) {
    let output = links[link].output
    var waiting = 0
    if output != .none && !links[link].flags.contains(.sendBroken) {
      waiting = sendWaiting(&links[link], &buffers[output])
      if waiting == 0 { returnOutput(link) }
    }
    if links[link].flags.contains(.sendBroken) {
      sendFailed(link)
      return
    }
    if links[link].flags.contains(.holdsSource) && waiting <= settings[.watermarkLow] {
      links[link].flags.remove(.holdsSource)
      tellDrained(link)
      guard links.contains(link) else { return }
    }
    if links[link].machine != 0 { finishStreams(link) }
    if links[link].output != .none { return }
    if links[link].endsSending { network.shutdownSend(links[link].socket) }
    if links[link].state == .closing {
      perform(endings[ending(link)].closing.flushed(now: now), link)
    } else {
      finishIfDone(link)
    }
  }

  /// Sends what waits, unless the kernel has said that it is full. Returns what still waits.
  private func sendWaiting(_ link: inout Link, _ output: inout ByteBuffer) -> Int {
    let waiting = output.count
    if waiting == 0 || link.flags.contains(.blocked) { return waiting }
    switch network.send(link.socket, output.span, Span<UInt8>()) {
    case .sent(let count):
      if count > 0 { link.noteSent(count, now) }
      output.consume(count)
      if count < waiting { link.flags.insert(.blocked) }
    case .failed(let error):
      sendBroke(&link, error)
    }
    return output.count
  }

  private func sendBroke(_ link: inout Link, _ error: NetworkError) {
    if link.ending == .none { link.ending = endings.borrow { Ending() } }
    endings[link.ending].error = error
    link.flags.insert(.sendBroken)
  }

  private func tellDrained(_ link: Handle) {
    var exchange = links[link].exchange
    while exchange != .none && exchanges.contains(exchange) {
      let next = exchanges[exchange].next
      handler(exchange).outputDrained(exchange)
      exchange = next
    }
  }

  /// Gives the output buffer back to the loop; one that had to grow large is replaced first.
  func returnOutput(_ link: Handle) {
    let output = links[link].output
    guard output != .none else { return }
    links[link].output = .none
    buffers[output].removeAll()
    if buffers[output].capacity > 65_536 * 2 { buffers[output] = ByteBuffer() }
    buffers.giveBack(output)
  }

  /// Nothing more can be sent. A client is gone then; an upstream may have answered before it
  /// closed, so what it sent is still read, and its end decides.
  private func sendFailed(_ link: Handle) {
    links[link].flags.insert(.sendBroken)
    returnOutput(link)
    let error = endings[ending(link)].error ?? NetworkError(kind: .reset, code: 0)
    if links[link].state == .open, links[link].side == .upstream, links[link].exchange != .none,
      !links[link].flags.contains(.peerEnded)
    {
      if links[link].flags.contains(.mayRead) && links[link].leftover == .none
        && exchanges[links[link].exchange].progress.contains(.received)
      {
        networkFailed(link, error)
        return
      }
      links[link].flags.formUnion([.mayRead, .sawEnd])
      queueResume(link)
    } else {
      networkFailed(link, error)
    }
  }
}
