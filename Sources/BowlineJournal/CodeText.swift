/// What a code of the log means, in words: the commentary behind `bowline explain` for codes that
/// are no end reasons.
package struct CodeText: Sendable {
  /// One sentence: what is so.
  package let meaning: String
  /// What a person can do about it; says so when there is nothing to do.
  package let advice: String

  init(_ meaning: String, advice: String) {
    self.meaning = meaning
    self.advice = advice
  }
}
