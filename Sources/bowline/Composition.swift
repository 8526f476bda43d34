// Where rooms become a process: listeners, loops, roles and the log writer are built here and
// nowhere else, told what to do by signals, and taken down in order.

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineObserve
import BowlineProxy
import BowlineServer
import BowlineTransport
import BowlineUpstream

/// Builds what a command asks for, runs it until it is told to end, and returns the exit status.
enum Composition {
  static func proxy(_ options: ProxyOptions) -> Int32 {
    run(
      options.serving,
      Plan(
        title: title(options.mode), upstreams: options.upstreams, via: options.via,
        mode: options.mode, rules: options.rules, users: options.users))
  }

  static func serve(_ options: ServeOptions) -> Int32 {
    run(
      options.serving,
      Plan(title: "origin server", directory: options.directory))
  }

  private static func title(_ mode: ProxyChoice) -> String {
    switch mode {
    case .reverse: "reverse proxy"
    case .forward: "forward proxy"
    case .blind: "blind relay, a demonstration: not for use"
    case .mapping: "proxy that maps Proxy-Connection, a demonstration: not for use"
    }
  }

  static func demo(_ options: DemoOptions) -> Int32 {
    run(
      options.proxy.serving,
      Plan(
        title: "demo: a reverse proxy and its origin", upstreams: options.proxy.upstreams,
        via: options.proxy.via, mode: .reverse, origin: options.origin, isDemo: true))
  }

  private static func run(_ serving: ServingOptions, _ plan: Plan) -> Int32 {
    // Before any thread: signals are blocked in all of them, and inherited sockets are ours alone.
    let signals = Signals(
      blocking: [Signals.interrupt, Signals.terminate, Service.endedSignal])
    do throws(StartError) {
      let service = try Service(serving, plan)
      service.announce()
      return service.run(signals)
    } catch {
      Talk.say("bowline: \(error.sentence)\n")
      return ExitStatus.cannotStart
    }
  }
}

/// What a process is to consist of.
struct Plan {
  let title: String
  /// The proxy's upstreams.
  var upstreams: [UpstreamURL] = []
  /// Our name in Via; nil for one that nobody else has.
  var via: String?
  /// What the proxy is to its clients; nil for no proxy.
  var mode: ProxyChoice?
  /// Where a forward proxy may go.
  var rules: [AccessRule] = []
  /// The file with those who may use it.
  var users: String?
  /// Where the demo's origin listens.
  var origin: SocketAddress?
  /// What the origin server serves.
  var directory: String?
  var isDemo = false
}

/// Why the process could not start.
struct StartError: Error {
  /// One sentence.
  let sentence: String
}

/// What is said to a person. Not being heard is no failure.
enum Talk {
  static func say(_ text: String) { try? StandardStream.error.write(text) }
}
