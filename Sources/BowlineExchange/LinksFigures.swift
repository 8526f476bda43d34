import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

/// What a loop holds at one moment: for snapshots, and for tests that look for leaks.
package struct LinksFigures: Sendable, Equatable {
  /// Links to clients, closing ones included.
  package var downstream = 0
  /// Links to upstreams, dialling and closing ones included.
  package var upstream = 0
  /// Links to upstreams that carry nothing.
  package var idleUpstream = 0
  /// Exchanges under way, on both sides.
  package var exchanges = 0
  /// Buffers lent to links.
  package var buffers = 0

  package init() {}
}

extension Links {
  /// Counts what is held now. A sweep over all links.
  package var figures: LinksFigures {
    var figures = LinksFigures()
    figures.downstream = downstreamCount
    for handle in links.handles where links[handle].side == .upstream {
      figures.upstream += 1
      if links[handle].isIdle { figures.idleUpstream += 1 }
    }
    figures.exchanges = exchanges.lent
    figures.buffers = buffers.lent
    return figures
  }
}
