import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// Links that we dial: outcomes, deadlines, ends, and the evidence they leave.
struct UpstreamLinkTests {
  private static let address = SocketAddress.loopback(8080)
  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

  /// A stage with an open upstream link, and the peer at its other end.
  private func begin(
    _ values: KeyValuePairs<SettingID, Int> = [:], path: VirtualPath = VirtualPath(delay: 1000)
  ) throws -> (stage: Stage, caller: Caller, origin: Peer) {
    let stage = try Stage(values, path: path)
    let listener = try stage.world.listen(Self.address)
    let caller = Caller(links: stage.links)
    stage.act { _ in caller.dial(Self.address) }
    let origin = try #require(stage.accept(listener))
    #expect(caller.log == ["opened"])
    return (stage, caller, origin)
  }

  @Test func carriesOneExchangeAfterTheOther() throws {
    let (stage, caller, origin) = try begin()
    for path in ["/1", "/2", "/3"] {
      stage.act { _ in _ = caller.request(path) }
      #expect(origin.read() == "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
      origin.send(Self.ok)
      #expect(caller.log.suffix(4) == ["head 200", "body 2", "end", "finished"])
      let link = try #require(caller.link)
      #expect(stage.links.isReusable(link))
      #expect(stage.links.lentBuffers == 0)
    }
    #expect(stage.links.exchanges.lent == 0)
  }

  @Test func tellsRefusedSilentAndFullApart() throws {
    let stage = try Stage([.connectTimeout: 10_000])
    let caller = Caller(links: stage.links)
    stage.act { _ in caller.dial(Self.address) }
    #expect(caller.log == ["ended upstream.refused.dialling"])

    // Its queue is full and nobody takes from it: the SYN is not answered.
    let listener = try stage.world.listen(Self.address, backlog: 0)
    stage.act { _ in caller.dial(Self.address) }
    #expect(caller.log.last == "opened")
    let began = stage.world.now
    stage.act { _ in caller.dial(Self.address) }
    stage.run(milliseconds: 11_000)
    #expect(caller.log.last == "ended upstream.timeout.dialling")
    let closed = try #require(stage.records.connections.last).closed
    #expect(abs(Int(closed.since(began) / 1_000_000) - 10_000) <= 20)
    stage.world.close(listener)

    stage.network.socketLimit = 0
    stage.act { _ in caller.dial(Self.address) }
    #expect(caller.log.contains("ended us.error.descriptors"))
  }

  @Test func aResetBeforeTheLoopHasLookedIsNoRefusal() throws {
    let stage = try Stage()
    let listener = try stage.world.listen(Self.address)
    let caller = Caller(links: stage.links)
    stage.act { _ in
      caller.dial(Self.address)
      // Busy elsewhere, until the connection has come and gone.
      stage.world.detach(stage.loop)
    }
    let origin = try #require(stage.accept(listener))
    origin.close(.reset)
    stage.settle()
    #expect(caller.log == [])
    stage.world.attach(stage.loop)
    stage.settle()
    #expect(caller.log == ["ended upstream.reset.waiting"])
    #expect(stage.connectionEnds == [.upstreamResetWaiting])
  }

  /// What comes together with the connection is reported with it, and not again.
  @Test(arguments: [true, false])
  func aGreetingBeforeTheLoopHasLookedIsRead(asks: Bool) throws {
    let stage = try Stage()
    let listener = try stage.world.listen(Self.address)
    let caller = Caller(links: stage.links)
    if asks { caller.onOpened = { _ = $0.request("/a") } }
    stage.act { _ in
      caller.dial(Self.address)
      stage.world.detach(stage.loop)
    }
    let origin = try #require(stage.accept(listener))
    origin.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno")
    stage.world.attach(stage.loop)
    stage.settle()
    if asks {
      // Its first request may be answered by it: nobody else could be meant.
      #expect(caller.log == ["opened", "head 503", "body 2", "end", "finished"])
    } else {
      #expect(caller.log == ["opened", "ended upstream.unexpected.bytes"])
    }
  }

  @Test func aSilentUpstreamIsGivenUp() throws {
    let (stage, caller, origin) = try begin([.responseTimeout: 60_000])
    stage.act { _ in _ = caller.request("/a") }
    stage.run(milliseconds: 59_900)
    #expect(caller.log == ["opened"])
    stage.run(milliseconds: 200)
    #expect(
      caller.log.suffix(2) == [
        "failed upstream.timeout.waiting, all written, nothing back",
        "ended upstream.timeout.waiting",
      ])
    #expect(origin.ending != nil)
  }

  @Test func aResponseMayTakeLongAsLongAsItMoves() throws {
    let (stage, caller, origin) = try begin([.responseTimeout: 60_000])
    stage.act { _ in _ = caller.request("/a") }
    for piece in ["HTTP/1.1 200 OK\r\n", "Content-Length: 2\r\n\r\n", "o"] {
      stage.run(milliseconds: 50_000)
      origin.send(piece)
    }
    #expect(caller.log.last == "body 1")
    stage.run(milliseconds: 60_100)
    #expect(
      caller.log.suffix(2) == [
        "failed upstream.timeout.body, something back", "ended upstream.timeout.body",
      ])
  }

  @Test func anUpstreamThatWaitsForOurCreditIsNotGivenUp() throws {
    let (stage, caller, origin) = try begin([.responseTimeout: 60_000])
    caller.grants = false
    stage.act { _ in _ = caller.request("/a") }
    origin.send(
      "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + String(repeating: "x", count: 500_000))
    stage.run(milliseconds: 300_000)
    #expect(!caller.log.contains { $0.hasPrefix("failed") })
    #expect(stage.links.linkCount == 1)
  }

  // covers: R195
  @Test func anIdleLinkIsClosedInTimeAndWhenThePeerCloses() throws {
    let (stage, caller, origin) = try begin([.upstreamIdleTimeout: 30_000])
    stage.run(milliseconds: 29_900)
    #expect(caller.link != nil)
    stage.run(milliseconds: 200)
    #expect(caller.log == ["opened", "ended us.pool.idle"])
    #expect(origin.ending == .fin)
    let (other, second, peer) = try begin()
    peer.finish()
    #expect(second.log == ["opened", "ended upstream.closed.idle"])
    #expect(peer.ending == .fin)
    #expect(other.links.linkCount == 0)
  }

  // covers: R090
  @Test(arguments: ["HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", ok, "x"])
  func bytesThatAnswerNothingEndAnIdleLink(sent: String) throws {
    let (stage, caller, origin) = try begin()
    origin.send(sent)
    #expect(caller.log == ["opened", "ended upstream.unexpected.bytes"])
    origin.finish()
    #expect(stage.links.linkCount == 0)
  }

  /// It was taken for an answer that nobody had asked for, and cost the connection.
  // covers: R173
  @Test func anEmptyLineOnAnIdleLinkIsNothing() throws {
    let (stage, caller, origin) = try begin()
    stage.act { _ in _ = caller.request("/1") }
    origin.send(Self.ok + "\r\n")
    for piece in ["\r", "\n", "\r\n\r\n"] { origin.send(piece) }
    let link = try #require(caller.link)
    #expect(stage.links.isReusable(link))
    stage.act { _ in _ = caller.request("/2") }
    origin.send(Self.ok)
    #expect(caller.log.suffix(4) == ["head 200", "body 2", "end", "finished"])
    #expect(stage.links.isReusable(link))
  }

  // covers: R203
  @Test func aStaleLinkIsKnownBeforeItIsUsed() throws {
    let stage = try Stage()
    let listener = try stage.world.listen(Self.address)
    let caller = Caller(links: stage.links)
    var stale = 0
    for _ in 0..<100 {
      stage.act { _ in caller.dial(Self.address) }
      let origin = try #require(stage.accept(listener))
      let link = try #require(caller.link)
      #expect(stage.links.isReusable(link))
      origin.close()
      stage.act { links in if !links.exists(link) || !links.isReusable(link) { stale += 1 } }
    }
    #expect(stale == 100)
    #expect(caller.log.filter { $0 == "ended upstream.closed.idle" }.count == 100)
  }

  @Test func bytesBehindAResponseEndTheLink() throws {
    let (stage, caller, origin) = try begin()
    stage.act { _ in _ = caller.request("/a") }
    origin.send(Self.ok + Self.ok)
    #expect(caller.log.prefix(5) == ["opened", "head 200", "body 2", "end", "finished"])
    #expect(caller.log.filter { $0.hasPrefix("head") }.count == 1)
    let reusable = caller.link.map(stage.links.isReusable) ?? false
    #expect(!reusable)
  }

  /// What the upstream does with a request, on the first or a later exchange of its link.
  @Test(arguments: [
    (false, "", CloseManner.orderly, "upstream.closed.waiting, all written, nothing back"),
    (false, "", .reset, "upstream.reset.waiting, all written, nothing back"),
    (true, "", .orderly, "upstream.closed.on-reuse, all written, nothing back"),
    (true, "", .reset, "upstream.reset.on-reuse, all written, nothing back"),
    (true, "HTTP/1.1 2", .orderly, "upstream.closed.response, something back"),
    (
      true, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", .orderly,
      "upstream.closed.response, something back"
    ),
    (
      false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", .reset,
      "upstream.reset.response, something back"
    ),
    (
      false, "HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n", .orderly,
      "upstream.fault.head, something back"
    ),
  ])
  func anEndIsCalledByWhatItCutOff(
    _ reused: Bool, _ sent: String, _ manner: CloseManner, _ failure: String
  ) throws {
    let (stage, caller, origin) = try begin()
    if reused {
      stage.act { _ in _ = caller.request("/first") }
      origin.send(Self.ok)
    }
    stage.act { _ in _ = caller.request("/a") }
    if !sent.isEmpty { origin.send(sent) }
    origin.readOnce()
    origin.close(manner)
    let told = caller.log.filter { $0.hasPrefix("failed") || $0.hasPrefix("ended") }
    #expect(told.count == 2)
    #expect(told.first == "failed \(failure)")
    #expect(stage.links.linkCount == 0)
    #expect(stage.links.exchanges.lent == 0)
    #expect(stage.links.lentBuffers == 0)
  }

  @Test func aCutRequestIsPartlyWritten() throws {
    let (stage, caller, origin) = try begin(path: VirtualPath(delay: 1000, queueBytes: 5000))
    origin.reads = false
    stage.act { links in
      let exchange = caller.upload("/a", 100_000)
      links.sendBody(exchange, [UInt8](repeating: 0x61, count: 50_000).span)
    }
    origin.close(.reset)
    #expect(caller.log.filter { $0.hasPrefix("failed") }.count == 1)
    #expect(
      caller.log.contains { $0 == "failed upstream.reset.sending, partly written" }
        || caller.log.contains { $0 == "failed upstream.closed.waiting, partly written" })
    #expect(stage.links.linkCount == 0)
  }

  @Test func anUpstreamThatDoesNotReadIsGivenUp() throws {
    let (stage, caller, origin) = try begin(
      [.writeStallTimeout: 30_000], path: VirtualPath(delay: 1000, queueBytes: 5000))
    origin.reads = false
    stage.act { links in
      let exchange = caller.upload("/a", 100_000)
      links.sendBody(exchange, [UInt8](repeating: 0x61, count: 50_000).span)
    }
    stage.run(milliseconds: 29_900)
    #expect(caller.log == ["opened"])
    stage.run(milliseconds: 200)
    #expect(caller.log[1] == "failed upstream.stalled.write, partly written")
    #expect(stage.links.lentBuffers == 0)
  }

  /// Linux forgets the reset once a send was told of it, and then reports an orderly end.
  // covers: R112
  @Test func anEndBehindABrokenSendCompletesNothing() throws {
    let (stage, caller, origin) = try begin()
    caller.grants = false
    var exchange = Handle.none
    stage.act { _ in exchange = caller.upload("/a", 100_000) }
    origin.send("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 100_000))
    // There is no credit for the rest of it, so it is not read when the reset comes.
    origin.close(.reset)
    for _ in 0..<2 {
      stage.act { links in
        if links.exchanges.contains(exchange) { links.sendBody(exchange, [0x61].span) }
      }
    }
    stage.act { links in
      if links.exchanges.contains(exchange) { links.grant(exchange, 100_000) }
    }
    #expect(caller.log.contains("head 200"))
    #expect(!caller.log.contains("end"))
    #expect(caller.log.filter { $0.hasPrefix("failed") }.count == 1)
    #expect(stage.links.linkCount == 0)
  }

  @Test func anAnswerBeforeTheEndOfTheRequestIsRead() throws {
    // 413 and FIN while we are sending: the answer counts, not the broken pipe (RFC 9112 §9.5).
    let (stage, caller, origin) = try begin(path: VirtualPath(delay: 1000, queueBytes: 5000))
    var exchange = Handle.none
    stage.act { _ in exchange = caller.upload("/a", 100_000) }
    origin.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
    #expect(caller.log.suffix(3) == ["head 413", "body 2", "end"])
    origin.readOnce()
    origin.close()
    stage.act { links in
      if links.exchanges.contains(exchange) { links.sendBody(exchange, [0x61].span) }
    }
    #expect(caller.log.filter { $0.hasPrefix("failed") }.count == 1)
    #expect(stage.links.linkCount == 0)
  }
}
