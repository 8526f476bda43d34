import BowlineCore
import BowlineExchange
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

/// A role that notes what it is told, and answers by script: each request with its own path, unless
/// the test says otherwise.
final class ScriptedRole: ExchangeHandler {
  private(set) var number: UInt16 = 0
  /// What it was told, in order.
  private(set) var log: [String] = []
  /// Exchanges under way, oldest first.
  private(set) var open: [Handle] = []
  /// Body bytes that came, by path.
  private(set) var received: [String: Int] = [:]
  /// Gives credit back as soon as body bytes come.
  var grants = true
  /// Called when a head is complete.
  var onHead: (ScriptedRole, Handle, String) -> Void = { _, _, _ in }
  /// Called when a request is complete.
  var onEnd: (ScriptedRole, Handle, String) -> Void = { role, exchange, path in
    role.answer(exchange, path)
  }
  /// Called when a held source may go on.
  var onDrained: (ScriptedRole, Handle) -> Void = { _, _ in }
  unowned let links: Links
  private var paths: [Handle: String] = [:]
  private var scratch = HeadBlock()

  init(links: Links) {
    self.links = links
    number = links.register(self)
  }

  func path(_ exchange: Handle) -> String { paths[exchange] ?? "?" }

  /// The open exchange of `path`.
  func exchange(_ path: String) -> Handle { open.first { paths[$0] == path } ?? .none }

  func headArrived(_ exchange: Handle, framing: BodyFraming) {
    var bytes: [UInt8] = []
    let range = links.exchanges[exchange].head.start.targetRange
    for index in range { bytes.append(links.exchanges[exchange].head.bytes[index]) }
    let path = String(decoding: bytes, as: UTF8.self)
    log.append("head \(path)")
    open.append(exchange)
    paths[exchange] = path
    onHead(self, exchange, path)
  }

  func informationalArrived(_ exchange: Handle) { log.append("informational") }

  func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    received[path(exchange), default: 0] += bytes.count
    log.append("body \(path(exchange)) \(bytes.count)")
    if grants { links.grant(exchange, bytes.count) }
  }

  func messageEnded(_ exchange: Handle, trailers: Bool) {
    log.append("end \(path(exchange))")
    onEnd(self, exchange, path(exchange))
  }

  func outputDrained(_ exchange: Handle) {
    log.append("drained \(path(exchange))")
    onDrained(self, exchange)
  }

  func exchangeFinished(_ exchange: Handle) { forget(exchange, "finished \(path(exchange))") }

  func exchangeFailed(_ exchange: Handle, _ failure: Failure) {
    forget(exchange, "failed \(path(exchange)) \(failure.reason.code)")
  }

  func delayEnded(_ exchange: Handle) {
    log.append("delayed \(path(exchange))")
    answer(exchange, path(exchange))
  }

  private func forget(_ exchange: Handle, _ line: String) {
    log.append(line)
    open.removeAll { $0 == exchange }
    paths[exchange] = nil
  }

  // MARK: Answering

  /// Answers 200 with `text`.
  func answer(_ exchange: Handle, _ text: String) { answer(exchange, Array(text.utf8)) }

  /// Answers 200 with `bytes`.
  func answer(_ exchange: Handle, _ bytes: [UInt8]) {
    begin(exchange, .length(UInt64(bytes.count)))
    links.sendBody(exchange, bytes.span)
    links.sendEnd(exchange)
  }

  /// Sends the head of a 200.
  func begin(_ exchange: Handle, _ body: OutgoingBody) {
    scratch.compose(status: 200)
    links.sendHead(exchange, scratch, body: body)
  }

  /// Sends 100 (Continue).
  func welcome(_ exchange: Handle) {
    scratch.compose(status: 100)
    links.sendInformational(exchange, scratch)
  }

  /// Lets a link answer by itself, and forgets the exchange.
  func refuse(_ exchange: Handle, _ status: Status, _ reason: EndReason) {
    open.removeAll { $0 == exchange }
    links.answer(exchange, status, Failure(reason))
  }

  /// Gives an exchange up.
  func abort(_ exchange: Handle, _ reason: EndReason) {
    open.removeAll { $0 == exchange }
    links.abort(exchange, reason)
  }
}

/// Uses upstream links as a role would: dials, sends requests, and notes what it is told.
final class Caller: LinkOwner, ExchangeHandler {
  private(set) var log: [String] = []
  /// The link that opened last, while it lives.
  private(set) var link: Handle?
  var grants = true
  /// Called when a dial has succeeded.
  var onOpened: (Caller) -> Void = { _ in }
  /// Called when an exchange has finished.
  var onFinished: (Caller) -> Void = { _ in }
  unowned let links: Links
  private var owner: UInt16 = 0
  private var handler: UInt16 = 0
  private var scratch = HeadBlock()

  init(links: Links) {
    self.links = links
    owner = links.register(self as any LinkOwner)
    handler = links.register(self as any ExchangeHandler)
  }

  func dial(_ address: SocketAddress) {
    _ = links.dial(address, owner: owner, since: links.now)
  }

  /// Gives the open link to another loop, if it may move.
  func detach() -> LinkParcel? {
    guard let parcel = link.flatMap(links.detach) else { return nil }
    link = nil
    return parcel
  }

  /// Takes up a link of another loop.
  func attach(_ parcel: LinkParcel) { link = links.attach(parcel, owner: owner) }

  /// Sends a request without a body on the open link.
  func request(_ path: String) -> Handle {
    let exchange = links.openExchange(link ?? .none, handler: handler, context: .none)
    compose("GET", path)
    links.sendHead(exchange, scratch, body: .none)
    links.sendEnd(exchange)
    return exchange
  }

  /// Begins a request with `count` bytes of content.
  func upload(_ path: String, _ count: Int) -> Handle {
    let exchange = links.openExchange(link ?? .none, handler: handler, context: .none)
    compose("POST", path)
    links.sendHead(exchange, scratch, body: .length(UInt64(count)))
    return exchange
  }

  private func compose(_ method: String, _ path: String) {
    scratch.compose(method: Array(method.utf8).span, target: Array(path.utf8).span)
    scratch.add(.host, "h")
  }

  func linkOpened(_ link: Handle) {
    self.link = link
    log.append("opened")
    onOpened(self)
  }

  func linkEnded(_ link: Handle, _ reason: EndReason, _ error: NetworkError?) {
    if self.link == link { self.link = nil }
    log.append("ended \(reason.code)")
  }

  func wokenAt(_ now: Instant) { log.append("woken") }

  func headArrived(_ exchange: Handle, framing: BodyFraming) {
    log.append("head \(links.exchanges[exchange].head.start.status.rawValue)")
  }

  func informationalArrived(_ exchange: Handle) {
    log.append("informational \(links.exchanges[exchange].head.start.status.rawValue)")
  }

  func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>) {
    log.append("body \(bytes.count)")
    if grants { links.grant(exchange, bytes.count) }
  }

  func messageEnded(_ exchange: Handle, trailers: Bool) { log.append("end") }
  func outputDrained(_ exchange: Handle) { log.append("drained") }
  func exchangeFinished(_ exchange: Handle) {
    log.append("finished")
    onFinished(self)
  }
  func exchangeFailed(_ exchange: Handle, _ failure: Failure) {
    log.append("failed \(failure.reason.code), \(failure.evidence.text)")
  }
  func delayEnded(_ exchange: Handle) { log.append("delayed") }
}
