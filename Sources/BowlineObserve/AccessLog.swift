// The access log: ended exchanges and, when asked, ended connections, as lines of bytes.
//
// One line per record. The two streams share the output and are never mixed in a line: a line of
// the connection stream says so with `"event":"connection.end"`. Formatting makes no String and
// allocates nothing once the output buffer has grown; it runs on the log writer's thread, but that
// thread shares the machine with the loops.

package import BowlineCore
package import BowlineJournal

/// Formats batches of records.
package struct AccessLog: Sendable {
  /// How a line is written.
  package enum Form: Sendable {
    /// One human line.
    case text
    /// One JSON object, with the keys of the OpenTelemetry semantic conventions where they exist.
    case json
  }

  package let form: Form
  /// Also writes a line for each connection that ended.
  package let logsConnections: Bool
  /// Number of the settings snapshot, for `generation`.
  package let generation: Int
  /// Addresses of the upstreams by index, as written in the log.
  let upstreams: [[UInt8]]

  /// - Parameters:
  ///   - form: how a line is written.
  ///   - logsConnections: also write a line for each connection that ended.
  ///   - upstreams: the configured upstreams in order, such as `127.0.0.1:9000`.
  ///   - generation: number of the settings snapshot.
  package init(
    form: Form, logsConnections: Bool = false, upstreams: [String] = [], generation: Int = 1
  ) {
    self.form = form
    self.logsConnections = logsConnections
    self.generation = generation
    self.upstreams = upstreams.map { Array($0.utf8) }
  }

  /// Appends a line for each record of `batch`, exchanges first.
  package func write(_ batch: RecordBatch, clock: WallClock, into out: inout ByteBuffer) {
    let text = batch.text.span
    for exchange in batch.exchanges {
      switch form {
      case .json: writeJSON(exchange, text, clock, &out)
      case .text: writeText(exchange, text, &out)
      }
    }
    if !logsConnections { return }
    for connection in batch.connections {
      switch form {
      case .json: writeJSON(connection, clock, &out)
      case .text: writeText(connection, &out)
      }
    }
  }

  /// The address of the upstream that served `exchange`; nil when there was none.
  func upstreamAddress(_ exchange: ExchangeRecord) -> [UInt8]? {
    let index = Int(exchange.upstreamIndex)
    if upstreams.indices.contains(index) { return upstreams[index] }
    // A request named it.
    return exchange.upstream == .none ? nil : Array(exchange.upstreamPeer.description.utf8)
  }
}

extension ByteBuffer {
  /// Appends a connection's number as `ConnectionID.text` has it.
  mutating func append(_ id: ConnectionID) {
    let loop = id.rawValue >> 48
    if loop != 0 {
      append(decimal: loop)
      append(UInt8(ascii: "."))
    }
    append(decimal: id.rawValue & 0xffff_ffff_ffff)
  }

  /// Appends an address with its port: `192.0.2.7:80`, `[2001:db8::7]:80`.
  mutating func append(_ address: SocketAddress) {
    if !address.isIPv4 { append(UInt8(ascii: "[")) }
    address.appendHost(to: &self)
    if !address.isIPv4 { append(UInt8(ascii: "]")) }
    append(UInt8(ascii: ":"))
    append(decimal: UInt64(address.port))
  }
}
