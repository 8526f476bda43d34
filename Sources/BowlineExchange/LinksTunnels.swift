// Tunnels: exchanges without framing, after a successful CONNECT or a 101. RFC 9110 §7.8, §9.3.6.
//
//   open both ways ──one side's FIN──► half-closed ──the other's FIN──► over
//         │                                 │
//         └──── reset, or silence for too long: cut, both links ────► over
//
// Bytes are body bytes: the same credit, the same watermarks. The end of the peer's stream is the
// end of its message, and reaches the role as `messageEnded`; the role ends its other exchange with
// `sendEnd`, which sends a FIN when everything before it is sent. A tunnel that ends in any other
// way is cut with a reset, so that nobody takes a part for the whole.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Turns an exchange into a tunnel without sending a head: one with no HTTP in it (upstream), or
  /// whose request was taken and is passed on as it is (downstream).
  package func beginTunnel(_ exchange: Handle) {
    let link = exchanges[exchange].link
    precondition(links[link].machine == 0, "a tunnel in a multiplexed link")
    links[link].http1.beginTunnel()
    beginTunnel(&exchanges[exchange], link)
  }

  /// Notes that an exchange has become a tunnel, and takes up what the client sent ahead of it.
  func beginTunnel(_ exchange: inout Exchange, _ link: Handle) {
    exchange.beginTunnel(now: now)
    queueResume(link)
  }

  /// For the proxy that shows what Proxy-Connection leads to: see `HTTP1Connection`.
  package func speakOldVersion(_ exchange: Handle) {
    links[exchanges[exchange].link].http1.speakOldVersion()
  }

  /// The same for its clients.
  package func keepOldVersion(_ exchange: Handle) {
    links[exchanges[exchange].link].http1.keepOldVersion()
  }

  /// True when bytes came right behind a CONNECT, before its answer: meant for its tunnel.
  package func isSentAhead(_ exchange: Handle) -> Bool {
    let link = exchanges[exchange].link
    guard case .connect = links[link].http1.requestMethod else { return false }
    return links[link].flags.contains(.sentAhead) || links[link].leftover != .none
  }
}
