// Bodies on their way through, and what is kept of them for a replay.

package import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport

extension Proxy {
  package func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    let relay = links.exchanges[exchange].context
    if links.exchanges[exchange].side == .upstream {
      let downstream = relays[relay].downstream
      links.sendBody(downstream, bytes)
      if links.mustHold(downstream) {
        relays[relay].owedToUpstream += bytes.count
      } else {
        links.grant(exchange, bytes.count)
      }
      return
    }
    let upstream = relays[relay].upstream
    if upstream == .none {
      relays[relay].held.append(bytes)
      if relays[relay].flags.contains(.gathering) {
        gather(relay, exchange, bytes.count)
      } else {
        relays[relay].owedToClient += bytes.count
      }
      return
    }
    links.sendBody(upstream, bytes)
    if !relays[relay].flags.contains(.tunnels) { hold(relay, bytes) }
    if links.mustHold(upstream) {
      relays[relay].owedToClient += bytes.count
    } else {
      links.grant(exchange, bytes.count)
    }
  }

  /// Keeps body bytes that were sent, while the request may have to be sent again and they are few.
  func hold(_ relay: Handle, _ bytes: Span<UInt8>) {
    if relays[relay].flags.contains(.bodyGone) { return }
    if mayReplayBody(relay), relays[relay].held.count + bytes.count <= replayRules.body {
      relays[relay].held.append(bytes)
    } else {
      dropHeld(relay)
    }
  }

  /// True while a replay is possible. For a request that is not idempotent: until its first byte
  /// is with the kernel, or later by the rule of the FIN.
  func mayReplayBody(_ relay: Handle) -> Bool {
    guard relays[relay].replays < replayRules.attempts else { return false }
    return relays[relay].method.isIdempotent || replayRules.afterFin
      || links.isUnsent(relays[relay].upstream)
  }

  func dropHeld(_ relay: Handle) {
    relays[relay].held.removeAll()
    relays[relay].flags.insert(.bodyGone)
  }

  package func outputDrained(_ exchange: Handle) {
    let relay = links.exchanges[exchange].context
    guard relays.contains(relay) else { return }
    if links.exchanges[exchange].side == .downstream {
      let owed = relays[relay].owedToUpstream
      relays[relay].owedToUpstream = 0
      if relays[relay].upstream != .none { links.grant(relays[relay].upstream, owed) }
    } else {
      let owed = relays[relay].owedToClient
      relays[relay].owedToClient = 0
      links.grant(relays[relay].downstream, owed)
    }
  }
}
