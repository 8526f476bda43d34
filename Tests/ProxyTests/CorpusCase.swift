import Foundation
import Testing

/// One case of the corpus in Tests/Corpus, which has a README that says what each line means.
struct CorpusCase: Sendable, CustomTestStringConvertible {
  enum Ending: String, Sendable {
    /// The client's connection goes on.
    case open
    /// It is ended in good order behind the last answer.
    case close
    /// It ends, or is reset because the client sends on after it has promised not to.
    case gone
    /// It breaks off inside an answer.
    case cut
  }

  var file = ""
  /// Its place in the list.
  var number = 0
  var name = ""
  var rows: [String] = []
  var rfc = ""
  /// What the hostile side sends, still with its places for targets.
  var sent = ""
  /// The hostile side ends, or resets, behind it.
  var then: WireEnd?
  /// Statuses of the answers to the case, interim ones too, without the canary's.
  var statuses: [String] = []
  var ending = Ending.open
  /// Whole requests that the origin got, without the canary.
  var back: [String] = []
  /// Not even part of a request may have reached the origin.
  var backIsUntouched = false
  /// Methods of the requests, in order; GET when they are not named.
  var methods: [String] = []
  /// Only this kind of proxy is meant; empty for every kind.
  var only = ""
  /// The canary is no request of its own: the case has swallowed it.
  var swallowsCanary = false
  /// Body of the final answer (responses only).
  var body = ""
  /// The connection to the origin is kept (responses only).
  var keepsUpstream = false

  var testDescription: String { "\(file): \(name)" }
}

// Reading.
extension CorpusCase {
  static let requests = read("requests")
  static let responses = read("responses")

  private static func read(_ directory: String) -> [CorpusCase] {
    let here = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let place = here.appending(path: "Corpus/" + directory)
    let manager = FileManager.default
    let names = (try? manager.contentsOfDirectory(atPath: place.path(percentEncoded: false))) ?? []
    var found: [CorpusCase] = []
    for name in names.sorted() where name.hasSuffix(".case") {
      let text = (try? String(contentsOf: place.appending(path: name), encoding: .utf8)) ?? ""
      for block in text.split(separator: "\n\n") {
        let lines = block.split(separator: "\n").filter { !$0.hasPrefix("#") }
        if lines.isEmpty { continue }
        found.append(
          CorpusCase(lines, file: "\(directory)/\(name.dropLast(5))", number: found.count))
      }
    }
    return found
  }

  private init(_ lines: [Substring], file: String, number: Int) {
    self.file = file
    self.number = number
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? String(parts[1].dropFirst()) : ""
      take(String(parts[0]), value)
    }
    let isWhole = ["case:", "rfc:", "send:", "front:"].allSatisfy { key in
      lines.contains { $0.hasPrefix(key) }
    }
    if !isWhole || rows.isEmpty {
      Issue.record("\(file): a case that lacks something: \(lines.first ?? "")")
    }
  }

  private mutating func take(_ key: String, _ value: String) {
    let words = value.split(separator: " ").map(String.init)
    switch key {
    case "case": name = value
    case "rows": rows = words
    case "rfc": rfc = value
    case "send": sent += Self.unescaped(value)
    case "then": then = value == "reset" ? .reset : .end
    case "front":
      statuses = words.dropLast()
      if let word = words.last, let end = Ending(rawValue: word) {
        ending = end
      } else {
        Issue.record("\(file): \(name): no ending in '\(value)'")
      }
    case "back":
      if value == "untouched" {
        backIsUntouched = true
      } else if value != "nothing" {
        back.append(Self.unescaped(value))
      }
    case "ask": methods = words
    case "only": only = value
    case "canary": swallowsCanary = value == "swallowed"
    case "body": body = Self.unescaped(value)
    case "upstream": keepsUpstream = value == "kept"
    default: Issue.record("\(file): \(name): nobody knows '\(key)'")
    }
  }

  /// `\r`, `\n`, `\t`, `\\`, `\xHH`, and `{20*ab}` for twenty times `ab`.
  private static func unescaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    while let next = rest.popFirst() {
      if next != "\\" {
        // Each byte of what stands there as UTF-8 is one byte on the wire.
        for byte in String(next).utf8 { result.append(Unicode.Scalar(byte)) }
        continue
      }
      switch rest.popFirst() {
      case "r": result.append("\r")
      case "n": result.append("\n")
      case "t": result.append("\t")
      case "x":
        let digits = String(String.UnicodeScalarView(rest.prefix(2)))
        rest = rest.dropFirst(2)
        result.append(Unicode.Scalar(UInt8(digits, radix: 16) ?? 0))
      case let other?: result.append(other)
      case nil: break
      }
    }
    return String(result).replacing(#/\{(\d+)\*([^}]*)\}/#) {
      String(repeating: String($0.2), count: Int($0.1) ?? 0)
    }
  }

  /// The bytes with `{/path}` written as `mode` writes a target, and `{host}` as its Host.
  func bytes(_ mode: CorpusMode) -> String {
    sent.replacing("{host}", with: mode.host).replacing(#/\{(\/[^}]*)\}/#) {
      mode.target(String($0.1))
    }
  }
}

/// How requests are written for a proxy, and which proxy it is.
struct CorpusMode: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let host: String
  let target: @Sendable (String) -> String
  let stage: @Sendable (Place) throws -> ProxyStage

  static let reverse = CorpusMode(
    testDescription: "reverse", host: "h", target: { $0 }, stage: { try ProxyStage($0) })
  static let forward = CorpusMode(
    testDescription: "forward", host: "h", target: { "http://h\($0)" },
    stage: { place in
      try ForwardTests.stage(place) { plan, origins in plan.names = ["h": origins] }
    })
  /// Every mode that exists.
  static let all = [reverse, forward]
}
