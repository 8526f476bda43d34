import BowlineCore
import BowlineHTTP1

/// What a client asked, by the first byte of the input.
enum Question: UInt8 {
  case get = 0x67  // g
  case head = 0x68  // h
  case connect = 0x63  // c
  /// GET with Upgrade.
  case upgrade = 0x75  // u
  /// POST of three bytes, which are sent when the response is complete.
  case post = 0x70  // p
  /// POST of three bytes with Upgrade, which are sent at once.
  case wholePost = 0x77  // w

  var method: StaticString {
    switch self {
    case .get, .upgrade: "GET"
    case .head: "HEAD"
    case .connect: "CONNECT"
    case .post, .wholePost: "POST"
    }
  }

  var asksForUpgrade: Bool { self == .upgrade || self == .wholePost }
  var hasBody: Bool { self == .post || self == .wholePost }

  var target: StaticString { self == .connect ? "h:443" : "/" }

  /// Sends the request.
  func ask(_ machine: inout HTTP1Connection) {
    var request = HeadBlock()
    var output = ByteBuffer()
    let (methodBytes, targetBytes) =
      (Array(method.description.utf8), Array(target.description.utf8))
    request.compose(method: methodBytes.span, target: targetBytes.span)
    request.add(.host, "h")
    if asksForUpgrade { request.add(.upgrade, "tea") }
    machine.send(
      request: request, body: hasBody ? .length(3) : .none, close: false, into: &output)
    if self == .wholePost {
      let body: [UInt8] = [0x61, 0x62, 0x63]
      machine.sendBody(body.span, into: &output)
      let isWhole = machine.sendEnd(into: &output)
      assert(isWhole)
    }
  }
}

/// A client's machine on one connection: asks three times, each time when the response before is
/// complete, and reads on.
struct ClientTalk: ~Copyable {
  private var machine = HTTP1Connection(role: .client)
  private var head = HeadBlock()
  private let question: Question
  private let limits: Limits
  private let rewrites: Bool
  private var asked = 0
  private(set) var transcript = Transcript()
  private var isOver = false
  private var received = 0
  private var isTunnel = false

  init(_ question: Question, _ limits: Limits, rewrites: Bool = false) {
    self.question = question
    self.limits = limits
    self.rewrites = rewrites
    ask()
  }

  /// What is said about `input`, and about the end of the stream behind it.
  static func read(
    _ input: [UInt8], _ cut: Cut, _ question: Question, _ limits: Limits, rewrites: Bool = false
  ) throws(Violation) -> Transcript {
    var talk = ClientTalk(question, limits, rewrites: rewrites)
    for piece in cut.pieces(of: input) { try talk.receive(input.span.extracting(piece)) }
    try talk.receiveEnd()
    return talk.transcript
  }

  private mutating func ask() {
    question.ask(&machine)
    asked += 1
  }

  private mutating func receive(_ piece: Span<UInt8>) throws(Violation) {
    var cursor = 0
    received += piece.count
    while !isOver {
      let before = cursor
      let event = machine.receive(piece, at: &cursor, head: &head, limits: limits)
      try require(before <= cursor && cursor <= piece.count, "the cursor went astray")
      switch event {
      case .more:
        try require(cursor == piece.count, "more is wanted and bytes are left")
        try limits.check(head, isWhole: false)
        return
      case .paused: throw Violation("a client is paused")
      case .head(let framing):
        try limits.check(head, isWhole: true)
        transcript.note(.head(start: head.startText, fields: head.fieldText(), framing))
        if rewrites { try Rewriting.check(response: head, framing, to: question) }
        try require(machine.isTunnel == (framing == .tunnel), "\(framing): \(machine.isTunnel)")
        if framing == .tunnel { try tunnelBegan() }
      case .informational:
        try limits.check(head, isWhole: true)
        transcript.note(.informational(start: head.startText, fields: head.fieldText()))
        if rewrites { try Rewriting.check(informational: head) }
      case .body(let range):
        try require(!range.isEmpty && range.upperBound == cursor, "a body part is misplaced")
        if isTunnel {
          try require(range == before..<piece.count, "a tunnel takes \(range) from \(before)")
        }
        transcript.note(body: piece.extracting(range))
      case .end(let trailers):
        try require(!isTunnel, "an end inside a tunnel")
        if trailers { try limits.check(head, isWhole: true) }
        try ended(trailers)
      case .fault(let fault):
        try require(!isTunnel, "\(fault.kind) in a tunnel")
        try faulted(fault)
      }
    }
  }

  private mutating func receiveEnd() throws(Violation) {
    if isOver { return }
    switch machine.receiveEnd(head: &head) {
    case .clean:
      try require(!isTunnel, "the end of a tunnel is none")
      transcript.note(.streamEnded(nil))
    case .completesBody:
      transcript.note(.streamEnded(nil))
      try require(machine.receivingIsComplete, "completed by the end, and not complete")
    case .truncated(let fault):
      try require(!isTunnel, "a tunnel is truncated")
      transcript.note(.streamEnded(fault))
    }
    try require(machine.willClose && !machine.mayRead, "it reads on behind the end")
    guard isTunnel else { return }
    // The server has ended its direction: ours still goes, unless we ended it before.
    if question == .connect { try sendRaw(thenEnd: true) }
    try require(machine.sendingIsComplete, "a tunnel that ended sends on")
    try require(!machine.beginNext(), "an exchange behind a tunnel")
  }

  /// In the tunnel of an Upgrade we end first, in that of a CONNECT the server does.
  private mutating func tunnelBegan() throws(Violation) {
    try require(machine.willClose && (question == .connect || question.asksForUpgrade), "unasked")
    isTunnel = true
    try sendRaw(thenEnd: question != .connect)
    try require(machine.mayRead, "a tunnel's end ends the other direction")
    transcript.note(.tunnel(weEndFirst: machine.sendingIsComplete))
  }

  /// What we send in a tunnel goes as it is.
  private mutating func sendRaw(thenEnd: Bool) throws(Violation) {
    try require(machine.sendsUntilClose && !machine.sendingIsComplete, "a tunnel does not send")
    var output = ByteBuffer()
    let bytes = Array("0\r\n\r\n".utf8)
    machine.sendBody(bytes.span, into: &output)
    if thenEnd {
      let isWhole = machine.sendEnd(into: &output)
      try require(isWhole && machine.sendingIsComplete, "a tunnel's end is refused")
    }
    try require(isSame(output.span, bytes.span), "a tunnel sends \(visible(array(output.span)))")
  }

  private mutating func ended(_ trailers: Bool) throws(Violation) {
    transcript.note(.end(trailers: trailers ? head.fieldText() : nil))
    try require(machine.receivingIsComplete, "ended, and not complete")
    if !machine.sendingIsComplete {
      var output = ByteBuffer()
      let body: [UInt8] = [0x61, 0x62, 0x63]
      machine.sendBody(body.span, into: &output)
      let isWhole = machine.sendEnd(into: &output)
      try require(isWhole && output.count == 3, "three bytes are not sent as three")
    }
    if machine.beginNext() {
      if asked < 3 { ask() }
    } else {
      // Whatever follows answers nothing. The machine says so with a fault.
      guard let cause = machine.closeCause else { throw Violation("no next, and no cause") }
      transcript.note(.connectionEnds(cause))
    }
  }

  private mutating func faulted(_ fault: Fault) throws(Violation) {
    transcript.note(.fault(fault))
    isOver = true
    // A line that is bound to cross a limit is refused one byte before it does.
    let reach = received + (fault.limit == nil ? 0 : 1)
    try require(
      fault.offset >= 0 && fault.offset <= reach,
      "\(fault.kind) at \(fault.offset) of \(received) bytes")
    try require(machine.closeCause == .fault, "a fault that is not the cause of the close")
    try require(!machine.beginNext(), "an exchange after a fault")
  }
}

/// What a client receives: 1xx, final responses, bodies, tunnels, what nobody asked for.
enum ResponseInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    if input.isEmpty { return }
    try Cut.compare { (cut) throws(Violation) in
      try read(input, cut, .standard, rewrites: cut == .whole)
    }
    try Cut.compare { (cut) throws(Violation) in try read(input, cut, .tight) }
  }

  static func read(
    _ input: [UInt8], _ cut: Cut, _ limits: Limits, rewrites: Bool = false
  ) throws(Violation) -> Transcript {
    let question = input.first.flatMap { Question(rawValue: $0) } ?? .get
    return try ClientTalk.read(
      Array(input.dropFirst()), cut, question, limits, rewrites: rewrites)
  }
}
