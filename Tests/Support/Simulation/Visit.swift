import BowlineCore
import BowlineTransport

/// One connection of a scripted client: some requests, and what came of them.
struct Visit {
  enum State {
    /// Next: open, over.
    case connecting
    /// Next: waiting for the proxy to end the connection, over.
    case open
    /// Everything is answered. Next: over.
    case waiting
    case over
  }

  /// A request that is not answered yet.
  struct Due {
    let token: Int
    /// Where its head and its content end in what this connection sends.
    let headEnd: Int
    var end: Int
    /// It holds its content back until the proxy says 100 (Continue), or it has waited enough.
    var isHeld: Bool
  }

  let client: Int
  let plan: VisitPlan
  var wire: PlainWire
  var state = State.connecting
  var due: [Due] = []
  var reader = ResponseReader()
  /// Requests composed.
  var composed = 0
  /// The next request is composed at this instant; nothing is sent or received before the others.
  var asksAt: Instant
  var sendsAt: Instant
  var sipsAt: Instant
  var continuesAt = Instant.distantFuture
  /// A response has said that it is the last one.
  var isLast = false
  var hasEndedSending = false
  /// More may come: the answer to half a HEAD has a body, and the client may have left early.
  var mayTrail = false

  init(client: Int, plan: VisitPlan, wire: PlainWire, now: Instant) {
    self.client = client
    self.plan = plan
    self.wire = wire
    asksAt = now
    sendsAt = now
    sipsAt = now
  }

  mutating func nextResponse(_ token: Int, _ request: Request) -> ResponseReader.Step {
    reader.next(&wire.input, token, request)
  }

  /// Nothing more will be asked.
  var hasAskedAll: Bool { composed == plan.requests || isLast }

  /// The next request can be composed, as far as the client is concerned.
  func asks(_ now: Instant) -> Bool {
    state == .open && !hasAskedAll && due.count < plan.depth && now >= asksAt
      && !(due.last?.isHeld ?? false)
  }

  /// Writes a request. What is held back follows with `writeContent`.
  mutating func write(_ token: Int, _ request: Request) {
    composed += 1
    let mayHold = request.expects && !plan.isOld
    var isLastRequest = composed == plan.requests
    if plan.ending == .wait { isLastRequest = false }
    wire.write("\(request.method.name) /t\(token) HTTP/1.\(plan.isOld ? 0 : 1)\r\nHost: sim\r\n")
    if plan.isOld && !isLastRequest { wire.write("Connection: keep-alive\r\n") }
    if !plan.isOld && isLastRequest && plan.ending == .close { wire.write("Connection: close\r\n") }
    switch upload(request) {
    case .none: break
    case .length(let count): wire.write("Content-Length: \(count)\r\n")
    case .chunked: wire.write("Transfer-Encoding: chunked\r\n")
    }
    if mayHold { wire.write("Expect: 100-continue\r\n") }
    wire.write("\r\n")
    due.append(Due(token: token, headEnd: wire.written, end: wire.written, isHeld: mayHold))
    if !mayHold { writeContent(of: request) }
  }

  /// Writes the content of the last request.
  mutating func writeContent(of request: Request) {
    let token = due[due.count - 1].token
    switch upload(request) {
    case .none: break
    case .length(let count): writeRuns(token, count) { _ in "" }
    case .chunked(let count):
      writeRuns(token, count) { String($0, radix: 16) + "\r\n" }
      wire.write("0\r\n\r\n")
    }
    due[due.count - 1].end = wire.written
    due[due.count - 1].isHeld = false
  }

  private mutating func writeRuns(_ token: Int, _ count: Int, _ prefix: (Int) -> String) {
    var offset = 0
    while offset < count {
      let run = Pattern.run(.request, token, from: offset, count: count - offset)
      let before = prefix(run.count)
      if !before.isEmpty { wire.write(before) }
      wire.write(run)
      if !before.isEmpty { wire.write("\r\n") }
      offset += run.count
    }
  }

  /// A client of version 1.0 has no chunks.
  private func upload(_ request: Request) -> Upload {
    if plan.isOld, case .chunked(let count) = request.upload { return .length(count) }
    return request.upload
  }
}
