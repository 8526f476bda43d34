// What each command runs on, typed and checked. Nothing here binds, resolves or reads a file.

package import BowlineCore

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

/// `bowline proxy`.
package struct ProxyOptions: Sendable {
  package var serving: ServingOptions
  /// At least one.
  package var upstreams: [UpstreamURL]
  /// Our name in the Via field.
  package var via: String
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
  init(_ words: CommandWords, isTerminal: Bool) throws(UsageError) {
    listen = try Self.listen(words)
    loops = try words.value(.loops).map(Self.loops)
    log = try Self.log(words.value(.log), isTerminal: isTerminal)
    logsConnections = words[.logConnections]
    settings = try Settings(words)
  }

  private static func listen(_ words: CommandWords) throws(UsageError) -> [SocketAddress] {
    var found: [SocketAddress] = []
    for text in words.values(.listen) {
      let address = try ListenAddress.parse(text, option: "--listen")
      if address.port != 0 && found.contains(address) {
        throw UsageError("`--listen \(text)` is given twice")
      }
      found.append(address)
    }
    return found.isEmpty ? [SocketAddress(high: 0, low: 0, port: 8080)] : found
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
    via = try Self.via(words.value(.via))
    serving = try ServingOptions(words, isTerminal: isTerminal)
  }

  static func via(_ text: String?) throws(UsageError) -> String {
    guard let text else { return "bowline" }
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
