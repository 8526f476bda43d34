/// How many connections the load has needed lately, and so how many idle ones are worth keeping.
///
/// The most that were in use at a time is noted in windows of five seconds. The need rises with it
/// at once, and falls by half of the difference a window. What rests beyond the need and a half of
/// it, four at least, is surplus. Half of that is closed at the end of a window: a short lull costs
/// nothing, and a longer one little.
package struct Demand: Sendable {
  /// Milliseconds of a window.
  package static let window = 5000

  private var most = 0
  /// Connections that the load is taken to need.
  package private(set) var need = 0

  package init() {}

  /// So many are in use now.
  @inline(__always)
  package mutating func use(_ count: Int) {
    if count > most { most = count }
  }

  /// A window is over.
  ///
  /// - Parameters:
  ///   - used: connections in use now.
  ///   - idle: connections at rest now.
  /// - Returns: how many of those are to be closed.
  package mutating func windowEnded(used: Int, idle: Int) -> Int {
    need = max(most, (need + most) / 2)
    most = used
    let surplus = used + idle - max(need, used) - max(need / 2, 4)
    return surplus > 0 ? min((surplus + 1) / 2, idle) : 0
  }
}
