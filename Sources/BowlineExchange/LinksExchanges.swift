// The life of an exchange on its link: begun, finished once, or failed once.

package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
import BowlineTransport

extension Links {
  // MARK: Beginning

  func beginServerExchange(_ link: Handle) {
    _ = lendExchange(link, handler: links[link].owner, context: .none)
  }

  /// Opens an exchange on an upstream link that was leased.
  package func openExchange(_ link: Handle, handler: UInt16, context: Handle) -> Handle {
    lendExchange(link, handler: handler, context: context)
  }

  private func lendExchange(_ link: Handle, handler: UInt16, context: Handle) -> Handle {
    let exchange = exchanges.lend { Exchange() }
    beginExchange(&links[link], link, exchange, handler, context)
    return exchange
  }

  private func beginExchange(
    _ link: inout Link, _ handle: Handle, _ exchange: Handle, _ handler: UInt16,
    _ context: Handle
  ) {
    link.exchanges &+= 1
    exchanges[exchange].begin(
      on: link, handle, handler: handler, context: context, credit: settings[.watermarkHigh],
      now: now)
    link.exchange = exchange
  }

  /// Notes a complete request head in the record.
  func noteRequest(_ link: Handle, _ exchange: Handle, _ framing: BodyFraming) {
    exchanges[exchange].noteRequest(framing, now: now)
    if isDraining {
      links[link].http1.markClose()
    } else if state.value.crowd.isCrowded(downstreamCount) {
      announceClose(link)
    }
  }

  /// There are many clients.
  private func announceClose(_ link: Handle) {
    // Of a multiplexed link only the exchange has a close to announce.
    if links[link].machine != 0 { return }
    links[link].http1.markClose()
    links[link].flags.insert(.crowded)
  }

  // MARK: Finishing

  /// Ends the exchange of an HTTP/1 link when both its messages are complete and flushed.
  func finishIfDone(_ link: Handle) {
    let exchange = links[link].exchange
    guard exchange != .none, exchanges[exchange].isOver, links[link].mayFinish else { return }
    let side = links[link].side
    let persists = takeOff(&links[link], exchanges[exchange].next)
    handler(exchange).exchangeFinished(exchange)
    if side == .downstream {
      let end = exchanges[exchange].record.end
      record(exchange, end)
      releaseExchange(exchange)
      if end == .complete {
        afterResponse(link, persists: persists)
      } else {
        beginClose(link, end, lingers: false)
      }
    } else {
      releaseExchange(exchange)
    }
  }

  /// Takes the finished exchange off its link. True when the link carries another.
  private func takeOff(_ link: inout Link, _ next: Handle) -> Bool {
    link.exchange = next
    return link.http1.beginNext() && !link.flags.contains(.peerEnded)
  }

  private func afterResponse(_ link: Handle, persists: Bool) {
    guard links.contains(link), links[link].flags.isDisjoint(with: .doomed) else { return }
    if persists && !isDraining {
      if links[link].leftover != .none || links[link].flags.contains(.mayRead) {
        queueResume(link)
      }
    } else if isDraining {
      beginClose(link, .usDrain, lingers: links[link].leftover != .none)
    } else {
      // A client that said close, or that spoke 1.0, must send no more (RFC 9112 §9.6): no need to
      // linger for it, unless it has. What it sent was read (leftover) or reported (mayRead), so
      // knowing costs no system call. Only bytes that arrive after our close draw a reset.
      let asked = links[link].flags.contains(.peerEnded) || clientAskedClose(link)
      let sendsOn = links[link].leftover != .none || links[link].flags.contains(.mayRead)
      beginClose(
        link, asked ? .clientAskedClose : ownClose(link), lingers: !asked || sendsOn)
    }
  }

  /// Why we announced the end.
  private func ownClose(_ link: Handle) -> EndReason {
    guard case .weAsked? = links[link].http1.closeCause else { return .usClosedAfterResponse }
    if links[link].flags.contains(.crowded) { return .policyLimitHighWater }
    return lifetime.isOver(after: links[link].exchanges)
      ? .usClosedMaxRequests : .usClosedAfterResponse
  }

  private func clientAskedClose(_ link: Handle) -> Bool {
    links[link].http1.closeCause == .peerAsked || links[link].http1.closeCause == .oldVersion
  }

  // MARK: Failing

  /// Ends the exchange early. The link cannot go on (HTTP/1) and is closed.
  func fail(_ link: Handle, _ exchange: Handle, _ failure: Failure) {
    unlink(link, exchange)
    handler(exchange).exchangeFailed(exchange, failure)
    if exchanges[exchange].side == .downstream { record(exchange, failure) }
    releaseExchange(exchange)
    if links[link].machine == 0 { doom(link, failure.reason) }
  }

  /// A client broke a rule, was too slow, or ended its stream too early: answer if that is still
  /// possible, and close.
  func failDownstream(_ link: Handle, _ exchange: Handle, _ failure: Failure, status: Status) {
    if links[link].machine != 0 {
      failStream(link, exchange, failure)
      return
    }
    guard exchanges[exchange].progress.isDisjoint(with: .headSent),
      links[link].flags.isDisjoint(with: .sendBroken)
    else {
      fail(link, exchange, failure)
      return
    }
    if exchanges[exchange].progress.contains(.headReceived) {
      handler(exchange).exchangeFailed(exchange, failure)
    }
    links[link].http1.markClose()
    compose(
      answer: status, failure.reason, limit: failure.limit, &scratch.value,
      &answerText.value)
    sendAnswer(exchange)
    endEarly(link, exchange, failure)
  }

  /// Ends an exchange that was answered before its request was complete; lingers, so that the
  /// client can read the answer although it may still be sending.
  private func endEarly(
    _ link: Handle, _ exchange: Handle, _ failure: Failure, closing: EndReason? = nil
  ) {
    record(exchange, failure)
    unlink(link, exchange)
    releaseExchange(exchange)
    beginClose(link, closing ?? failure.reason, lingers: true)
  }

  func faultReceived(_ link: Handle, _ exchange: Handle, _ fault: Fault) {
    let inBody = exchanges[exchange].progress.contains(.headReceived)
    if links[link].side == .upstream {
      fail(
        link, exchange,
        Failure(
          inBody ? .upstreamFaultBody : .upstreamFaultHead, fault: fault,
          evidence: .responseBegan))
      return
    }
    let reason: EndReason =
      fault.limit == nil
      ? (inBody ? .clientFaultBody : .clientFaultHead)
      : (inBody ? .policyLimitBody : .policyLimitHead)
    failDownstream(link, exchange, Failure(reason, fault: fault), status: fault.status)
  }

  /// Ends an exchange at the role's wish. On HTTP/1 the connection ends with it, visibly: what is
  /// incomplete stays incomplete. The handle is dead on return, and the role is not told.
  package func abort(_ exchange: Handle, _ failure: Failure) {
    let link = exchanges[exchange].link
    if exchanges[exchange].side == .downstream { record(exchange, failure) }
    unlink(link, exchange)
    if let machine = multiplexed(link) {
      let output = outputBuffer(link)
      machine.reset(exchanges[exchange].stream, into: &buffers[output])
      queueFlush(link)
    } else if links[link].http1.sendsUntilClose || links[link].side == .upstream {
      // A close-delimited body would look complete if the connection ended in order.
      endings[ending(link)].manner = .reset
      doom(link, failure.reason)
    } else {
      // What was passed on before still reaches the client; the end that is missing tells the rest.
      beginClose(link, failure.reason, lingers: true)
    }
    releaseExchange(exchange)
  }

  package func abort(_ exchange: Handle, _ reason: EndReason) { abort(exchange, Failure(reason)) }

  /// Ends an exchange whose response is complete although its request is not and no longer matters:
  /// the upstream has answered and gone.
  package func endAfterResponse(_ exchange: Handle) {
    endEarly(
      exchanges[exchange].link, exchange, Failure(.complete), closing: .usClosedAfterResponse)
  }

  func unlink(_ link: Handle, _ exchange: Handle) {
    if links[link].exchange == exchange {
      links[link].exchange = exchanges[exchange].next
      return
    }
    var at = links[link].exchange
    while at != .none {
      if exchanges[at].next == exchange {
        exchanges[at].next = exchanges[exchange].next
        return
      }
      at = exchanges[at].next
    }
  }

  func releaseExchange(_ exchange: Handle) {
    exchanges[exchange].reset()
    exchanges.giveBack(exchange)
  }

  // MARK: Answers of our own

  /// Answers a request by ourselves, with a short text that says why. When the request is not
  /// complete the connection closes after it. The handle is dead on return. `adding` adds fields to
  /// the answer's head.
  package func answer(
    _ exchange: Handle, _ status: Status, _ failure: Failure,
    adding: (inout HeadBlock) -> Void = { _ in }
  ) {
    answer(exchange, failure) { head, text in
      compose(answer: status, failure.reason, limit: failure.limit, &head, &text)
      adding(&head)
    }
  }

  /// The same with a head and a text that the caller composes, Date included.
  package func answer(
    _ exchange: Handle, _ failure: Failure,
    compose: (inout HeadBlock, inout ByteBuffer) -> Void
  ) {
    let link = exchanges[exchange].link
    if links[link].machine != 0 || exchanges[exchange].progress.contains(.headSent) {
      abort(exchange, failure.reason)
      return
    }
    let received = exchanges[exchange].progress.contains(.received) || takeEnd(link, exchange)
    if !received { links[link].http1.markClose() }
    // What a client sends ahead through a tunnel that is refused is no request (RFC 9110 §9.3.6).
    if isSentAhead(exchange) { links[link].http1.markClose() }
    compose(&scratch.value, &answerText.value)
    sendAnswer(exchange)
    guard received else {
      endEarly(link, exchange, failure)
      return
    }
    record(exchange, failure)
    unlink(link, exchange)
    releaseExchange(exchange)
    let persists = links[link].http1.beginNext() && !links[link].flags.contains(.peerEnded)
    afterResponse(link, persists: persists)
  }

  /// A request without a body is complete with its head, although its end was not reported yet: an
  /// answer to it need not cost the connection.
  private func takeEnd(_ link: Handle, _ exchange: Handle) -> Bool {
    guard links[link].http1.receivingIsEnding else { return false }
    var cursor = 0
    let event = links[link].http1.receive(
      Span<UInt8>(), at: &cursor, head: &exchanges[exchange].head, limits: limits)
    guard case .end = event else { return false }
    exchanges[exchange].progress.insert(.received)
    return true
  }

  private func compose(
    answer status: Status, _ reason: EndReason, limit: SettingID?, _ head: inout HeadBlock,
    _ text: inout ByteBuffer
  ) {
    head.compose(status: status)
    appendDate(to: &head)
    head.add(.contentType, "text/plain; charset=utf-8")
    text.removeAll()
    text.append(decimal: UInt64(status.rawValue))
    text.append(0x20)
    text.append(status.reason)
    text.append("\n")
    text.append(reason.code)
    if let limit {
      text.append(": the limit is the setting ")
      text.append(utf8: Setting[limit].name)
    }
    text.append("\n")
  }

  private func sendAnswer(_ exchange: Handle) {
    let link = exchanges[exchange].link
    let isHead = links[link].http1.requestMethod == .head
    let length = UInt64(answerText.value.count)
    sendHead(
      exchange, scratch.value, body: isHead ? .declared(length) : .length(length), close: false)
    if !isHead { sendBody(exchange, answerText.value) }
    sendEnd(exchange)
  }

  // MARK: Records

  func record(_ exchange: Handle, _ failure: Failure) {
    if let fault = failure.fault {
      exchanges[exchange].record.fault = fault.kind
      exchanges[exchange].record.faultOffset = Int32(clamping: fault.offset)
    }
    if let limit = failure.limit { exchanges[exchange].record.limit = limit }
    record(exchange, failure.reason)
  }

  private func record(_ exchange: Handle, _ reason: EndReason) {
    exchanges[exchange].record.end = reason
    exchanges[exchange].record.marks.ended = now
    Self.record(exchanges[exchange], in: &journal.value)
  }

  private static func record(
    _ exchange: borrowing Exchange, in journal: inout JournalWriter
  ) {
    journal.ended(exchange.record, head: exchange.head, story: exchange.story)
  }
}

extension Exchange {
  /// Copies method, target and host: the head block may be used again (for trailers) before the
  /// record is written.
  mutating func keepStory() {
    let ranges = Self.copyStory(of: head, into: &story)
    record.methodText = ranges.method
    record.target = ranges.target
    record.host = ranges.host
  }

  private static func copyStory(
    of head: borrowing HeadBlock, into story: inout ByteBuffer
  ) -> (method: Range<Int>, target: Range<Int>, host: Range<Int>) {
    story.removeAll()
    story.append(head.method)
    let methodEnd = story.count
    let target = head.target
    story.append(target.extracting(0..<min(target.count, Story.mostTarget)))
    let targetEnd = story.count
    if let host = head.first(.host) {
      let value = head.value(host)
      story.append(value.extracting(0..<min(value.count, Story.mostHost)))
    }
    return (0..<methodEnd, methodEnd..<targetEnd, targetEnd..<story.count)
  }

  /// Forgets everything and keeps the storage.
  mutating func reset() {
    head.removeAll()
    story.removeAll()
    link = .none
    next = .none
    context = .none
  }
}
