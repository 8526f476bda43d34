// A request whose upstream side failed: sent again, or not, and why. `Pool.replay` decides; here
// stands what it is told, and what follows.

package import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport
import BowlineUpstream

extension Proxy {
  /// There is no response to a request: another attempt, or an answer of our own.
  func replayOrRefuse(_ relay: Handle, _ failure: Failure, wasReused: Bool) {
    switch failure.reason.blame {
    case .upstream, .network:
      if replays(relay, failure, wasReused: wasReused) { return }
    // No attempt was made, or we gave it up ourselves.
    case .us, .client, .policy: break
    }
    refuse(relay, Self.status(of: failure.reason), failure)
  }

  /// An attempt failed. True when another follows.
  private func replays(_ relay: Handle, _ failure: Failure, wasReused: Bool) -> Bool {
    let replays = relays[relay].replays
    let wait =
      replays == 0 ? 0 : replayRules.backoff.wait(after: replays, random: links.network.random())
    let attempt = attempt(relay, failure, wasReused: wasReused, wait: wait)
    switch Pool.replay(attempt, replayRules) {
    case .replay:
      noteReplay(relay, failure.reason, attempt.evidence)
      replay(relay, after: wait)
      return true
    case .refuse(let refusal):
      noteRefusal(relay, refusal, attempt.evidence)
      return false
    }
  }

  /// A response that the client has seen the head of was cut: nothing can be sent again.
  func noteCutResponse(_ relay: Handle) {
    if relays[relay].flags.contains(.tunnels) { return }
    noteRefusal(relay, .responseBegan, .responseBegan)
  }

  private func attempt(
    _ relay: Handle, _ failure: Failure, wasReused: Bool, wait: Int
  ) -> Attempt {
    // The silence of a hop that has never answered twice on one connection counts as a hang.
    let timedOut =
      failure.reason == .upstreamTimeoutResponse && !upstreams.isHung(relays[relay].origin)
    return Attempt(
      method: relays[relay].method, evidence: failure.evidence, wasReused: wasReused,
      isWhole: !relays[relay].flags.contains(.bodyGone), replays: relays[relay].replays,
      timedOut: timedOut, elapsed: elapsed(relay) + wait,
      budgetIsSpent: budget.value.isSpent(links.now))
  }

  /// Milliseconds since the request asked for its first connection.
  private func elapsed(_ relay: Handle) -> Int {
    let marks = links.exchanges[relays[relay].downstream].record.marks
    return Int(links.now.since(marks.leaseAsked ?? links.now) / 1_000_000)
  }

  private func noteReplay(_ relay: Handle, _ cause: EndReason, _ evidence: Evidence) {
    relays[relay].replays += 1
    budget.value.countReplay(links.now)
    let downstream = relays[relay].downstream
    links.exchanges[downstream].record.replays += 1
    links.exchanges[downstream].record.replayCause = cause
    links.exchanges[downstream].record.replayEvidence = evidence
  }

  private func noteRefusal(_ relay: Handle, _ refusal: ReplayRefusal, _ evidence: Evidence) {
    let downstream = relays[relay].downstream
    links.exchanges[downstream].record.replayRefusal = refusal
    links.exchanges[downstream].record.refusedEvidence = evidence
  }

  private func replay(_ relay: Handle, after wait: Int) {
    if wait == 0 {
      askAgain(relay)
    } else {
      relays[relay].flags.insert(.backsOff)
      links.delay(relays[relay].downstream, milliseconds: wait)
    }
  }

  /// From now on `replay.deadline` cuts whatever the request waits for.
  private func askAgain(_ relay: Handle) {
    links.delay(
      relays[relay].downstream, milliseconds: max(replayRules.deadline - elapsed(relay), 0))
    ask(relay)
  }

  /// A wait before a replay is over, or the time of a replay is.
  package func delayEnded(_ exchange: Handle) {
    let relay = links.exchanges[exchange].context
    guard relays.contains(relay) else { return }
    if relays[relay].flags.contains(.backsOff) {
      relays[relay].flags.remove(.backsOff)
      askAgain(relay)
    } else if relays[relay].flags.isDisjoint(with: .responseBegan) {
      leaveUpstream(relay, .policyTimeoutDeadline)
      refuse(relay, 504, Failure(.policyTimeoutDeadline, limit: .replayDeadline))
    }
  }

  /// Ends whatever the request has, or waits for, on the upstream side.
  func leaveUpstream(_ relay: Handle, _ reason: EndReason) {
    if relays[relay].flags.contains(.pending) {
      relays[relay].flags.remove(.pending)
      upstreams.cancel(relay, origin: relays[relay].origin)
    }
    let upstream = relays[relay].upstream
    relays[relay].upstream = .none
    if upstream != .none { links.abort(upstream, reason) }
    if let lease = relays[relay].lease.take() { upstreams.discard(lease, reason) }
  }
}
