import BowlineCore
import BowlineJournal
import BowlineTransport
import Testing

/// Heads as they go on, byte for byte.
@Suite struct ForwardingTests {
  static let forwarded = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"

  @Test(arguments: Place.allCases)
  func aGetAndItsAnswer(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    origin.expect("GET /a HTTP/1.1\r\nHost: h\r\n\(Self.forwarded)Via: 1.1 hop\r\n\r\n")
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nhi")
    client.expect("HTTP/1.1 200 OK\r\nDate: D\r\nVia: 1.1 hop\r\nContent-Length: 2\r\n\r\nhi")
    let story = stage.finish()
    #expect(story.ends == [.complete])
  }
}
