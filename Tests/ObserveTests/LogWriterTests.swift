import BowlineCore
import BowlineJournal
import BowlineObserve
import BowlineTransport
import Foundation
import Glibc
import Testing

/// A writer on two pipes, with two loops that offer to it.
private final class Desk {
  let log = Pipe()
  let talk = Pipe()
  let sources = [Handoff(RecordBatch()), Handoff(RecordBatch())]
  let bell: Doorbell
  let writer: LogWriter

  init(_ access: AccessLog? = AccessLog(form: .json)) throws {
    bell = try Doorbell()
    writer = try LogWriter(
      sources: sources, bell: bell, log: access,
      output: OutputStream(fd: log.fileHandleForWriting.fileDescriptor),
      complaints: OutputStream(fd: talk.fileHandleForWriting.fileDescriptor), clock: { clock })
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

  /// Everything that was written to `pipe`. Its writing end is closed.
  func read(_ pipe: Pipe) throws -> String {
    try pipe.fileHandleForWriting.close()
    return String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  }
}

@Suite struct LogWriterTests {
  @Test func everythingOfferedIsWrittenBeforeTheEnd() throws {
    let desk = try Desk()
    try desk.writer.start()
    for number in 0..<40 {
      desk.offer(.proxied { $0.ordinal = UInt32(number + 1) }, from: number % 2)
    }
    let summary = desk.writer.stop()
    #expect(summary.isLogComplete)
    #expect(summary.counters.exchanges == 40)
    #expect(desk.writer.counters == summary.counters)
    let lines = try desk.read(desk.log).split(separator: "\n")
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
    #expect(try desk.read(desk.talk).isEmpty)
  }

  @Test func offersMadeBeforeTheStartAreNotLost() throws {
    let desk = try Desk()
    desk.offer(.proxied())
    try desk.writer.start()
    #expect(desk.writer.stop().counters.exchanges == 1)
  }

  @Test func withoutALogItOnlyCounts() throws {
    let desk = try Desk(nil)
    try desk.writer.start()
    desk.offer(.proxied())
    #expect(desk.writer.stop().counters.exchanges == 1)
    #expect(try desk.read(desk.log).isEmpty)
  }

  @Test func droppedRecordsAreCountedAndSaid() throws {
    let desk = try Desk()
    try desk.writer.start()
    var batch = RecordBatch.proxied()
    batch.dropped = 3
    desk.offer(batch)
    #expect(desk.writer.stop().counters.recordsDropped == 3)
    #expect(
      try desk.read(desk.talk)
        == "bowline: 3 log records were dropped: the log's reader is slower than the traffic "
        + "(`log.buffer` bounds what may wait)\n")
  }

  @Test func whenNobodyReadsTheLogCountingGoesOn() throws {
    let desk = try Desk()
    try desk.log.fileHandleForReading.close()
    try desk.writer.start()
    for _ in 0..<3 { desk.offer(.proxied()) }
    let summary = desk.writer.stop()
    #expect(summary.isLogComplete)
    #expect(summary.counters.exchanges == 3)
    #expect(summary.counters.bytesNotWritten > 0)
    #expect(
      try desk.read(desk.talk)
        == "bowline: nobody reads the log any more; it is no longer written\n")
  }

  @Test func aReaderThatDoesNotReadCannotHoldUpTheExit() throws {
    let desk = try Desk()
    try desk.writer.start()
    // More than any pipe holds.
    var batch = RecordBatch.proxied()
    batch.exchanges = Array(repeating: batch.exchanges[0], count: 4_000)
    desk.offer(batch)
    let summary = desk.writer.stop(patience: 20)
    #expect(!summary.isLogComplete)
    #expect(summary.text.hasSuffix("log        given up: nobody reads it\n"))
    // Let the thread go, before its descriptors are closed and given to other tests.
    try desk.log.fileHandleForReading.close()
    #expect(desk.writer.stop(patience: 60_000).isLogComplete)
  }
}

@Suite struct DoorbellTests {
  @Test func aRingBetweenPreparingAndSleepingIsNotLost() throws {
    let bell = try Doorbell()
    bell.prepareToSleep()
    bell.ring()
    #expect(bell.sleep(milliseconds: 10_000))
  }

  @Test func nobodyIsRungWhoIsAwake() throws {
    let bell = try Doorbell()
    bell.ring()
    #expect(!bell.sleep(milliseconds: 0))
    bell.prepareToSleep()
    bell.stayAwake()
    bell.ring()
    #expect(!bell.sleep(milliseconds: 0))
  }

  @Test func oneOfManyRingsIsEnough() throws {
    let bell = try Doorbell()
    bell.prepareToSleep()
    for _ in 0..<5 { bell.ring() }
    #expect(bell.sleep(milliseconds: 0))
    #expect(!bell.sleep(milliseconds: 0))
  }

  /// A producer that rings for each value, a consumer that sleeps whenever it finds none. A lost
  /// ring would leave a value in the slot and the consumer asleep.
  @Test func noValueIsLeftBehindASleeper() throws {
    let bell = try Doorbell()
    let slot = Handoff(0)
    let last = 20_000
    let producer = try WriterThread.start(name: "producer") {
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
      } else if !bell.sleep(milliseconds: 10_000) {
        missed += 1
        break
      }
    }
    #expect(missed == 0)
    while value < last { _ = slot.take(&value) }
    producer.join()
  }
}
