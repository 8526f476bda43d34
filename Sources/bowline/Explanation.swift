// `bowline explain`: the commentary on the codes of the log.

internal import BowlineCore
internal import BowlineJournal

enum Explanation {
  /// A code and what there is to say about it.
  private struct Entry {
    let code: String
    let meaning: String
    let advice: String

    init(_ reason: EndReason) {
      code = reason.code.description
      meaning = reason.meaning
      advice = reason.advice
    }

    init(_ code: StaticString, _ text: CodeText) {
      self.code = code.description
      meaning = text.meaning
      advice = text.advice
    }
  }

  /// Codes of one kind.
  private struct Group {
    let title: String
    let entries: [Entry]
  }

  /// The explanation of `code`, or the list of all.
  static func text(of code: String?) throws(UsageError) -> String {
    guard let code else { return list }
    let entries = groups.flatMap(\.entries)
    if let entry = entries.first(where: { $0.code == code }) { return text(of: entry) }
    if let nearest = NearestName(among: entries.map(\.code)).to(code) {
      throw UsageError("no code of the log is `\(code)`; the nearest is `\(nearest)`")
    }
    throw UsageError("no code of the log is `\(code)`; `bowline explain` lists them all")
  }

  private static func text(of entry: Entry) -> String {
    var text = "\(entry.code)\n\n"
    for line in entry.meaning.wrapped(width: 76) { text += "  \(line)\n" }
    text += "\nwhat to do\n"
    for line in entry.advice.wrapped(width: 76) { text += "  \(line)\n" }
    return text
  }

  private static var list: String {
    var text = ""
    for group in groups {
      if !text.isEmpty { text += "\n" }
      text += "\(group.title)\n"
      for entry in group.entries { text += "  \(entry.code.padded(31))\(entry.meaning)\n" }
    }
    return text
  }

  /// Every code, each in the group of what it is said of.
  private static var groups: [Group] {
    endReasons + [
      Group(
        title: "why a request got its upstream connection, or none",
        entries: LeaseReason.allCases.map { Entry($0.code, $0.text) }),
      Group(
        title: "how far a failed attempt had come",
        entries: Evidence.allCases.map { Entry($0.code, $0.explanation) }),
      Group(
        title: "why a failed attempt was not made again",
        entries: ReplayRefusal.allCases.map { Entry($0.code, $0.explanation) }),
    ]
  }

  private static var endReasons: [Group] {
    let titles: [(Blame, String)] = [
      (.us, "ended by us"), (.client, "ended by the client"), (.upstream, "ended by the upstream"),
      (.policy, "ended by a limit or a rule"), (.network, "ended by the network"),
    ]
    return titles.map { blame, title in
      Group(
        title: title,
        entries: EndReason.allCases.filter { $0.blame == blame }.map { Entry($0) })
    }
  }
}
