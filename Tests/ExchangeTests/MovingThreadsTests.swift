import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Synchronization
import Testing

/// Two loops on two threads hand one link to and fro, with a request each time.
struct MovingThreadsTests {
  private static let exchanges: UInt32 = 400

  /// What the threads and the test know of each other.
  private final class Meeting: Sendable {
    struct State {
      var mailboxes: [Mailbox?] = [nil, nil]
      var records: [ConnectionRecord] = []
      var linksLeft = 0
      var isOver = false
    }
    let state = Mutex(State())

    func mailbox(_ number: Int) -> Mailbox? { state.withLock { $0.mailboxes[number] } }
    var isOver: Bool { state.withLock { $0.isOver } }
  }

  /// The life of one loop, on its own thread.
  private static func live(_ number: Int, _ meeting: Meeting) throws {
    let seat = try Seat(try EpollNetwork(), number: UInt16(number), Settings())
    meeting.state.withLock { $0.mailboxes[number] = seat.loop.mailbox }
    seat.onParcel = { _ = $0.caller.request("/a") }
    seat.caller.onOpened = { _ = $0.request("/a") }
    seat.caller.onFinished = { caller in
      guard let link = caller.link else { return }
      if caller.links.exchangeCount(link) == exchanges {
        caller.links.close(link, .usPoolIdle)
        meeting.state.withLock { $0.isOver = true }
      } else if let parcel = caller.detach() {
        meeting.mailbox(1 - number)?.post(parcel)
      }
    }
    seat.loop.run()
    let records = seat.takeConnections()
    let left = seat.links.linkCount
    meeting.state.withLock {
      $0.records += records
      $0.linksLeft += left
    }
    seat.end()
  }

  @Test func aLinkGoesToAndFroBetweenTwoThreads() throws {
    let meeting = Meeting()
    let listener = try Listener.open(.loopback(0), backlog: 16)
    defer { listener.close() }
    let threads = try (0..<2).map { number in
      try LoopThread.start(name: "moving \(number)") {
        do { try Self.live(number, meeting) } catch { Issue.record(error) }
      }
    }
    let end = Clock.monotonic().advanced(milliseconds: 20_000)
    let outside = try EpollNetwork()
    outside.adopt(listener.id)
    var events: [NetworkEvent] = []
    while meeting.mailbox(0) == nil || meeting.mailbox(1) == nil, Clock.monotonic() < end {
      outside.wait(until: Clock.monotonic().advanced(milliseconds: 1), events: &events)
    }
    meeting.mailbox(0)?.post(Seat.Dial(address: listener.address))
    serve(outside, listener, until: end, meeting)
    for number in 0..<2 { meeting.mailbox(number)?.post(Seat.Halt()) }
    for thread in threads { thread.join() }

    let (records, left) = meeting.state.withLock { ($0.records, $0.linksLeft) }
    #expect(meeting.isOver)
    #expect(records.map(\.id) == [ConnectionID(loop: 0, count: 1)])
    #expect(records.map(\.exchanges) == [Self.exchanges])
    #expect(records.map(\.end) == [.usPoolIdle])
    #expect(left == 0)
  }

  /// Answers every request of one connection.
  private func serve(
    _ outside: EpollNetwork, _ listener: Listener, until end: Instant, _ meeting: Meeting
  ) {
    let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    let request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n".utf8.count
    var events: [NetworkEvent] = []
    var buffer = ReadBuffer()
    var socket: SocketID?
    var waiting = 0
    while !meeting.isOver, Clock.monotonic() < end {
      outside.wait(until: Clock.monotonic().advanced(milliseconds: 1), events: &events)
      if socket == nil, case .accepted(let taken, _) = outside.accept(listener.id) {
        socket = taken
        #expect(outside.watch(taken, token: 1 << 32) == nil)
      }
      guard let socket else { continue }
      buffer.bytes.removeAll()
      guard
        case .bytes(let count) = outside.receive(socket, into: &buffer, limit: ReadBuffer.size)
      else { continue }
      waiting += count
      while waiting >= request {
        waiting -= request
        _ = outside.send(socket, answer.span, Span<UInt8>())
      }
    }
    if let socket { outside.close(socket, .orderly) }
  }
}
