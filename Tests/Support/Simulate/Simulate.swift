import BowlineCore
import BowlineTransport
import Glibc
import Simulation
import Synchronization

// Runs seeds of the simulator. `make simulate` builds and runs this in release.
//
//     Simulate [--first N] [--seeds N] [--jobs N]    many seeds; a page about them
//     Simulate --seed N [--trace]                    one seed; with what arrived where
//     Simulate --any-faults …                        a kind of fault may be missing

/// What the command line asks for.
private struct Orders: Sendable {
  var first: UInt64 = 1
  var seeds: UInt64 = 2000
  var jobs = 1
  var seed: UInt64?
  var traces = false
  /// Kinds of faults that never occurred are a failure.
  var wantsAll = true

  init?(_ words: [String]) {
    var index = 0
    while index < words.count {
      let value = index + 1 < words.count ? UInt64(words[index + 1]) : nil
      switch (words[index], value) {
      case ("--trace", _): traces = true
      case ("--any-faults", _): wantsAll = false
      case ("--first", let number?): first = number
      case ("--seeds", let number?): seeds = number
      case ("--jobs", let number?): jobs = Int(max(1, min(UInt64(mostJobs), number)))
      case ("--seed", let number?): seed = number
      default: return nil
      }
      index += words[index].hasPrefix("--s") || words[index] == "--first" ? 2 : 1
      if words[index - 1] == "--jobs" { index += 1 }
    }
  }
}

private let mostJobs = 16

/// The seeds that run now, for the last words of a process that traps.
private let running = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }

/// What the threads share.
private final class Progress: Sendable {
  struct State: Sendable {
    var next: UInt64
    var tally = Tally()
    var failure: Verdict?
  }

  private let state: Mutex<State>
  private let end: UInt64

  init(_ orders: Orders) {
    state = Mutex(State(next: orders.first))
    end = orders.first + orders.seeds
  }

  /// The next seeds to run; none when all have run or one has failed.
  func take() -> Range<UInt64> {
    state.withLock { state in
      if state.failure != nil || state.next >= end { return 0..<0 }
      let range = state.next..<min(state.next + 50, end)
      state.next = range.upperBound
      return range
    }
  }

  /// Adds what seeds came to. Says how far it is, now and then.
  func add(_ tally: Tally) {
    state.withLock { state in
      let before = state.tally.seeds / 100_000
      state.tally += tally
      if state.tally.seeds / 100_000 > before { say("so far: \(state.tally.seeds) seeds") }
    }
  }

  /// Of several the smallest seed counts.
  func fail(_ verdict: Verdict) {
    state.withLock { state in
      if let earlier = state.failure, earlier.seed < verdict.seed { return }
      state.failure = verdict
    }
  }

  var outcome: (tally: Tally, failure: Verdict?) { state.withLock { ($0.tally, $0.failure) } }
}

@main struct Simulate {
  static func main() throws {
    guard let orders = Orders(Array(CommandLine.arguments.dropFirst())) else {
      say("usage: Simulate [--first N] [--seeds N] [--jobs N] [--any-faults] | --seed N [--trace]")
      exit(2)
    }
    nameSeedsOnTrap()
    if let seed = orders.seed {
      try runOne(seed, orders)
    } else {
      try runMany(orders)
    }
  }

  private static func runOne(_ seed: UInt64, _ orders: Orders) throws {
    running[0].store(seed, ordering: .relaxed)
    let verdict = try Simulation.run(seed: seed, isVerbose: true, bell: Doorbell())
    if orders.traces { verdict.trace.forEach(say) }
    verdict.conversation.forEach(say)
    say(verdict.tally.text)
    say("seed \(seed), digest \(String(verdict.digest, radix: 16))")
    if let violation = verdict.violation { fail(verdict, violation) }
  }

  private static func runMany(_ orders: Orders) throws {
    let progress = Progress(orders)
    let began = Clock.monotonic()
    var threads: [LoopThread] = []
    for job in 0..<orders.jobs {
      threads.append(
        try LoopThread.start(name: "simulate") {
          do {
            try work(job, progress)
          } catch {
            say("no bell: \(error)")
            exit(1)
          }
        })
    }
    for thread in threads { thread.join() }
    let (tally, failure) = progress.outcome
    let milliseconds = Clock.monotonic().since(began) / 1_000_000
    say(tally.text)
    say(
      "wall time \(milliseconds / 1000).\(milliseconds / 100 % 10) s, jobs \(orders.jobs), "
        + "\(milliseconds * 1000 * Int64(orders.jobs) / Int64(max(tally.seeds, 1))) us each"
    )
    if let failure, let violation = failure.violation { fail(failure, violation) }
    if orders.wantsAll && !tally.missing.isEmpty {
      say("these faults never occurred: \(tally.missing.joined(separator: ", "))")
      exit(1)
    }
  }

  private static func work(_ job: Int, _ progress: Progress) throws {
    let bell = try Doorbell()
    while true {
      let seeds = progress.take()
      if seeds.isEmpty { return }
      var tally = Tally()
      for seed in seeds {
        running[job].store(seed, ordering: .relaxed)
        let verdict = try Simulation.run(seed: seed, bell: bell)
        tally += verdict.tally
        if verdict.violation != nil {
          progress.fail(verdict)
          break
        }
      }
      progress.add(tally)
    }
  }

  private static func fail(_ verdict: Verdict, _ violation: Violation) {
    say("seed \(verdict.seed) breaks: \(violation.rule): \(violation.detail)")
    say("replay it with: make simulate SEED=\(verdict.seed)")
    exit(1)
  }

  /// A precondition that fails ends the process: the seed must be known then, too.
  private static func nameSeedsOnTrap() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
      signal(number) { number in
        var seeds = ""
        for job in 0..<mostJobs {
          let seed = running[job].load(ordering: .relaxed)
          if seed != 0 { seeds += " \(seed)" }
        }
        say("trapped; the seeds that ran:\(seeds). Replay one with: make simulate SEED=N")
        _exit(number)
      }
    }
  }
}

/// Writes a line at once.
private func say(_ line: String) {
  // Nobody reads any more: nothing can be said about that either.
  try? StandardStream.output.write(line + "\n")
}
