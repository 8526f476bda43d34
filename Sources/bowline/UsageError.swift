/// The command line cannot be obeyed. One sentence: what was expected, and the nearest valid name.
struct UsageError: Error, Equatable {
  /// Without a final period.
  let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}
