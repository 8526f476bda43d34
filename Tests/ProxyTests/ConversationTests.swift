import BowlineCore
import BowlineJournal
import BowlineTransport
import Testing

/// The list of conversations, on both networks, whatever the pieces in which the bytes come.
@Suite struct ConversationTests {
  // covers: K03, K07, R002, R004, R006, R008, R022, R023, R025, R026, R028, R041, R049, R051
  // covers: R054, R055, R057, R063, R064, R065, R085, R108, R111, R119, R127, R128, R129, R130
  // covers: R134, R137, R138, R140, R141, R146, R151, R152, R156, R166, R167, R168, R170, R181
  // covers: R207, R209, R211, R226, R237, R240, R241, R250, R269, R270, R271, R273, R278, R280
  // covers: R281, R282, R283, R290, S001, S062, S063, S064, S065, S068, S074, S086, S119, S135
  // covers: S136, S140, S149, S180
  @Test(arguments: Conversation.all, Place.allCases)
  func conversation(_ conversation: Conversation, _ place: Place) throws {
    try conversation.run(place, .whole)
  }

  @Test(arguments: Conversation.all, Place.allCases)
  func byteByByte(_ conversation: Conversation, _ place: Place) throws {
    try conversation.run(place, .bytes)
  }

  @Test(arguments: Conversation.all, [UInt64(1), 2, 3])
  func atRandomSplits(_ conversation: Conversation, _ seed: UInt64) throws {
    try conversation.run(.simulated, .random(seed: seed))
  }
}
