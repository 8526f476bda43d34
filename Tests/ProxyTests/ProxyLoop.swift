import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineProxy
import BowlineServer
import BowlineTransport
import BowlineUpstream
import Synchronization

/// A question to a loop about what it holds; answered on the loop's thread.
final class Inspection: Sendable {
  struct Answer: Sendable {
    var figures = LinksFigures()
    var relays = 0

    static func += (sum: inout Answer, other: Answer) {
      sum.figures.downstream += other.figures.downstream
      sum.figures.upstream += other.figures.upstream
      sum.figures.idleUpstream += other.figures.idleUpstream
      sum.figures.exchanges += other.figures.exchanges
      sum.figures.buffers += other.figures.buffers
      sum.relays += other.relays
    }
  }

  private let slot = Mutex<Answer?>(nil)
  private let bell: Doorbell

  init(bell: Doorbell) { self.bell = bell }

  func reply(_ answer: Answer) {
    slot.withLock { $0 = answer }
    bell.ring()
  }

  /// The answer; nil when it has not come within ten seconds.
  func wait() -> Answer? {
    for _ in 0..<100 {
      if let answer = slot.withLock({ $0 }) { return answer }
      bell.prepareToSleep()
      if slot.withLock({ $0 != nil }) { bell.stayAwake() } else { bell.wait(milliseconds: 100) }
    }
    return slot.withLock { $0 }
  }

  var answer: Answer? { slot.withLock { $0 } }
}

/// Ends the loop after this turn.
struct Halt: Sendable {}

/// What a loop of the tests serves.
enum RoleChoice: Sendable {
  case proxy(origins: [Origin], via: String = "hop", neighbours: Neighbours? = nil)
  case forward(ForwardPlan)
  case blind(Origin)
  case mapping(Origin)
  /// Our own origin server with its demo answers.
  case origin
  /// Our own origin server with a directory of files.
  case files(Directory)
}

/// A forward proxy of the tests.
struct ForwardPlan: Sendable {
  /// As typed, with `-` before what is denied.
  var rules: [String] = []
  /// What names lead to. Others are unknown.
  var names: [String: [SocketAddress]] = [:]
  /// Names for which no answer ever comes.
  var silent: [String] = []
  /// Who may use it; empty for everybody.
  var users: [String: String] = [:]
  /// The next proxies.
  var parents: [Origin] = []
  var listeners: [SocketAddress] = []

  fileprivate var access: AccessRules {
    AccessRules(
      rules.compactMap { rule in
        AccessRule(
          rule.hasPrefix("-") ? String(rule.dropFirst()) : rule, permits: !rule.hasPrefix("-"))
      }, listeners: listeners)
  }
}

/// Names without a name server.
private final class ScriptedNames: NameSource {
  private let plan: ForwardPlan
  private let mailbox: Mailbox

  init(_ plan: ForwardPlan, _ mailbox: Mailbox) {
    self.plan = plan
    self.mailbox = mailbox
  }

  func lookUp(_ question: NameQuestion) -> Bool {
    if plan.silent.contains(question.host) { return true }
    let found = plan.names[question.host] ?? []
    mailbox.post(
      question.answer(
        found.map { address in
          var address = address
          if address.port == 0 { address.port = question.port }
          return address
        }))
    return true
  }
}

/// The links and roles of one loop, put together as the command does it, plus a way to ask.
final class ProxyLoop: LoopClient {
  let links: Links
  private let loop: EventLoop
  private var proxy: Proxy?
  private var server: OriginServer?
  private var relay: BlindRelay?

  init(
    _ loop: EventLoop, _ role: RoleChoice, number: UInt16 = 0, listener: ListenerID,
    settings: Settings, handoff: Handoff<RecordBatch>, bell: Doorbell
  ) {
    self.loop = loop
    links = Links(
      loop: loop, network: loop.network, settings: settings, loopNumber: number,
      journal: JournalWriter(handoff: handoff, bell: bell, limit: settings[.logBytes]))
    switch role {
    case .proxy(let origins, let via, let neighbours):
      let proxy = Proxy(links: links, origins: origins, via: via, neighbours: neighbours)
      self.proxy = proxy
      links.serve(listener, handler: proxy.handlerNumber)
    case .forward(let plan):
      let guardian =
        plan.users.isEmpty
        ? nil : Guardian(users: Users(plan.users, decoy: "$6$rounds=1000$x$x"), calls: nil, seed: 1)
      let proxy = Proxy(
        links: links, origins: plan.parents, via: "hop",
        mode: .forward(ForwardRules(access: plan.access, guardian: guardian)),
        names: ScriptedNames(plan, loop.mailbox))
      self.proxy = proxy
      links.serve(listener, handler: proxy.handlerNumber, as: .forwardProxy)
    case .mapping(let origin):
      let proxy = Proxy(links: links, origins: [origin], via: "hop", mode: .mapping)
      self.proxy = proxy
      links.serve(listener, handler: proxy.handlerNumber)
    case .blind(let origin):
      let relay = BlindRelay(links: links, origin: origin)
      self.relay = relay
      links.serve(listener, handler: relay.handlerNumber)
    case .origin:
      let server = OriginServer(links: links, directory: nil, demo: true)
      self.server = server
      links.serve(listener, handler: server.handlerNumber)
    case .files(let directory):
      let server = OriginServer(links: links, directory: directory, demo: false)
      self.server = server
      links.serve(listener, handler: server.handlerNumber)
    }
  }

  /// Requests on their way through.
  var relayCount: Int { proxy?.relayCount ?? relay?.pairCount ?? 0 }

  func acceptable(_ listener: ListenerID) { links.acceptable(listener) }

  func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    links.ready(token, readiness, buffer: &buffer)
  }

  func expired(_ token: UInt64, buffer: inout ReadBuffer) {
    links.expired(token, buffer: &buffer)
  }

  func receive(_ message: any Sendable) {
    if let question = message as? Inspection {
      question.reply(
        Inspection.Answer(
          figures: links.figures, relays: relayCount))
    } else if message is Halt {
      loop.stop()
    } else {
      links.receive(message)
    }
  }

  func turnEnded(buffer: inout ReadBuffer) { links.turnEnded(buffer: &buffer) }
}
