// The registry of commands and options. Parsing, help, suggestions and errors are made from it, so
// that an option cannot exist in one of them only.

/// What an option is, to the code that reads its value.
enum OptionID: CaseIterable {
  case mode, listen, to, allow, deny, users, loops, log, logConnections, set, via, origin, json
  case help
}

/// One option, as typed and as explained.
struct Option {
  let id: OptionID
  /// With its dashes.
  let name: String
  /// What follows it, in capitals; nil for a switch.
  let argument: String?
  var isRepeatable = false
  var isRequired = false
  /// What holds when it is not given, in words; nil when nothing does.
  var standard: String?
  /// One sentence without a period, lower case.
  let help: String
}

/// The commands. The raw value is what is typed.
enum Verb: String, CaseIterable {
  case proxy, serve, demo, settings, explain, help
}

/// One command, as typed and as explained.
struct Command {
  /// One line to try, and what it does.
  typealias Example = (line: String, effect: String)

  let verb: Verb
  /// One sentence without a period, lower case.
  let summary: String
  /// The word it takes besides options, in capitals; nil for none.
  var argument: String?
  var isArgumentRequired = false
  var options: [Option] = []
  let examples: [Example]

  /// `bowline proxy`.
  var name: String { "bowline \(verb.rawValue)" }
}

extension Option {
  static let listen = Option(
    id: .listen, name: "--listen", argument: "ADDR", isRepeatable: true,
    standard: "`:8080`",
    help: "address to listen on: `:8080` (every address of this machine), `127.0.0.1:80`, "
      + "`[::1]:80` or `localhost:80` (which is 127.0.0.1)")
  static let to = Option(
    id: .to, name: "--to", argument: "URL", isRepeatable: true,
    help: "upstream to forward to: `http://host[:port]`; with `--mode forward`, the next proxy")
  static let mode = Option(
    id: .mode, name: "--mode", argument: "MODE", standard: "`reverse`",
    help: "`reverse`: before the upstreams of `--to`; `forward`: to where requests say, CONNECT "
      + "included, on `127.0.0.1:8080` unless `--listen` says otherwise. Two more show how it "
      + "should not be done: `blind` relays the first request of a connection as it is, `mapping` "
      + "believes in Proxy-Connection")
  static let allow = Option(
    id: .allow, name: "--allow", argument: "RULE", isRepeatable: true,
    help: "where a forward proxy may go: `example.com`, `*.example.com:8443`, `10.0.0.0/8`, "
      + "`[::1]:9000`, `*`. `--allow` and `--deny` are tried in the order of the line; the first "
      + "that speaks about a host, or about an address, decides. After them: every host, public "
      + "addresses only, CONNECT to port 443 only")
  static let deny = Option(
    id: .deny, name: "--deny", argument: "RULE", isRepeatable: true,
    help: "where it may not go; the same rules")
  static let users = Option(
    id: .users, name: "--users", argument: "FILE",
    help: "who may use a forward proxy: lines `name:hash`, as `htpasswd -B` writes them. Others "
      + "get 407")
  static let loops = Option(
    id: .loops, name: "--loops", argument: "N", standard: "one per processor",
    help: "event loops, each with a thread of its own")
  static let log = Option(
    id: .log, name: "--log", argument: "FORM",
    standard: "`text` on a terminal, `json` elsewhere",
    help: "access log on stdout, one line per exchange: `off`, `text` or `json`")
  static let logConnections = Option(
    id: .logConnections, name: "--log-connections", argument: nil,
    help: "also log each connection that ended, with the reason")
  static let set = Option(
    id: .set, name: "--set", argument: "NAME=VALUE", isRepeatable: true,
    help: "change a setting, such as `--set client.idle-timeout=30s`; `bowline settings` lists "
      + "them all")
  static let via = Option(
    id: .via, name: "--via", argument: "NAME", standard: "`bowline-` and six random digits",
    help: "our name in the Via field of what we forward (RFC 9110 §7.6.3). A request that brings "
      + "it has been here before, and is refused: proxies in a row need different names")
  static let origin = Option(
    id: .origin, name: "--origin", argument: "ADDR", standard: "`127.0.0.1:9000`",
    help: "loopback address that the demo's own origin server listens on")
  static let json = Option(
    id: .json, name: "--json", argument: nil,
    help: "print JSON: numbers in the unit named beside them")
  static let help = Option(
    id: .help, name: "--help", argument: nil, help: "print this help")
}

extension Command {
  static let all: [Command] = [proxy, serve, demo, settings, explain, help]

  static subscript(verb: Verb) -> Command {
    switch verb {
    case .proxy: proxy
    case .serve: serve
    case .demo: demo
    case .settings: settings
    case .explain: explain
    case .help: help
    }
  }

  static let proxy = Command(
    verb: .proxy,
    summary: "forward requests to upstreams, or to where they say, over reused connections",
    options: [
      .to, .listen, .mode, .allow, .deny, .users, .loops, .log, .logConnections, .via, .set, .help,
    ],
    examples: [
      ("bowline proxy --to http://127.0.0.1:3000", "forward port 8080 to a local server"),
      (
        "bowline proxy --listen :80 --to http://10.0.0.5:8000 --to http://10.0.0.6:8000",
        "forward port 80 to two upstreams"
      ),
      (
        "bowline proxy --to http://127.0.0.1:3000 --set upstream.idle-timeout=4s",
        "give up idle upstream connections before an upstream that closes them after 5 s does"
      ),
      ("bowline proxy --mode forward", "a forward proxy for this machine, on 127.0.0.1:8080"),
      (
        "bowline proxy --mode forward --listen :3128 --users users.txt --allow 10.0.0.0/8",
        "one for others, with names and passwords, that may go to a network inside"
      ),
    ])

  static let serve = Command(
    verb: .serve,
    summary: "serve the files below a directory",
    argument: "DIR", isArgumentRequired: true,
    options: [.listen, .loops, .log, .logConnections, .set, .help],
    examples: [
      ("bowline serve .", "serve the current directory on port 8080"),
      ("bowline serve ./public --listen 127.0.0.1:9000", "serve to this machine only"),
    ])

  static let demo = Command(
    verb: .demo,
    summary: "run a small origin server and a proxy before it, in one process",
    options: [.listen, .origin, .loops, .log, .logConnections, .via, .set, .help],
    examples: [
      ("bowline demo", "see it work; then `curl http://127.0.0.1:8080/`"),
      ("bowline demo --log-connections", "watch connections come, be reused, and go"),
    ])

  static let settings = Command(
    verb: .settings,
    summary: "list every setting: name, value, unit, bounds and reason",
    options: [.set, .json, .help],
    examples: [
      ("bowline settings", "print the table"),
      ("bowline settings --set head.size=32kB --json", "print what a change makes of it, as JSON"),
    ])

  static let explain = Command(
    verb: .explain,
    summary: "say what a code of the log means, and what to do about it",
    argument: "CODE",
    options: [.help],
    examples: [
      ("bowline explain upstream.reset.on-reuse", "explain one code"),
      ("bowline explain", "list all codes"),
    ])

  static let help = Command(
    verb: .help,
    summary: "print help for a command",
    argument: "COMMAND",
    options: [.help],
    examples: [("bowline help proxy", "print help for `bowline proxy`")])
}
