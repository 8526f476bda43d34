// The origin server: a directory of files, and a few answers made for looking at connections.
//
// A request is answered when it is complete, so that an unread body never stands in the way of the
// next request; its body is counted and dropped, except by /echo. Responses larger than a buffer
// are produced piece by piece, as fast as the client takes them.

package import BowlineCore
package import BowlineExchange
import BowlineJournal
package import BowlineTransport

/// The origin server of one loop: a role for its listeners.
package final class OriginServer: ExchangeHandler {
  let links: Links
  package private(set) var handlerNumber: UInt16 = 0
  /// Where files come from; nil for the demo answers only.
  let directory: Directory?
  let answersDemo: Bool
  let responses = Shelf<Response>()
  let scratch = Held(HeadBlock())
  let text = Held(ByteBuffer(capacity: 1024))
  /// Of the file that is being answered with.
  let validators = Held(Validators())

  /// - Parameters:
  ///   - links: the loop's links.
  ///   - directory: files to serve, or nil.
  ///   - demo: also answer the paths of `DemoAnswer`.
  package init(links: Links, directory: Directory?, demo: Bool) {
    self.links = links
    self.directory = directory
    answersDemo = demo
    handlerNumber = links.register(self)
  }

  package func headArrived(_ exchange: Handle, framing: BodyFraming) {
    if case .connect = links.exchanges[exchange].head.start.method {
      // An origin opens no tunnel, and what was sent ahead through it is no request.
      links.answer(exchange, 405, Failure(.policyRefusedTarget)) { $0.add(.allow, "GET, HEAD") }
      return
    }
    let response = responses.lend { Response() }
    links.exchanges[exchange].context = response
    responses[response].method = links.exchanges[exchange].head.start.method
    responses[response].isModern = links.exchanges[exchange].head.start.version >= .http11
    responses[response].path.removeAll()
    RequestPath.decode(links.exchanges[exchange].head, into: &responses[response].path)
    Response.keep(links.exchanges[exchange].head, in: &responses[response].request)
    if answersDemo && refusesEarly(exchange, response) { return }
    switch Expectation(links.exchanges[exchange].head) {
    case .unknown:
      release(exchange)
      links.answer(exchange, 417, Failure(.policyRefusedTarget))
      return
    case .continue100 where links.expectsContinue(exchange):
      scratch.value.compose(status: 100)
      links.sendInformational(exchange, scratch.value)
    case .none, .continue100:
      break
    }
    if answersDemo { answerEarly(exchange, response) }
  }

  package func informationalArrived(_ exchange: Handle) {}

  package func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    let response = links.exchanges[exchange].context
    if responses.contains(response), responses[response].isEcho {
      links.sendBody(exchange, bytes)
      if links.mustHold(exchange) {
        responses[response].owed += bytes.count
        return
      }
    }
    links.grant(exchange, bytes.count)
  }

  package func messageEnded(_ exchange: Handle, trailers: Bool) {
    let response = links.exchanges[exchange].context
    guard responses.contains(response) else { return }
    if responses[response].isEcho {
      links.sendEnd(exchange)
    } else if responses[response].method == .trace {
      // It would send back what the client's other software has put into the head.
      refuseMethod(exchange, .trace)
    } else if !answersDemo || !answerDemo(exchange, response) {
      answerFile(exchange, response)
    }
  }

  package func outputDrained(_ exchange: Handle) {
    let response = links.exchanges[exchange].context
    guard responses.contains(response) else { return }
    if responses[response].owed > 0 {
      links.grant(exchange, responses[response].owed)
      responses[response].owed = 0
    }
    produce(exchange, response)
  }

  package func delayEnded(_ exchange: Handle) {
    let response = links.exchanges[exchange].context
    guard responses.contains(response) else { return }
    respond(exchange, 200, text: "late\n")
  }

  package func exchangeFinished(_ exchange: Handle) { release(exchange) }

  package func exchangeFailed(_ exchange: Handle, _ failure: Failure) { release(exchange) }

  func release(_ exchange: Handle) {
    let response = links.exchanges[exchange].context
    guard responses.contains(response) else { return }
    responses[response].reset()
    responses.giveBack(response)
    links.exchanges[exchange].context = .none
  }

  // MARK: Answering

  /// Composes the head every answer begins with.
  func begin(_ status: Status) {
    scratch.value.compose(status: status)
    links.appendDate(to: &scratch.value)
    scratch.value.add(.server, "bowline")
  }

  /// A whole answer from a short text. HEAD gets the same head and no body.
  func respond(
    _ exchange: Handle, _ status: Status, text body: StaticString,
    type: StaticString = "text/plain; charset=utf-8"
  ) {
    begin(status)
    scratch.value.add(.contentType, type)
    text.value.removeAll()
    text.value.append(body)
    sendText(exchange)
  }

  /// Sends `scratch.value` with `text` as the body.
  func sendText(_ exchange: Handle) {
    let isHead = links.exchanges[exchange].head.start.method == .head
    let length = UInt64(text.value.count)
    links.sendHead(exchange, scratch.value, body: isHead ? .declared(length) : .length(length))
    if !isHead { links.sendBody(exchange, text.value) }
    links.sendEnd(exchange)
  }

  /// Sends more of a response that is made piece by piece, until it is whole or the client must
  /// catch up.
  func produce(_ exchange: Handle, _ response: Handle) {
    while responses.contains(response), !links.mustHold(exchange) {
      let more = responses[response].next(into: &text.value)
      switch more {
      case .bytes: links.sendBody(exchange, text.value)
      case .end:
        links.sendEnd(exchange)
        return
      case .nothing: return
      case .failed:
        release(exchange)
        links.abort(exchange, .usErrorFile)
        return
      }
    }
  }
}
