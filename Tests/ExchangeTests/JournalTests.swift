import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import Testing

/// How records leave the loop.
struct JournalTests {
  @Test func recordsTheWriterHadNoRoomForDoNotWaitForTheNextRequest() throws {
    let stage = try Stage()
    let client = stage.client(sending: PipeliningTests.get("/a"))
    #expect(client.statuses == ["200"])
    // The slot is full now: the writer has not come yet.
    client.send(PipeliningTests.get("/b"))
    #expect(client.statuses == ["200", "200"])
    #expect(stage.takeRecords().exchanges.count == 1)
    #expect(stage.takeRecords().exchanges.count == 0)
    // Nothing happens on the network.
    stage.run(milliseconds: 100)
    #expect(stage.takeRecords().exchanges.count == 1)
    #expect(client.ending == nil)
  }
}
