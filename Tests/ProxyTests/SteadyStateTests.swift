import BowlineCore
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import CAllocationCount
import CCallCount
import Foundation
import Testing

/// What a request costs once storage is warm, counted, beside Thresholds/steady-state.tsv: heap
/// allocations, and system calls without the waits. Allocations in the release build only: without
/// the optimiser every literal of an option set is an array.
@Suite struct SteadyStateTests {
  /// A proxy and a client and an origin, all on the test's thread and on the kernel's network, so
  /// that the proxy's turns can be counted alone.
  private final class Bench {
    let loop: EventLoop
    let network: EpollNetwork
    let handoff = Handoff(RecordBatch())
    let listeners: [Listener]
    let client: SocketID
    private(set) var origin = SocketID.none
    private var events: [NetworkEvent] = []
    private var proxyBuffer = ReadBuffer()
    private var buffer = ReadBuffer()
    private var batch = RecordBatch()
    var allocations = 0
    var calls = 0
    var counts = false

    /// Where requests reach the origin: `127.0.0.1:port`.
    var place: String { listeners[1].address.description }

    init(isForward: Bool = false) throws {
      loop = EventLoop(network: try EpollNetwork())
      network = try EpollNetwork()
      let front = try Listener.open(.loopback(0))
      let back = try Listener.open(.loopback(0))
      listeners = [front, back]
      let bell = try Doorbell()
      let origin = Origin(host: "origin", port: 80, addresses: [back.address])
      loop.client = ProxyLoop(
        loop,
        isForward
          ? .forward(ForwardPlan(rules: [back.address.description])) : .proxy(origins: [origin]),
        listener: front.id, settings: Settings(), handoff: handoff, bell: bell)
      guard case .started(let socket) = network.connect(to: front.address, token: 1 << 32) else {
        throw StageError.noConnection
      }
      client = socket
    }

    deinit {
      network.close(client, .orderly)
      if origin != .none { network.close(origin, .orderly) }
      loop.client = nil
      for listener in listeners { listener.close() }
    }

    /// One turn of the proxy, counted when counting.
    func turn() {
      if counts {
        allocation_count_begin()
        call_count_begin()
      }
      loop.turn(buffer: &proxyBuffer, wait: false)
      if counts {
        calls += Int(call_count_end())
        allocations += Int(allocation_count_end())
      }
      if handoff.take(&batch) { batch.removeAll() }
    }

    func send(_ socket: SocketID, _ bytes: [UInt8]) {
      #expect(network.send(socket, bytes.span, Span<UInt8>()) == .sent(bytes.count))
    }

    /// Turns the proxy until `count` bytes have come to `socket`.
    func receive(_ socket: SocketID, _ count: Int) -> Bool {
      var got = 0
      for _ in 0..<10_000 where got < count {
        turn()
        buffer.bytes.removeAll()
        if case .bytes(let more) = network.receive(socket, into: &buffer, limit: 65_536) {
          got += more
        }
      }
      return got == count
    }

    func acceptOrigin() {
      for _ in 0..<10_000 where origin == .none {
        turn()
        if case .accepted(let socket, _) = network.accept(listeners[1].id) { origin = socket }
      }
    }
  }

  private func run(
    _ name: String, _ request: String, _ onward: String, _ answer: String, _ seen: String
  ) throws {
    try run(name, Bench(), request, onward, answer, seen)
  }

  private func run(
    _ name: String, _ bench: Bench, _ request: String, _ onward: String, _ answer: String,
    _ seen: String
  ) throws {
    bench.send(bench.client, octets(request))
    bench.acceptOrigin()
    for number in 0..<600 {
      if number > 0 { bench.send(bench.client, octets(request)) }
      bench.counts = number >= 200
      try #require(bench.receive(bench.origin, octets(onward).count))
      bench.counts = false
      bench.send(bench.origin, octets(answer))
      bench.counts = number >= 200
      try #require(bench.receive(bench.client, octets(seen).count))
      bench.counts = false
    }
    let most = try #require(try Threshold.all()[name], "no line in Thresholds/steady-state.tsv")
    if isOptimised { #expect(bench.allocations <= most.allocations * 400) }
    #expect(bench.calls <= most.calls * 4)
  }

  // covers: S054
  @Test func aGet() throws {
    try run(
      "get",
      ReuseTests.get("/some/path?with=query"), onward("GET /some/path?with=query"),
      ReuseTests.ok, ReuseTests.seesOK)
  }

  @Test func aBrowsersHead() throws {
    let fields =
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n"
      + "Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\n"
      + "Accept-Encoding: gzip, br\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n"
    try run(
      "browser",
      "GET / HTTP/1.1\r\nHost: h\r\n\(fields)Connection: keep-alive\r\n\r\n",
      onward("GET /", fields), ReuseTests.ok, ReuseTests.seesOK)
  }

  // covers: S054
  @Test func aChunkedPut() throws {
    try run(
      "chunked-put",
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      onward("PUT /", via: "1.1", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      back("200 OK", "Date: D\r\n", "Transfer-Encoding: chunked\r\n") + "2\r\nok\r\n0\r\n\r\n")
  }

  @Test func aLargeBody() throws {
    let body = String(repeating: "b", count: 50_000)
    try run(
      "large-body",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n\(body)",
      onward("POST /", via: "1.1", "Content-Length: 50000\r\n") + body,
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 50000\r\n\r\n\(body)",
      back("200 OK", "Date: D\r\n", "Content-Length: 50000\r\n") + body)
  }
}

// Through a forward proxy.
extension SteadyStateTests {
  @Test func aForwardedGet() throws {
    let bench = try Bench(isForward: true)
    try run(
      "forward-get", bench, "GET http://\(bench.place)/a HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: \(bench.place)\r\nVia: 1.1 hop\r\n\r\n", ReuseTests.ok,
      ReuseTests.seesOK)
  }

  @Test func aTunnel() throws {
    let bench = try Bench(isForward: true)
    bench.send(bench.client, octets("CONNECT \(bench.place) HTTP/1.1\r\nHost: x\r\n\r\n"))
    bench.acceptOrigin()
    // The head of the 200, which has a Date.
    try #require(
      bench.receive(
        bench.client,
        octets("HTTP/1.1 200 OK\r\nDate: Sun, 15 Jun 2025 15:06:40 GMT\r\n\r\n").count))
    try run("tunnel", bench, "there", "there", "and back", "and back")
  }
}

/// What a request of one kind may cost: a line of Thresholds/steady-state.tsv.
private struct Threshold {
  let allocations: Int
  /// Per 100 requests.
  let calls: Int

  static func all() throws -> [String: Threshold] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appending(path: "Thresholds/steady-state.tsv")
    var found: [String: Threshold] = [:]
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
      let cells = line.split(separator: "\t")
      if cells.count == 3, let allocations = Int(cells[1]), let calls = Int(cells[2]) {
        found[String(cells[0])] = Threshold(allocations: allocations, calls: calls)
      }
    }
    return found
  }
}

#if DEBUG
  private let isOptimised = false
#else
  private let isOptimised = true
#endif
