// The commentary on ends that a peer caused. See EndReasonText.swift.

extension EndReasonText {
  /// The client did it.
  static let client: [EndReasonText] = [
    EndReasonText(
      .clientClosedHead,
      "The client closed its connection in the middle of a request head.",
      advice: "A cancelled request, a lost network, or a scanner. Nothing was forwarded."),
    EndReasonText(
      .clientClosedBody,
      "The client closed its connection before it had sent all of the content it announced.",
      advice:
        "Usually a cancelled upload. The upstream saw an incomplete request and must not have "
        + "acted on it."),
    EndReasonText(
      .clientClosedResponse,
      "The client closed its connection before it had the whole response.",
      advice: "People reload and cancel; a few are normal. If `duration` clusters around a round "
        + "number, it is the client's own timeout: make the upstream faster, or it longer."
    ),
    EndReasonText(
      .clientResetIdle,
      "The client reset its connection while no request was under way.",
      advice: "Harmless: some clients and load balancers close with a reset."),
    EndReasonText(
      .clientResetRequest,
      "The client reset its connection while sending a request.",
      advice: "A crashed or killed client, or a middlebox. A few are normal."),
    EndReasonText(
      .clientResetResponse,
      "The client reset its connection while we were answering.",
      advice: "A client that has read enough, or that was killed. If it is frequent for large "
        + "responses, clients probably give up: compare `duration`."),
    EndReasonText(
      .clientFaultHead,
      "The client sent a request head that is not valid HTTP; `fault` says which rule it broke.",
      advice:
        "The client gets a 4xx answer and the connection is closed, because nothing after the "
        + "fault can be trusted. `fault.offset` is the place of the byte. If the client is yours, "
        + "repair it; there is no lenient mode."),
    EndReasonText(
      .clientFaultBody,
      "The client sent content whose framing is not valid HTTP; `fault` says which rule it broke.",
      advice: "The client's chunked coding or lengths are wrong. The connection is closed, because "
        + "the start of the next request cannot be known."),
    EndReasonText(
      .clientStalledWrite,
      "The client did not take a single byte of our response for `write.stall-timeout`.",
      advice: "A stuck or vanished client. Raise `write.stall-timeout` only if clients pause on "
        + "purpose, such as players of long media."),
    EndReasonText(
      .clientTimeoutHead,
      "The client did not send a whole request head within `client.head-timeout`.",
      advice: "Nothing to do for a few: slow networks exist. Many from few addresses are a slow "
        + "loris, which this limit is for."),
    EndReasonText(
      .clientSlowBody,
      "The client sent content more slowly than `client.body-rate`.",
      advice: "The client got 408. Lower `client.body-rate` or raise `client.body-grace` if your "
        + "clients are honestly that slow."),
    EndReasonText(
      .clientClosedTunnel,
      "The client ended its side of a tunnel first; both sides were then ended in good order.",
      advice: "Nothing to do: this is how a tunnel should end."),
    EndReasonText(
      .clientResetTunnel,
      "The client reset its connection in the middle of a tunnel.",
      advice: "Normal for clients that are killed or that leave a page. The upstream's side was "
        + "cut too, so that it does not take a part for the whole."),
  ]

  /// The upstream did it.
  static let upstream: [EndReasonText] = upstreamConnecting + upstreamNames + upstreamAnswering

  private static let upstreamConnecting: [EndReasonText] = [
    EndReasonText(
      .upstreamRefusedDialling,
      "The upstream refused the connection: nothing listens at its address and port.",
      advice: "Check that the upstream runs and listens on the address given with `--to`. An "
        + "upstream that listens on 127.0.0.1 cannot be reached from another container."),
    EndReasonText(
      .upstreamTimeoutDialling,
      "The upstream did not answer our attempt to connect within `upstream.connect-timeout`.",
      advice:
        "A firewall that drops packets, a host that is down, or an upstream whose queue of new "
        + "connections is full."),
    EndReasonText(
      .upstreamUnreachableDialling,
      "The system has no route to the upstream's address.",
      advice: "Check the address given with `--to`, and the network of this machine or container."),
    EndReasonText(
      .upstreamClosedOnReuse,
      "The upstream closed a reused connection just as our request was on its way.",
      advice:
        "The keep-alive race: the upstream's idle timeout ran out at that moment. Requests that "
        + "may be sent twice were sent again on a new connection, the others got 502. Set "
        + "`upstream.idle-timeout` below the upstream's own."),
    EndReasonText(
      .upstreamResetOnReuse,
      "The upstream reset a reused connection just as our request was on its way.",
      advice: "The keep-alive race: the upstream had closed the connection already. Requests that "
        + "may be sent twice were sent again on a new connection, the others got 502. Set "
        + "`upstream.idle-timeout` below the upstream's own."),
  ]

  private static let upstreamNames: [EndReasonText] = [
    EndReasonText(
      .upstreamUnknownName,
      "The name that the request asked for has no address.",
      advice: "Usually a mistyped host. `getent ahosts NAME` on this machine asks the same "
        + "resolver."),
    EndReasonText(
      .upstreamTimeoutResolving,
      "The name that the request asked for was not found within `upstream.resolve-timeout`.",
      advice: "The name servers in /etc/resolv.conf are slow or down; the client got 504."),
  ]

  private static let upstreamAnswering: [EndReasonText] = [
    EndReasonText(
      .upstreamClosedWaiting,
      "The upstream closed a new connection without sending any byte of a response.",
      advice:
        "The upstream took the request and gave up: a crash, a restart, or a limit of its own. "
        + "Its log of the same moment should say. The client got 502."),
    EndReasonText(
      .upstreamClosedResponse,
      "The upstream closed the connection in the middle of its response.",
      advice:
        "A crash or a timeout at the upstream while it was answering. The client's connection "
        + "was cut, so that it does not take the part for the whole."),
    EndReasonText(
      .upstreamResetSending,
      "The upstream reset the connection while we were sending the request.",
      advice:
        "Often an upstream that refuses large uploads and closes without reading them. See its "
        + "limit for content."),
    EndReasonText(
      .upstreamResetWaiting,
      "The upstream reset a new connection before any byte of its response.",
      advice: "The upstream, or something between, dropped the request: a crash, a restart, or a "
        + "limit of its own. The client got 502."),
    EndReasonText(
      .upstreamResetResponse,
      "The upstream reset the connection in the middle of its response.",
      advice: "A crash or an abort at the upstream while it was answering. The client's connection "
        + "was cut, so that it does not take the part for the whole."),
    EndReasonText(
      .upstreamFaultHead,
      "The upstream sent a response head that is not valid HTTP; `fault` says which rule it broke.",
      advice:
        "The client got 502. `fault.offset` is the place of the byte. A port that "
        + "speaks HTTPS or another protocol looks like this."),
    EndReasonText(
      .upstreamFaultBody,
      "The upstream sent content whose framing is not valid HTTP; `fault` says which rule "
        + "it broke.",
      advice:
        "The upstream's chunked coding or lengths are wrong. The client's connection was cut, "
        + "so that it does not take the part for the whole."),
    EndReasonText(
      .upstreamTimeoutResponse,
      "The upstream did not begin its response within `upstream.response-timeout`.",
      advice: "The client got 504. `phase.waiting` shows how long other requests wait. Make the "
        + "upstream faster, or raise `upstream.response-timeout` if such waits are expected."),
    EndReasonText(
      .upstreamStalledWrite,
      "The upstream did not take a single byte of the request for `write.stall-timeout`.",
      advice: "The upstream accepted the connection and does not read: it is overloaded or stuck."),
    EndReasonText(
      .upstreamUnexpectedBytes,
      "The upstream sent bytes while no response was due.",
      advice: "The connection was dropped, because those bytes could be taken for the response to "
        + "the next request. The upstream's lengths are wrong, or it answers what nobody asked."),
    EndReasonText(
      .upstreamTimeoutBody,
      "The upstream fell silent in the middle of its response for `upstream.response-timeout`.",
      advice: "The client's connection was cut, so that it does not take the part for the whole. "
        + "Raise `upstream.response-timeout` for streams with long pauses."),
    EndReasonText(
      .upstreamClosedTunnel,
      "The upstream ended its side of a tunnel first; both sides were then ended in good order.",
      advice: "Nothing to do: this is how a tunnel should end."),
    EndReasonText(
      .upstreamResetTunnel,
      "The upstream reset its connection in the middle of a tunnel.",
      advice: "A crash or an abort at the far end. The client's side was cut too, so that it does "
        + "not take a part for the whole."),
    EndReasonText(
      .upstreamHungOnReuse,
      "The upstream gave no byte to a request on a reused connection for `upstream.hung-timeout`.",
      advice: "It looks like a relay that copies Connection fields and waits for the connection to "
        + "end. Requests that may be sent twice were sent again, the others got 504, and no "
        + "connection to it is reused for `upstream.hung-memory`. If the upstream is only slow, "
        + "raise `upstream.hung-timeout`."),
  ]
}
