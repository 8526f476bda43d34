// What each command runs on, typed and checked. Nothing here binds, resolves or reads a file.

package import BowlineCore
package import BowlineProxy

/// How the access log is written.
package enum LogChoice: String, CaseIterable, Sendable {
  case off, text, json
}

/// What every command that serves has in common.
package struct ServingOptions: Sendable {
  /// At least one.
  package var listen: [SocketAddress]
  /// Number of event loops; nil is one per processor.
  package var loops: Int?
  package var log: LogChoice
  package var logsConnections: Bool
  package var settings: Settings
}

/// What `bowline proxy` is to its clients.
package enum ProxyChoice: String, CaseIterable, Sendable {
  case reverse, forward, blind, mapping
}

/// `bowline proxy`.
package struct ProxyOptions: Sendable {
  package var serving: ServingOptions
  package var mode = ProxyChoice.reverse
  /// At least one, except for a forward proxy; one for the demonstrations.
  package var upstreams: [UpstreamURL]
  /// Our name in the Via field; nil for one that nobody else has.
  package var via: String?
  /// Where a forward proxy may go, in the order of the line.
  package var rules: [AccessRule] = []
  /// The file with those who may use a forward proxy.
  package var users: String?
}

/// `bowline serve`.
package struct ServeOptions: Sendable {
  package var serving: ServingOptions
  package var directory: String
}

/// `bowline demo`.
package struct DemoOptions: Sendable {
  /// The proxy, whose one upstream is the demo's origin.
  package var proxy: ProxyOptions
  /// Where the demo's origin listens.
  package var origin: SocketAddress
}

extension ServingOptions {
  init(
    _ words: CommandWords, isTerminal: Bool,
    listen standard: SocketAddress = SocketAddress(high: 0, low: 0, port: 8080)
  ) throws(UsageError) {
    listen = try Self.listen(words, standard: standard)
    loops = try words.value(.loops).map(Self.loops)
    log = try Self.log(words.value(.log), isTerminal: isTerminal)
    logsConnections = words[.logConnections]
    settings = try Settings(words)
  }

  private static func listen(
    _ words: CommandWords, standard: SocketAddress
  ) throws(UsageError) -> [SocketAddress] {
    var found: [SocketAddress] = []
    for text in words.values(.listen) {
      let address = try ListenAddress.parse(text, option: "--listen")
      if address.port != 0 && found.contains(address) {
        throw UsageError("`--listen \(text)` is given twice")
      }
      found.append(address)
    }
    return found.isEmpty ? [standard] : found
  }

  /// More loops than this would not fit into a connection's number, nor onto any machine.
  private static let mostLoops = 256

  private static func loops(_ text: String) throws(UsageError) -> Int {
    guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(text),
      (1...mostLoops).contains(number)
    else {
      throw UsageError("`--loops` takes a number from 1 to \(mostLoops); `\(text)` is not one")
    }
    return number
  }

  private static func log(_ text: String?, isTerminal: Bool) throws(UsageError) -> LogChoice {
    guard let text else { return isTerminal ? .text : .json }
    if let choice = LogChoice(rawValue: text) { return choice }
    let nearest = NearestName(among: LogChoice.allCases.map(\.rawValue)).to(text)
    let end = nearest.map { "the nearest to `\(text)` is `\($0)`" } ?? "`\(text)` is none of them"
    throw UsageError("`--log` takes `off`, `text` or `json`; \(end)")
  }
}

extension Settings {
  /// The defaults, changed by every `--set`, in order.
  init(_ words: CommandWords) throws(UsageError) {
    self.init()
    for text in words.values(.set) {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw UsageError(
          "`--set` takes a name and a value, such as `client.idle-timeout=30s`; `\(text)` has no "
            + "`=`"
        )
      }
      do { try set(name: String(parts[0]), value: String(parts[1])) } catch {
        throw UsageError(error.sentence)
      }
    }
    do { try checkTogether() } catch { throw UsageError(error.sentence) }
  }
}

extension ProxyOptions {
  init(_ words: CommandWords, isTerminal: Bool) throws(UsageError) {
    var upstreams: [UpstreamURL] = []
    for text in words.values(.to) {
      let upstream = try UpstreamURL(text)
      if upstreams.contains(upstream) { throw UsageError("`--to \(text)` is given twice") }
      upstreams.append(upstream)
    }
    self.upstreams = upstreams
    mode = try Self.mode(words.value(.mode))
    via = try Self.via(words.value(.via))
    users = words.value(.users)
    // A forward proxy that nobody configured is for this machine only.
    serving =
      mode == .forward
      ? try ServingOptions(words, isTerminal: isTerminal, listen: .loopback(8080))
      : try ServingOptions(words, isTerminal: isTerminal)
    for given in words.line where given.id == .allow || given.id == .deny {
      rules.append(try Self.rule(given))
    }
    try check()
  }

  private func check() throws(UsageError) {
    if mode == .forward { return }
    if let option = !rules.isEmpty ? "--allow` and `--deny" : users != nil ? "--users" : nil {
      throw UsageError("`\(option)` is for `--mode forward`; this is `--mode \(mode.rawValue)`")
    }
    if upstreams.isEmpty {
      throw UsageError(
        "`bowline proxy` needs `--to URL`, as in `\(Command.proxy.examples[0].line)`")
    }
    if mode != .reverse && upstreams.count > 1 {
      throw UsageError("`--mode \(mode.rawValue)` takes one `--to`; \(upstreams.count) are given")
    }
  }

  private static func mode(_ text: String?) throws(UsageError) -> ProxyChoice {
    guard let text else { return .reverse }
    if let choice = ProxyChoice(rawValue: text) { return choice }
    let nearest = NearestName(among: ProxyChoice.allCases.map(\.rawValue)).to(text)
    let end = nearest.map { "the nearest to `\(text)` is `\($0)`" } ?? "`\(text)` is none of them"
    throw UsageError("`--mode` takes `reverse`, `forward`, `blind` or `mapping`; \(end)")
  }

  private static func rule(_ given: CommandWords.Given) throws(UsageError) -> AccessRule {
    let permits = given.id == .allow
    if let rule = AccessRule(given.value, permits: permits) { return rule }
    throw UsageError(
      "`\(permits ? "--allow" : "--deny")` takes a host or a network, with a port or without, such "
        + "as `*.example.com:8443` or `10.0.0.0/8`; `\(given.value)` is neither")
  }

  static func via(_ text: String?) throws(UsageError) -> String? {
    guard let text else { return nil }
    if text.isEmpty || text.utf8.count > 64 || !text.utf8.allSatisfy(Scan.isToken) {
      throw UsageError(
        "`--via` takes a name of 1 to 64 letters, digits and hyphens (a token); `\(text)` is not "
          + "one"
      )
    }
    return text
  }
}

extension ServeOptions {
  init(_ words: CommandWords, isTerminal: Bool) throws(UsageError) {
    directory = words.argument ?? "."
    if directory.isEmpty {
      throw UsageError("`bowline serve` needs a directory; the name is empty")
    }
    serving = try ServingOptions(words, isTerminal: isTerminal)
  }
}

extension DemoOptions {
  init(_ words: CommandWords, isTerminal: Bool) throws(UsageError) {
    let text = words.value(.origin)
    origin =
      try text.map { text throws(UsageError) in
        try ListenAddress.parse(text, option: "--origin")
      } ?? .loopback(9000)
    if !origin.isLoopback || origin.port == 0 {
      throw UsageError(
        "`--origin` takes a loopback address with its port, such as `127.0.0.1:9000`; "
          + "`\(text ?? "")` is not one")
    }
    proxy = ProxyOptions(
      serving: try ServingOptions(words, isTerminal: isTerminal),
      upstreams: [UpstreamURL(address: origin)], via: try ProxyOptions.via(words.value(.via)))
    if proxy.serving.listen.contains(origin) {
      throw UsageError("`--listen` and `--origin` must differ; both are \(origin)")
    }
  }
}
