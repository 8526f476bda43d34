// Help, made from the registry: examples first, then every option.

internal import BowlineCore

enum HelpText {
  /// `bowline help`.
  static var overview: String {
    var text =
      "Bowline manages HTTP connections: a reverse proxy, a forward proxy and an origin server.\n\n"
    for command in [Command.demo, .proxy, .serve] {
      let example = command.examples[0]
      text += "  \(example.line.padded(42))\(example.effect)\n"
    }
    text += "\ncommands\n"
    for command in Command.all {
      text += "  \(command.verb.rawValue.padded(12))\(command.summary)\n"
    }
    text += "\n  \("--version".padded(12))print the version\n"
    text += "\n`bowline help COMMAND` says more about each.\n"
    return text
  }

  /// `bowline help COMMAND`.
  static func of(_ command: Command) -> String {
    var text = "\(command.name): \(command.summary)\n\n"
    for example in command.examples {
      text += "  \(example.line)\n      \(example.effect)\n"
    }
    text += "\nusage\n  \(usage(command))\n"
    text += "\noptions\n"
    for option in command.options { text += entry(option) }
    return text
  }

  /// The error for a command that does not exist.
  static func unknownCommand(_ word: String) -> UsageError {
    if word.hasPrefix("-") {
      return UsageError("a command comes before its options; `\(word)` comes first")
    }
    if let nearest = NearestName(among: Verb.allCases.map(\.rawValue)).to(word) {
      return UsageError("no command is named `\(word)`; the nearest is `\(nearest)`")
    }
    return UsageError("no command is named `\(word)`; `bowline help` lists the commands")
  }

  private static func usage(_ command: Command) -> String {
    var words = [command.name]
    if let argument = command.argument {
      words.append(command.isArgumentRequired ? argument : "[\(argument)]")
    }
    for option in command.options where option.isRequired {
      words.append("\(option.name) \(option.argument ?? "")")
    }
    if command.options.contains(where: { !$0.isRequired }) { words.append("[OPTIONS]") }
    return words.joined(separator: " ")
  }

  private static func entry(_ option: Option) -> String {
    let name = option.argument.map { "\(option.name) \($0)" } ?? option.name
    var notes: [String] = []
    if option.isRequired { notes.append("required") }
    if option.isRepeatable { notes.append("repeatable") }
    if let standard = option.standard { notes.append("default: \(standard)") }
    let help = notes.isEmpty ? option.help : option.help + " (\(notes.joined(separator: "; ")))"
    let lines = help.wrapped(width: 70)
    var text = "  \(name.padded(22))\(lines[0])\n"
    for line in lines.dropFirst() { text += "  \("".padded(22))\(line)\n" }
    return text
  }
}

extension String {
  /// Filled with spaces to `width` characters, one at least.
  func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(1, width - count))
  }

  /// Filled with spaces on the left.
  func indented(to width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }

  /// Broken at spaces into lines of at most `width` characters; a longer word gets its own line.
  func wrapped(width: Int) -> [String] {
    var lines = [""]
    for word in split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
