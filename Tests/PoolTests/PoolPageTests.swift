import BowlineCore
import BowlineJournal
import BowlinePool
import Foundation
import Testing

/// docs/pool.md. What stands between its markers is written here; the rest is held against the
/// registries.
struct PoolPage {
  /// A part of the page that is written, not typed.
  struct Part {
    let name: String
    let text: String

    var begin: String {
      "<!-- \(name): written by Tests/PoolTests/PoolPageTests.swift with BOWLINE_UPDATE=1 -->\n"
    }
    var end: String { "<!-- end of \(name) -->\n" }
  }

  private static let url = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/pool.md")

  var text: String

  init() throws { text = try String(contentsOf: Self.url, encoding: .utf8) }

  func write() throws { try text.write(to: Self.url, atomically: true, encoding: .utf8) }

  /// Puts `part` between its markers. False when they are not there.
  mutating func put(_ part: Part) -> Bool {
    guard let begin = text.range(of: part.begin),
      let end = text.range(of: part.end, range: begin.upperBound..<text.endIndex)
    else { return false }
    text.replaceSubrange(begin.upperBound..<end.lowerBound, with: part.text)
    return true
  }

  /// The codes in the first column of the table whose first heading is `heading`.
  func codes(under heading: String) -> [String] {
    var codes: [String] = []
    var isInside = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("| `\(heading)` |") {
        isInside = true
      } else if !line.hasPrefix("|") {
        isInside = false
      } else if isInside, let code = line.firstMatch(of: #/^\| `([a-z.-]+)` \|/#) {
        codes.append(String(code.1))
      }
    }
    return codes
  }

  /// Everything that is written as code and has dots, such as `upstream.warm`.
  var dotted: Set<String> {
    Set(text.matches(of: #/`([a-z]+(?:\.[a-z-]+)+)(?:=[^`]*)?`/#).map { String($0.1) })
  }
}

// MARK: The parts that are written

extension PoolPage.Part {
  /// The life of a connection, from `PoolEvent`: as a diagram, and as a table.
  static var diagram: Self {
    func name(_ station: Station?) -> String { station?.name ?? "[*]" }
    var text = "```mermaid\nstateDiagram-v2\n"
    for event in PoolEvent.allCases {
      text += "    \(name(event.from)) --> \(name(event.to)): \(event.meaning)\n"
    }
    text += "```\n\n```\n"
    text += row("event", "from", "to", "when")
    for event in PoolEvent.allCases {
      text += row(
        "\(event)", event.from?.name ?? "-", event.to?.name ?? "-", event.meaning)
    }
    return Self(name: "diagram", text: text + "```\n")
  }

  private static func row(_ cells: String...) -> String {
    var line = ""
    for (cell, width) in zip(cells, [15, 11, 11, 0]) {
      line += cell + String(repeating: " ", count: max(0, width - cell.count))
    }
    return line + "\n"
  }

  /// What `upstream.*` says that is not about which connection a request gets.
  private static let elsewhere: [SettingID] = [
    .informationalResponses, .responseTimeout, .gatherBytes, .resolveTimeout, .resolveAge,
  ]

  static var ofPool: [Setting] {
    ["upstream.", "replay."].flatMap { prefix in
      Setting.all.filter { $0.name.hasPrefix(prefix) && !elsewhere.contains($0.id) }
    }
  }

  /// The settings of the pool with their defaults, in the registry's words.
  static var settings: Self {
    var text = "| setting | default | what it is |\n|---|---|---|\n"
    for setting in ofPool {
      text += "| `\(setting.name)` | \(setting.text(setting.standard)) | \(setting.reason) |\n"
    }
    return Self(name: "settings", text: text)
  }
}

@Suite struct PoolPageTests {
  /// Writes them instead, when BOWLINE_UPDATE=1 is in the environment.
  @Test func whatIsWrittenIsCurrent() throws {
    let page = try PoolPage()
    var current = page
    for part in [PoolPage.Part.diagram, .settings] {
      let isPut = current.put(part)
      #expect(isPut, "docs/pool.md has no markers for its \(part.name)")
    }
    if ProcessInfo.processInfo.environment["BOWLINE_UPDATE"] == "1" {
      try current.write()
    } else {
      let isCurrent = current.text == page.text
      #expect(isCurrent, "docs/pool.md is stale: BOWLINE_UPDATE=1 swift test --filter PoolPage")
    }
  }

  @Test func theDiagramHasEveryStationAndEvent() {
    let text = PoolPage.Part.diagram.text
    for station in Station.allCases { #expect(text.contains(" --> \(station.name): ")) }
    for event in PoolEvent.allCases { #expect(text.contains("\n\(event) ")) }
    #expect(text.contains("    [*] --> dialling: a place was free\n"))
    #expect(text.contains("\nrested         leased     idle       given back in good order\n"))
  }

  /// In the registry's order, which for the refusals is the order of the questions.
  @Test func everyCodeOfTheLogIsInItsTable() throws {
    let page = try PoolPage()
    #expect(page.codes(under: "lease.reason") == LeaseReason.allCases.map(\.code.description))
    #expect(page.codes(under: "replay.evidence") == Evidence.allCases.map(\.code.description))
    #expect(page.codes(under: "replay.refused") == ReplayRefusal.allCases.map(\.code.description))
  }

  @Test func everyEndReasonOfThePoolIsNamed() throws {
    let ends = EndReason.allCases.map(\.code.description).filter { $0.hasPrefix("us.pool.") }
    #expect(ends.count >= 9)
    #expect(Set(ends).subtracting(try PoolPage().dotted).sorted() == [])
  }

  /// The prose speaks of every setting too, not only the table that is written.
  @Test func everySettingIsExplained() throws {
    var prose = try PoolPage()
    let isTaken = prose.put(PoolPage.Part(name: "settings", text: ""))
    #expect(isTaken)
    let settings = PoolPage.Part.ofPool.map(\.name)
    #expect(settings.count >= 20)
    #expect(Set(settings).subtracting(prose.dotted).sorted() == [])
  }

  @Test func nothingUnknownIsNamed() throws {
    let fields = [
      "lease.reason", "phase.queued", "replay.count", "replay.cause", "replay.evidence",
      "replay.refused",
    ]
    let known =
      Setting.all.map(\.name) + EndReason.allCases.map(\.code.description)
      + LeaseReason.allCases.map(\.code.description) + fields
    #expect(try PoolPage().dotted.subtracting(known).sorted() == [])
  }
}
