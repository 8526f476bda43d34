// Links whose machine carries many exchanges at once. HTTP/2 will come through here; today the
// two-slot machine of the tests keeps the exchange model honest.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Replaces a fresh link's machine. The role hears of each stream as of an exchange of its own.
  package func multiplex(_ link: Handle, _ machine: any MultiplexedMachine) {
    let free = roles.value.machines.firstIndex { $0 == nil }
    let index = free ?? roles.value.machines.count
    precondition(index < Int(UInt16.max), "more multiplexed links than a loop has numbers for")
    if free == nil { roles.value.machines.append(nil) }
    roles.value.machines[index] = machine
    links[link].machine = UInt16(index + 1)
  }

  func pullMultiplexed(_ link: Handle, _ bytes: Span<UInt8>) {
    var cursor = 0
    while links.contains(link), links[link].flags.isDisjoint(with: .doomed),
      let machine = multiplexed(link)
    {
      let (stream, event) = machine.receive(bytes, at: &cursor)
      switch event {
      case .more:
        return
      case .fault:
        doom(link, .clientFaultHead)
        return
      case .head(let framing):
        let exchange = find(link, stream) ?? beginStream(link, stream)
        machine.takeHead(stream, into: &exchanges[exchange].head)
        exchanges[exchange].progress.formUnion([.headBegun, .headReceived])
        noteRequest(link, exchange, framing)
        handler(exchange).headArrived(exchange, framing: framing)
      case .body(let range):
        guard let exchange = find(link, stream) else { continue }
        exchanges[exchange].credit -= range.count
        exchanges[exchange].record.requestBytes &+= UInt64(range.count)
        handler(exchange)
          .bodyArrived(exchange, bytes.extracting(range))
      case .end:
        guard let exchange = find(link, stream) else { continue }
        exchanges[exchange].progress.insert(.received)
        handler(exchange).messageEnded(exchange, trailers: false)
        finishStream(link, exchange)
      case .reset:
        guard let exchange = find(link, stream) else { continue }
        fail(link, exchange, Failure(.clientResetRequest))
      }
    }
  }

  private func beginStream(_ link: Handle, _ stream: UInt32) -> Handle {
    beginServerExchange(link)
    let exchange = links[link].exchange
    exchanges[exchange].stream = stream
    return exchange
  }

  private func find(_ link: Handle, _ stream: UInt32) -> Handle? {
    var exchange = links[link].exchange
    while exchange != .none {
      if exchanges[exchange].stream == stream { return exchange }
      exchange = exchanges[exchange].next
    }
    return nil
  }

  /// Ends those exchanges of the link whose messages are both complete.
  func finishStreams(_ link: Handle) {
    var exchange = links[link].exchange
    while exchange != .none && exchanges.contains(exchange) {
      let next = exchanges[exchange].next
      finishStream(link, exchange)
      exchange = next
    }
  }

  /// Ends one stream's exchange when both its messages are complete; the link goes on.
  private func finishStream(_ link: Handle, _ exchange: Handle) {
    guard exchanges.contains(exchange), exchanges[exchange].isOver else { return }
    unlink(link, exchange)
    handler(exchange).exchangeFinished(exchange)
    if exchanges[exchange].side == .downstream { record(exchange, Failure(.complete)) }
    releaseExchange(exchange)
  }

  /// Ends one stream's exchange early; the link goes on. The role is told.
  func failStream(_ link: Handle, _ exchange: Handle, _ failure: Failure) {
    guard let machine = multiplexed(link) else { return }
    let output = outputBuffer(link)
    machine.reset(exchanges[exchange].stream, into: &buffers[output])
    queueFlush(link)
    fail(link, exchange, failure)
  }

  /// The link itself is at its end, in good order or not: each of its exchanges ends with it.
  func multiplexedEnded(_ link: Handle, idle: EndReason, busy: EndReason) {
    doom(link, links[link].exchange == .none ? idle : busy)
  }
}
