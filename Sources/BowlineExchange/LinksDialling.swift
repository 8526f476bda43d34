// Upstream links: dialled, leased through Upstream, and looked at.

package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
import BowlineTransport

extension Links {
  /// Begins a connection. The owner hears of its outcome from the loop's turn, never from here.
  /// Its deadline counts from `since`, when the dial as a whole began.
  package func dial(_ address: SocketAddress, owner: UInt16, since: Instant) -> Handle {
    let handle = links.insert(
      Link(
        id: nextID(), side: .upstream, owner: owner, socket: .none, peer: address,
        state: .dialling, now: now))
    links[handle].progress = since
    journal.value.opened(.upstream)
    switch network.connect(to: address, token: handle.word) {
    case .started(let socket):
      links[handle].socket = socket
      rearm(handle)
    case .failed(let error):
      endings[ending(handle)].error = error
      doom(handle, Self.dialEnd(error))
    }
    return handle
  }

  func dialReported(_ link: Handle) {
    if links[link].flags.contains(.doomed) { return }
    if let error = network.connectResult(links[link].socket) {
      endings[ending(link)].error = error
      doom(link, Self.dialEnd(error))
      return
    }
    links[link].state = .open
    links[link].progress = now
    owner(links[link].owner).linkOpened(link)
    if links.contains(link) { rearm(link) }
  }

  /// An upstream may have spoken, or ended, before we have looked at the connection. That is not
  /// reported again: it is read when what its request sends is out.
  func takeGreeting(_ link: Handle, _ readiness: Readiness) {
    guard readiness.contains(.readable), links.contains(link), links[link].state == .open else {
      return
    }
    _ = links[link].note(readiness)
    queueResume(link)
  }

  private static func dialEnd(_ error: NetworkError) -> EndReason {
    switch error.kind {
    case .refused: .upstreamRefusedDialling
    // A closed port answers with a refusal. A reset is from somebody who had accepted.
    case .reset: .upstreamResetWaiting
    case .timedOut: .upstreamTimeoutDialling
    case .unreachable: .upstreamUnreachableDialling
    case .descriptors: .usErrorDescriptors
    case .ports: .usErrorPorts
    case .inUse, .denied, .other: .networkError
    }
  }

  /// True when a request may be sent on the link now.
  package func isReusable(_ link: Handle) -> Bool {
    links.contains(link) && links[link].isIdle && links[link].http1.isIdle
      && !links[link].http1.willClose
      && links[link].flags.isDisjoint(with: [.doomed, .peerEnded, .sendBroken, .sawEnd])
  }

  /// Looks whether the peer has ended or filled an idle link since its last report. What is found
  /// closes it.
  package func isQuiet(_ link: Handle) -> Bool {
    switch network.peek(links[link].socket) {
    case .wouldBlock: return true
    case .bytes: doom(link, .upstreamUnexpectedBytes)
    case .end, .failed: doom(link, .upstreamClosedIdle)
    }
    return false
  }

  /// True when the last receive filled its limit, so that the kernel may hold more.
  package func mayHoldMore(_ link: Handle) -> Bool { links[link].flags.contains(.mayRead) }

  /// What the Connection field of the request, or the final response, received on an exchange said
  /// (HTTP/1).
  package func options(_ exchange: Handle) -> ConnectionOptions {
    exchanges[exchange].head.options
  }

  /// The addresses at both ends of a link; nil when the system does not know any more.
  package func addresses(_ link: Handle) -> (local: SocketAddress, peer: SocketAddress)? {
    network.facts(links[link].socket).map { ($0.local, $0.peer) }
  }

  /// True until the link has ended.
  package func exists(_ link: Handle) -> Bool { links.contains(link) }

  /// Exchanges begun on a link.
  package func exchangeCount(_ link: Handle) -> UInt32 { links[link].exchanges }

  /// The story of a link so far.
  package func facts(_ link: Handle) -> LinkFacts {
    LinkFacts(
      id: links[link].id, peer: links[link].peer, opened: links[link].opened,
      exchanges: links[link].exchanges, progress: links[link].progress)
  }

  /// True when the upstream announced, or the framing implies, that the link ends.
  package func willClose(_ link: Handle) -> Bool {
    links[link].http1.willClose || !links[link].flags.isDisjoint(with: [.peerEnded, .sawEnd])
  }
}

/// What others may know of a link.
package struct LinkFacts: Sendable {
  package let id: ConnectionID
  package let peer: SocketAddress
  package let opened: Instant
  /// Exchanges begun on it.
  package let exchanges: UInt32
  /// Last time a byte went in or out.
  package let progress: Instant
}
