// The front of the command: words in, and either something to run or something to say.

/// What a command line asks for.
package enum Invocation: Sendable {
  case proxy(ProxyOptions)
  case serve(ServeOptions)
  case demo(DemoOptions)
  /// Everything has been said already.
  case answer(Answer)
}

/// Text for stdout (data) and for stderr (talk), and the exit status.
package struct Answer: Equatable, Sendable {
  package var output: String
  package var talk: String
  package var status: Int32

  package init(output: String = "", talk: String = "", status: Int32 = 0) {
    self.output = output
    self.talk = talk
    self.status = status
  }
}

extension Invocation {
  /// The version, as `bowline --version` prints it.
  package static let version = "0.1.0"

  /// Reads the words after `bowline`.
  ///
  /// - Parameters:
  ///   - words: the command line without the program's name.
  ///   - isTerminal: a person reads stdout; decides the form of the log when none is asked for.
  package init(_ words: [String], isTerminal: Bool) {
    do {
      self = try Self.parse(words, isTerminal: isTerminal)
    } catch {
      self = .answer(Answer(talk: "bowline: \(error.sentence)\n", status: ExitStatus.usage))
    }
  }

  private static func parse(_ words: [String], isTerminal: Bool) throws(UsageError) -> Invocation {
    guard let first = words.first else {
      return .answer(Answer(talk: HelpText.overview, status: ExitStatus.usage))
    }
    switch first {
    case "--version", "-V": return .answer(Answer(output: "bowline \(version)\n"))
    case "--help", "-h": return .answer(Answer(output: HelpText.overview))
    default: break
    }
    let command = Command[try verb(first)]
    let arguments = try CommandWords(Array(words.dropFirst()), for: command)
    if arguments[.help] { return .answer(Answer(output: HelpText.of(command))) }
    switch command.verb {
    case .proxy: return .proxy(try ProxyOptions(arguments, isTerminal: isTerminal))
    case .serve: return .serve(try ServeOptions(arguments, isTerminal: isTerminal))
    case .demo: return .demo(try DemoOptions(arguments, isTerminal: isTerminal))
    case .settings:
      let table = SettingsTable(settings: try .init(arguments))
      return .answer(Answer(output: arguments[.json] ? table.json : table.text))
    case .explain: return .answer(Answer(output: try Explanation.text(of: arguments.argument)))
    case .help:
      guard let name = arguments.argument else { return .answer(Answer(output: HelpText.overview)) }
      return .answer(Answer(output: HelpText.of(Command[try verb(name)])))
    }
  }

  private static func verb(_ word: String) throws(UsageError) -> Verb {
    if let verb = Verb(rawValue: word) { return verb }
    throw HelpText.unknownCommand(word)
  }
}
