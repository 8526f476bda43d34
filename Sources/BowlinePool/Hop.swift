// What is known of the next hop: does it keep connections, and which version does it speak?
//
// A relay that knows nothing of keep-alive copies our head as it came, gets its answer, and then
// waits for the connection to end. A second request on it is never answered, and nobody closes. It
// shows itself by what it copies back: connection fields of the server behind it, that we, who
// never ask in HTTP/1.1, were not meant to see.
//
// So a hop is suspect by its signs, never by silence alone, and only on a suspect hop silence is
// cut short. One thing clears it for good: an answer to a second request on one connection. A dumb
// relay can never give that. So a slow server that sends `Connection: keep-alive` with everything,
// as nginx does, is watched until its second answer and never again.

package import BowlineCore

/// The memory of one upstream, on one loop.
package struct Hop: Sendable {
  package enum State: UInt8, Sendable {
    /// Nothing speaks for it or against it. → proven, suspect, hung
    case unproven
    /// It answered a second request on one connection. No successor.
    case proven
    /// It speaks HTTP/1.0, or passed connection fields on. → proven, hung
    case suspect
    /// A request on a reused connection got no byte. Nothing is reused. → trying, proven
    case hung
    /// Nothing is reused but one connection, to see whether it still hangs. → proven, hung
    case trying
  }

  package private(set) var state = State.unproven
  /// Its last response was of HTTP/1.0. Before the first it is taken for 1.1.
  package private(set) var speaksOld = false
  /// When nothing was reused from on, or when the last trial began.
  private var since = Instant(nanoseconds: 0)

  package init() {}

  /// A final response head has come.
  ///
  /// - Parameters:
  ///   - version: of the response.
  ///   - sign: it held the keep-alive option, or the Keep-Alive field, which we never ask for.
  ///   - second: its connection had carried an exchange before.
  package mutating func answered(_ version: Version, sign: Bool, second: Bool) {
    speaksOld = version < .http11
    if second {
      state = .proven
    } else if sign || speaksOld, case .unproven = state {
      state = .suspect
    }
  }

  /// A connection was opened.
  ///
  /// - Parameters:
  ///   - now: when.
  ///   - memory: milliseconds for which a hung request is held against the hop.
  /// - Returns: whether the connection may carry a second exchange.
  package mutating func connected(_ now: Instant, memory: Int) -> Bool {
    switch state {
    case .unproven, .proven, .suspect: return true
    case .hung, .trying:
      if now < since.advanced(milliseconds: memory) { return false }
      state = .trying
      since = now
      return true
    }
  }

  /// A second request on one connection got no byte within its time.
  ///
  /// - Returns: true when nothing is to be reused from now on.
  package mutating func fellSilent(_ now: Instant) -> Bool {
    if case .proven = state { return false }
    state = .hung
    since = now
    return true
  }

  /// True when a second request on one connection is given only `upstream.hung-timeout`.
  package var isWatched: Bool {
    switch state {
    case .suspect, .trying: true
    case .unproven, .proven, .hung: false
    }
  }

  /// True when a response of version 1.1 has nothing to say about the hop any more.
  package var isSettled: Bool { if case .proven = state { !speaksOld } else { false } }

  /// True when a connection that comes back must not be kept.
  package var isHung: Bool { if case .hung = state { true } else { false } }
}
