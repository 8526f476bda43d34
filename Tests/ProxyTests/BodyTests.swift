import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Large bodies, early answers, and peers that go away in the middle.
@Suite struct BodyTests {
  /// A pattern in which a lost or doubled piece shows.
  private static func filling(_ count: Int) -> [UInt8] {
    // The pattern repeats itself after 64 kB. Byte by byte, 16 MB took a minute under a sanitizer.
    let block = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += block.prefix(count - bytes.count) }
    return bytes
  }

  @Test(arguments: [0, 1, 4095, 65_536, 65_537, 3_000_000], Place.allCases)
  func aBodyOfAnyLengthBothWays(_ count: Int, _ place: Place) throws {
    let stage = try ProxyStage(place)
    let body = Self.filling(count)
    let client = try stage.client(.random(seed: UInt64(count)))
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: \(count)\r\n\r\n")
    client.send(body)
    let origin = try stage.accept(0, .random(seed: 7))
    origin.expect(onward("PUT /", via: "1.1", "Content-Length: \(count)\r\n"))
    origin.expect(bytes: body)
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: \(count)\r\n\r\n")
    origin.send(body)
    client.expect(back("200 OK", "Date: D\r\n", "Content-Length: \(count)\r\n"))
    client.expect(bytes: body)
    #expect(client.isQuiet)
    let record = try #require(stage.finish().exchanges.first?.record)
    #expect(record.end == .complete)
    #expect(record.requestBytes == UInt64(count))
    #expect(record.responseBytes == UInt64(count))
  }

  @Test(arguments: Place.allCases)
  func aSlowReaderHoldsTheOriginBack(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let body = Self.filling(16_000_000)
    let client = try stage.client()
    client.isReading = false
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 16000000\r\n\r\n")
    origin.send(body)
    // The buffers between are full long before the end.
    _ = stage.inspect { $0.figures.buffers > 0 }
    #expect(!origin.hasSentAll)
    client.isReading = true
    client.expect(back("200 OK", "Date: D\r\n", "Content-Length: 16000000\r\n"))
    client.expect(bytes: body)
    #expect(stage.finish().ends == [.complete])
  }

  @Test(arguments: Place.allCases)
  func ourOwnOriginEchoes(_ place: Place) throws {
    let stage = try ProxyStage(place, .demo)
    let client = try stage.client()
    let body = Self.filling(1_000_000)
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
    client.send(body)
    let head = client.head()
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
    var got: [UInt8] = []
    while let size = Int(client.line(), radix: 16), size > 0 {
      got += client.bytes(size)
      _ = client.line()
    }
    #expect(got == body)
    #expect(stage.finish().ends == [.complete])
  }

  /// The origin's end was not read while the upload was running, and the client was kept waiting.
  // covers: K18, R198
  @Test(arguments: Place.allCases)
  func anEarlyRefusalArrivesWhole(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n")
    client.send(Self.filling(500_000))
    let origin = try stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 10000000\r\n"))
    origin.send(
      "HTTP/1.1 413 No\r\nDate: D\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbig\n")
    origin.endSending()
    client.expect(
      back("413 No", "Date: D\r\n", "Content-Length: 4\r\nConnection: close\r\n") + "big\n")
    client.expectEnd()
    client.close()
    _ = origin.rest()
    #expect(stage.finish().ends == [.complete])
  }

  // covers: R199
  @Test(arguments: Place.allCases)
  func anEarlyAnswerDoesNotEndTheUpload(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
    let origin = try stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 5\r\n") + "he")
    origin.send(ReuseTests.ok)
    client.expect(
      back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok")
    client.send("llo")
    origin.expect("llo")
    client.expectEnd()
    client.close()
    let other = try stage.client()
    ReuseTests.pass("/2", other, origin)
    #expect(stage.finish().ends == [.complete, .complete])
  }

  @Test(arguments: [CloseManner.orderly, .reset], Place.allCases)
  func aClientThatGoesDuringItsUpload(_ manner: CloseManner, _ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
    let origin = try stage.accept()
    origin.expect(onward("POST /", via: "1.1", "Content-Length: 10\r\n") + "hello")
    client.close(manner)
    origin.expectEnd(.reset)
    let story = stage.finish()
    #expect(story.ends == [manner == .reset ? .clientResetRequest : .clientClosedBody])
    #expect(story.ends(.upstream) == [.usAbortedClientGone])
  }

  // covers: R154
  @Test(arguments: Place.allCases)
  func aClientThatGoesDuringItsDownload(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 16000000\r\n\r\n")
    client.expect(back("200 OK", "Date: D\r\n", "Content-Length: 16000000\r\n"))
    client.close(.reset)
    origin.send(Self.filling(16_000_000))
    stage.turn { origin.isSendBroken || origin.ended != nil }
    let story = stage.finish()
    #expect(story.ends == [.clientResetResponse])
    #expect(story.ends(.upstream) == [.usAbortedClientGone])
  }

  @Test(arguments: Place.allCases)
  func aClientThatGoesWhileItWaits(_ place: Place) throws {
    let stage = try ProxyStage(place)
    let client = try stage.client()
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    client.close(.reset)
    origin.expectEnd(.reset)
    #expect(stage.finish().ends == [.clientResetResponse])
  }

  @Test(arguments: Place.allCases)
  func aClientThatStopsReading(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.writeStallTimeout, 200)])
    let client = try stage.client()
    client.isReading = false
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(onward("GET /"))
    origin.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 16000000\r\n\r\n")
    origin.send(Self.filling(16_000_000))
    stage.turn { origin.isSendBroken || origin.ended != nil }
    #expect(stage.finish().ends == [.clientStalledWrite])
  }

  @Test(arguments: Place.allCases)
  func aClientThatGoesWhileItsConnectionIsDialledOrWaitedFor(_ place: Place) throws {
    let stage = try ProxyStage(place, set: [(.upstreamConnections, 1)])
    let first = try stage.client()
    first.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    let second = try stage.client()
    second.send(ReuseTests.get("/2"))
    let third = try stage.client()
    third.send(ReuseTests.get("/3"))
    _ = stage.inspect { $0.relays == 3 }
    second.close(.reset)
    _ = stage.inspect { $0.relays == 2 }
    origin.send(ReuseTests.ok)
    first.expect(ReuseTests.seesOK)
    origin.expect(onward("GET /3"))
    origin.send(ReuseTests.ok)
    third.expect(ReuseTests.seesOK)
    #expect(stage.finish().ends == [.clientResetResponse, .complete, .complete])
  }
}
