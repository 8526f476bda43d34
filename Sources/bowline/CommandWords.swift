// From words to named values, by the registry. What the values mean is decided in Options.swift.

internal import BowlineCore

/// The words after the command, sorted.
struct CommandWords: Equatable {
  /// The word that is not an option, when the command takes one.
  private(set) var argument: String?
  private var given: [OptionID: [String]] = [:]
  /// Every option with a value, in the order of the line.
  private(set) var line: [Given] = []

  /// An option and its value.
  struct Given: Equatable {
    let id: OptionID
    let value: String
  }

  /// Sorts `words` by what `command` takes.
  ///
  /// `--name value` and `--name=value` are the same. After `--` nothing is an option.
  init(_ words: [String], for command: Command) throws(UsageError) {
    var rest = words[...]
    var optionsEnded = false
    while let word = rest.popFirst() {
      if optionsEnded || !word.hasPrefix("-") || word == "-" {
        try take(argument: word, command)
      } else if word == "--" {
        optionsEnded = true
      } else {
        try take(option: word, &rest, command)
      }
    }
    if self[.help] { return }
    if command.isArgumentRequired && argument == nil {
      throw UsageError(
        "`\(command.name)` needs \(command.argument ?? ""), as in `\(command.examples[0].line)`")
    }
    for option in command.options where option.isRequired && given[option.id] == nil {
      throw UsageError(
        "`\(command.name)` needs `\(option.name) \(option.argument ?? "")`, as in "
          + "`\(command.examples[0].line)`")
    }
  }

  /// True when the switch `id` was given.
  subscript(id: OptionID) -> Bool { given[id] != nil }

  /// The value of an option that can be given once.
  func value(_ id: OptionID) -> String? { given[id]?.last }

  /// The values of a repeatable option, in order.
  func values(_ id: OptionID) -> [String] { given[id] ?? [] }

  private mutating func take(argument word: String, _ command: Command) throws(UsageError) {
    guard let name = command.argument else {
      throw UsageError("`\(command.name)` takes options only; `\(word)` is not one")
    }
    if let first = argument {
      throw UsageError("`\(command.name)` takes one \(name); `\(first)` and `\(word)` are two")
    }
    argument = word
  }

  private mutating func take(
    option word: String, _ rest: inout ArraySlice<String>, _ command: Command
  ) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts[0] == "-h" ? "--help" : String(parts[0])
    let attached = parts.count == 2 ? String(parts[1]) : nil
    guard let option = command.options.first(where: { $0.name == name }) else {
      throw Self.unknown(name, command)
    }
    if given[option.id] != nil && !option.isRepeatable && option.argument != nil {
      throw UsageError("`\(name)` takes one value and is given twice")
    }
    guard let argument = option.argument else {
      if let attached {
        throw UsageError("`\(name)` is a switch and takes no value; `\(attached)` is one")
      }
      given[option.id] = []
      return
    }
    if let attached {
      take(attached, of: option)
    } else if let next = rest.first, !next.hasPrefix("-") {
      take(next, of: option)
      rest.removeFirst()
    } else {
      let instead = rest.first.map { "`\($0)` follows" } ?? "nothing follows"
      throw UsageError("`\(name)` needs its \(argument); \(instead)")
    }
  }

  private mutating func take(_ value: String, of option: Option) {
    given[option.id, default: []].append(value)
    line.append(Given(id: option.id, value: value))
  }

  private static func unknown(_ name: String, _ command: Command) -> UsageError {
    if let nearest = NearestName(among: command.options.map(\.name)).to(name) {
      return UsageError("`\(command.name)` has no option `\(name)`; the nearest is `\(nearest)`")
    }
    return UsageError(
      "`\(command.name)` has no option `\(name)`; `bowline help \(command.verb.rawValue)` lists all"
    )
  }
}
