import BowlineCore
import BowlinePool

/// What pools hold at one moment: for tests that look for leaks.
package struct PoolFigures: Sendable, Equatable {
  package var dialling = 0
  package var leased = 0
  package var idle = 0
  /// Given up, and not closed yet.
  package var closing = 0
  /// Requests in line.
  package var waiting = 0

  package init() {}

  /// Connections that count against the limit.
  package var open: Int { dialling + leased + idle + closing }
}

extension Upstreams {
  /// What the pool of one upstream of the list holds.
  package func figures(of origin: Int) -> PoolFigures {
    var figures = PoolFigures()
    figures.dialling = state.value.pools[origin].dialling
    figures.leased = state.value.pools[origin].leased
    figures.idle = state.value.pools[origin].idleCount
    figures.closing = state.value.pools[origin].closing
    figures.waiting = state.value.pools[origin].waiting
    return figures
  }
}
