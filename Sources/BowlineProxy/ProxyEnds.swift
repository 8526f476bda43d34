// How a request ends: both ways complete, or failed on one side.

package import BowlineCore
package import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream

extension Proxy {
  package func messageEnded(_ exchange: Handle, trailers: Bool) {
    let relay = links.exchanges[exchange].context
    if relays[relay].flags.contains(.tunnels) {
      // One side has ended its stream; the other goes on.
      let isUpstream = links.exchanges[exchange].side == .upstream
      links.sendEnd(isUpstream ? relays[relay].downstream : relays[relay].upstream)
    } else if links.exchanges[exchange].side == .upstream {
      relays[relay].flags.insert(.responseEnded)
      endResponse(relay, exchange, trailers)
    } else {
      relays[relay].flags.insert(.requestEnded)
      if relays[relay].flags.contains(.gathering) {
        sendGathered(relay)
        return
      }
      if trailers {
        let options = relays[relay].requestOptions
        _ = Forwarding.trailers(
          links.exchanges[exchange].head, options: options, into: &relays[relay].trailers)
      }
      if relays[relay].upstream != .none { endRequest(relay) }
    }
  }

  func endRequest(_ relay: Handle) {
    let upstream = relays[relay].upstream
    links.exchanges[relays[relay].downstream].record.marks.requestSent = links.now
    if relays[relay].trailers.count > 0 {
      links.sendEnd(upstream, trailers: relays[relay].trailers)
    } else {
      links.sendEnd(upstream)
    }
  }

  func endResponse(_ relay: Handle, _ exchange: Handle, _ trailers: Bool) {
    let downstream = relays[relay].downstream
    if trailers && relays[relay].wantsTrailers {
      let options = relays[relay].responseOptions
      if Forwarding.trailers(links.exchanges[exchange].head, options: options, into: &scratch.value)
      {
        links.sendEnd(downstream, trailers: scratch.value)
        return
      }
    }
    links.sendEnd(downstream)
  }

  package func exchangeFinished(_ exchange: Handle) {
    let relay = links.exchanges[exchange].context
    if links.exchanges[exchange].side == .upstream {
      relays[relay].upstream = .none
      let lease = relays[relay].lease.take()
      let tunnelEnd =
        relays[relay].flags.contains(.tunnels) ? links.exchanges[exchange].record.end : nil
      releaseIfOver(relay)
      guard let lease else { return }
      if let tunnelEnd {
        upstreams.discard(lease, tunnelEnd)
      } else {
        upstreams.giveBack(lease)
      }
    } else {
      relays[relay].downstream = .none
      releaseIfOver(relay)
    }
  }

  package func exchangeFailed(_ exchange: Handle, _ failure: Failure) {
    let relay = links.exchanges[exchange].context
    guard relays.contains(relay) else { return }
    if links.exchanges[exchange].side == .upstream {
      upstreamFailed(relay, failure)
    } else {
      clientFailed(relay)
    }
  }

  func clientFailed(_ relay: Handle) {
    if relays[relay].flags.contains(.pending), relays[relay].downstream != .none {
      links.exchanges[relays[relay].downstream].record.lease = .waitedInVain
    }
    relays[relay].downstream = .none
    leaveUpstream(relay, .usAbortedClientGone)
    releaseIfOver(relay)
  }

  func upstreamFailed(_ relay: Handle, _ failure: Failure) {
    relays[relay].upstream = .none
    var wasReused = false
    if let lease = relays[relay].lease.take() {
      wasReused = lease.wasReused
      upstreams.discard(lease, failure.reason, failure.evidence)
    }
    let downstream = relays[relay].downstream
    if downstream == .none {
      releaseIfOver(relay)
    } else if relays[relay].flags.contains(.responseEnded) {
      relays[relay].downstream = .none
      releaseIfOver(relay)
      links.endAfterResponse(downstream)
    } else if relays[relay].flags.contains(.responseBegan) {
      noteCutResponse(relay)
      relays[relay].downstream = .none
      releaseIfOver(relay)
      links.abort(downstream, failure)
    } else {
      replayOrRefuse(relay, failure, wasReused: wasReused)
    }
  }

  /// Answers the client ourselves.
  func refuse(_ relay: Handle, _ status: Status, _ failure: Failure) {
    let downstream = relays[relay].downstream
    relays[relay].downstream = .none
    releaseIfOver(relay)
    answer(downstream, status, failure)
  }

  func releaseIfOver(_ relay: Handle) {
    guard relays[relay].downstream == .none, relays[relay].upstream == .none else { return }
    relays[relay].reset()
    relays.giveBack(relay)
  }

  /// What the client is told: 504 for silence, 503 for our own limits, 502 for the rest.
  static func status(of reason: EndReason) -> Status {
    switch reason {
    case .upstreamTimeoutDialling, .upstreamTimeoutResponse, .upstreamTimeoutBody,
      .upstreamStalledWrite, .upstreamTimeoutResolving, .upstreamHungOnReuse,
      .policyTimeoutDeadline:
      504
    case .policyRefusedDestination: 403
    case .policyTimeoutWaiting, .policyLimitWaiting, .usErrorDescriptors, .usErrorPorts,
      .usShutdown:
      503
    default: 502
    }
  }
}
