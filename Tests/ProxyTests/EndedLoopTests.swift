import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineProxy
import BowlineTransport
import BowlineUpstream
import Testing

/// What is left of a loop that has ended. Links and roles hold each other while it runs.
struct EndedLoopTests {
  @Test func anEndedLoopLeavesNeitherLinksNorRolesBehind() throws {
    weak var links: Links?
    weak var proxy: Proxy?
    try Self.beginAndEnd(links: &links, proxy: &proxy)
    // Not the objects themselves: to print one of a world that is gone would trap.
    let isGone = (links: links == nil, proxy: proxy == nil)
    #expect(isGone.links)
    #expect(isGone.proxy)
  }

  /// Puts a loop together and ends it as the command does.
  private static func beginAndEnd(
    links remainingLinks: inout Links?, proxy remainingProxy: inout Proxy?
  ) throws {
    let world = SimulatedWorld(seed: 1, path: VirtualPath())
    let loop = EventLoop(network: world.makeNetwork())
    let journal = JournalWriter(
      handoff: Handoff(RecordBatch()), bell: try Doorbell(), limit: 1 << 20)
    let links = Links(
      loop: loop, network: loop.network, settings: Settings(), loopNumber: 0, journal: journal)
    loop.client = links
    let origin = Origin(host: "origin", port: 80, addresses: [.loopback(80)])
    let proxy = Proxy(links: links, origins: [origin], via: "hop")
    links.whenDrained = {
      proxy.closeIdle()
      loop.stop()
    }
    remainingLinks = links
    remainingProxy = proxy
    links.end()
    loop.client = nil
  }
}
