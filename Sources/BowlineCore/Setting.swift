/// Every number that an operator may change, by id. The one registry is `Setting.all`; the command
/// line, errors, `bowline settings` and the documentation are made from it.
package enum SettingID: UInt8, Sendable, CaseIterable {
  case requestLineBytes, fieldLineBytes, headBytes, headFields, headEmptyLines
  case chunkSizeDigits, chunkExtensionBytes, informationalResponses, bodyBytes
  case pipelineDepth
  case clientIdleTimeout, keepAliveHint, clientMaxRequests
  case headTimeout, bodyRate, bodyRateGrace
  case listenBacklog
  case clientConnections, clientsPerAddress, clientHighWater
  case lingerIdle, lingerTotal, lingerBytes
  case writeStallTimeout, drainTimeout
  case watermarkHigh, watermarkLow
  case upstreamConnections, upstreamWaiting, upstreamWaitTimeout
  case upstreamIdleTimeout, upstreamMaxAge, upstreamMaxUses
  case connectTimeout, responseTimeout
  case hungTimeout, hungMemory, gatherBytes
  case replayAttempts
  case logBytes
  case tunnelIdleTimeout, tunnelHalfCloseTimeout
  case upstreamOrigins, resolveTimeout, resolveAge
  case upstreamProven, upstreamTakeOver, upstreamWarm, originAge
  case learnedAge
  case replayBody, replayBudget, replayBudgetLeast, replayBackoffLow, replayBackoffHigh
  case replayDeadline, replayAfterFin
}

/// The unit a setting is counted in, and how its value is written.
package enum SettingUnit: String, Sendable {
  /// A plain number: `200`.
  case count
  /// Bytes: `64kB`, `1MB`, `512`. A kB here is 1,024 bytes.
  case bytes
  /// Milliseconds: `250ms`, `15s`, `10m`, `1h`.
  case milliseconds
  /// Bytes per second.
  case bytesPerSecond = "bytes/s"
}

/// One entry of the registry.
package struct Setting: Sendable {
  package let id: SettingID
  /// Dotted name, as typed after `--set`.
  package let name: String
  package let unit: SettingUnit
  package let standard: Int
  /// Smallest and largest value accepted. A lower bound of 0 means "off" where `reason` says so.
  package let bounds: ClosedRange<Int>
  /// What it limits and why the default is what it is.
  package let reason: String

  /// The entry of `id`.
  package static subscript(id: SettingID) -> Setting { all[Int(id.rawValue)] }
}

extension Setting {
  /// The registry, in the order of `SettingID`.
  package static let all: [Setting] = [
    Setting(
      id: .requestLineBytes, name: "head.request-line", unit: .bytes, standard: 16 << 10,
      bounds: 8192...65536,
      reason: "longest request line accepted; RFC 9112 §3 asks for 8,000 at least"),
    Setting(
      id: .fieldLineBytes, name: "head.field-line", unit: .bytes, standard: 16 << 10,
      bounds: 1024...65536, reason: "longest field line accepted; cookies need 8 kB and more"),
    Setting(
      id: .headBytes, name: "head.size", unit: .bytes, standard: 64 << 10, bounds: 8192...65536,
      reason: "largest message head, start line included, and largest trailer section"),
    Setting(
      id: .headFields, name: "head.fields", unit: .count, standard: 200, bounds: 16...4096,
      reason: "most field lines in a head or trailer section"),
    Setting(
      id: .headEmptyLines, name: "head.empty-lines", unit: .count, standard: 8, bounds: 0...64,
      reason: "empty lines ignored before a request line (RFC 9112 §2.2)"),
    Setting(
      id: .chunkSizeDigits, name: "chunk.size-digits", unit: .count, standard: 16, bounds: 1...16,
      reason: "most hexadecimal digits of a chunk size, leading zeros not counted"),
    Setting(
      id: .chunkExtensionBytes, name: "chunk.extension", unit: .bytes, standard: 16 << 10,
      bounds: 0...1_048_576, reason: "chunk extension bytes in one message (RFC 9112 §7.1.1)"),
    Setting(
      id: .informationalResponses, name: "upstream.informational", unit: .count, standard: 100,
      bounds: 0...10000, reason: "1xx responses before a final one (RFC 9110 §15.2)"),
    Setting(
      id: .bodyBytes, name: "body.size", unit: .bytes, standard: 0, bounds: 0...Int.max,
      reason: "largest request body; more is answered 413. 0 is no limit: a proxy does not know"),
    Setting(
      id: .pipelineDepth, name: "pipeline.depth", unit: .count, standard: 100, bounds: 1...10000,
      reason: "pipelined requests of one connection answered in one go, before others get a turn"),
    Setting(
      id: .clientIdleTimeout, name: "client.idle-timeout", unit: .milliseconds, standard: 15_000,
      bounds: 100...86_400_000, reason: "how long a client's connection may wait between requests"),
    Setting(
      id: .keepAliveHint, name: "client.keep-alive-hint", unit: .milliseconds, standard: 0,
      bounds: 0...86_400_000,
      reason: "told in Keep-Alive to clients that ask to be kept, in whole seconds; 0 is off"),
    Setting(
      id: .clientMaxRequests, name: "client.max-requests", unit: .count, standard: 0,
      bounds: 0...1_000_000_000,
      reason: "requests of one client connection; the last response says close. 0 is no limit"),
    Setting(
      id: .headTimeout, name: "client.head-timeout", unit: .milliseconds, standard: 10_000,
      bounds: 100...3_600_000, reason: "time for a whole request head, in total (slow loris)"),
    Setting(
      id: .bodyRate, name: "client.body-rate", unit: .bytesPerSecond, standard: 500,
      bounds: 0...1_000_000_000, reason: "slowest request body after the grace; 0 is no limit"),
    Setting(
      id: .bodyRateGrace, name: "client.body-grace", unit: .milliseconds, standard: 5_000,
      bounds: 100...3_600_000, reason: "time before the body rate is enforced"),
    Setting(
      id: .listenBacklog, name: "listen.backlog", unit: .count, standard: 4096,
      bounds: 1...65535,
      reason: "connections the kernel holds until we take them; net.core.somaxconn cuts it"),
    Setting(
      id: .clientConnections, name: "client.connections", unit: .count, standard: 0,
      bounds: 0...10_000_000,
      reason: "client connections of one loop; 0 takes the descriptor limit less a reserve"),
    Setting(
      id: .clientsPerAddress, name: "client.per-address", unit: .count, standard: 0,
      bounds: 0...10_000_000,
      reason: "connections of one IPv4 address or IPv6 /64, all loops; 0 is no limit (NAT, proxies)"
    ),
    Setting(
      id: .clientHighWater, name: "client.high-water", unit: .count, standard: 90,
      bounds: 0...100,
      reason: "percent of client.connections above which responses say close; 100 or 0 is never"),
    Setting(
      id: .lingerIdle, name: "linger.idle", unit: .milliseconds, standard: 2_000,
      bounds: 10...600_000,
      reason: "silence after which a half-closed connection is closed (RFC 9112 §9.6)"),
    Setting(
      id: .lingerTotal, name: "linger.total", unit: .milliseconds, standard: 30_000,
      bounds: 10...600_000, reason: "longest time a half-closed connection is read"),
    Setting(
      id: .lingerBytes, name: "linger.bytes", unit: .bytes, standard: 256 << 10,
      bounds: 0...1_073_741_824, reason: "bytes read and dropped after our half-close"),
    Setting(
      id: .writeStallTimeout, name: "write.stall-timeout", unit: .milliseconds, standard: 30_000,
      bounds: 100...86_400_000, reason: "time without any progress while bytes wait to be sent"),
    Setting(
      id: .drainTimeout, name: "drain.timeout", unit: .milliseconds, standard: 30_000,
      bounds: 0...86_400_000, reason: "time that SIGTERM leaves to requests in flight"),
    Setting(
      id: .watermarkHigh, name: "watermark.high", unit: .bytes, standard: 64 << 10,
      bounds: 4096...67_108_864, reason: "unsent bytes above which the source is not read"),
    Setting(
      id: .watermarkLow, name: "watermark.low", unit: .bytes, standard: 32 << 10,
      bounds: 0...67_108_864, reason: "unsent bytes below which the source is read again"),
    Setting(
      id: .upstreamConnections, name: "upstream.connections", unit: .count, standard: 1024,
      bounds: 1...1_000_000, reason: "connections to one upstream, all loops together"),
    Setting(
      id: .upstreamWaiting, name: "upstream.waiting", unit: .count, standard: 1024,
      bounds: 0...1_000_000,
      reason: "requests that may wait for a connection to one upstream, all loops together"),
    Setting(
      id: .upstreamWaitTimeout, name: "upstream.wait-timeout", unit: .milliseconds, standard: 5_000,
      bounds: 10...3_600_000, reason: "longest wait for a connection"),
    Setting(
      id: .upstreamIdleTimeout, name: "upstream.idle-timeout", unit: .milliseconds,
      standard: 30_000, bounds: 10...86_400_000,
      reason: "how long an unused upstream connection is kept; keep it below the origin's own"),
    Setting(
      id: .upstreamMaxAge, name: "upstream.max-age", unit: .milliseconds, standard: 3_600_000,
      bounds: 100...604_800_000,
      reason: "age after which a connection is not reused (less up to 10 %)"),
    Setting(
      id: .upstreamMaxUses, name: "upstream.max-uses", unit: .count, standard: 10_000,
      bounds: 1...1_000_000_000, reason: "requests after which a connection is not reused"),
    Setting(
      id: .connectTimeout, name: "upstream.connect-timeout", unit: .milliseconds, standard: 10_000,
      bounds: 10...600_000, reason: "time for connecting, all addresses together"),
    Setting(
      id: .responseTimeout, name: "upstream.response-timeout", unit: .milliseconds,
      standard: 60_000, bounds: 10...86_400_000,
      reason: "silence of an upstream while its response is due"),
    Setting(
      id: .hungTimeout, name: "upstream.hung-timeout", unit: .milliseconds, standard: 10_000,
      bounds: 10...86_400_000,
      reason: "silence on a reused connection after which a suspect hop is taken for a dumb relay"),
    Setting(
      id: .hungMemory, name: "upstream.hung-memory", unit: .milliseconds, standard: 600_000,
      bounds: 100...604_800_000,
      reason: "time without reuse after a hung request, until one connection is tried again"),
    Setting(
      id: .gatherBytes, name: "upstream.gather", unit: .bytes, standard: 256 << 10,
      bounds: 0...67_108_864,
      reason: "request body of unknown length gathered for an HTTP/1.0 upstream; more is a 411"),
    Setting(
      id: .replayAttempts, name: "replay.attempts", unit: .count, standard: 1, bounds: 0...3,
      reason: "automatic second attempts of a request, where the evidence allows one"),
    Setting(
      id: .logBytes, name: "log.buffer", unit: .bytes, standard: 1 << 20,
      bounds: 4096...1_073_741_824,
      reason: "records that may wait for the log writer, per loop; more are dropped and counted"),
    Setting(
      id: .tunnelIdleTimeout, name: "tunnel.idle-timeout", unit: .milliseconds, standard: 600_000,
      bounds: 100...86_400_000,
      reason: "silence, both ways, after which a tunnel is cut (CONNECT, Upgrade)"),
    Setting(
      id: .tunnelHalfCloseTimeout, name: "tunnel.half-close-timeout", unit: .milliseconds,
      standard: 60_000, bounds: 100...86_400_000,
      reason: "silence after which a tunnel is cut when one side has ended its stream"),
    Setting(
      id: .upstreamOrigins, name: "upstream.origins", unit: .count, standard: 1024,
      bounds: 1...65_536,
      reason: "origins that a forward proxy remembers, per loop; the one unused for longest goes"),
    Setting(
      id: .resolveTimeout, name: "upstream.resolve-timeout", unit: .milliseconds, standard: 5_000,
      bounds: 10...600_000, reason: "time for looking up a name that a request brought"),
    Setting(
      id: .resolveAge, name: "upstream.resolve-age", unit: .milliseconds, standard: 30_000,
      bounds: 0...86_400_000,
      reason: "age after which found addresses are looked up again before a connection is dialled"),
    Setting(
      id: .upstreamProven, name: "upstream.proven", unit: .milliseconds, standard: 1000,
      bounds: 0...3_600_000,
      reason: "longest rest of a connection that a request which cannot be sent again may take"),
    Setting(
      id: .upstreamTakeOver, name: "upstream.take-over", unit: .count, standard: 8,
      bounds: 0...1_000_000,
      reason: "idle connections of other loops above which one is taken over instead of dialling"),
    Setting(
      id: .upstreamWarm, name: "upstream.warm", unit: .count, standard: 0, bounds: 0...100_000,
      reason: "connections to each upstream kept open without demand; not for named origins"),
    Setting(
      id: .originAge, name: "upstream.origin-age", unit: .milliseconds, standard: 600_000,
      bounds: 1000...604_800_000,
      reason: "time without a request after which a forward proxy forgets an origin"),
    Setting(
      id: .learnedAge, name: "upstream.learned-age", unit: .milliseconds, standard: 600_000,
      bounds: 1000...86_400_000,
      reason: "time for which it is believed at which age an origin closes idle connections"),
    Setting(
      id: .replayBody, name: "replay.body", unit: .bytes, standard: 64 << 10,
      bounds: 0...67_108_864,
      reason: "request body kept so that the request can be sent again; more is not sent again"),
    Setting(
      id: .replayBudget, name: "replay.budget", unit: .count, standard: 20, bounds: 0...100,
      reason: "percent of the last 10 s' requests that replays may be; 0 leaves replay.budget-least"
    ),
    Setting(
      id: .replayBudgetLeast, name: "replay.budget-least", unit: .count, standard: 10,
      bounds: 0...1_000_000,
      reason: "replays allowed in any 10 s, per loop, however few the requests were"),
    Setting(
      id: .replayBackoffLow, name: "replay.backoff-low", unit: .milliseconds, standard: 25,
      bounds: 0...60_000,
      reason: "longest wait before a second replay, doubled for each further one; chance decides"),
    Setting(
      id: .replayBackoffHigh, name: "replay.backoff-high", unit: .milliseconds, standard: 250,
      bounds: 0...600_000, reason: "longest wait before any replay"),
    Setting(
      id: .replayDeadline, name: "replay.deadline", unit: .milliseconds, standard: 60_000,
      bounds: 10...86_400_000,
      reason: "no replay begins later than this after the request did, or waits longer for a head"),
    Setting(
      id: .replayAfterFin, name: "replay.after-fin", unit: .count, standard: 0, bounds: 0...1,
      reason: "1: any method is sent again if a FIN came and nothing was acknowledged; 0 is off"),
  ]
}

/// One immutable snapshot of every setting. A listener holds one; nothing reads a global.
package struct Settings: Sendable {
  private var values: [Int]
  /// Number of the snapshot: 1 at start, one more with each reload.
  package var generation = 1

  /// Every setting at its default.
  package init() { values = Setting.all.map(\.standard) }

  /// The value of `id`, in the setting's unit.
  package subscript(id: SettingID) -> Int { values[Int(id.rawValue)] }

  /// Why a value was refused.
  package enum Refusal: Error, Equatable, Sendable {
    /// No setting has this name; `nearest` does.
    case unknownName(String, nearest: String?)
    /// Not written as the unit asks.
    case syntax(Setting.Name, String)
    /// Outside the bounds.
    case outOfBounds(Setting.Name, Int)
    /// The first must not be larger than the second, and is.
    case inverted(SettingID, SettingID)
  }

  /// Replaces one value. Throws when it is outside its bounds.
  package mutating func set(_ id: SettingID, to value: Int) throws(Refusal) {
    guard Setting[id].bounds.contains(value) else { throw .outOfBounds(Setting[id].name, value) }
    values[Int(id.rawValue)] = value
  }
}

extension Setting {
  package typealias Name = String
}
