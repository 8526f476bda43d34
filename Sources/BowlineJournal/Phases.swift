// The phases of an exchange, as durations.
//
// The marks are points of one clock; the phases are the stretches between them. They never overlap
// and never add up to more than the whole: a response that begins while the request is still being
// sent ends the phase "sending", and "waiting" is then a true zero.
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
    if let asked = marks.leaseAsked {
      let dialled = marks.dialBegan.flatMap { $0 < asked ? nil : $0 }
      var wait = Self.between(asked, dialled ?? marks.leased ?? marks.ended)
      if let began = dialled {
        tcp = Self.between(began, marks.dialEnded ?? marks.ended)
        if let ended = marks.dialEnded, let after = Self.between(ended, marks.leased) {
          wait = wait.map { $0 + after }
        }
      }
      queued = wait
    }
    if let leased = marks.leased {
      sending = Self.between(
        leased, Self.earlier(marks.requestSent, marks.responseBegan) ?? marks.ended)
    }
    if let sent = marks.requestSent {
      let until = marks.responseBegan ?? marks.ended
      waiting = until.map { $0 < sent ? 0 : $0.since(sent) }
    }
    if let began = marks.responseBegan { receiving = Self.between(began, marks.ended) }
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

  /// The time from one mark to a later one. Marks out of order measure nothing.
  private static func between(_ start: Instant, _ end: Instant?) -> Int64? {
    guard let end, end >= start else { return nil }
    return end.since(start)
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
