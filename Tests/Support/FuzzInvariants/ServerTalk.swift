import BowlineCore
import BowlineHTTP1

/// A server's machine on one connection: reads, answers each request, reads on.
///
/// What it does beyond the usual follows from the request, so that a fuzzer can reach it: DELETE is
/// answered before its body, CONNECT and Upgrade become tunnels, an expected 100 is sent. PATCH
/// with Upgrade becomes one before its body has come. In the tunnel of an Upgrade we end first, in
/// that of a CONNECT the client does.
struct ServerTalk: ~Copyable {
  private var machine = HTTP1Connection(role: .server)
  private var head = HeadBlock()
  private var output = ByteBuffer()
  private let limits: Limits
  /// Also writes each accepted head again.
  private let rewrites: Bool
  private(set) var transcript = Transcript()
  private var isOver = false
  private var upgradeAsked = false
  /// The request before the tunnel was read: what comes is raw.
  private var isRaw = false
  /// Bytes taken of the connection, and where in it the current message begins at the earliest.
  private var taken = 0
  private var messageStart = 0

  init(_ limits: Limits, rewrites: Bool = false) {
    self.limits = limits
    self.rewrites = rewrites
  }

  /// What is said about `input`, and about the end of the stream behind it.
  static func read(
    _ input: [UInt8], _ cut: Cut, _ limits: Limits, rewrites: Bool = false
  ) throws(Violation) -> Transcript {
    var talk = ServerTalk(limits, rewrites: rewrites)
    for piece in cut.pieces(of: input) { try talk.receive(input.span.extracting(piece)) }
    try talk.receiveEnd()
    return talk.transcript
  }

  private mutating func receive(_ piece: Span<UInt8>) throws(Violation) {
    var cursor = 0
    while !isOver {
      let before = cursor
      let event = machine.receive(piece, at: &cursor, head: &head, limits: limits)
      try require(before <= cursor && cursor <= piece.count, "the cursor went astray")
      taken += cursor - before
      switch event {
      case .more:
        try require(cursor == piece.count, "more is wanted and bytes are left")
        try limits.check(head, isWhole: false)
        return
      case .paused: throw Violation("paused although the exchange is over")
      case .head(let framing): try headArrived(framing)
      case .informational: throw Violation("an informational request")
      case .body(let range):
        try require(!range.isEmpty && range.upperBound == cursor, "a body part is misplaced")
        if isRaw {
          try require(range == before..<piece.count, "a tunnel takes \(range) from \(before)")
        }
        transcript.note(body: piece.extracting(range))
      case .end(let trailers):
        try require(!isRaw, "an end inside a tunnel")
        try ended(trailers, piece, cursor)
      case .fault(let fault):
        try require(!isRaw, "\(fault.kind) in a tunnel")
        try faulted(fault, piece, cursor)
      }
    }
  }

  private mutating func receiveEnd() throws(Violation) {
    if isOver { return }
    switch machine.receiveEnd(head: &head) {
    case .clean:
      try require(!isRaw, "the end of a tunnel is none")
      transcript.note(.streamEnded(nil))
    case .completesBody:
      try require(isRaw, "a request is completed by the end of the stream")
      transcript.note(.streamEnded(nil))
    case .truncated(let fault):
      try require(!isRaw, "a tunnel is truncated")
      transcript.note(.streamEnded(fault))
    }
    try require(machine.willClose && !machine.mayRead, "it reads on behind the end")
    if isRaw { try tunnelEnded() }
  }

  private mutating func tunnelBegins() {
    isRaw = true
    transcript.note(.tunnel(weEndFirst: machine.sendingIsComplete))
  }

  /// The client has ended its direction: ours still goes, unless we ended it before.
  private mutating func tunnelEnded() throws(Violation) {
    try require(machine.receivingIsComplete, "a tunnel has ended, and is not complete")
    if !machine.sendingIsComplete { try sendRaw(thenEnd: true) }
    try require(!machine.beginNext(), "an exchange behind a tunnel")
  }

  /// What we send in a tunnel goes as it is.
  private mutating func sendRaw(thenEnd: Bool) throws(Violation) {
    try require(machine.sendsUntilClose && !machine.sendingIsComplete, "a tunnel does not send")
    output.removeAll()
    let bytes = Array("0\r\n\r\n".utf8)
    machine.sendBody(bytes.span, into: &output)
    if thenEnd {
      let isWhole = machine.sendEnd(into: &output)
      try require(isWhole && machine.sendingIsComplete, "a tunnel's end is refused")
    }
    try require(isSame(output.span, bytes.span), "a tunnel sends \(visible(array(output.span)))")
  }

  private mutating func headArrived(_ framing: BodyFraming) throws(Violation) {
    try limits.check(head, isWhole: true)
    if case .untilClose = framing { throw Violation("a request that ends with the connection") }
    transcript.note(.head(start: head.startText, fields: head.fieldText(), framing))
    if rewrites { try Rewriting.check(request: head, framing) }
    upgradeAsked = head.contains(.upgrade) && machine.peerVersion >= .http11
    if machine.expectsContinue {
      var interim = HeadBlock()
      interim.compose(status: 100)
      let isSent = machine.sendInformational(interim, into: &output)
      try require(isSent && !machine.expectsContinue, "100 was expected and is not sent")
    }
    if head.start.method == .delete { try answer(202) }
    if head.start.method == .patch && upgradeAsked { try answer(204) }
  }

  private mutating func ended(
    _ trailers: Bool, _ piece: Span<UInt8>, _ cursor: Int
  ) throws(Violation) {
    if trailers { try limits.check(head, isWhole: true) }
    transcript.note(.end(trailers: trailers ? head.fieldText() : nil))
    try require(machine.receivingIsComplete, "ended, and not complete")
    if machine.isTunnel {
      // It was begun before the request was whole.
      tunnelBegins()
      return
    }
    // Until the exchange is over, what follows stays where it is.
    var again = cursor
    let event = machine.receive(piece, at: &again, head: &head, limits: limits)
    switch event {
    case .paused: try require(again == cursor && cursor < piece.count, "paused without reason")
    case .more: try require(again == cursor && cursor == piece.count, "bytes were passed over")
    case .head, .informational, .body, .end, .fault: throw Violation("\(event) while paused")
    }
    if !machine.sendingIsComplete { try answer(machine.requestMethod == .connect ? 200 : 204) }
    if machine.isTunnel {
      tunnelBegins()
      return
    }
    if machine.beginNext() {
      try require(!machine.willClose, "the next exchange of a connection that closes")
      messageStart = taken
    } else {
      isOver = true
      guard let cause = machine.closeCause else { throw Violation("no next, and no cause") }
      transcript.note(.connectionEnds(cause))
    }
  }

  private mutating func faulted(
    _ fault: Fault, _ piece: Span<UInt8>, _ cursor: Int
  ) throws(Violation) {
    transcript.note(.fault(fault))
    isOver = true
    let received = taken + piece.count - cursor - messageStart
    // A line that is bound to cross a limit is refused one byte before it does.
    let reach = received + (fault.limit == nil ? 0 : 1)
    try require(
      fault.offset >= 0 && fault.offset <= reach,
      "\(fault.kind) at \(fault.offset) of \(received) bytes")
    try require(
      (400...505).contains(fault.status.rawValue), "\(fault.kind): \(fault.status.rawValue)")
    var again = cursor
    let event = machine.receive(piece, at: &again, head: &head, limits: limits)
    guard case .paused = event, again == cursor else { throw Violation("\(event) after a fault") }
    try require(!machine.mayRead && machine.closeCause == .fault, "it reads on after a fault")
    if !machine.sendingIsComplete { try answer(fault.status) }
    try require(!machine.beginNext(), "an exchange after a fault")
  }

  /// Sends a whole answer, and demands that it announces what will happen.
  private mutating func answer(_ status: Status) throws(Violation) {
    let isHead = machine.requestMethod == .head
    let upgrades = status == 204 && upgradeAsked
    var response = HeadBlock()
    response.compose(status: upgrades ? 101 : status)
    if upgrades { response.add(.upgrade, "tea") }
    output.removeAll()
    machine.send(response: response, body: isHead ? .none : .length(0), close: false, into: &output)
    if machine.isTunnel {
      try require(machine.willClose && !machine.expectsContinue, "a tunnel that persists")
      try sendRaw(thenEnd: upgrades)
      try require(machine.mayRead, "a tunnel's end ends the other direction")
      return
    }
    let isWhole = machine.sendEnd(into: &output)
    try require(isWhole && machine.sendingIsComplete, "an empty answer is not whole")
    let announced = closeIsAnnounced(in: output, asked: machine.requestMethod)
    try require(
      announced == machine.willClose, "closes: \(machine.willClose); announced: \(announced)")
    transcript.note(.answered(status, closes: machine.willClose))
  }
}

/// What a client that asked with `method` reads in the head of the answer in `wire`.
private func closeIsAnnounced(
  in wire: borrowing ByteBuffer, asked method: Method
) -> Bool {
  var client = HTTP1Connection(role: .client)
  var head = HeadBlock()
  let name = Array((method == .other ? "GET" : method.name.description).utf8)
  let target = Array("h:1".utf8)
  head.compose(method: name.span, target: target.span)
  var sent = ByteBuffer()
  client.send(request: head, body: .none, close: false, into: &sent)
  var cursor = 0
  _ = client.receive(wire.span, at: &cursor, head: &head, limits: .standard)
  return head.options.close
}

/// What a server receives: heads, bodies, pipelining.
enum RequestInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    try Cut.compare { (cut) throws(Violation) in
      try ServerTalk.read(input, cut, .standard, rewrites: cut == .whole)
    }
    try Cut.compare { (cut) throws(Violation) in try ServerTalk.read(input, cut, .tight) }
  }
}
