package import BowlineCore

/// Why a connection or an exchange ended: the closed registry. `who.what.when`.
///
/// Codes are append-only: a code is never renumbered, renamed or used again. The code is the log's
/// `end.reason` and `error.type`, the metric label, and the argument of `bowline explain`.
package enum EndReason: UInt8, Sendable, CaseIterable {
  // Exchanges
  case complete = 0
  // Connections that ended as they should
  case clientClosedIdle = 1
  case clientClosedUnused = 2
  case clientAskedClose = 3
  case usClosedAfterResponse = 4
  case usTimeoutIdle = 5
  case usDrain = 6
  case usDrainDeadline = 7
  case upstreamClosedIdle = 8
  case upstreamAskedClose = 9
  case usPoolIdle = 10
  case usPoolAge = 11
  case usPoolUses = 12
  case usPoolSurplus = 13
  case usPoolHint = 14
  case usPoolHop = 15
  case usClosedMaxRequests = 16
  case usPoolLearned = 17
  case usPoolPressure = 18
  case usPoolMadeRoom = 19
  // The client
  case clientClosedHead = 20
  case clientClosedBody = 21
  case clientClosedResponse = 22
  case clientResetIdle = 23
  case clientResetRequest = 24
  case clientResetResponse = 25
  case clientFaultHead = 26
  case clientFaultBody = 27
  case clientStalledWrite = 28
  case clientTimeoutHead = 29
  case clientSlowBody = 30
  case clientClosedTunnel = 31
  case clientResetTunnel = 32
  // The upstream
  case upstreamRefusedDialling = 40
  case upstreamTimeoutDialling = 41
  case upstreamUnreachableDialling = 42
  case upstreamClosedWaiting = 43
  case upstreamClosedOnReuse = 44
  case upstreamClosedResponse = 45
  case upstreamResetSending = 46
  case upstreamResetWaiting = 47
  case upstreamResetOnReuse = 48
  case upstreamResetResponse = 49
  case upstreamFaultHead = 50
  case upstreamFaultBody = 51
  case upstreamTimeoutResponse = 52
  case upstreamStalledWrite = 53
  case upstreamUnexpectedBytes = 54
  case upstreamTimeoutBody = 55
  case upstreamClosedTunnel = 56
  case upstreamResetTunnel = 57
  case upstreamUnknownName = 58
  case upstreamTimeoutResolving = 59
  case upstreamHungOnReuse = 60
  // Policy and limits
  case policyLimitHead = 70
  case policyLimitBody = 71
  case policyLimitConnections = 72
  case policyLimitWaiting = 73
  case policyTimeoutWaiting = 74
  case policyLimitLinger = 75
  case policyRefusedTarget = 76
  case policyEvictedIdle = 77
  case policyRefusedDestination = 85
  case policyRefusedCredentials = 86
  case policyRefusedLoop = 87
  case policyLimitOrigins = 88
  case policyLimitGather = 78
  case policyLimitPerAddress = 80
  case policyLimitHighWater = 81
  case policyTimeoutDeadline = 82
  // Ourselves and the machine below us
  case usShutdown = 90
  case usErrorDescriptors = 91
  case usErrorPorts = 92
  case usErrorInternal = 93
  case networkError = 94
  // The other side of the exchange failed; this connection had to end with it.
  case usAbortedUpstreamFailed = 95
  case usAbortedClientGone = 96
  // Tunnels that we cut
  case usTimeoutTunnel = 97
  case usTimeoutHalfClosed = 98
  // What we were sending could not be read to its end.
  case usErrorFile = 99

  /// The code: `who.what.when`.
  package var code: StaticString {
    switch self {
    case .complete: "us.complete"
    case .clientClosedIdle: "client.closed.idle"
    case .clientClosedUnused: "client.closed.unused"
    case .clientAskedClose: "client.asked.close"
    case .usClosedAfterResponse: "us.closed.after-response"
    case .usTimeoutIdle: "us.timeout.idle"
    case .usDrain: "us.drain.idle"
    case .usDrainDeadline: "us.drain.deadline"
    case .upstreamClosedIdle: "upstream.closed.idle"
    case .upstreamAskedClose: "upstream.asked.close"
    case .usPoolIdle: "us.pool.idle"
    case .usPoolAge: "us.pool.age"
    case .usPoolUses: "us.pool.uses"
    case .usPoolSurplus: "us.pool.surplus"
    case .usPoolHint: "us.pool.hint"
    case .usPoolHop: "us.pool.hop"
    case .usClosedMaxRequests: "us.closed.max-requests"
    case .usPoolLearned: "us.pool.learned"
    case .usPoolPressure: "us.pool.pressure"
    case .usPoolMadeRoom: "us.pool.made-room"
    case .clientClosedHead: "client.closed.head"
    case .clientClosedBody: "client.closed.body"
    case .clientClosedResponse: "client.closed.before-response"
    case .clientResetIdle: "client.reset.idle"
    case .clientResetRequest: "client.reset.request"
    case .clientResetResponse: "client.reset.response"
    case .clientFaultHead: "client.fault.head"
    case .clientFaultBody: "client.fault.body"
    case .clientStalledWrite: "client.stalled.write"
    case .clientTimeoutHead: "client.timeout.head"
    case .clientSlowBody: "client.slow.body"
    case .clientClosedTunnel: "client.closed.tunnel"
    case .clientResetTunnel: "client.reset.tunnel"
    case .upstreamRefusedDialling: "upstream.refused.dialling"
    case .upstreamTimeoutDialling: "upstream.timeout.dialling"
    case .upstreamUnreachableDialling: "upstream.unreachable.dialling"
    case .upstreamClosedWaiting: "upstream.closed.waiting"
    case .upstreamClosedOnReuse: "upstream.closed.on-reuse"
    case .upstreamClosedResponse: "upstream.closed.response"
    case .upstreamResetSending: "upstream.reset.sending"
    case .upstreamResetWaiting: "upstream.reset.waiting"
    case .upstreamResetOnReuse: "upstream.reset.on-reuse"
    case .upstreamResetResponse: "upstream.reset.response"
    case .upstreamFaultHead: "upstream.fault.head"
    case .upstreamFaultBody: "upstream.fault.body"
    case .upstreamTimeoutResponse: "upstream.timeout.waiting"
    case .upstreamStalledWrite: "upstream.stalled.write"
    case .upstreamUnexpectedBytes: "upstream.unexpected.bytes"
    case .upstreamTimeoutBody: "upstream.timeout.body"
    case .upstreamClosedTunnel: "upstream.closed.tunnel"
    case .upstreamResetTunnel: "upstream.reset.tunnel"
    case .upstreamUnknownName: "upstream.unknown.name"
    case .upstreamTimeoutResolving: "upstream.timeout.resolving"
    case .upstreamHungOnReuse: "upstream.hung.on-reuse"
    case .policyLimitHead: "policy.limit.head"
    case .policyLimitBody: "policy.limit.body"
    case .policyLimitConnections: "policy.limit.connections"
    case .policyLimitWaiting: "policy.limit.waiting"
    case .policyTimeoutWaiting: "policy.timeout.waiting"
    case .policyLimitLinger: "policy.limit.linger"
    case .policyRefusedTarget: "policy.refused.target"
    case .policyEvictedIdle: "policy.evicted.idle"
    case .policyRefusedDestination: "policy.refused.destination"
    case .policyRefusedCredentials: "policy.refused.credentials"
    case .policyRefusedLoop: "policy.refused.loop"
    case .policyLimitOrigins: "policy.limit.origins"
    case .policyLimitGather: "policy.limit.gather"
    case .policyLimitPerAddress: "policy.limit.per-address"
    case .policyLimitHighWater: "policy.limit.high-water"
    case .policyTimeoutDeadline: "policy.timeout.deadline"
    case .usShutdown: "us.shutdown.now"
    case .usErrorDescriptors: "us.error.descriptors"
    case .usErrorPorts: "us.error.ports"
    case .usErrorInternal: "us.error.internal"
    case .networkError: "network.error.socket"
    case .usAbortedUpstreamFailed: "us.aborted.upstream-failed"
    case .usAbortedClientGone: "us.aborted.client-gone"
    case .usTimeoutTunnel: "us.timeout.tunnel"
    case .usTimeoutHalfClosed: "us.timeout.half-closed"
    case .usErrorFile: "us.error.file"
    }
  }

  /// Who ended it; the first word of the code.
  package var blame: Blame {
    switch rawValue {
    case 1...3, 20...39: .client
    case 8, 9, 40...69: .upstream
    case 70...89: .policy
    case 94: .network
    default: .us
    }
  }
}
