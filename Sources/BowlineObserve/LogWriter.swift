// The log writer: one thread between the loops and stdout.
//
// Each loop owns a hand-off slot and puts batches of ended records into it. The writer takes them,
// counts them, formats them and writes them. Loops never wait: when the writer is slow, the slot
// stays full, the loop's own batch fills up to `log.buffer`, and what does not fit is dropped and
// counted there.
//
//   awake    looks at every slot, every 20 ms; loops ring for free
//   asleep   after a second without a record; the first ring wakes it
//   stopping looks at every slot until all are empty, then ends
//
// stdout may block (a paused terminal, a full pipe): only this thread waits then. When nobody reads
// stdout any more, writing ends for good and only counting goes on.

internal import BowlineCore
package import BowlineJournal
package import BowlineTransport
internal import Synchronization

/// Takes records from the loops, counts them, and writes the access log.
package final class LogWriter: Sendable {
  /// Milliseconds between two looks while there is traffic.
  private static let interval = 20
  /// Looks without a record before the writer goes to sleep: one second.
  private static let patience = 50
  /// A batch of this size says that the next is already waiting.
  private static let busySize = 256 << 10

  private let sources: [Handoff<RecordBatch>]
  private let bell: Doorbell
  private let log: AccessLog?
  private let output: any LogOutput
  private let complaints: any LogOutput
  private let clock: @Sendable () -> WallClock
  private let totals = Mutex(Counters())
  private let isStopping = Atomic(false)
  private let hasEnded = Atomic(false)
  private let ended: Doorbell
  private let thread = Mutex<LoopThread?>(nil)

  /// - Parameters:
  ///   - sources: one slot for each loop.
  ///   - bell: what loops ring after a successful offer.
  ///   - log: how lines are written; nil writes none and only counts.
  ///   - output: where lines go.
  ///   - complaints: where it is said that records were dropped, once per second at most.
  ///   - clock: both clocks, read for each batch, so that a corrected wall clock is followed.
  /// - Throws: when no descriptor is left.
  package init(
    sources: [Handoff<RecordBatch>], bell: Doorbell, log: AccessLog?,
    output: any LogOutput = StandardStream.output,
    complaints: any LogOutput = StandardStream.error,
    clock: @escaping @Sendable () -> WallClock = WallClock.read
  ) throws(SystemError) {
    self.sources = sources
    self.bell = bell
    self.log = log
    self.output = output
    self.complaints = complaints
    self.clock = clock
    ended = try Doorbell()
  }

  /// Starts the thread. Throws when the system has none left.
  package func start() throws(SystemError) {
    let started = try LoopThread.start(name: "bowline-log") { [self] in
      run()
      hasEnded.store(true, ordering: .sequentiallyConsistent)
      ended.ring()
    }
    thread.withLock { $0 = started }
  }

  /// Totals up to now.
  package var counters: Counters { totals.withLock { $0 } }

  /// Writes everything that was offered, and ends the thread. To be called after the loops' last
  /// offers; again, to wait longer for a log that was not complete.
  ///
  /// - Parameter patience: milliseconds to wait for a reader of stdout that does not read. After
  ///   that the rest of the log is given up: an exit must not hang on a paused terminal.
  /// - Returns: what to say on stderr.
  package func stop(patience: Int = 2_000) -> ExitSummary {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    bell.ring()
    ended.prepareToSleep()
    if !hasEnded.load(ordering: .sequentiallyConsistent) { ended.wait(milliseconds: patience) }
    let isComplete = hasEnded.load(ordering: .sequentiallyConsistent)
    if isComplete, let thread = thread.withLock({ $0.take() }) { thread.join() }
    return ExitSummary(counters, isLogComplete: isComplete)
  }

  private func run() {
    var shift = Shift()
    var idleLooks = 0
    while true {
      let isLast = isStopping.load(ordering: .sequentiallyConsistent)
      let taken = drain(&shift)
      complain(&shift, isLast: isLast)
      if taken > 0 {
        idleLooks = 0
      } else if isLast {
        return
      } else {
        idleLooks += 1
      }
      if isLast || taken >= Self.busySize { continue }
      if idleLooks < Self.patience || shift.droppedUnsaid > 0 {
        bell.wait(milliseconds: Self.interval)
        continue
      }
      bell.prepareToSleep()
      // Look once more: an offer made before `prepareToSleep` did not ring.
      if drain(&shift) > 0 || isStopping.load(ordering: .sequentiallyConsistent) {
        bell.stayAwake()
        idleLooks = 0
      } else {
        bell.wait()
      }
    }
  }

  /// What the thread keeps while it works.
  private struct Shift: ~Copyable {
    var batch = RecordBatch()
    var lines = ByteBuffer(capacity: 64 << 10)
    var isWriting = true
    var hasSaidWhyNot = false
    var droppedUnsaid = 0
    var lastComplaint: Int64 = 0
  }

  /// Takes what every slot holds, once. Returns the size of what was taken.
  private func drain(_ shift: inout Shift) -> Int {
    var taken = 0
    for source in sources where source.take(&shift.batch) {
      taken += max(shift.batch.size, 1)
      totals.withLock { $0.add(shift.batch) }
      shift.droppedUnsaid += shift.batch.dropped
      if let log, shift.isWriting {
        log.write(shift.batch, clock: clock(), into: &shift.lines)
        write(&shift)
      }
      shift.batch.removeAll()
    }
    return taken
  }

  private func write(_ shift: inout Shift) {
    if shift.lines.isEmpty { return }
    do {
      try output.write(shift.lines.span)
    } catch {
      let lost = shift.lines.count
      totals.withLock { $0.addNotWritten(lost) }
      if error == .brokenPipe {
        shift.isWriting = false
        say("bowline: nobody reads the log any more; it is no longer written\n")
      } else if !shift.hasSaidWhyNot {
        shift.hasSaidWhyNot = true
        say("bowline: the log cannot be written: \(error)\n")
      }
    }
    shift.lines.removeAll()
  }

  /// Nobody can be told when talking fails.
  private func say(_ text: String) { try? complaints.write(Array(text.utf8).span) }

  /// Says that records were dropped, at most once per second, and before the end.
  private func complain(_ shift: inout Shift, isLast: Bool) {
    if shift.droppedUnsaid == 0 { return }
    let now = clock().instant.nanoseconds
    if !isLast && now - shift.lastComplaint < 1_000_000_000 && shift.lastComplaint != 0 { return }
    shift.lastComplaint = now
    let dropped = shift.droppedUnsaid
    shift.droppedUnsaid = 0
    say(
      "bowline: \(dropped) log record\(dropped == 1 ? " was" : "s were") dropped: the log's reader "
        + "is slower than the traffic (`\(SettingID.logBytes.name)` bounds what may wait)\n")
  }
}

/// Where lines go: a standard stream, or a test's memory. May block; only the log writer waits.
package protocol LogOutput: Sendable {
  /// Writes all of `bytes`. Throws `.brokenPipe` when nobody reads any more.
  func write(_ bytes: Span<UInt8>) throws(SystemError)
}

/// SIGPIPE must be ignored, or a reader that has gone ends the process. `Signals` sees to that.
extension StandardStream: LogOutput {}

extension WallClock {
  /// Both clocks of the system, now.
  package static let read: @Sendable () -> WallClock = {
    WallClock(seconds: 0, nanoseconds: Clock.wallNanoseconds(), instant: Clock.monotonic())
  }
}
