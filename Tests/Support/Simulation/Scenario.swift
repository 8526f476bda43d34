import BowlineCore
import BowlineTransport

/// What an upstream is made of.
struct UpstreamPlan {
  enum Kind {
    /// Our own links and HTTP machine, with a handler that counts.
    case links
    /// Bytes by hand: what a decent server does not do.
    case plain
  }

  var kind: Kind
  /// Milliseconds after which a scripted origin closes an idle connection.
  var idle: Int
  /// Nobody listens on its first address.
  var hasDeadAddress: Bool
  var path: VirtualPath
}

/// How one client behaves on one connection.
struct VisitPlan {
  enum Ending {
    case close, reset
    /// It waits until the proxy ends the connection.
    case wait
    /// It ends its own side with the last request.
    case halfClose
  }

  var requests = 1
  /// Requests under way at once.
  var depth = 1
  var isOld = false
  /// Bytes of one send, and the pause behind it; 0 is all at once.
  var piece = 0
  var piecePause = 0
  /// Bytes of one receive, and the pause behind it; 0 is all at once.
  var sip = 0
  var sipPause = 0
  /// Milliseconds between an answer and the next request.
  var think = 0
  var ending = Ending.close
  /// It goes away when so many bytes are written, or have come; nil is never.
  var leavesAfterSent: Int?
  var leavesAfterReceived: Int?
  var leavesWithReset = false
}

/// Everything that a seed decides before the world begins to turn.
struct Scenario {
  let seed: UInt64
  var dice: Dice
  var loops = 1
  var upstreams: [UpstreamPlan] = []
  var settings = Settings()
  var originSettings = Settings()
  var clientPath = VirtualPath()
  var coalescing = SimulatedWorld.Coalescing.together
  var faults: SimulatedFaults
  var clients = 1
  /// Requests whose heads must get out.
  var goal = 20
  /// Milliseconds after which an origin closes what is idle: clients think about as long.
  var idle = 1000
  /// Bodies that end with the connection make sense: no path cuts it unseen.
  var allowsUntilClose = true
  /// What is sent at once arrives at once.
  var allowsSurplus = true
  /// Milliseconds after which the first of several loops is told to drain.
  var drainsAfter: Int?
  /// One client in so many behaves badly.
  var rudeness = 4

  init(seed: UInt64) {
    self.seed = seed
    dice = Dice(seed: seed ^ 0x5eed_0b0a_711e_0001)
    faults = SimulatedFaults(seed: seed ^ 0xfa17_0000_0000_0002)
    loops = dice.pick([1, 1, 2, 3])
    goal = dice.within(20...22)
    clients = dice.within(1...8)
    rudeness = dice.pick([2, 4, 8, 1000])
    coalescing = dice.pick([.together, .mixed, .mixed, .single])
    idle = dice.within(100...2000)
    chooseFaults()
    chooseUpstreams()
    chooseSettings()
    chooseOriginSettings()
    clientPath = path()
    // A loop that is full leaves what it was told of to others who are told nothing: that lasts
    // until it has room, and for ever when it drains meanwhile. Processes drain as a whole.
    let canFill = settings[.clientConnections] > 0
    if loops > 1 && !canFill && dice.once(in: 4) { drainsAfter = dice.within(1...3000) }
  }

  private mutating func path() -> VirtualPath {
    VirtualPath(
      delay: Int64(dice.pick([0, 0, 50, 400, 3000, 20_000])) * 1000,
      rate: dice.once(in: 8) ? 1_000_000 : 0, segmentSize: dice.pick([512, 1460, 16384]),
      queueBytes: dice.pick([2048, 8192, 65_536, 262_144]))
  }

  // MARK: Faults

  /// The most chances that a seed gives a kind of fault.
  private static let most: [(SimulatedFaults.Kind, UInt32)] = [
    (.refusedConnect, 8000), (.blackHole, 4000), (.reset, 500), (.earlyEnd, 1500), (.delay, 5000),
    (.smallSegments, 12_000), (.singleBytes, 4000), (.shortSend, 12_000), (.clockLeap, 300),
    (.lateAcknowledgement, 16_000), (.spuriousReport, 5000), (.lateReport, 8000),
  ]

  private mutating func chooseFaults() {
    // One seed in eight sees what happens without any.
    if dice.once(in: 8) { return }
    for (kind, most) in Self.most where !dice.once(in: 2) {
      let chances = UInt32(dice.within(Int(most) / 20...Int(most)))
      faults.set(kind, chances)
      switch kind {
      case .earlyEnd:
        allowsUntilClose = false
        allowsSurplus = false
      case .smallSegments, .singleBytes, .shortSend, .lateAcknowledgement: allowsSurplus = false
      default: break
      }
    }
  }

  // MARK: Upstreams

  private mutating func chooseUpstreams() {
    for _ in 0..<dice.pick([1, 1, 1, 2, 3]) {
      var path = path()
      if allowsSurplus {
        path.rate = 0
        path.segmentSize = 16384
        path.queueBytes = 262_144
      }
      upstreams.append(
        UpstreamPlan(
          kind: dice.once(in: 2) ? .links : .plain, idle: idle + dice.pick([-20, -1, 0, 0, 1, 20]),
          hasDeadAddress: dice.once(in: 8), path: path))
    }
  }

  // MARK: Settings

  private mutating func chooseSettings() {
    let choices: [(SettingID, [Int])] = [
      (.upstreamConnections, [1, 1, 2, 3, 4]), (.upstreamWaiting, [0, 1, 4, 100]),
      (.upstreamWaitTimeout, [20, 200, 3000]),
      (.upstreamIdleTimeout, [50, idle - 1, idle, idle + 1, 5000, 5000]),
      (.upstreamMaxAge, [100, 1000, 3_600_000, 3_600_000]),
      (.upstreamMaxUses, [1, 2, 5, 10_000, 10_000, 10_000]),
      (.connectTimeout, [50, 1000, 10_000]), (.responseTimeout, [200, 2000, 2000, 20_000]),
      (.hungTimeout, [100, 1000]), (.hungMemory, [100, 5000]), (.replayAttempts, [0, 1, 1, 2]),
      (.clientIdleTimeout, [100, idle, 5000]), (.clientMaxRequests, [0, 0, 0, 3]),
      (.keepAliveHint, [0, 0, 5000]), (.headTimeout, [300, 3000]), (.bodyRateGrace, [300, 5000]),
      (.lingerIdle, [10, 200]), (.lingerTotal, [100, 1000]), (.lingerBytes, [0, 1000, 100_000]),
      (.writeStallTimeout, [500, 5000]), (.watermarkHigh, [4096, 65_536]),
      (.watermarkLow, [0, 2048]), (.pipelineDepth, [1, 3, 100]), (.gatherBytes, [0, 2000]),
      (.drainTimeout, [0, 500, 30_000]), (.clientConnections, [0, 0, 0, 3]),
      (.bodyBytes, [0, 0, 0, 0, 2000]),
      (.upstreamProven, [0, 50, 1000, 1000]), (.upstreamTakeOver, [0, 0, 1, 8]),
      (.learnedAge, [1000, 600_000]), (.replayBody, [0, 1000, 65_536]),
      (.replayBudget, [0, 20, 100]), (.replayBudgetLeast, [0, 10, 10]),
      (.replayBackoffHigh, [0, 250]), (.replayDeadline, [50, 60_000]),
    ]
    for (id, values) in choices { set(&settings, id, dice.pick(values)) }
  }

  private mutating func chooseOriginSettings() {
    let choices: [(SettingID, [Int])] = [
      (.clientIdleTimeout, [idle, idle, idle + 1, 100]), (.clientMaxRequests, [0, 0, 2, 5]),
      (.headTimeout, [500, 5000]), (.bodyRateGrace, [1000, 5000]), (.lingerIdle, [10, 200]),
      (.lingerTotal, [100, 1000]), (.lingerBytes, [0, 100_000]),
      (.writeStallTimeout, [1000, 5000]), (.watermarkHigh, [4096, 65_536]),
      (.watermarkLow, [0, 2048]),
    ]
    for (id, values) in choices { set(&originSettings, id, dice.pick(values)) }
  }

  /// Values outside the bounds are left at their default.
  private func set(_ settings: inout Settings, _ id: SettingID, _ value: Int) {
    let bounds = Setting[id].bounds
    try? settings.set(id, to: min(max(value, bounds.lowerBound), bounds.upperBound))
  }

  // MARK: Visits

  mutating func visit() -> VisitPlan {
    var plan = VisitPlan()
    plan.requests = dice.within(1...10)
    plan.depth = dice.pick([1, 1, 1, 2, 5])
    plan.isOld = dice.once(in: 16) && allowsUntilClose
    plan.think = dice.pick([0, 0, 0, 0, 1, 10, idle - 1, idle, idle, idle + 1])
    plan.ending = dice.pick([.close, .close, .reset, .wait, .halfClose])
    if !dice.once(in: rudeness) { return plan }
    switch dice.below(4) {
    case 0:
      plan.piece = dice.pick([1, 7, 100])
      plan.piecePause = dice.pick([0, 1, 40])
    case 1:
      plan.sip = dice.pick([50, 1000])
      plan.sipPause = dice.pick([1, 30])
    case 2: plan.leavesAfterSent = dice.within(1...600)
    default: plan.leavesAfterReceived = dice.within(0...1500)
    }
    plan.leavesWithReset = dice.once(in: 2)
    return plan
  }

  // MARK: Requests

  mutating func request() -> Request {
    let method = dice.pick([Method.get, .get, .get, .head, .put, .delete, .post, .post, .patch])
    let upload = upload(for: method)
    return Request(
      method: method, upload: upload, answer: answer(),
      expects: upload.count > 0 && dice.once(in: 12))
  }

  private mutating func upload(for method: Method) -> Upload {
    switch method {
    case .put, .post, .patch:
      let count = size()
      return dice.once(in: 3) ? .chunked(count) : .length(count)
    case .delete: return dice.once(in: 4) ? .length(dice.below(200)) : .none
    default: return .none
    }
  }

  private mutating func size() -> Int {
    switch dice.below(24) {
    case 0: dice.within(10_000...70_000)
    case 1...4: dice.within(1000...9000)
    case 5: 0
    default: dice.within(1...600)
    }
  }

  private mutating func answer() -> AnswerPlan {
    var plan = AnswerPlan()
    plan.count = size()
    plan.shape = dice.pick([.length, .length, .chunked])
    if allowsUntilClose && dice.once(in: 12) { plan.shape = .untilClose }
    plan.status = dice.pick([200, 200, 200, 200, 201, 204, 304, 404, 500])
    if plan.status == 204 || plan.status == 304 { plan.count = 0 }
    if dice.once(in: 3) { plan.delay = dice.pick([1, 10, 300]) }
    if dice.once(in: 10) { plan.pause = dice.pick([1, 10, 300]) }
    if dice.once(in: 10) { plan.informational = dice.within(1...2) }
    plan.isEarly = dice.once(in: 16)
    plan.executesAtHead = plan.isEarly || dice.once(in: 3)
    plan.saysClose = dice.once(in: 16)
    if dice.once(in: 10) { plan.hint = dice.within(1...2) }
    plan.isOld = plan.shape != .chunked && dice.once(in: 16)
    if allowsSurplus && dice.once(in: 8) {
      plan.hasSurplus = true
      // With a credit of 4,096 bytes the last read ends exactly where the body does.
      if dice.once(in: 2) {
        plan.status = 200
        plan.shape = .length
        plan.count = 8192
        plan.pause = 10
        plan.endsUnannounced = false
      }
    }
    plan.endsUnannounced = dice.once(in: 24)
    plan.fate = fate(plan.count)
    // A body that ends with its connection cannot be seen to be cut off.
    if case .endsAfter = plan.fate, plan.shape == .untilClose { plan.fate = .whole }
    return plan
  }

  private mutating func fate(_ count: Int) -> AnswerPlan.Fate {
    switch dice.below(60) {
    case 0: .endsAfter(dice.below(max(count, 1)))
    case 1: .resetAfter(dice.below(max(count, 1)))
    case 2: .resetUnanswered
    case 3: .endsUnanswered
    case 4: .silence
    default: .whole
    }
  }
}
