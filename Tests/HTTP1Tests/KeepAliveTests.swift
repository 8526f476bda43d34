import BowlineCore
import BowlineHTTP1
import Testing

/// What clients that ask are told of how long their connection is kept, and who is never kept.
@Suite struct KeepAliveTests {
  private static let offer = KeepAliveOffer(timeout: 14, max: 99)

  /// The field lines of the response to `request`.
  private static func fields(
    _ request: String, _ body: OutgoingBody, close: Bool = false, _ offer: KeepAliveOffer? = offer
  ) -> String {
    let server = Writer(request: request)
    var head = HeadBlock()
    head.compose(status: 200)
    server.machine.send(
      response: head, body: body, close: close, offer: offer, into: &server.output)
    let wire = server.wire()
    let status = "HTTP/1.1 200 OK\r\n"
    #expect(wire.hasPrefix(status))
    return String(wire.dropFirst(status.count))
  }

  private static let new = "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"
  private static let old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

  // covers: R164
  @Test func theOfferGoesWithTheOptionAndOnlyIfTheConnectionIsKept() {
    let kept = "Keep-Alive: timeout=14, max=99\r\nConnection: keep-alive\r\n\r\n"
    for request in [Self.new, Self.old] {
      #expect(Self.fields(request, .length(2)) == "Content-Length: 2\r\n" + kept)
      #expect(
        Self.fields(request, .length(2), close: true)
          == "Content-Length: 2\r\nConnection: close\r\n\r\n")
    }
    #expect(Self.fields(Self.new, .unknown) == "Transfer-Encoding: chunked\r\n" + kept)
    #expect(Self.fields(Self.old, .unknown) == "Connection: close\r\n\r\n")
    let timeOnly = KeepAliveOffer(timeout: 3, max: nil)
    #expect(
      Self.fields(Self.new, .length(0), timeOnly)
        == "Content-Length: 0\r\nKeep-Alive: timeout=3\r\nConnection: keep-alive\r\n\r\n")
    #expect(Self.fields(Self.new, .length(0), nil) == "Content-Length: 0\r\n\r\n")
  }

  // covers: S119
  @Test func theOptionIsNoNewsIn11() {
    let server = Writer(request: Self.new)
    server.respond(200, .length(0))
    #expect(server.wire() == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    #expect(server.next())
  }

  // covers: R155, S142
  @Test func aForwardProxyKeepsNo10Client() {
    let server = Writer(request: "", as: .forwardProxy)
    _ = server.receive("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    server.respond(200, .length(0))
    #expect(server.next())
    // Still a proxy with the next exchange.
    _ = server.wire()
    _ = server.receive(Self.old)
    server.respond(200, .length(0))
    let wire = server.wire()
    #expect(wire == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    #expect(!server.next())
    #expect(server.machine.closeCause == .oldVersion)
  }
}
