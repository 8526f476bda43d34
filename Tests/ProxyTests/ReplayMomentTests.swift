import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import Testing

/// Connections that die at one exact moment of the proxy's turn, with real sockets: the proxy, its
/// client and its origin are all on the test's thread.
@Suite struct ReplayMomentTests {
  private static let warm = "GET /warm HTTP/1.1\r\nHost: h\r\n\r\n"
  private static let post = "POST /order HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
  private static let sent = onward("POST /order", via: "1.1", "Content-Length: 2\r\n") + "hi"

  /// A proxy with one client, and an origin that has answered it once.
  private final class Moment {
    let network: InterruptedNetwork
    let peers: EpollNetwork
    private let loop: EventLoop
    private let proxy: ProxyLoop
    private let listeners: [Listener]
    private let handoff = Handoff(RecordBatch())
    private var batch = RecordBatch()
    private(set) var records: [ExchangeRecord] = []
    private var proxyBuffer = ReadBuffer()
    private var events: [NetworkEvent] = []
    private(set) var sockets: [SocketID] = []

    init(_ values: [(id: SettingID, value: Int)] = []) throws {
      network = try InterruptedNetwork()
      peers = try EpollNetwork()
      loop = EventLoop(network: network)
      listeners = [try Listener.open(.loopback(0)), try Listener.open(.loopback(0))]
      var settings = Settings()
      for (id, value) in values { try settings.set(id, to: value) }
      let origin = Origin(host: "origin", port: 80, addresses: [listeners[1].address])
      proxy = ProxyLoop(
        loop, .proxy(origins: [origin]), listener: listeners[0].id, settings: settings,
        handoff: handoff, bell: try Doorbell())
      loop.client = proxy
    }

    /// Requests on their way through the proxy.
    var relays: Int { proxy.relayCount }

    deinit {
      for socket in sockets { peers.close(socket, .reset) }
      loop.client = nil
      for listener in listeners { listener.close() }
    }

    func client() throws -> SocketID {
      guard case .started(let socket) = peers.connect(to: listeners[0].address, token: 1 << 32)
      else { throw StageError.noConnection }
      sockets.append(socket)
      return socket
    }

    /// Turns the proxy until `done`, for five seconds at most.
    func turn(until done: () -> Bool) -> Bool {
      for _ in 0..<5_000 {
        loop.turn(buffer: &proxyBuffer, wait: false)
        if handoff.take(&batch) {
          records += batch.exchanges
          batch.removeAll()
        }
        if done() { return true }
        peers.wait(until: Clock.monotonic().advanced(milliseconds: 1), events: &events)
      }
      return false
    }

    /// The next connection that the proxy opens to the origin.
    func accept() throws -> SocketID {
      var accepted: SocketID?
      _ = turn {
        accepted = self.acceptIfThere()
        return accepted != nil
      }
      return try #require(accepted)
    }

    func acceptIfThere() -> SocketID? {
      guard case .accepted(let socket, _) = peers.accept(listeners[1].id) else { return nil }
      sockets.append(socket)
      return socket
    }

    func send(_ socket: SocketID, _ text: String) {
      #expect(peers.send(socket, octets(text).span, Span<UInt8>()) == .sent(octets(text).count))
    }

    func close(_ socket: SocketID, _ manner: CloseManner) {
      sockets.removeAll { $0 == socket }
      peers.close(socket, manner)
    }

    /// What comes to `socket` within as many bytes as `wanted` has.
    func expect(
      _ socket: SocketID, _ wanted: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      var got: [UInt8] = []
      _ = turn {
        var buffer = ReadBuffer()
        let most = min(octets(wanted).count - got.count, ReadBuffer.size)
        if most > 0, case .bytes = self.peers.receive(socket, into: &buffer, limit: most) {
          let bytes = buffer.bytes.span
          for index in bytes.indices { got.append(bytes[index]) }
        }
        return got.count == octets(wanted).count
      }
      #expect(text(got) == wanted, sourceLocation: sourceLocation)
    }

    /// The record of the next exchange to end.
    func ended() throws -> ExchangeRecord {
      let count = records.count
      _ = turn { self.records.count > count }
      return try #require(records.last)
    }
  }

  /// The connections of a client and its origin after one request.
  private func warmed(
    _ values: [(id: SettingID, value: Int)] = []
  ) throws -> (moment: Moment, client: SocketID, origin: SocketID) {
    let moment = try Moment(values)
    let client = try moment.client()
    moment.send(client, Self.warm)
    let origin = try moment.accept()
    moment.expect(origin, onward("GET /warm"))
    moment.send(origin, ReuseTests.ok)
    moment.expect(client, ReuseTests.seesOK)
    if moment.records.isEmpty { _ = try moment.ended() }
    return (moment, client, origin)
  }

  /// The POST goes out whole on a new connection, and is answered.
  private func expectReplay(_ moment: Moment, _ client: SocketID) throws -> ExchangeRecord {
    let next = try moment.accept()
    moment.expect(next, Self.sent)
    moment.send(next, ReuseTests.ok)
    moment.expect(client, ReuseTests.seesOK)
    let record = moment.records.count > 1 ? try #require(moment.records.last) : try moment.ended()
    #expect(moment.acceptIfThere() == nil)
    #expect(record.end == .complete && record.replays == 1 && record.lease == .newAfterReplay)
    return record
  }

  /// The idle connection was looked at, and is reset before the first byte is sent on it. Nothing
  /// was handed to the kernel, so even a POST is sent again.
  // covers: K31, R184, S160
  @Test func aPostOfWhichNothingWasWrittenIsSentAgain() throws {
    let (moment, client, origin) = try warmed()
    moment.network.afterQuietPeek = { moment.close(origin, .reset) }
    moment.send(client, Self.post)
    let record = try expectReplay(moment, client)
    #expect(record.replayEvidence == .nothingWritten)
  }

  /// The same with a FIN: the kernel takes the request, and the origin's answers it with a reset.
  /// The FIN is read, and nothing of the request was acknowledged.
  // covers: K31, R185
  @Test func aPostThatMetAFinIsNotSentAgain() throws {
    let (moment, client, origin) = try warmed()
    moment.network.afterQuietPeek = { moment.close(origin, .orderly) }
    moment.send(client, Self.post)
    let record = try moment.ended()
    #expect(moment.acceptIfThere() == nil)
    #expect(record.end == .upstreamClosedOnReuse && record.status == 502)
    #expect(record.replayRefusal == .notIdempotent)
    #expect(record.refusedEvidence == .unacknowledged)
  }

  /// `replay.after-fin`
  // covers: K31
  @Test func withReplayAfterFinItIs() throws {
    let (moment, client, origin) = try warmed([(.replayAfterFin, 1)])
    moment.network.afterQuietPeek = { moment.close(origin, .orderly) }
    moment.send(client, Self.post)
    let record = try expectReplay(moment, client)
    #expect(record.replayEvidence == .unacknowledged)
    #expect(record.replayCause == .upstreamClosedOnReuse)
  }

  /// The origin reads the request and then ends its stream: its FIN acknowledges what it has read.
  // covers: K31
  @Test func aFinBehindTheRequestProvesNothing() throws {
    let (moment, client, origin) = try warmed([(.replayAfterFin, 1)])
    moment.send(client, Self.post)
    moment.expect(origin, Self.sent)
    moment.close(origin, .orderly)
    let record = try moment.ended()
    #expect(moment.acceptIfThere() == nil)
    #expect(record.end == .upstreamClosedOnReuse)
    #expect(record.replayRefusal == .notIdempotent && record.refusedEvidence == .allWritten)
  }

  /// The reset is met by a send, which takes the error with it. What is read then looks like a FIN
  /// and is none.
  // covers: K31
  @Test func aResetThatASendHasMetIsNoFin() throws {
    let (moment, client, origin) = try warmed([(.replayAfterFin, 1)])
    moment.send(client, String(Self.post.dropLast()))
    moment.expect(origin, String(Self.sent.dropLast()))
    moment.network.beforeSend = { moment.close(origin, .reset) }
    moment.send(client, "i")
    let record = try moment.ended()
    #expect(moment.acceptIfThere() == nil)
    #expect(record.status == 502)
    #expect(record.replayRefusal == .notIdempotent && record.refusedEvidence == .partlyWritten)
  }

  /// A POST waited for the only connection. Its turn comes with the response before it, and the
  /// FIN that follows is read before a byte of it is sent.
  // covers: R184, S166
  @Test func aFinBeforeTheFirstByteIsNoReasonToGiveUp() throws {
    let (moment, client, origin) = try warmed([(.upstreamConnections, 1)])
    moment.send(client, Self.warm)
    moment.expect(origin, onward("GET /warm"))
    let second = try moment.client()
    moment.send(second, Self.post)
    #expect(moment.turn { moment.relays == 2 })
    // A response that fills the read buffer, so that the connection is looked at once more.
    let framing = "Content-Length: 65400\r\n"
    let head = "HTTP/1.1 200 OK\r\nDate: D\r\n\(framing)"
    let content = String(repeating: "r", count: 65_400)
    let filling = ReadBuffer.size - octets(head + "X: \r\n\r\n" + content).count
    let padding = "X: \(String(repeating: "x", count: filling))\r\n"
    moment.network.afterQuietPeek = { moment.close(origin, .orderly) }
    moment.send(origin, head + padding + "\r\n" + content)
    moment.expect(
      client,
      "HTTP/1.1 200 OK\r\nDate: D\r\n\(padding)Via: 1.1 hop\r\n\(framing)\r\n\(content)")
    let next = try moment.accept()
    moment.expect(next, Self.sent)
    moment.send(next, ReuseTests.ok)
    moment.expect(second, ReuseTests.seesOK)
    _ = moment.turn { moment.records.count == 3 }
    let record = try #require(moment.records.last)
    #expect(record.replayEvidence == .nothingWritten && record.replays == 1)
    #expect(record.replayCause == .upstreamClosedOnReuse)
  }
}
