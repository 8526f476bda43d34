/// A relative link of a document.
struct Link: Equatable {
  let line: Int
  /// As written: `docs/a.md#part`.
  let target: String
}

/// The relative links of a Markdown text, code left out.
func relativeLinks(in text: String) -> [Link] {
  var found: [Link] = []
  for (index, line) in proseLines(text).enumerated() {
    let spans = line.replacing(#/`[^`]*`/#, with: "")
    let inline = spans.matches(of: #/\]\(\s*<?([^)\s>]+)>?[^)]*\)/#).map { String($0.1) }
    let defined = spans.matches(of: #/^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/#).map { String($0.1) }
    for target in inline + defined where !target.contains("://") && !target.hasPrefix("mailto:") {
      found.append(Link(line: index + 1, target: target))
    }
  }
  return found
}

/// The anchors that the headings of a Markdown text make, as the forges write them.
func anchors(in text: String) -> Set<String> {
  var found: Set<String> = []
  for line in proseLines(text) {
    guard let heading = line.firstMatch(of: #/^#{1,6}\s+(.*?)\s*#*$/#) else { continue }
    let plain = String(heading.1).replacing(#/\[([^\]]*)\]\([^)]*\)/#) { $0.1 }
    var slug = ""
    for character in plain.lowercased() {
      if character == " " {
        slug.append("-")
      } else if character.isLetter || character.isNumber || character == "-" || character == "_" {
        slug.append(character)
      }
    }
    var unique = slug
    var again = 1
    while found.contains(unique) {
      unique = "\(slug)-\(again)"
      again += 1
    }
    found.insert(unique)
  }
  return found
}

/// The lines of a Markdown text, those inside code fences emptied.
private func proseLines(_ text: String) -> [String] {
  var isCode = false
  return text.lines.map { line in
    if line.drop(while: { $0 == " " }).hasPrefix("```") {
      isCode.toggle()
      return ""
    }
    return isCode ? "" : String(line)
  }
}

/// Links of `document` that lead nowhere. `read` gives the text of a path, or nil without one; a
/// directory gives an empty text.
func deadLinks(in document: SourceFile, read: (String) -> String?) -> [Finding] {
  var found: [Finding] = []
  for link in relativeLinks(in: document.text) {
    let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].isEmpty ? document.path : resolve(String(parts[0]), from: document.path)
    let text = parts[0].isEmpty ? document.text : read(path)
    guard let text else {
      found.append(document.finding(link.line, "a link to \(link.target): no such file"))
      continue
    }
    guard parts.count == 2 else { continue }
    let anchor = String(parts[1])
    let isLine = anchor.wholeMatch(of: #/L(\d+)(-L\d+)?/#).map { Int($0.1) ?? .max }
    let isThere =
      isLine.map { $0 <= text.lines.count }
      ?? (path.hasSuffix(".md") && anchors(in: text).contains(anchor))
    if !isThere {
      found.append(document.finding(link.line, "a link to \(link.target): no such heading"))
    }
  }
  return found
}

/// `target`, seen from the directory of `document`, as a path from the root.
private func resolve(_ target: String, from document: String) -> String {
  var parts = document.split(separator: "/").dropLast().map(String.init)
  for part in target.split(separator: "/") {
    switch part {
    case ".": continue
    case "..": if parts.isEmpty { return "above the root" } else { parts.removeLast() }
    default: parts.append(String(part))
    }
  }
  return parts.joined(separator: "/")
}
