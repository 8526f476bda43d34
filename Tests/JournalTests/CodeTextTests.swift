import BowlineCore
import BowlineJournal
import Testing

/// The codes of leases and replays, and what is said about them.
@Suite struct CodeTextTests {
  private static let all: [(code: String, text: CodeText)] =
    LeaseReason.allCases.map { ($0.code.description, $0.text) }
    + Evidence.allCases.map { ($0.code.description, $0.explanation) }
    + ReplayRefusal.allCases.map { ($0.code.description, $0.explanation) }

  /// The registries as they were published. Append only: never change or remove a code.
  @Test func codesAreAsPublished() {
    #expect(
      Self.all.map(\.code) == [
        "none", "reused", "reused.taken-over", "reused.after-wait", "new.none-idle",
        "new.not-proven", "new.replay", "new.hop-closes", "new.after-wait", "refused.line-full",
        "refused.wait-timeout", "refused.dial-failed", "waited.client-gone",
        "not-connected", "nothing-written", "written-unacknowledged", "partly-written",
        "all-written", "something-back",
        "response-began", "switched-off", "attempts-used-up", "not-reused", "still-at-work",
        "not-idempotent", "body-gone", "deadline-over", "budget-spent",
      ])
  }

  @Test func noCodeMeansTwoThings() {
    let codes = Self.all.map(\.code) + EndReason.allCases.map(\.code.description)
    #expect(Set(codes).count == codes.count)
  }

  /// A text that stands for two codes says nothing about either.
  @Test func everyCodeHasItsOwnText() {
    #expect(Set(Self.all.map(\.text.meaning)).count == Self.all.count)
    #expect(Set(Evidence.allCases.map(\.text.description)).count == Evidence.allCases.count)
  }

  @Test func explanationsAreSentences() {
    for (code, text) in Self.all {
      #expect(text.meaning.hasSuffix("."), "\(code)")
      #expect(!text.meaning.dropLast().contains(". "), "one sentence: \(code)")
      #expect(text.advice.hasSuffix("."), "\(code)")
      #expect(text.meaning.first?.isUppercase == true, "\(code)")
      #expect(!(text.meaning + text.advice).contains("?"), "a statement: \(code)")
    }
  }

  @Test func explanationsNameOnlyThingsThatExist() {
    let known = Set(
      Setting.all.map(\.name) + EndReason.allCases.map(\.code.description) + Self.all.map(\.code)
        + ["phase.queued", "replay.cause", "replay.evidence"])
    for (code, text) in Self.all {
      let parts = (text.meaning + " " + text.advice).split(
        separator: "`", omittingEmptySubsequences: false)
      #expect(parts.count % 2 == 1, "unpaired mark: \(code)")
      for index in stride(from: 1, to: parts.count, by: 2) {
        #expect(known.contains(String(parts[index])), "\(code) names \(parts[index])")
      }
    }
  }
}
