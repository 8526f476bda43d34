import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineServer
import BowlineTransport
import Testing

/// Our own origin server, asked directly: one loop in the simulated world, serving the directory of
/// this file and the demo answers.
private final class OriginStage {
  private let world = SimulatedWorld()
  private let loop: EventLoop
  private let outside: SimulatedNetwork
  private let address: SocketAddress

  init() throws {
    let network = world.makeNetwork()
    let listener = try world.listen(.loopback(9000))
    address = world.address(of: listener)
    loop = EventLoop(network: network)
    outside = world.makeNetwork()
    let bell = try Doorbell()
    let links = Links(
      loop: loop, network: network, settings: Settings(), loopNumber: 0,
      journal: JournalWriter(handoff: Handoff(RecordBatch()), bell: bell, limit: 1 << 20))
    loop.client = links
    let here = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let server = OriginServer(links: links, directory: try Directory.open("/" + here), demo: true)
    links.serve(listener, handler: server.handlerNumber)
    world.attach(loop)
  }

  deinit { loop.client = nil }

  /// Everything that the origin sends back for `request`, and whether it ended the connection.
  func ask(_ request: String) throws -> (text: String, ended: Bool) {
    guard case .started(let socket) = outside.connect(to: address, token: 1 << 32) else {
      throw NetworkError(kind: .refused, code: 0)
    }
    world.settle()
    _ = outside.connectResult(socket)
    _ = outside.send(socket, octets(request).span, Span<UInt8>())
    var received: [UInt8] = []
    var buffer = ReadBuffer()
    while true {
      world.settle()
      buffer.bytes.removeAll()
      switch outside.receive(socket, into: &buffer, limit: ReadBuffer.size) {
      case .bytes:
        let bytes = buffer.bytes.span
        for index in bytes.indices { received.append(bytes[index]) }
      case .wouldBlock:
        outside.close(socket, .orderly)
        world.settle()
        return (text(received), false)
      case .end, .failed:
        outside.close(socket, .orderly)
        world.settle()
        return (text(received), true)
      }
    }
  }
}

@Suite struct OriginTests {
  private func field(_ name: String, of answer: String) -> String? {
    let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
    return lines.prefix { !$0.isEmpty }
      .first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
  }

  // covers: R018
  @Test(arguments: [
    ("get / HTTP/1.1", "501"), ("FOO / HTTP/1.1", "501"),
    ("DELETE /OriginTests.swift HTTP/1.1", "405"),
  ])
  func methodsThatAreNotForFilesAreRefused(_ line: String, _ status: String) throws {
    let answer = try OriginStage().ask("\(line)\r\nHost: h\r\n\r\n").text
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(field("Allow", of: answer) == (status == "405" ? "GET, HEAD" : nil))
  }

  // covers: R062
  @Test(arguments: ["/OriginTests.swift", "/nothing", "/status/302"])
  func everyAnswerHasADate(_ path: String) throws {
    let answer = try OriginStage().ask("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n").text
    let date = try #require(field("Date", of: answer))
    #expect(date == "Sun, 15 Jun 2025 15:06:40 GMT")
  }

  // covers: R104, R105
  @Test func headDeclaresTheLengthThatGETHas() throws {
    let stage = try OriginStage()
    let get = try stage.ask("GET /OriginTests.swift HTTP/1.1\r\nHost: h\r\n\r\n").text
    let head = try stage.ask("HEAD /OriginTests.swift HTTP/1.1\r\nHost: h\r\n\r\n").text
    let length = try #require(field("Content-Length", of: get).flatMap { Int($0) })
    let body = try #require(get.firstRange(of: "\r\n\r\n")).upperBound
    #expect(get[body...].unicodeScalars.count == length)
    #expect(field("Content-Length", of: head) == String(length))
    #expect(head.hasSuffix("\r\n\r\n"))
  }

  // covers: R099
  @Test func aStreamIsChunkedFor11AndEndsWithTheConnectionFor10() throws {
    let stage = try OriginStage()
    let modern = try stage.ask("GET /chunked/20 HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(field("Transfer-Encoding", of: modern.text) == "chunked")
    #expect(modern.text.hasSuffix("\r\n0\r\n\r\n"))
    #expect(!modern.ended)
    let old = try stage.ask("GET /chunked/20 HTTP/1.0\r\n\r\n")
    #expect(field("Transfer-Encoding", of: old.text) == nil)
    #expect(old.text.hasSuffix("\r\n\r\n0123456789abcde\n0123"))
    #expect(old.ended)
  }
}
