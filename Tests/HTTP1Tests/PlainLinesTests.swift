import BowlineCore
import BowlineHTTP1
import Testing

/// A head that is whole is taken by the pass over plain lines; one whose first byte came alone is
/// scanned line by line. Both must say the same, of every head.
@Suite struct PlainLinesTests {
  private static let requests = [
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a?b#c HTTP/1.1\r\nHost: h\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n",
    "GET http://h/ HTTP/1.1\r\nHost: h:80\r\n\r\n",
    "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    "PROPFIND / HTTP/1.0\r\n\r\n",
    "GET\0 / HTTP/1.1\r\nHost: h\r\n\r\n",
    "DELETE /x HTTP/1.9\r\nHost:\r\nX:v\r\nX:  \t v\t \r\nX: \t \r\n\r\n",
    "POST / HTTP/1.1\r\nhost: h\r\nCONTENT-LENGTH: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a_b.c\r\nUpgrade: x\r\nConnection: upgrade, close\r\n"
      + "TE: trailers\r\n\r\n",
    "GET / HTTP/1.1\r\nX-Forwarded-Proto: a\r\nProxy-Authentication-Info: b\r\n"
      + "!#$%&'*+-.^_`|~09azAZ: c\r\nA-Name-Of-More-Than-Twenty-Five-Bytes: d\r\nHost: h\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
      + "Accept: */*\r\nAccept-Language: \u{e4}\u{ff}\r\nCookie: a=b; c=d\r\n"
      + "If-None-Match: \"x\"\r\n\r\n",
  ]

  private static let responses = [
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.0 404\r\n\r\nbody",
    "HTTP/1.1 999 \r\nContent-Length: 18446744073709551615\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nServer : x\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"a\tb\"\r\n"
      + "Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    "HTTP/1.1 301 Moved\r\nLocation: /\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
  ]

  private static let trailers = [
    "\r\n", "ETag: \"x\"\r\n\r\n", "X: a\r\nX:b\r\nVia: 1.1 x\r\n\r\nGET",
    "Expires-Never-And-Longer-Than-16: 1\r\n\r\n",
  ]

  /// What a machine says about `input`, and what stands in the block then.
  private static func outcome(
    _ machine: HTTP1Connection, _ input: [UInt8], firstPiece: Int, _ limits: Limits
  ) -> [String] {
    var machine = machine
    var head = HeadBlock()
    var log: [String] = []
    var cursor = 0
    for end in [min(firstPiece, input.count), input.count] {
      let bytes = Array(input[0..<end])
      while true {
        let event = machine.receive(bytes.span, at: &cursor, head: &head, limits: limits)
        if case .more = event { break }
        if case .paused = event { return log + [describe(head)] }
        log.append("\(event)")
        if case .body = event { continue }
        log.append(describe(head))
        if case .fault = event { return log }
      }
    }
    return log + [describe(head)]
  }

  private static func describe(_ head: borrowing HeadBlock) -> String {
    let start = head.start
    let line =
      "\(start.method) \(start.methodRange) \(start.targetRange) \(start.version) "
      + "\(start.status.rawValue) \(start.reasonRange)"
    return (0..<head.count).reduce(line) { text, index in
      let entry = head[index]
      return text + " | \(entry.name) \(entry.nameStart) \(entry.nameLength) \(entry.valueStart) "
        + "\(entry.valueLength)"
    }
  }

  /// Compares, with the cut behind byte `place`, where the section begins.
  private static func compare(
    _ machine: HTTP1Connection, _ input: [UInt8], cut place: Int, _ limits: Limits, _ seed: UInt64
  ) {
    let whole = outcome(machine, input, firstPiece: input.count, limits)
    // The bytes before the cut hold nothing but what precedes the section, and its first byte.
    let pieces = outcome(machine, input, firstPiece: place + 1, limits)
    if joined(whole) != joined(pieces) {
      let head = text(input.span).debugDescription
      Issue.record("seed \(seed): \(head)\nwhole  \(whole)\npieces \(pieces)")
    }
  }

  /// The log without body events: where bodies are cut is not what is compared here.
  private static func joined(_ log: [String]) -> [String] {
    log.filter { !$0.hasPrefix("body(") }
  }

  private static let client: HTTP1Connection = {
    var machine = HTTP1Connection(role: .client)
    var request = HeadBlock()
    request.compose(method: bytes("GET").span, target: bytes("/").span)
    var output = ByteBuffer()
    machine.send(request: request, body: .none, close: false, into: &output)
    return machine
  }()

  private static let chunked =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"

  private static func compare(
    _ kind: Int, _ input: [UInt8], _ limits: Limits, _ seed: UInt64
  ) {
    switch kind {
    case 0: compare(HTTP1Connection(role: .server), input, cut: 0, limits, seed)
    case 1: compare(client, input, cut: 0, limits, seed)
    default:
      let before = bytes(chunked)
      compare(HTTP1Connection(role: .server), before + input, cut: before.count, limits, seed)
    }
  }

  @Test func thePassAndTheScannerAgreeOnTheTable() {
    for (kind, table) in [Self.requests, Self.responses, Self.trailers].enumerated() {
      for (row, input) in table.enumerated() {
        Self.compare(kind, bytes(input), Limits(Settings()), UInt64(row))
      }
    }
  }

  /// Changes a few bytes of a head, and the limits, at random.
  private static func mutated(_ input: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = input
    for _ in 0...Int(random.next() % 3) where !bytes.isEmpty {
      let place = Int(random.next() % UInt64(bytes.count))
      switch random.next() % 6 {
      case 0: bytes.remove(at: place)
      case 1: bytes.insert(interesting(&random), at: place)
      case 2: bytes[place] ^= 0x20
      case 3:
        let end = min(bytes.count, place + Int(random.next() % 40))
        bytes.insert(contentsOf: bytes[place..<end], at: end)
      case 4: bytes.removeLast(min(bytes.count, Int(random.next() % 4)))
      default: bytes[place] = interesting(&random)
      }
    }
    return bytes
  }

  private static func interesting(_ random: inout SplitMix) -> UInt8 {
    let bytes: [UInt8] = [
      0x00, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x23, 0x2d, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e, 0x7f,
      0x80, 0xff,
    ]
    let choice = Int(random.next() % UInt64(bytes.count + 6))
    return choice < bytes.count ? bytes[choice] : UInt8(truncatingIfNeeded: random.next())
  }

  @Test(arguments: 0..<12)
  func thePassAndTheScannerAgreeOnMutations(round: Int) {
    for number in 0..<mutations {
      let seed = UInt64(round * 40000 + 7_000_000 + number)
      var random = SplitMix(state: seed)
      let kind = Int(random.next() % 3)
      let table = [Self.requests, Self.responses, Self.trailers][kind]
      let input = Self.mutated(
        bytes(table[Int(random.next() % UInt64(table.count))]), &random)
      var limits = Limits(Settings())
      if random.next() % 4 == 0 {
        limits.requestLine = 8 + Int(random.next() % 24)
        limits.fieldLine = 4 + Int(random.next() % 40)
        limits.head = 20 + Int(random.next() % 120)
        limits.fields = 1 + Int(random.next() % 5)
      }
      Self.compare(kind, input, limits, seed)
    }
  }
}

/// Mutations a round. Fewer where the optimiser does not help.
#if DEBUG
  private let mutations = 500
#else
  private let mutations = 20_000
#endif
