import BowlineCore
import BowlineJournal
import BowlineObserve
import BowlineTransport
import Glibc
import Synchronization
import Testing

/// An output in memory. It can refuse every write, or let nobody through for a while.
private final class Paper: LogOutput {
  private struct State {
    var bytes: [UInt8] = []
    var error: SystemError?
  }
  private let state: Mutex<State>
  /// Held while the reader "does not read".
  let gate = Mutex(())

  init(refusing error: SystemError? = nil) { state = Mutex(State(error: error)) }

  func write(_ bytes: Span<UInt8>) throws(SystemError) {
    gate.withLock { _ in }
    if let error = state.withLock({ $0.error }) { throw error }
    var copy: [UInt8] = []
    for index in bytes.indices { copy.append(bytes[index]) }
    state.withLock { $0.bytes += copy }
  }

  var text: String { String(decoding: state.withLock { $0.bytes }, as: UTF8.self) }
}

/// A writer with two loops that offer to it.
private struct Desk {
  let log: Paper
  let talk = Paper()
  let sources = [Handoff(RecordBatch()), Handoff(RecordBatch())]
  let bell: Doorbell
  let writer: LogWriter

  init(_ access: AccessLog? = AccessLog(form: .json), refusing error: SystemError? = nil) throws {
    log = Paper(refusing: error)
    bell = try Doorbell()
    writer = try LogWriter(
      sources: sources, bell: bell, log: access, output: log, complaints: talk, clock: { clock })
  }

  /// Hands a batch over as a loop does, but waits for room.
  func offer(_ batch: RecordBatch, from loop: Int = 0) {
    var batch = batch
    for _ in 0..<50_000_000 {
      if sources[loop].offer(&batch) { return bell.ring() }
      sched_yield()
    }
    Issue.record("the writer takes nothing")
  }
}

@Suite struct LogWriterTests {
  @Test func everythingOfferedIsWrittenBeforeTheEnd() throws {
    let desk = try Desk()
    try desk.writer.start()
    for number in 0..<40 {
      desk.offer(.proxied { $0.ordinal = UInt32(number + 1) }, from: number % 2)
    }
    let summary = desk.writer.stop(patience: 60_000)
    #expect(summary.isLogComplete)
    #expect(summary.counters.exchanges == 40)
    #expect(desk.writer.counters == summary.counters)
    let lines = desk.log.text.split(separator: "\n")
    #expect(lines.count == 40)
    for loop in 0..<2 {
      // One loop's records stay in order.
      let mine = lines.compactMap { line -> Int? in
        let number = line.firstRange(of: #""connection.requests":"#).flatMap {
          Int(line[$0.upperBound...].prefix { $0 != "," })
        }
        return number.flatMap { ($0 - 1) % 2 == loop ? $0 : nil }
      }
      #expect(mine == Array(stride(from: loop + 1, through: 40, by: 2)))
    }
    #expect(desk.talk.text.isEmpty)
  }

  @Test func offersMadeBeforeTheStartAreNotLost() throws {
    let desk = try Desk()
    desk.offer(.proxied())
    try desk.writer.start()
    #expect(desk.writer.stop(patience: 60_000).counters.exchanges == 1)
    #expect(desk.log.text.hasSuffix("}\n"))
  }

  @Test func withoutALogItOnlyCounts() throws {
    let desk = try Desk(nil)
    try desk.writer.start()
    desk.offer(.proxied())
    #expect(desk.writer.stop(patience: 60_000).counters.exchanges == 1)
    #expect(desk.log.text.isEmpty)
  }

  @Test func droppedRecordsAreCountedAndSaid() throws {
    let desk = try Desk()
    try desk.writer.start()
    var batch = RecordBatch.proxied()
    batch.dropped = 3
    desk.offer(batch)
    #expect(desk.writer.stop(patience: 60_000).counters.recordsDropped == 3)
    #expect(
      desk.talk.text
        == "bowline: 3 log records were dropped: the log's reader is slower than the traffic "
        + "(`log.buffer` bounds what may wait)\n")
  }

  /// The clock of these tests stands still: one second never passes.
  @Test func dropsAreSaidOnceAndTheRestAtTheEnd() throws {
    let desk = try Desk()
    try desk.writer.start()
    var batch = RecordBatch.proxied()
    batch.dropped = 1
    for _ in 0..<4 { desk.offer(batch) }
    #expect(desk.writer.stop(patience: 60_000).counters.recordsDropped == 4)
    let lines = desk.talk.text.split(separator: "\n")
    let counts = lines.map { Int($0.split(separator: " ")[1]) ?? 0 }
    #expect(counts.first == 1)
    #expect(counts.count <= 3, "not once for each batch")
    #expect(counts.reduce(0, +) == 4, "none is left unsaid")
  }

  @Test func whenNobodyReadsTheLogCountingGoesOn() throws {
    let desk = try Desk(refusing: .brokenPipe)
    try desk.writer.start()
    for _ in 0..<3 { desk.offer(.proxied()) }
    let summary = desk.writer.stop(patience: 60_000)
    #expect(summary.isLogComplete)
    #expect(summary.counters.exchanges == 3)
    #expect(summary.counters.bytesNotWritten > 0)
    #expect(desk.talk.text == "bowline: nobody reads the log any more; it is no longer written\n")
  }

  @Test func whenTheDiskIsFullItIsSaidOnce() throws {
    let desk = try Desk(refusing: SystemError(code: ENOSPC))
    try desk.writer.start()
    for _ in 0..<3 { desk.offer(.proxied()) }
    let once = desk.writer.stop(patience: 60_000).counters.bytesNotWritten
    #expect(once > 0 && once % 3 == 0, "every batch was tried")
    #expect(desk.talk.text == "bowline: the log cannot be written: No space left on device\n")
  }

  @Test func aReaderThatDoesNotReadCannotHoldUpTheExit() throws {
    let desk = try Desk()
    desk.offer(.proxied())
    let summary = try desk.log.gate.withLock { _ in
      try desk.writer.start()
      return desk.writer.stop(patience: 20)
    }
    #expect(!summary.isLogComplete)
    #expect(summary.text.hasSuffix("log        given up: nobody reads it\n"))
    // Reading again lets the thread finish.
    #expect(desk.writer.stop(patience: 60_000).isLogComplete)
    #expect(desk.log.text.hasSuffix("}\n"))
  }
}

@Suite struct DoorbellTests {
  @Test func aRingBetweenPreparingAndSleepingIsNotLost() throws {
    let bell = try Doorbell()
    bell.prepareToSleep()
    bell.ring()
    #expect(bell.wait(milliseconds: 10_000))
  }

  @Test func nobodyIsRungWhoIsAwake() throws {
    let bell = try Doorbell()
    bell.ring()
    #expect(!bell.wait(milliseconds: 0))
    bell.prepareToSleep()
    bell.stayAwake()
    bell.ring()
    #expect(!bell.wait(milliseconds: 0))
  }

  @Test func oneOfManyRingsIsEnough() throws {
    let bell = try Doorbell()
    bell.prepareToSleep()
    for _ in 0..<5 { bell.ring() }
    #expect(bell.wait(milliseconds: 0))
    #expect(!bell.wait(milliseconds: 0))
  }

  /// A producer that rings for each value, a consumer that sleeps whenever it finds none. A lost
  /// ring would leave a value in the slot and the consumer asleep.
  @Test func noValueIsLeftBehindASleeper() throws {
    let bell = try Doorbell()
    let slot = Handoff(0)
    let last = 20_000
    let producer = try LoopThread.start(name: "producer") {
      for number in 1...last {
        var value = number
        while !slot.offer(&value) { sched_yield() }
        bell.ring()
      }
    }
    var value = 0
    var missed = 0
    while value < last {
      bell.prepareToSleep()
      if slot.take(&value) {
        bell.stayAwake()
      } else if !bell.wait(milliseconds: 10_000) {
        missed += 1
        break
      }
    }
    #expect(missed == 0)
    while value < last { _ = slot.take(&value) }
    producer.join()
  }
}
