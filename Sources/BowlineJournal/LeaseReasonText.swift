extension LeaseReason {
  /// The commentary.
  package var text: CodeText {
    switch self {
    case .none, .reused, .reusedTakenOver, .reusedAfterWait: textOfReuse
    case .newNoneIdle, .newNotProven, .newAfterReplay, .newHopCloses, .newAfterWait: textOfNew
    case .refusedLineFull, .refusedWaitTimeout, .refusedDial, .waitedInVain: textOfNone
    }
  }

  private var textOfReuse: CodeText {
    switch self {
    case .reused:
      CodeText(
        "The request went out on an idle connection of the pool.",
        advice: "Nothing to do: this is what the pool is for.")
    case .reusedTakenOver:
      CodeText(
        "The request went out on a connection that was idle on another loop and was moved here.",
        advice: "Nothing to do: it was cheaper than a new one.")
    case .reusedAfterWait:
      CodeText(
        "There were `upstream.connections` already; the request waited, and got one of them.",
        advice: "`phase.queued` shows how long it waited. If many requests wait, raise "
          + "`upstream.connections`, or make the upstream faster.")
    default:
      CodeText(
        "No upstream was asked for a connection.",
        advice: "Nothing to do. We answered ourselves, or the request ended before; its end reason "
          + "says why.")
    }
  }

  private var textOfNew: CodeText {
    switch self {
    case .newNotProven:
      CodeText(
        "The idle connections had rested too long to be trusted with a request that cannot be sent "
          + "again.",
        advice: "Nothing to do. A new connection costs a round trip; an idle one that has died "
          + "would cost the request.")
    case .newAfterReplay:
      CodeText(
        "The attempt before failed, and the request was sent again on a new connection.",
        advice: "`replay.cause` and `replay.evidence` say how it failed. If this is frequent, set "
          + "`upstream.idle-timeout` below the upstream's own.")
    case .newHopCloses:
      CodeText(
        "The upstream does not keep connections, so a new one was opened for this request alone.",
        advice: "Each request pays for a connection. Turn keep-alive on at the upstream, or at the "
          + "proxy between us and it.")
    case .newAfterWait:
      CodeText(
        "There were `upstream.connections` already; the request waited until one ended, and a new "
          + "one was opened.",
        advice: "`phase.queued` shows how long it waited. If many requests wait, raise "
          + "`upstream.connections`; if connections end often, see why in their records.")
    default:
      CodeText(
        "No connection was idle, so one was opened.",
        advice: "Normal for the first requests and when more come at a time than before. If nearly "
          + "all requests say so, the upstream does not keep connections: look at the end reasons "
          + "of its connections.")
    }
  }

  private var textOfNone: CodeText {
    switch self {
    case .refusedLineFull:
      CodeText(
        "No connection was free, and `upstream.waiting` requests waited already.",
        advice: "See `policy.limit.waiting`.")
    case .refusedWaitTimeout:
      CodeText(
        "No connection became free within `upstream.wait-timeout`.",
        advice: "See `policy.timeout.waiting`.")
    case .waitedInVain:
      CodeText(
        "The client went away while its request waited for a connection.",
        advice: "`phase.queued` shows how long it waited. If this is frequent, clients are less "
          + "patient than `upstream.wait-timeout`.")
    default:
      CodeText(
        "A connection was dialled, and none came about.",
        advice: "The end reason says why.")
    }
  }
}
