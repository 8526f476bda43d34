// What each end reason means, in words: the text behind `bowline explain`.
//
// The registry of reasons is `EndReason`; this is its commentary, one entry for each. The entries
// about peers are in EndReasonTextPeers.swift. A test keeps the two registries of one size.

import BowlineCore

/// The commentary on one end reason.
package struct EndReasonText: Sendable {
  package let reason: EndReason
  /// One sentence: what happened.
  package let meaning: String
  /// What a person can do about it; says so when there is nothing to do.
  package let advice: String

  init(_ reason: EndReason, _ meaning: String, advice: String) {
    self.reason = reason
    self.meaning = meaning
    self.advice = advice
  }
}

extension EndReason {
  /// One sentence: what happened.
  package var meaning: String { text.meaning }

  /// What a person can do about it.
  package var advice: String { text.advice }

  private var text: EndReasonText {
    EndReasonText.byNumber[Int(rawValue)]
      ?? EndReasonText(self, "No explanation is written yet.", advice: "Please report this.")
  }
}

extension EndReasonText {
  /// Every entry, in the order of the registry.
  package static let all: [EndReasonText] =
    orderly + client + upstream + policy + forwarding + ourselves

  fileprivate static let byNumber: [EndReasonText?] = {
    var table = [EndReasonText?](repeating: nil, count: 256)
    for entry in all { table[Int(entry.reason.rawValue)] = entry }
    return table
  }()

  /// Ends as they should be.
  private static let orderly: [EndReasonText] = [
    EndReasonText(
      .complete,
      "The response was sent to its last byte, and the client was still there.",
      advice: "Nothing to do: this is how an exchange should end."),
    EndReasonText(
      .clientClosedIdle,
      "The client closed its connection while no request was under way.",
      advice: "Nothing to do. Clients close connections that they have no use for."),
    EndReasonText(
      .clientClosedUnused,
      "The client opened a connection and closed it without sending a request.",
      advice: "Usually harmless: browsers open connections in advance, and health checks and port "
        + "scanners do no more than connect."),
    EndReasonText(
      .clientAskedClose,
      "The client asked for the connection to be closed after this response.",
      advice: "Nothing to do. If nearly all connections end so, the client does not reuse "
        + "connections (HTTP/1.0, or `Connection: close`), and each request pays for a new one."),
    EndReasonText(
      .usClosedAfterResponse,
      "We closed the connection after a response that could not be followed by another.",
      advice: "Expected after an error, after a body that the client had not finished sending, and "
        + "after a response whose end is the end of the connection. Look at the status of the last "
        + "exchange."),
    EndReasonText(
      .usTimeoutIdle,
      "The client's connection waited for its next request for `client.idle-timeout`.",
      advice:
        "Nothing to do. A longer `client.idle-timeout` keeps more connections open and spares "
        + "slow visitors a new one."),
    EndReasonText(
      .usDrain,
      "We are shutting down, and the connection was idle.",
      advice: "Nothing to do: no request was lost."),
    EndReasonText(
      .usDrainDeadline,
      "We are shutting down, and the exchange was not done within `drain.timeout`.",
      advice: "Give long responses more time with a larger `drain.timeout`, and let whatever "
        + "stops us wait at least that long before it kills."),
    EndReasonText(
      .upstreamClosedIdle,
      "The upstream closed a connection that was idle in the pool.",
      advice:
        "Harmless by itself: nothing was in flight. If it is frequent, the upstream's own idle "
        + "timeout is shorter than `upstream.idle-timeout`: set ours below it, so that we "
        + "close and no request meets a dying connection."),
    EndReasonText(
      .upstreamAskedClose,
      "The upstream asked for the connection to be closed after its response.",
      advice:
        "If nearly every response says so, keep-alive is off at the upstream and each request "
        + "pays for a new connection: turn it on there."),
    EndReasonText(
      .usPoolIdle,
      "An upstream connection was idle in the pool for `upstream.idle-timeout`.",
      advice: "Nothing to do."),
    EndReasonText(
      .usPoolAge,
      "An upstream connection had reached `upstream.max-age`.",
      advice: "Nothing to do: old connections are renewed so that load follows changes of the "
        + "upstream's addresses."),
    EndReasonText(
      .usPoolUses,
      "An upstream connection had carried `upstream.max-uses` requests.",
      advice: "Nothing to do, unless the number is small: then each renewal costs a new connection."
    ),
    EndReasonText(
      .usPoolSurplus,
      "An idle upstream connection was more than the load has needed lately, or of no use.",
      advice: "Nothing to do. If it is frequent, load comes in bursts."),
    EndReasonText(
      .usPoolHint,
      "The upstream had said in Keep-Alive for how long, or how often, it keeps a connection.",
      advice: "Nothing to do: closing a little before the upstream does spares requests the "
        + "keep-alive race. If it is frequent, give the upstream a longer keep-alive timeout."),
    EndReasonText(
      .usPoolHop,
      "The next hop does not keep connections, so this one carried no second request.",
      advice: "A request had hung on a reused connection (`upstream.hung.on-reuse`), as happens "
        + "behind a relay that knows nothing of keep-alive. One connection is tried again after "
        + "`upstream.hung-memory`. Replace the relay."),
    EndReasonText(
      .usPoolLearned,
      "The upstream was seen to close connections that rest about as long as this one had.",
      advice: "Nothing to do: closing a little before the upstream does spares requests the "
        + "keep-alive race. A longer idle timeout at the upstream means fewer new connections. "
        + "What was learned is forgotten after `upstream.learned-age`."),
    EndReasonText(
      .usPoolPressure,
      "An idle upstream connection was closed because no descriptor was left.",
      advice: "Raise the descriptor limit (`ulimit -n`), or lower `client.connections` or "
        + "`upstream.connections`."),
    EndReasonText(
      .usPoolMadeRoom,
      "An idle upstream connection gave its place to a new one.",
      advice: "`upstream.connections` was reached, and the idle connection had rested for longer "
        + "than `upstream.proven`, which is too long for a request that cannot be sent again. If "
        + "it is frequent, raise `upstream.connections`."),
    EndReasonText(
      .usClosedMaxRequests,
      "A client's connection had carried `client.max-requests` requests.",
      advice: "Nothing to do: the last response said `Connection: close`. If the number is small, "
        + "clients pay for many new connections."),
  ]

  /// Limits and decisions of ours.
  private static let policy: [EndReasonText] = [
    EndReasonText(
      .policyLimitHead,
      "A message head was larger than a limit allows; the record names the limit.",
      advice:
        "A client gets 431 or 414; an upstream's head makes a 502. If the head was legitimate "
        + "(large cookies are the usual cause), raise the setting that the record names; "
        + "otherwise leave it."),
    EndReasonText(
      .policyLimitBody,
      "The content was larger than `body.size`.",
      advice: "Clients get 413. Raise `body.size` if such uploads are meant to work."),
    EndReasonText(
      .policyLimitConnections,
      "There were as many client connections as `client.connections` allows.",
      advice: "Raise `client.connections`, or the descriptor limit that it is derived from "
        + "(`ulimit -n`), or shorten `client.idle-timeout` so that idle clients make room."),
    EndReasonText(
      .policyLimitWaiting,
      "No upstream connection was free, and `upstream.waiting` requests waited already.",
      advice: "The upstream is slower than its load. Clients get 503 at once instead of waiting. "
        + "Raise `upstream.connections` if the upstream can take more at a time."),
    EndReasonText(
      .policyTimeoutWaiting,
      "No upstream connection became free within `upstream.wait-timeout`.",
      advice: "The upstream is slower than its load. Raise `upstream.connections` if it can take "
        + "more at a time; a longer wait only moves the queue."),
    EndReasonText(
      .policyLimitLinger,
      "After our last response the client went on sending, and we stopped reading.",
      advice: "Nothing to do: the client was told with `Connection: close`. `linger.bytes`, "
        + "`linger.idle` and `linger.total` say how long we listen, so that the response can still "
        + "be read."),
    EndReasonText(
      .policyRefusedTarget,
      "The request asked for something that we do not serve or forward.",
      advice: "Look at the method and the target. A CONNECT or a request for another host's URL "
        + "means that somebody takes us for an open proxy."),
    EndReasonText(
      .policyEvictedIdle,
      "An idle client connection was closed early, to make room for a new one.",
      advice: "`client.connections` or the descriptor limit (`ulimit -n`) is nearly reached. Raise "
        + "it, or shorten `client.idle-timeout`."),
    EndReasonText(
      .policyLimitGather,
      "Content of unknown length for an HTTP/1.0 upstream was larger than `upstream.gather`.",
      advice: "The client got 411. Such an upstream must be told the length before the content, so "
        + "the content is gathered first. Raise `upstream.gather`, let the client send "
        + "Content-Length, or use an upstream that speaks HTTP/1.1."),
    EndReasonText(
      .policyLimitPerAddress,
      "The client's address had as many connections as `client.per-address` allows.",
      advice: "A few of an address's surplus connections are answered 429, the others are closed "
        + "at once. Many clients can share an address (NAT, another proxy): raise "
        + "`client.per-address` for them, or set it to 0."),
    EndReasonText(
      .policyLimitHighWater,
      "A client's connection was closed after its response, because `client.connections` was "
        + "nearly reached.",
      advice: "The response said `Connection: close`, so no request was lost. Raise "
        + "`client.connections` or `client.high-water` if this is everyday load."),
    EndReasonText(
      .policyTimeoutDeadline,
      "A request was sent again, and no response had begun by `replay.deadline`.",
      advice: "The client got 504. The first attempt failed (`replay.cause`), and what followed it "
        + "was slow: look at the upstream. `replay.deadline` counts from when the request asked "
        + "for its first connection."),
  ]

  /// What a forward proxy refuses.
  private static let forwarding: [EndReasonText] = [
    EndReasonText(
      .policyRefusedDestination,
      "The request asked for a destination that this proxy may not reach; the client got 403.",
      advice: "Without rules, CONNECT goes to port 443 only, and no request goes to loopback, "
        + "link-local, private or unspecified addresses, or to this proxy itself. `--allow` and "
        + "`--deny` change that, by host, network and port."),
    EndReasonText(
      .policyRefusedCredentials,
      "The request had no valid Proxy-Authorization for `--users`; the client got 407.",
      advice:
        "A first 407 is normal: many clients send credentials only when asked. If it goes on, "
        + "the name or the password is wrong."),
    EndReasonText(
      .policyRefusedLoop,
      "The request has been through this proxy before: our own name stands in its Via field.",
      advice:
        "Two proxies, or a proxy and a name server, point at each other. Follow the Via field "
        + "of the request. Proxies that must differ need different names (`--via`)."),
    EndReasonText(
      .policyLimitOrigins,
      "The request named a new origin, and `upstream.origins` others are in use.",
      advice: "Clients get 503. Raise `upstream.origins`, unless somebody is scanning."),
  ]

  /// Ourselves, and the machine below us.
  private static let ourselves: [EndReasonText] = [
    EndReasonText(
      .usShutdown,
      "We were told twice to stop, and stopped at once.",
      advice: "Send one SIGTERM and wait for `drain.timeout` to let requests finish."),
    EndReasonText(
      .usErrorDescriptors,
      "The process or the system had no file descriptor or socket memory left.",
      advice: "Raise the descriptor limit (`ulimit -n`, or LimitNOFILE in a systemd unit). Each "
        + "proxied client can need two."),
    EndReasonText(
      .usErrorPorts,
      "No local port was free for a connection to the upstream.",
      advice:
        "Connections are opened faster than the system forgets closed ones. Find out why they "
        + "are not reused (`upstream.asked.close`, `upstream.closed.idle`); widening "
        + "net.ipv4.ip_local_port_range only helps for a while."),
    EndReasonText(
      .usErrorInternal,
      "Something happened that we hold to be impossible.",
      advice: "This is a bug of ours. Please report it with the log lines around it."),
    EndReasonText(
      .usErrorFile,
      "A file became shorter while it was sent, or could not be read to its end.",
      advice: "Replace files by renaming a new one over the old: who is reading the old one keeps "
        + "it. If nobody changed it, look for disk errors in the system's log."),
    EndReasonText(
      .networkError,
      "The system reported an error on a socket that is neither a close nor a reset by the peer.",
      advice: "Often the path itself: a route that went away, a firewall, or a retransmission "
        + "timeout. `tcp.retransmits` in the record shows whether packets were lost before."),
    EndReasonText(
      .usAbortedUpstreamFailed,
      "We cut the client's connection, because the upstream failed in the middle of its response.",
      advice: "The client must see that the response is incomplete, and a cut is the only way to "
        + "say so. The record of the upstream connection says why it failed."),
    EndReasonText(
      .usAbortedClientGone,
      "We closed the upstream connection, because the client had gone away mid-exchange.",
      advice: "Nothing to do by itself: a connection with half a response on it cannot be reused. "
        + "If it is frequent, see why clients leave (`client.closed.before-response`)."),
    EndReasonText(
      .usTimeoutTunnel,
      "No byte went through a tunnel, either way, for `tunnel.idle-timeout`.",
      advice: "Raise `tunnel.idle-timeout` if its users are silent for so long on purpose, or let "
        + "them send something now and then (WebSocket has pings for that)."),
    EndReasonText(
      .usTimeoutHalfClosed,
      "One side had ended its stream of a tunnel, and the other was silent for "
        + "`tunnel.half-close-timeout`.",
      advice: "Nothing to do: the other side had probably gone. Raise the setting if it needs "
        + "longer to say its last word."),
  ]
}
