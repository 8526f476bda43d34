// Commentary on replays: how far a failed attempt had come, and why it was not made again.

package import BowlineCore

extension Evidence {
  /// The commentary.
  package var explanation: CodeText {
    switch self {
    case .notConnected:
      CodeText(
        "No connection to the upstream came about.",
        advice: "No byte of the request can have arrived, so nothing was done.")
    case .nothingWritten:
      CodeText(
        "The connection was gone before a byte of the request was handed to the kernel.",
        advice: "Nothing was done, so even a POST is sent again if its connection was reused.")
    case .unacknowledged:
      CodeText(
        "The request was written, but the upstream had ended its stream (FIN) and its kernel never "
          + "acknowledged a byte of it.",
        advice: "Most likely nobody has read it. GET and other idempotent requests are sent again; "
          + "with `replay.after-fin` so is every other. It is off because an upstream that only "
          + "half-closes could still read the request.")
    case .partlyWritten:
      CodeText(
        "Some of the request was handed to the kernel, and nothing came back.",
        advice: "The upstream may have begun to act on it: only an idempotent request is sent "
          + "again.")
    case .allWritten:
      CodeText(
        "All of the request was handed to the kernel, and nothing came back.",
        advice: "The upstream may have executed it, even if it reset the connection and "
          + "acknowledged nothing: only an idempotent request is sent again.")
    case .responseBegan:
      CodeText(
        "At least one byte of a response came back.",
        advice: "The upstream was at work on the request, so it is never sent again.")
    }
  }
}

extension ReplayRefusal {
  /// The commentary.
  package var explanation: CodeText {
    switch self {
    case .responseBegan, .switchedOff, .attemptsUsedUp, .notReused, .stillAtWork: textOfAttempt
    case .notIdempotent, .bodyGone, .deadlineOver, .budgetSpent: textOfRequest
    }
  }

  private var textOfAttempt: CodeText {
    switch self {
    case .switchedOff:
      CodeText(
        "Replays are switched off: `replay.attempts` is 0.",
        advice: "With 1, the default, clients do not notice when an upstream closes a connection "
          + "just as it is used.")
    case .attemptsUsedUp:
      CodeText(
        "The request had been sent again `replay.attempts` times.",
        advice: "The new connection failed as well, so the upstream is in trouble. The end reason "
          + "says how the last attempt ended, `replay.cause` how an earlier one did.")
    case .notReused:
      CodeText(
        "The connection was new, so its failure was no race with an idle close.",
        advice: "Sending again would meet the same upstream in the same state. The end reason says "
          + "what is wrong with it.")
    case .stillAtWork:
      CodeText(
        "The upstream was silent, not gone, and may still be at work on the request.",
        advice: "Sending it again would give a slow upstream the same work twice. See "
          + "`upstream.timeout.waiting`.")
    default:
      CodeText(
        "A response had begun before the attempt failed.",
        advice: "The request was at work, and what the client has may be part of the answer. The "
          + "end reason says how the response ended.")
    }
  }

  private var textOfRequest: CodeText {
    switch self {
    case .bodyGone:
      CodeText(
        "Content of the request was passed on and not kept, because it was larger than "
          + "`replay.body`.",
        advice: "The client can send it again. Raise `replay.body` to keep more, for each request "
          + "under way.")
    case .deadlineOver:
      CodeText(
        "The next attempt would have begun later than `replay.deadline` after the request asked "
          + "for its first connection.",
        advice: "The attempts before took that long: the upstream is slow to fail. Raise "
          + "`replay.deadline` only if clients wait that long.")
    case .budgetSpent:
      CodeText(
        "More than `replay.budget` percent of the last ten seconds' requests were replays already.",
        advice: "Many connections die at once: the upstream is restarting or overloaded, and more "
          + "replays would make it worse. If it closes idle connections early, set "
          + "`upstream.idle-timeout` below its own.")
    default:
      CodeText(
        "The request may have been executed, and doing it twice is not the same as doing it once.",
        advice: "Only GET, HEAD, OPTIONS, TRACE, PUT and DELETE are sent again (RFC 9110 §9.2.2). "
          + "The client must decide. If it is frequent, set `upstream.idle-timeout` below the "
          + "upstream's own; see also `written-unacknowledged`.")
    }
  }
}
