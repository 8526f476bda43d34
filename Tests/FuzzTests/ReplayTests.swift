import Foundation
import FuzzInvariants
import Testing

/// The inputs of Fuzz/Corpora and Fuzz/Found.
enum Inputs {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz")

  /// The names in `directory` of Fuzz; empty when there is no such directory.
  static func names(_ directory: String) -> [String] {
    let path = root.appending(path: directory).path(percentEncoded: false)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: root.appending(path: path)))
  }

  /// Every input of `target`, as paths below Fuzz.
  static func paths(_ target: FuzzTarget) -> [String] {
    ["Corpora", "Found"].flatMap { kind in
      names("\(kind)/\(target.rawValue)").map { "\(kind)/\(target.rawValue)/\($0)" }
    }
  }
}

/// What the fuzzer knows is replayed here without it. A file that is dropped into
/// Fuzz/Found/<target> is a regression test from then on.
@Suite struct ReplayTests {
  /// In a process of its own, which notes what it is at: a trap shall name its input too.
  @Test(arguments: FuzzTarget.allCases)
  func holds(_ target: FuzzTarget) async throws {
    let report = FileManager.default.temporaryDirectory
      .appending(path: "bowline-replay-\(target.rawValue)-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: report) }
    let place = report.path(percentEncoded: false)
    let result = await #expect(processExitsWith: .success) {
      [name = target.rawValue as String, place = place as String] in
      let target = try #require(FuzzTarget(rawValue: name))
      for path in Inputs.paths(target) {
        try "Fuzz/\(path) traps".write(toFile: place, atomically: false, encoding: .utf8)
        do {
          try target.check(try Inputs.bytes(path))
        } catch {
          try "Fuzz/\(path): \(error)".write(toFile: place, atomically: false, encoding: .utf8)
          exit(EXIT_FAILURE)
        }
      }
    }
    if result == nil {
      Issue.record("\(try String(contentsOf: report, encoding: .utf8).prefix(4000))")
    }
  }

  /// Tunnels are rare among what a fuzzer makes up: the corpora begin inside of them. Either end
  /// ends first, with and without a byte in between.
  @Test(arguments: [FuzzTarget.request, .response], [false, true])
  func tunnelsAreReached(_ target: FuzzTarget, _ weEndFirst: Bool) throws {
    var (carries, onlyEnds) = (false, false)
    for path in Inputs.paths(target) {
      let entries = try #require(try target.transcript(try Inputs.bytes(path))).entries
      guard let start = entries.firstIndex(of: .tunnel(weEndFirst: weEndFirst)) else { continue }
      if case .body = entries[start + 1] { carries = true }
      if case .streamEnded(nil) = entries[start + 1] { onlyEnds = true }
    }
    #expect(carries && onlyEnds)
  }

  @Test(arguments: FuzzTarget.allCases)
  func corpusIsSmall(_ target: FuzzTarget) throws {
    let paths = Inputs.paths(target)
    let sizes = try paths.map { try Inputs.bytes($0).count }
    #expect(sizes.contains { $0 > 0 }, "an empty corpus shows nothing")
    #expect(paths.count <= 150, "\(paths.count) inputs: fold fewer")
    #expect(sizes.reduce(0, +) <= 200_000)
  }

  @Test func everyCorpusHasATarget() {
    let targets = Set(FuzzTarget.allCases.map(\.rawValue))
    for directory in ["Corpora", "Found"] {
      for name in Inputs.names(directory) where name != "README.md" {
        #expect(targets.contains(name), "Fuzz/\(directory)/\(name) is read by nobody")
      }
    }
  }
}
