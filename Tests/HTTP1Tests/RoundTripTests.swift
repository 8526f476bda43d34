import BowlineCore
import BowlineHTTP1
import Testing

/// What one machine writes, the other reads: the same fields, the same body, the same end.
@Suite struct RoundTripTests {
  /// A message made from a seed.
  struct Message: Sendable {
    var fields: [(name: String, value: String)] = []
    var pieces: [String] = []
    var trailers: [(name: String, value: String)] = []
    var isChunked = false

    init(seed: UInt64) {
      var random = SplitMix(state: seed)
      let names = Array("!#$%&'*+-.^_`|~09azAZ")
      let values = (0x20...0xff).filter { $0 != 0x7f }.compactMap { Unicode.Scalar($0) }
      func word(_ letters: [Character], _ count: UInt64, _ random: inout SplitMix) -> String {
        String((0..<count).compactMap { _ in letters.randomElement(using: &random) })
      }
      func value(_ random: inout SplitMix) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<random.next() % 40 {
          if let scalar = values.randomElement(using: &random) { scalars.append(scalar) }
        }
        // Whitespace at either end is not part of a value.
        let text = String(scalars)
        return text.hasPrefix(" ") || text.hasSuffix(" ") ? "x" + text + "x" : text
      }
      for _ in 0..<random.next() % 30 {
        fields.append(("X-" + word(names, random.next() % 20, &random), value(&random)))
      }
      for _ in 0..<random.next() % 6 {
        pieces.append(value(&random) + "\r\n0\r\n\r\n" + value(&random))
      }
      isChunked = random.next() % 2 == 0
      if isChunked {
        for _ in 0..<random.next() % 3 {
          trailers.append(("X-" + word(names, 4, &random), value(&random)))
        }
      }
    }

    var body: String { pieces.joined() }
    var framing: OutgoingBody { isChunked ? .unknown : .length(UInt64(bytes(body).count)) }

    /// The log of whoever reads it.
    func log(_ start: String) -> [String] {
      let framing =
        isChunked ? " | Transfer-Encoding: chunked" : " | Content-Length: \(bytes(body).count)"
      let event = isChunked ? "chunked" : "length(\(bytes(body).count))"
      return ["\(start) \(event) | Host: h" + Message.lines(fields) + framing]
        + (body.isEmpty ? [] : ["body " + body])
        + ["end" + Message.lines(trailers)]
    }

    static func lines(_ fields: [(name: String, value: String)]) -> String {
      fields.map { " | \($0.name): \($0.value)" }.joined()
    }

    func write(_ machine: inout HTTP1Connection, into output: inout ByteBuffer) {
      var head = HeadBlock()
      if machine.role == .client {
        head.compose(method: bytes("PUT").span, target: bytes("/x").span)
      } else {
        head.compose(status: 200)
      }
      head.add(.host, "h")
      Message.add(fields, to: &head)
      if machine.role == .client {
        machine.send(request: head, body: framing, close: false, into: &output)
      } else {
        machine.send(response: head, body: framing, close: false, into: &output)
      }
      for piece in pieces { machine.sendBody(bytes(piece).span, into: &output) }
      var block = HeadBlock()
      Message.add(trailers, to: &block)
      let isWhole = machine.sendEnd(trailers: block, into: &output)
      #expect(isWhole)
    }

    private static func add(
      _ fields: [(name: String, value: String)], to head: inout HeadBlock
    ) {
      for field in fields {
        head.add(.other, nameBytes: bytes(field.name).span, value: bytes(field.value).span)
      }
    }
  }

  @Test(arguments: 1...100)
  func requests(_ seed: Int) {
    let message = Message(seed: UInt64(seed))
    var client = HTTP1Connection(role: .client)
    var output = ByteBuffer()
    message.write(&client, into: &output)
    #expect(client.sendingIsComplete)
    let wire = text(output.span)
    let example = Example("", wire + wire, [], showsFields: true)
    for split in [Split.whole, .byteByByte, .random(UInt64(seed))] {
      let log = message.log("PUT /x") + ["200"]
      #expect(example.run(split).log == log + log)
    }
  }

  @Test(arguments: 1...100)
  func responses(_ seed: Int) {
    let message = Message(seed: UInt64(seed) << 32)
    let server = Writer(request: "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    message.write(&server.machine, into: &server.output)
    let wire = server.wire()
    let example = Example("", to: ["GET", "GET"], wire + wire, [], showsFields: true)
    for split in [Split.whole, .byteByByte, .random(UInt64(seed))] {
      #expect(example.run(split).log == message.log("200") + message.log("200"))
    }
  }

  /// Bytes turned over at random: the machine accepts or names a fault, the same however the bytes
  /// are cut, and never traps.
  @Test(arguments: 1...300)
  func damagedBytes(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    let whole =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
      + "Connection: a, b\r\nA: b\r\n\r\n"
      + "5;x=\"y\"\r\nhello\r\n0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"
    var wire = bytes(whole)
    for _ in 0...random.next() % 3 {
      let at = Int(random.next() % UInt64(wire.count))
      switch random.next() % 3 {
      case 0: wire[at] = UInt8(truncatingIfNeeded: random.next())
      case 1: wire.remove(at: at)
      default: wire.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
      }
    }
    let input = String(String.UnicodeScalarView(wire.map { Unicode.Scalar($0) }))
    let example = Example("", input, [], ends: true, showsFields: true)
    let expected = example.run(.whole).log
    #expect(!expected.isEmpty)
    for split in Split.all { #expect(example.run(split).log == expected) }
    var answer = Example("", to: ["GET"], input, [], ends: true, showsFields: true)
    answer.client = ["GET"]
    #expect(answer.run(.byteByByte).log == answer.run(.whole).log)
  }
}
