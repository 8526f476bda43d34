// The phases of an exchange, as durations.
//
// The marks are points of one clock; the phases are the stretches between them. Each mark ends one
// phase and begins the next, so they never overlap and never add up to more than the whole. A
// response that begins while the request is still being sent ends "sending", and "waiting" is then
// a true zero.
//
// A phase that was never entered is nil, and prints as a dash. A phase that the exchange's end
// interrupted lasted until that end: of a request that timed out while connecting it is worth
// knowing that the connect took ten seconds.

import BowlineCore

/// How long each phase of an exchange lasted, in nanoseconds. nil: not entered, or not measured.
package struct Phases: Equatable, Sendable {
  /// Waiting for a connection, without the time of connecting.
  package var queued: Int64?
  /// Looking the upstream's name up. Not measured yet.
  package var dns: Int64?
  /// Connecting, when this exchange had to.
  package var tcp: Int64?
  /// The TLS handshake. Not measured yet.
  package var tls: Int64?
  /// From the connection in hand to the last byte of the request.
  package var sending: Int64?
  /// From the request's last byte to the response's first.
  package var waiting: Int64?
  /// From the response's first byte to the end.
  package var receiving: Int64?

  /// The names, in the order in which they happen.
  package static let names: [StaticString] = [
    "queued", "dns", "tcp", "tls", "sending", "waiting", "receiving",
  ]

  package init(_ marks: ExchangeMarks) {
    var stage = Stage.none
    var since = marks.began
    func enter(_ next: Stage, _ mark: Instant?, _ phases: inout Phases) {
      guard let mark else { return }
      // Marks out of order would be a mistake of ours; they must not become negative times.
      let now = max(mark, since)
      phases.add(now.since(since), to: stage)
      stage = next
      since = now
    }
    enter(.queued, marks.leaseAsked, &self)
    enter(.tcp, marks.dialBegan, &self)
    enter(.queued, marks.dialEnded, &self)
    enter(.sending, marks.leased, &self)
    enter(.waiting, Self.earlier(marks.requestSent, marks.responseBegan), &self)
    enter(.receiving, marks.responseBegan, &self)
    enter(.none, marks.ended, &self)
    if marks.requestSent == nil { waiting = nil }
  }

  /// The phase at `index` of `names`.
  package subscript(index: Int) -> Int64? {
    switch index {
    case 0: queued
    case 1: dns
    case 2: tcp
    case 3: tls
    case 4: sending
    case 5: waiting
    case 6: receiving
    default: nil
    }
  }

  private enum Stage { case none, queued, tcp, sending, waiting, receiving }

  private mutating func add(_ time: Int64, to stage: Stage) {
    switch stage {
    case .none: break
    case .queued: queued = (queued ?? 0) + time
    case .tcp: tcp = (tcp ?? 0) + time
    case .sending: sending = (sending ?? 0) + time
    case .waiting: waiting = (waiting ?? 0) + time
    case .receiving: receiving = (receiving ?? 0) + time
    }
  }

  private static func earlier(_ a: Instant?, _ b: Instant?) -> Instant? {
    guard let a else { return b }
    guard let b else { return a }
    return min(a, b)
  }
}

extension ExchangeMarks {
  /// The phases between the marks.
  package var phases: Phases { Phases(self) }

  /// From the first byte to the end, in nanoseconds; nil while the exchange lives.
  package var duration: Int64? { ended.map { max(0, $0.since(began)) } }
}
