import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Connections that end at every byte: nothing traps, nothing is left over, and each end is called
/// by what it cut off.
@Suite struct OffsetTests {
  private static let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
  private static let answer = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\n"

  // covers: R196, S026, S157, S158
  @Test(arguments: [WireEnd.end, .reset])
  func aRequestThatEndsAtEveryOffset(_ ending: WireEnd) throws {
    let request = Self.head + "hello"
    for offset in 0..<request.count {
      let stage = try ProxyStage(.simulated)
      let client = try stage.client()
      client.send(String(request.prefix(offset)))
      _ = stage.inspect { $0.figures.downstream == 1 }
      stage.turn { client.hasSentAll }
      _ = stage.inspect()
      if ending == .end { client.endSending() } else { client.close(.reset) }
      if offset == 0 {
        _ = stage.inspect { $0.figures.downstream == 0 }
        let expected: EndReason = ending == .end ? .clientClosedUnused : .clientResetIdle
        #expect(stage.finish().ends(.downstream) == [expected])
        continue
      }
      if ending == .end {
        client.expectAnswer("400", with: ["Connection: close"])
        client.expectEnd()
      }
      let expected: EndReason =
        ending == .reset
        ? .clientResetRequest : offset < Self.head.count ? .clientClosedHead : .clientClosedBody
      #expect(stage.finish().ends == [expected], "\(offset)")
    }
  }

  // covers: R196, S026, S157, S158
  @Test(arguments: [WireEnd.end, .reset])
  func aResponseThatEndsAtEveryOffset(_ ending: WireEnd) throws {
    let response = Self.answer + "hello"
    for offset in 0..<response.count {
      let stage = try ProxyStage(.simulated)
      let client = try stage.client()
      client.send(ReuseTests.get("/"))
      let origin = try stage.accept()
      origin.expect(onward("GET /"))
      origin.send(String(response.prefix(offset)))
      stage.turn { origin.hasSentAll }
      _ = stage.inspect()
      if ending == .end { origin.endSending() } else { origin.close(.reset) }
      if offset < Self.answer.count {
        client.expectAnswer("502")
        #expect(client.isQuiet)
      } else {
        let body = String("hello".prefix(offset - Self.answer.count))
        client.expect(back("200 OK", "Date: D\r\n", "Content-Length: 5\r\n") + body)
        client.expectGone()
      }
      let expected: EndReason =
        switch (offset, ending) {
        case (0, .end): .upstreamClosedWaiting
        case (0, .reset): .upstreamResetWaiting
        case (_, .end): .upstreamClosedResponse
        case (_, .reset): .upstreamResetResponse
        }
      #expect(stage.finish().ends == [expected], "\(offset)")
    }
  }

  /// The origin closes its idle connection while the next request is on its way to it, and a little
  /// before and after.
  // covers: S160
  @Test(arguments: -12...12)
  func theRaceWithAnIdleCloseIsInvisible(_ milliseconds: Int) throws {
    let stage = try ProxyStage(.simulated, path: VirtualPath(delay: 10_000_000))
    let client = try stage.client()
    client.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    if milliseconds < 0 {
      client.send(ReuseTests.get("/2"))
      stage.pass(milliseconds: -milliseconds)
      origin.close()
    } else {
      origin.close()
      stage.pass(milliseconds: milliseconds)
      client.send(ReuseTests.get("/2"))
    }
    let next = try stage.accept()
    next.expect(onward("GET /2"))
    next.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    #expect(stage.finish().ends == [.complete, .complete])
  }
}

// A POST and the close of its connection.
extension OffsetTests {
  /// They cross at every distance, 10 ms each way. The origin executes what it has read. By the
  /// rule of the FIN the client sees nothing of the race, and still nothing is executed twice.
  // covers: K31, S160
  @Test(arguments: -32...12, [0, 1])
  func aPostThatCrossesACloseIsExecutedOnceAtMost(_ milliseconds: Int, _ afterFin: Int) throws {
    let stage = try ProxyStage(
      .simulated, path: VirtualPath(delay: 10_000_000), set: [(.replayAfterFin, afterFin)])
    let client = try stage.client()
    client.send(ReuseTests.get("/1"))
    let origin = try stage.accept()
    origin.expect(onward("GET /1"))
    origin.send(ReuseTests.ok)
    client.expect(ReuseTests.seesOK)
    let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
    let sent = onward("POST /", via: "1.1", "Content-Length: 0\r\n")
    if milliseconds < 0 { client.send(post) }
    stage.pass(milliseconds: abs(milliseconds))
    let wasExecuted = origin.received == sent
    origin.close()
    if milliseconds >= 0 {
      stage.pass(milliseconds: milliseconds)
      client.send(post)
    }
    var next: Wire?
    stage.turn {
      next = next ?? stage.acceptIfThere(0)
      return next != nil || client.count > 0
    }
    if let next {
      #expect(!wasExecuted)
      next.expect(sent)
      next.send(ReuseTests.ok)
      client.expect(ReuseTests.seesOK)
    } else {
      client.expectAnswer("502")
      #expect(wasExecuted || afterFin == 0)
      let record = try #require(stage.finish().exchanges.last).record
      #expect(record.replayRefusal == .notIdempotent)
      #expect(record.refusedEvidence == (wasExecuted ? .allWritten : .unacknowledged))
    }
    stage.expectNoContact()
  }
}
