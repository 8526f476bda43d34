import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// The exchange model with two exchanges on one link at a time, by the two-slot machine: what holds
/// here will hold for HTTP/2.
struct MultiplexedTests {
  private static func frame(_ kind: Character, _ stream: Int, _ content: String = "") -> String {
    TwoSlotMachine.frame(kind, stream, content)
  }

  /// A stage whose only link is `link`, spoken to in frames.
  private func begin(grants: Bool = false) throws -> (stage: Stage, client: Peer, link: Handle) {
    let stage = try Stage()
    stage.role.onEnd = { _, _, _ in }
    stage.role.grants = grants
    let client = stage.client()
    let link = try #require(stage.links.living.first)
    stage.act { $0.multiplex(link, TwoSlotMachine()) }
    return (stage, client, link)
  }

  @Test func twoExchangesShareALinkAndEndInAnyOrder() throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b"))
    client.send(
      Self.frame("D", 1, "aa") + Self.frame("D", 2, "bbb") + Self.frame("D", 1, "aaaa")
        + Self.frame("E", 2) + Self.frame("E", 1))
    #expect(
      stage.role.log == [
        "head /a", "head /b", "body /a 2", "body /b 3", "body /a 4", "end /b", "end /a",
      ])
    #expect(stage.role.open.count == 2)

    // The one that was asked first is answered last, and their bodies are interleaved.
    stage.act { [role = stage.role] _ in
      role.begin(role.exchange("/a"), .unknown)
      role.links.sendBody(role.exchange("/a"), Array("1".utf8).span)
      role.answer(role.exchange("/b"), "2")
    }
    #expect(
      client.read() == Self.frame("H", 1, "200") + Self.frame("D", 1, "1")
        + Self.frame("H", 2, "200") + Self.frame("D", 2, "2") + Self.frame("E", 2))
    #expect(stage.role.log.last == "finished /b")
    stage.act { [role = stage.role] _ in
      role.links.sendBody(role.exchange("/a"), Array("3".utf8).span)
      role.links.sendEnd(role.exchange("/a"))
    }
    #expect(client.read() == Self.frame("D", 1, "3") + Self.frame("E", 1))
    #expect(stage.role.log.last == "finished /a")
    #expect(stage.exchangeEnds == [.complete, .complete])
    #expect(stage.links.exchanges.lent == 0)
    #expect(client.ending == nil)
  }

  @Test func aResponseMayEndBeforeItsRequest() throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b"))
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/a"), "1") }
    #expect(stage.role.open.count == 2)
    client.send(Self.frame("E", 1))
    #expect(stage.role.log.suffix(2) == ["end /a", "finished /a"])
    #expect(stage.exchangeEnds == [.complete])
  }

  @Test func aStreamMayBeUsedAgain() throws {
    let (stage, client, _) = try begin()
    stage.role.onEnd = { role, exchange, path in role.answer(exchange, path) }
    for round in 0..<10 { client.send(Self.frame("H", 1, "/\(round)") + Self.frame("E", 1)) }
    #expect(stage.exchangeEnds == Array(repeating: .complete, count: 10))
    #expect(stage.records.exchanges.map(\.ordinal) == Array(1...10))
  }

  @Test func eachExchangeHasItsOwnCredit() throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b"))
    let standard = stage.links.settings[.watermarkHigh]
    client.send(
      Self.frame("D", 1, String(repeating: "a", count: 5000))
        + Self.frame("D", 2, String(repeating: "b", count: 300)))
    let (a, b) = (stage.role.exchange("/a"), stage.role.exchange("/b"))
    #expect(stage.links.exchanges[a].credit == standard - 5000)
    #expect(stage.links.exchanges[b].credit == standard - 300)
    stage.act { $0.grant(b, 300) }
    #expect(client.read() == Self.frame("G", 2, "300"))
    #expect(stage.links.exchanges[a].credit == standard - 5000)
    #expect(stage.links.exchanges[b].credit == standard)
  }

  @Test func oneIsResetByUsWhileTheOtherGoesOn() throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b"))
    stage.act { [role = stage.role] _ in
      role.abort(role.exchange("/a"), .usAbortedUpstreamFailed)
    }
    #expect(client.read() == Self.frame("R", 1))
    // Late content of the dead stream reaches nobody.
    client.send(Self.frame("D", 1, "late") + Self.frame("D", 2, "bb") + Self.frame("E", 2))
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/b"), "2") }
    #expect(
      client.read() == Self.frame("H", 2, "200") + Self.frame("D", 2, "2") + Self.frame("E", 2))
    #expect(stage.role.log.contains("body /a 4") == false)
    #expect(stage.exchangeEnds == [.usAbortedUpstreamFailed, .complete])
    #expect(client.ending == nil)
    #expect(stage.links.linkCount == 1)
  }

  @Test func oneIsResetByTheClientWhileTheOtherGoesOn() throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b") + Self.frame("R", 1))
    #expect(stage.role.log.last == "failed /a client.reset.request")
    client.send(Self.frame("E", 2))
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/b"), "2") }
    #expect(stage.exchangeEnds == [.clientResetRequest, .complete])
    #expect(stage.links.linkCount == 1)
  }

  @Test func aRefusalResetsItsOwnExchangeOnly() throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b"))
    stage.act { [role = stage.role] _ in
      role.refuse(role.exchange("/b"), 503, .policyLimitWaiting)
    }
    #expect(client.read() == Self.frame("R", 2))
    client.send(Self.frame("E", 1))
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/a"), "1") }
    #expect(stage.exchangeEnds == [.policyLimitWaiting, .complete])
  }

  @Test func aSlowBodyEndsItsOwnExchangeOnly() throws {
    let (stage, client, _) = try begin(grants: true)
    client.send(Self.frame("H", 1, "/quick") + Self.frame("E", 1) + Self.frame("H", 2, "/slow"))
    stage.run(milliseconds: 5100)
    #expect(client.read() == Self.frame("R", 2))
    #expect(stage.exchangeEnds == [.clientSlowBody])
    stage.act { [role = stage.role] _ in role.answer(role.exchange("/quick"), "1") }
    #expect(stage.exchangeEnds == [.clientSlowBody, .complete])
    #expect(stage.links.linkCount == 1)
  }

  @Test(arguments: [false, true])
  func theEndOfTheLinkEndsEachExchangeOnce(reset: Bool) throws {
    let (stage, client, _) = try begin()
    client.send(Self.frame("H", 1, "/a") + Self.frame("H", 2, "/b") + Self.frame("E", 2))
    client.close(reset ? .reset : .orderly)
    stage.run(milliseconds: 100)
    #expect(stage.role.log.filter { $0.hasPrefix("failed /a") }.count == 1)
    #expect(stage.role.log.filter { $0.hasPrefix("failed /b") }.count == 1)
    #expect(stage.exchangeEnds.count == 2)
    #expect(stage.connectionEnds.count == 1)
    #expect(!stage.exchangeEnds.contains(.complete))
    #expect(stage.links.linkCount == 0)
    #expect(stage.links.exchanges.lent == 0)
    #expect(stage.links.lentBuffers == 0)
  }
}
