// `bowline explain`: the commentary on the end reasons.

internal import BowlineCore
internal import BowlineJournal

enum Explanation {
  /// The explanation of the reason with `code`, or the list of all.
  static func text(of code: String?) throws(UsageError) -> String {
    guard let code else { return list }
    if let reason = EndReason(code: code) { return text(of: reason) }
    if let nearest = EndReason.nearest(to: code) {
      throw UsageError("no end reason is named `\(code)`; the nearest is `\(nearest.code)`")
    }
    throw UsageError("no end reason is named `\(code)`; `bowline explain` lists them all")
  }

  private static func text(of reason: EndReason) -> String {
    var text = "\(reason.code)\n\n"
    for line in reason.meaning.wrapped(width: 76) { text += "  \(line)\n" }
    text += "\nwhat to do\n"
    for line in reason.advice.wrapped(width: 76) { text += "  \(line)\n" }
    return text
  }

  private static var list: String {
    var text = ""
    for (blame, title) in titles {
      if !text.isEmpty { text += "\n" }
      text += "\(title)\n"
      for reason in EndReason.allCases where reason.blame == blame {
        text += "  \(reason.code.description.padded(31))\(reason.meaning)\n"
      }
    }
    return text
  }

  private static let titles: [(Blame, String)] = [
    (.us, "ended by us"), (.client, "ended by the client"), (.upstream, "ended by the upstream"),
    (.policy, "ended by a limit or a rule"), (.network, "ended by the network"),
  ]
}
