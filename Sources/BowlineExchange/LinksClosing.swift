// The end of a link: announced, flushed, half-closed, drained, closed; or cut.

package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
import BowlineTransport

extension Links {
  /// Closes the link at the end of this event. Calls after the first change nothing.
  func doom(_ link: Handle, _ reason: EndReason) {
    if links[link].flags.contains(.doomed) { return }
    links[link].flags.insert(.doomed)
    if endings[ending(link)].reason == .complete { endings[ending(link)].reason = reason }
    if links[link].flags.contains(.queued) { return }
    queueFlush(link)
  }

  /// Closes an upstream link that nobody uses.
  package func close(_ link: Handle, _ reason: EndReason) {
    guard links.contains(link) else { return }
    doom(link, reason)
  }

  /// Starts the staged close (see `Closing`). `reason` is the record's.
  func beginClose(_ link: Handle, _ reason: EndReason, lingers: Bool) {
    guard links[link].state == .open else { return }
    endings[ending(link)].reason = reason
    links[link].state = .closing
    returnLeftover(link)
    let action = endings[ending(link)].closing.begin(
      lingers: lingers && links[link].flags.isDisjoint(with: .peerEnded),
      outputIsEmpty: links[link].output == .none, now: now)
    perform(action, link)
    if links[link].flags.contains(.mayRead) { queueResume(link) }
  }

  /// A peer that is not read any more has ended its stream, or broken it: nothing is left to wait
  /// for.
  func endFull(_ link: Handle) {
    guard links.contains(link), links[link].flags.contains(.full) else { return }
    doom(link, endings[ending(link)].reason)
  }

  func perform(_ action: Closing.Action, _ link: Handle) {
    switch action {
    case .wait, .stopReading:
      break
    case .halfClose:
      network.shutdownSend(links[link].socket)
      links[link].progress = now
      if links[link].flags.contains(.peerEnded) { doom(link, endings[ending(link)].reason) }
    case .close:
      doom(link, endings[ending(link)].reason)
    }
    rearm(link)
  }

  func returnLeftover(_ link: Handle) {
    let leftover = links[link].leftover
    guard leftover != .none else { return }
    links[link].leftover = .none
    buffers[leftover].removeAll()
    buffers.giveBack(leftover)
  }

  /// Closes the socket, writes the record, and tells whoever is concerned. The only place where a
  /// link ends that somebody knows of.
  func tearDown(_ link: Handle) {
    while links[link].exchange != .none {
      let exchange = links[link].exchange
      unlink(link, exchange)
      let failure = Failure(
        endings[ending(link)].reason, network: endings[ending(link)].error,
        evidence: evidence(link, exchange))
      handler(exchange).exchangeFailed(exchange, failure)
      if exchanges[exchange].side == .downstream { record(exchange, failure) }
      releaseExchange(exchange)
    }
    // In good order, a body that ends with the connection would look whole.
    if links[link].http1.sendsUntilClose || held(link).output > 0 {
      endings[ending(link)].manner = .reset
    }
    returnOutput(link)
    returnLeftover(link)
    let side = links[link].side
    let owner = links[link].owner
    let peer = links[link].peer
    let ending = takeEnding(link)
    journal.value.ended(closingRecord(link, ending.reason))
    if links[link].socket != .none { network.close(links[link].socket, ending.manner) }
    let machine = links[link].machine
    if machine != 0 { roles.value.machines[Int(machine) - 1] = nil }
    _ = links.remove(link)
    if side == .upstream {
      self.owner(owner).linkEnded(link, ending.reason, ending.error)
    } else {
      state.value.downstreamCount -= 1
      if settings[.clientsPerAddress] > 0 { clients.leave(peer) }
      if listeners.contains(where: \.isPaused) { resumeAccepting() }
      reportDrained()
    }
  }

  private func takeEnding(_ link: Handle) -> Ending {
    let handle = ending(link)
    let ending = endings[handle]
    endings[handle] = Ending()
    endings.giveBack(handle)
    links[link].ending = .none
    return ending
  }

  func closingRecord(_ link: Handle, _ reason: EndReason) -> ConnectionRecord {
    let facts = links[link].socket == .none ? nil : network.facts(links[link].socket)
    var record = ConnectionRecord(
      id: links[link].id, side: links[link].side,
      local: facts?.local ?? SocketAddress(high: 0, low: 0, port: 0), peer: links[link].peer,
      opened: links[link].opened)
    record.end = reason
    record.closed = now
    record.exchanges = links[link].exchanges
    record.bytesIn = links[link].bytesIn
    record.bytesOut = links[link].bytesOut
    record.roundTripMicroseconds = facts?.roundTripMicroseconds ?? 0
    record.retransmits = facts?.retransmits ?? 0
    return record
  }
}
