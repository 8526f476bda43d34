/// One word that the code may not use, where, and what to use instead.
struct Ban {
  /// What is forbidden, as a person would name it.
  let name: String
  /// Looked for in code that is free of comments and literals.
  let pattern: String
  let instead: String
  /// Path prefixes where it is forbidden.
  let inside: [String]
  /// Path prefixes where it is allowed all the same.
  let except: [String]

  init(
    _ name: String, _ pattern: String, instead: String, inside: [String] = ["Sources/"],
    except: [String] = []
  ) {
    self.name = name
    self.pattern = pattern
    self.instead = instead
    self.inside = inside
    self.except = except
  }

  func applies(to path: String) -> Bool {
    inside.contains { path.hasPrefix($0) } && !except.contains { path.hasPrefix($0) }
  }
}

extension Ban {
  private static let transport = "Sources/BowlineTransport/"

  static let all = [
    Ban(
      "print", #"(?:^|[^\w.])print\s*\("#,
      instead: "the command's own output, which writes at once; print waits in a pipe's buffer"),
    Ban(
      "a wall clock", #"(?:^|[^\w.])(Date\s*\(|gettimeofday|time\s*\(|localtime|gmtime)"#,
      instead: "Network.wallClockSeconds", except: [transport]),
    Ban(
      "a monotonic clock", #"\b(clock_gettime|ContinuousClock|SuspendingClock|DispatchTime)\b"#,
      instead: "an Instant that the caller gives; one is read per loop turn", except: [transport]),
    Ban(
      "a random source",
      #"(?:^|[^\w.])random\s*\(|\.random\s*\(in|\.randomElement\b|\.shuffled?\s*\(|"#
        + #"\bSystemRandomNumberGenerator\b|\bgetrandom\b|\barc4random"#,
      instead: "Network.random(), so that a seed repeats the run", except: [transport]),
    Ban(
      "sleeping",
      #"\b([Tt]hread|Task|[Cc]lock)\.sleep|(?:^|[^\w.])(u|nano|clock_nano)?sleep\s*\("#,
      instead: "a timer of the loop, or in a test the virtual clock",
      inside: ["Sources/", "Tests/"]),
    Ban(
      "SHUT_RD", #"\bSHUT_RD(WR)?\b"#,
      instead: "shutdownSend, and reading and dropping what comes; late data draws no reset then"),
    Ban("try!", #"\btry!"#, instead: "a typed error"),
    Ban("as!", #"\bas!"#, instead: "a type that needs no cast"),
    Ban("fatalError", #"\bfatalError\b"#, instead: "precondition with the broken rule, or a Fault"),
    Ban(
      "Foundation", #"\bFoundation\b"#, instead: "Glibc in Transport, Observe and the command"),
    Ban(
      "unowned", #"\bunowned\b"#, instead: "weak, or a handle that knows its generation",
      except: [transport + "SimulatedNetwork.swift"]),
  ]
}

/// What `file` uses and should not. Word boundaries are simple ones: Unicode's see no boundary in
/// `a.b`.
func bannedWords(in file: SourceFile, _ bans: [Ban] = Ban.all) -> [Finding] {
  var found: [Finding] = []
  let code = file.swift.codeLines.enumerated().filter { !$0.element.allSatisfy { $0 == " " } }
  for ban in bans where ban.applies(to: file.path) {
    guard let pattern = try? Regex(ban.pattern).wordBoundaryKind(.simple) else {
      found.append(file.finding(1, "the ban of \(ban.name) has a bad pattern"))
      continue
    }
    for (index, line) in code where line.contains(pattern) {
      found.append(file.finding(index + 1, "\(ban.name) is not for here; use \(ban.instead)"))
    }
  }
  return found
}

/// A note for later that names nobody: `TODO(name): …` says who will do it.
func ownerlessNotes(in file: SourceFile) -> [Finding] {
  let lines = file.path.hasSuffix(".swift") ? file.swift.commentLines : file.lines
  let note = #/\b(TODO|FIXME|XXX)\b(?!\([a-z][\w.-]*\))/#.wordBoundaryKind(.simple)
  return lines.enumerated().compactMap { index, line in
    line.contains(note) ? file.finding(index + 1, "a note for later needs an owner") : nil
  }
}
