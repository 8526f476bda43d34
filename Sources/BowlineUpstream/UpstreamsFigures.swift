import BowlineCore
import BowlinePool

/// What the pools of a loop hold at one moment: for tests that look for leaks.
package struct PoolFigures: Sendable, Equatable {
  package var dialling = 0
  package var leased = 0
  package var idle = 0
  /// Requests in line.
  package var waiting = 0

  package init() {}
}

extension Upstreams {
  /// Counts over all upstreams.
  package var figures: PoolFigures {
    var figures = PoolFigures()
    for origin in state.value.pools.indices {
      figures.dialling += state.value.pools[origin].dialling
      figures.leased += state.value.pools[origin].leased
      figures.idle += state.value.pools[origin].idleCount
      figures.waiting += state.value.pools[origin].waitingCount
    }
    return figures
  }
}
