import BowlineCore
import BowlineJournal
import Testing

@Suite struct EndReasonTests {
  /// The registry as it was published. Append only: never change or remove a line.
  static let frozen: [(number: UInt8, code: String)] = [
    (0, "us.complete"), (1, "client.closed.idle"), (2, "client.closed.unused"),
    (3, "client.asked.close"), (4, "us.closed.after-response"), (5, "us.timeout.idle"),
    (6, "us.drain.idle"), (7, "us.drain.deadline"), (8, "upstream.closed.idle"),
    (9, "upstream.asked.close"), (10, "us.pool.idle"), (11, "us.pool.age"), (12, "us.pool.uses"),
    (13, "us.pool.surplus"), (20, "client.closed.head"), (21, "client.closed.body"),
    (22, "client.closed.before-response"), (23, "client.reset.idle"),
    (24, "client.reset.request"), (25, "client.reset.response"), (26, "client.fault.head"),
    (27, "client.fault.body"), (28, "client.stalled.write"), (29, "client.timeout.head"),
    (30, "client.slow.body"), (40, "upstream.refused.dialling"),
    (41, "upstream.timeout.dialling"), (42, "upstream.unreachable.dialling"),
    (43, "upstream.closed.waiting"), (44, "upstream.closed.on-reuse"),
    (45, "upstream.closed.response"), (46, "upstream.reset.sending"),
    (47, "upstream.reset.waiting"), (48, "upstream.reset.on-reuse"),
    (49, "upstream.reset.response"), (50, "upstream.fault.head"), (51, "upstream.fault.body"),
    (52, "upstream.timeout.waiting"), (53, "upstream.stalled.write"),
    (54, "upstream.unexpected.bytes"), (55, "upstream.timeout.body"), (70, "policy.limit.head"),
    (71, "policy.limit.body"), (72, "policy.limit.connections"), (73, "policy.limit.waiting"),
    (74, "policy.timeout.waiting"), (75, "policy.limit.linger"), (76, "policy.refused.target"),
    (77, "policy.evicted.idle"), (80, "policy.limit.per-address"),
    (81, "policy.limit.high-water"), (82, "policy.timeout.deadline"), (90, "us.shutdown.now"),
    (91, "us.error.descriptors"),
    (92, "us.error.ports"), (93, "us.error.internal"), (94, "network.error.socket"),
    (95, "us.aborted.upstream-failed"), (96, "us.aborted.client-gone"),
    (97, "us.timeout.tunnel"), (98, "us.timeout.half-closed"), (99, "us.error.file"),
    (31, "client.closed.tunnel"), (32, "client.reset.tunnel"),
    (56, "upstream.closed.tunnel"), (57, "upstream.reset.tunnel"),
    (58, "upstream.unknown.name"), (59, "upstream.timeout.resolving"),
    (85, "policy.refused.destination"), (86, "policy.refused.credentials"),
    (87, "policy.refused.loop"), (88, "policy.limit.origins"),
    (14, "us.pool.hint"), (15, "us.pool.hop"), (16, "us.closed.max-requests"),
    (60, "upstream.hung.on-reuse"), (78, "policy.limit.gather"),
  ]

  @Test func numbersAndCodesAreFrozen() {
    for entry in Self.frozen {
      #expect(EndReason(rawValue: entry.number)?.code.description == entry.code)
    }
    #expect(EndReason.allCases.count >= Self.frozen.count)
  }

  @Test func codesAreUniqueAndShapedWhoWhatWhen() {
    let codes = EndReason.allCases.map(\.code.description)
    #expect(Set(codes).count == codes.count)
    for reason in EndReason.allCases where reason != .complete {
      let words = reason.code.description.split(separator: ".", omittingEmptySubsequences: false)
      #expect(words.count == 3, "\(reason.code)")
      for word in words {
        #expect(!word.isEmpty)
        #expect(word.allSatisfy { $0 == "-" || ("a"..."z").contains($0) }, "\(reason.code)")
      }
    }
  }

  @Test func theFirstWordOfACodeIsWhoIsToBlame() {
    for reason in EndReason.allCases {
      let first = reason.code.description.prefix { $0 != "." }
      #expect(first == "\(reason.blame)", "\(reason.code)")
    }
  }

  @Test func everyReasonHasOneExplanation() {
    #expect(EndReasonText.all.count == EndReason.allCases.count)
    #expect(Set(EndReasonText.all.map(\.reason)) == Set(EndReason.allCases))
  }

  @Test func explanationsAreSentences() {
    for reason in EndReason.allCases {
      #expect(reason.meaning.hasSuffix("."), "\(reason.code)")
      #expect(!reason.meaning.dropLast().contains(". "), "one sentence: \(reason.code)")
      #expect(reason.advice.hasSuffix("."), "\(reason.code)")
      #expect(reason.meaning.first?.isUppercase == true, "\(reason.code)")
      #expect(!(reason.meaning + reason.advice).contains("?"), "a statement: \(reason.code)")
    }
  }

  @Test func explanationsNameOnlyThingsThatExist() {
    let known = Set(
      Setting.all.map(\.name) + EndReason.allCases.map(\.code.description) + [
        "fault", "fault.offset", "duration", "phase.waiting", "tcp.retransmits", "--to",
        "ulimit -n", "Connection: close", "--allow", "--deny", "--users", "--via",
        "getent ahosts NAME", "replay.cause",
      ])
    for reason in EndReason.allCases {
      let parts = (reason.meaning + " " + reason.advice).split(
        separator: "`", omittingEmptySubsequences: false)
      #expect(parts.count % 2 == 1, "unpaired mark: \(reason.code)")
      for index in stride(from: 1, to: parts.count, by: 2) {
        #expect(known.contains(String(parts[index])), "\(reason.code) names \(parts[index])")
      }
    }
  }
}
