import Foundation

/// What a rule found. Printed as a compiler prints it, so that editors can jump there.
struct Finding: CustomStringConvertible, Equatable {
  let path: String
  let line: Int
  let message: String

  var description: String { "\(path):\(line): \(message)" }
}

/// One file of the package. Swift files come with their code and comments told apart.
struct SourceFile {
  /// Path from the package's root.
  let path: String
  let text: String
  let swift: SwiftText

  var lines: [Substring] { text.lines }

  init(path: String, text: String) {
    self.path = path
    self.text = text
    swift = SwiftText(path.hasSuffix(".swift") ? text : "")
  }

  /// The name of the target that the file belongs to: `Sources/<room>/…` or `Tests/<room>/…`.
  var target: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 ? String(parts[1]) : ""
  }

  func finding(_ line: Int, _ message: String) -> Finding {
    Finding(path: path, line: line, message: message)
  }
}

/// The package as it lies on the disk.
struct Tree {
  /// The package's root, found from where this file lies.
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static let sources = files(under: "Sources", ending: ".swift")
  static let tests = files(under: "Tests", ending: ".swift")
  static let manifest = file("Package.swift")
  static let everySwift = sources + tests + [manifest]
  static let scripts =
    files(under: "Scripts", ending: "") + files(under: "Tests", ending: ".sh")
    + files(under: ".ci", ending: "") + [file("Makefile")]
  static let endToEnd =
    files(under: "Tests/EndToEnd", ending: ".sh") + files(under: "Tests/EndToEnd", ending: ".py")
  static let documents = rootFiles(ending: ".md") + files(under: "docs", ending: ".md")

  /// Every path, files and directories, below the root that is not the build's or git's.
  static let paths: Set<String> = {
    var found: Set<String> = []
    let names = FileManager.default.enumerator(atPath: root.path(percentEncoded: false))
    while let name = names?.nextObject() as? String {
      if name.hasPrefix(".build") || name.hasPrefix(".git/") || name == ".git" {
        names?.skipDescendants()
      } else {
        found.insert(name)
      }
    }
    return found
  }()

  static func file(_ path: String) -> SourceFile {
    SourceFile(path: path, text: read(path) ?? "")
  }

  static func write(_ text: String, to path: String) throws {
    try text.write(to: root.appending(path: path), atomically: true, encoding: .utf8)
  }

  private static func files(under directory: String, ending: String) -> [SourceFile] {
    let inside = paths.filter { $0.hasPrefix(directory + "/") && $0.hasSuffix(ending) }
    return inside.sorted().compactMap { path in
      read(path).map { SourceFile(path: path, text: $0) }
    }
  }

  private static func rootFiles(ending: String) -> [SourceFile] {
    paths.filter { !$0.contains("/") && $0.hasSuffix(ending) }.sorted().map(file)
  }

  /// The file's text; nil for a directory, or when there is none.
  private static func read(_ path: String) -> String? {
    try? String(contentsOf: root.appending(path: path), encoding: .utf8)
  }
}

/// The one line that a failing rule prints first, then one line per finding.
func report(_ findings: [Finding]) -> String {
  "\(findings.count) finding(s)\n" + findings.map(\.description).joined(separator: "\n")
}
