import BowlineTransport

/// What peers do by themselves, beyond the faults of the world.
package enum PeerFault: Int, CaseIterable, Sendable {
  case clientHalfClose, clientReset, clientLeaves, slowRead, slowSend
  case originTruncates, originResetsResponse, originResetsUnanswered, originEndsUnanswered
  case originSilent, originEarlyAnswer, originSurplus, originEndsUnannounced
}

/// What happened in a number of simulations.
package struct Tally: Sendable {
  package private(set) var seeds = 0
  /// Requests whose head went out.
  package var exchanges = 0
  package var steps = 0
  package var faults = [UInt64](repeating: 0, count: SimulatedFaults.Kind.allCases.count)
  package var peerFaults = [UInt64](repeating: 0, count: PeerFault.allCases.count)
  /// Complete responses, by status; those that the proxy made itself apart.
  package var answered = [Int](repeating: 0, count: 600)
  package var answeredByProxy = [Int](repeating: 0, count: 600)
  package var cut = 0
  package var abandoned = 0
  /// Exchanges that got a connection, and how many of them one that was open before.
  package var leases = 0
  package var reused = 0
  package var waited = 0
  /// Connections that came from another loop.
  package var takenOver = 0
  package var replays = 0
  /// Requests that an origin executed more than once, all idempotent.
  package var doubled = 0
  package var connections = 0
  package var virtualSeconds: Int64 = 0

  package init() {}

  mutating func count(_ fault: PeerFault) { peerFaults[fault.rawValue] += 1 }

  mutating func count(_ outcome: Outcome) {
    switch outcome {
    case .answered(let status, let byOrigin):
      let index = min(max(status, 0), 599)
      if byOrigin { answered[index] += 1 } else { answeredByProxy[index] += 1 }
    case .cut: cut += 1
    case .abandoned: abandoned += 1
    case .unsent: break
    }
  }

  /// Adds the seed's end.
  mutating func finish() { seeds = 1 }

  package static func += (sum: inout Tally, other: Tally) {
    sum.seeds += other.seeds
    sum.exchanges += other.exchanges
    sum.steps += other.steps
    for index in other.faults.indices { sum.faults[index] += other.faults[index] }
    for index in other.peerFaults.indices { sum.peerFaults[index] += other.peerFaults[index] }
    for index in other.answered.indices {
      sum.answered[index] += other.answered[index]
      sum.answeredByProxy[index] += other.answeredByProxy[index]
    }
    sum.cut += other.cut
    sum.abandoned += other.abandoned
    sum.leases += other.leases
    sum.reused += other.reused
    sum.waited += other.waited
    sum.takenOver += other.takenOver
    sum.replays += other.replays
    sum.doubled += other.doubled
    sum.connections += other.connections
    sum.virtualSeconds += other.virtualSeconds
  }

  /// Kinds of faults that never occurred.
  package var missing: [String] {
    SimulatedFaults.Kind.allCases.filter { faults[$0.rawValue] == 0 }.map { "\($0)" }
      + PeerFault.allCases.filter { peerFaults[$0.rawValue] == 0 }.map { "\($0)" }
  }

  /// A page about all of it.
  package var text: String {
    var lines = ["seeds \(seeds), exchanges \(exchanges), steps \(steps)"]
    lines.append(
      "connections \(connections), leases \(leases), reused \(percent(reused, leases)), "
        + "taken over \(takenOver), "
        + "waited \(waited), replays \(replays), executed again (idempotent) \(doubled)")
    lines.append("virtual time \(virtualSeconds) s")
    lines.append("answers of origins: \(histogram(answered))")
    lines.append("answers of the proxy: \(histogram(answeredByProxy))")
    lines.append("cut off \(cut), abandoned by the client \(abandoned)")
    lines.append("faults of the network:")
    for kind in SimulatedFaults.Kind.allCases { lines.append("  \(kind) \(faults[kind.rawValue])") }
    lines.append("faults of the peers:")
    for kind in PeerFault.allCases { lines.append("  \(kind) \(peerFaults[kind.rawValue])") }
    return lines.joined(separator: "\n")
  }

  private func percent(_ part: Int, _ whole: Int) -> String {
    whole == 0 ? "-" : "\(part * 100 / whole) %"
  }

  private func histogram(_ counts: [Int]) -> String {
    counts.indices.filter { counts[$0] > 0 }.map { "\($0) \(counts[$0])" }.joined(separator: ", ")
  }
}
