import BowlineCore
import BowlineTransport
import Synchronization
import Testing

/// Writes down what its loop tells it.
private final class Listening: LoopClient {
  unowned let loop: EventLoop
  var log: [String] = []

  init(_ loop: EventLoop) { self.loop = loop }

  func acceptable(_ listener: ListenerID) { log.append("acceptable") }
  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    log.append("ready \(token)")
  }
  func expired(_ token: UInt64, buffer: inout ReadBuffer) {
    log.append("expired \(token)")
    if token == 1 { loop.schedule(2, at: loop.now) }
  }
  func receive(_ message: any Sendable) {
    log.append("message \(message)")
    if message as? String == "stop" { loop.stop() }
  }
  func turnEnded(buffer: inout ReadBuffer) { log.append("end") }
}

@Suite struct LoopTests {
  @Test func aMessageFromAnotherThreadWakesAndStopsTheLoop() throws {
    let loop = EventLoop(network: try EpollNetwork())
    let mailbox = loop.mailbox
    let log = Handoff<[String]>([])
    let thread = try LoopThread.start(name: "a name longer than the kernel's") {
      let client = Listening(loop)
      loop.client = client
      loop.run()
      _ = log.offer(&client.log)
      loop.client = nil
    }
    mailbox.post("hello")
    mailbox.post("stop")
    thread.join()
    var heard: [String] = []
    #expect(log.take(&heard))
    #expect(heard.filter { $0 != "end" } == ["message hello", "message stop"])
    #expect(heard.last == "end")
  }

  @Test func aTurnDeliversDeadlinesThenMessagesThenItsEnd() throws {
    let loop = EventLoop(network: try EpollNetwork())
    let client = Listening(loop)
    loop.client = client
    defer { loop.client = nil }
    var buffer = ReadBuffer()
    loop.schedule(1, at: Instant(nanoseconds: 0))
    loop.mailbox.post("mail")
    loop.turn(buffer: &buffer, wait: false)
    // Scheduled for now while expiring: the next turn's, not this one's.
    #expect(client.log == ["expired 1", "message mail", "end"])
    client.log = []
    loop.turn(buffer: &buffer, wait: true)
    #expect(client.log == ["expired 2", "end"])
  }

  @Test func mailPostedBeforeTheWaitIsNotSleptOver() throws {
    let loop = EventLoop(network: try EpollNetwork())
    let client = Listening(loop)
    loop.client = client
    defer { loop.client = nil }
    var buffer = ReadBuffer()
    for number in 1...3 {
      loop.mailbox.post(number)
      loop.turn(buffer: &buffer, wait: true)
    }
    #expect(client.log.filter { $0 != "end" } == ["message 1", "message 2", "message 3"])
  }

  @Test func thereIsAtLeastOneProcessorAndRoomForDescriptors() {
    #expect(ProcessLimits.processors >= 1)
    let limit = ProcessLimits.raiseDescriptorLimit()
    #expect(limit >= 256)
    #expect(ProcessLimits.raiseDescriptorLimit() == limit)
  }
}
