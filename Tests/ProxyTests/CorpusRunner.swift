import BowlineCore
import BowlineTransport
import Testing

/// An origin that writes down what it gets, and answers each whole request with its name.
final class RecordingOrigin {
  /// A connection to it: the bytes that came, and up to where they are whole requests.
  final class Side {
    let wire: Wire
    var bytes: [UInt8] = []
    var read = 0
    var fault: String?

    init(_ wire: Wire) { self.wire = wire }
  }

  private let stage: ProxyStage
  private let cut: Cut
  private(set) var sides: [Side] = []
  /// Whole requests by the strict reading, in the order in which they became whole.
  private(set) var seen: [SeenRequest] = []
  /// Called for each whole request. By default it is answered with its own name.
  var answer: (SeenRequest, Side) -> Void = { request, side in
    side.wire.send(RecordingOrigin.answer(to: request))
  }

  init(_ stage: ProxyStage, _ cut: Cut = .whole) {
    self.stage = stage
    self.cut = cut
  }

  static func answer(to request: SeenRequest) -> String {
    let body = request.method == "HEAD" ? "" : request.target
    return "HTTP/1.1 200 OK\r\nDate: D\r\nX-Seen: \(request.method) \(request.target)\r\n"
      + "Content-Length: \(request.target.count)\r\n\r\n\(body)"
  }

  /// Takes what has come, and answers what is whole.
  func poll() {
    while let wire = stage.acceptIfThere(0) {
      wire.cut = cut
      sides.append(Side(wire))
    }
    for side in sides {
      let fresh = side.wire.takeAll()
      if fresh.isEmpty { continue }
      side.bytes += fresh
      while side.fault == nil {
        switch BoundaryReading.strict.request(in: side.bytes, from: side.read) {
        case .part: break
        case .fault(let text): side.fault = text
        case .request(let request, let end):
          side.read = end
          seen.append(request)
          answer(request, side)
          continue
        }
        break
      }
    }
  }

  /// How many whole requests `reading` finds in everything that came; nil when it finds something
  /// that is none.
  func count(_ reading: BoundaryReading) -> Int? {
    var count = 0
    for side in sides {
      var at = 0
      while case .request(_, let end) = reading.request(in: side.bytes, from: at) {
        count += 1
        at = end
      }
      if case .fault = reading.request(in: side.bytes, from: at) { return nil }
    }
    return count
  }
}

/// What came of one case: what is not as expected, and whether front and back could see different
/// boundaries between messages.
struct CorpusOutcome {
  var complaints: [String] = []
  var disagrees = false
}

/// Runs cases of the corpus through a proxy.
struct CorpusRunner {
  let mode: CorpusMode
  let place: Place
  let cut: Cut

  /// A hostile client, with a canary behind what it sends, against a recording origin.
  func request(_ one: CorpusCase) throws -> CorpusOutcome {
    let stage = try mode.stage(place)
    let origin = RecordingOrigin(stage)
    let client = try stage.client(cut)
    let canary = "GET \(mode.target("/canary")) HTTP/1.1\r\nHost: \(mode.host)\r\n\r\n"
    client.send(one.bytes(mode) + canary)
    if one.then == .end { client.endSending() }

    let hasCanary = one.ending == .open && !one.swallowsCanary
    let due = one.statuses.count + (hasCanary ? 1 : 0)
    var got: [UInt8] = []
    func reading() -> ResponseReading {
      ResponseReading(got, to: one.methods, isEnded: client.ended != nil)
    }
    func isOver() -> Bool {
      origin.poll()
      got += client.takeAll()
      if client.ended != nil { return true }
      let answers = reading()
      return answers.fault != nil && !got.isEmpty && client.ended != nil
        || one.ending == .open && answers.all.count >= due && answers.all.last?.isWhole == true
    }
    stage.turn(until: isOver)
    // Whatever is still on its way.
    for _ in 0..<3 {
      _ = stage.inspect()
      _ = isOver()
    }

    var outcome = CorpusOutcome()
    let answers = reading()
    compare(one, answers, client, due, &outcome)
    compare(one, origin, hasCanary, &outcome)
    judge(answers, origin, &outcome)
    client.close()
    let story = stage.finish()
    let finals = answers.all.filter { !$0.status.hasPrefix("1") }.count
    if story.exchanges.count != finals {
      outcome.complaints.append("\(story.exchanges.count) exchanges, \(finals) answers")
      outcome.disagrees = true
    }
    return outcome
  }

  private func compare(
    _ one: CorpusCase, _ answers: ResponseReading, _ client: Wire, _ due: Int,
    _ outcome: inout CorpusOutcome
  ) {
    func complain(_ text: String) { outcome.complaints.append(text) }
    let statuses = answers.all.map(\.status)
    let expected = one.statuses + Array(repeating: "200", count: due - one.statuses.count)
    if statuses != expected { complain("the client saw \(statuses), not \(expected)") }
    if let fault = answers.fault { complain("the client got \(fault)") }
    if !answers.all.allSatisfy(\.isWhole) { complain("an answer is cut") }
    let isAsExpected =
      switch one.ending {
      case .open: client.ended == nil
      case .close: client.ended == .end
      case .gone, .cut: client.ended != nil
      }
    if !isAsExpected {
      complain("the client's connection: \(String(describing: client.ended))")
    }
  }

  private func compare(
    _ one: CorpusCase, _ origin: RecordingOrigin, _ hasCanary: Bool,
    _ outcome: inout CorpusOutcome
  ) {
    let seen = origin.seen.map(\.text)
    let expected = one.back + (hasCanary ? ["GET /canary HTTP/1.1 | none"] : [])
    if seen != expected { outcome.complaints.append("the origin saw \(seen), not \(expected)") }
    if one.backIsUntouched && !origin.sides.isEmpty {
      outcome.complaints.append("the origin was asked")
    }
  }

  /// Front and back must have counted the same requests, whichever way the back counts.
  private func judge(
    _ answers: ResponseReading, _ origin: RecordingOrigin, _ outcome: inout CorpusOutcome
  ) {
    func disagree(_ text: String) {
      outcome.disagrees = true
      outcome.complaints.append(text)
    }
    // Each answer that came from behind says whose it is.
    let front = answers.all.compactMap { $0.fields["x-seen"] }
    let back = origin.seen.map { "\($0.method) \($0.target)" }
    if front != back { disagree("answers to \(front), requests \(back)") }
    for side in origin.sides {
      if let fault = side.fault { disagree("the origin got \(fault)") }
      if side.read < side.bytes.count && side.wire.ended == nil {
        disagree("the origin waits for more: \(text(side.bytes[side.read...]))")
      }
    }
    for reading in BoundaryReading.mistaken {
      let count = origin.count(reading)
      if count != back.count {
        disagree("an origin that \(reading.name) counts \(count.map { "\($0)" } ?? "faults")")
      }
    }
  }
}

// Hostile origins.
extension CorpusRunner {
  /// A hostile origin answers the first request; a second one must get its own answer.
  /// `pipelined`: the second request is sent with the first one. Otherwise it is sent when
  /// everything that the hostile origin had to say has arrived.
  func response(_ one: CorpusCase, pipelined: Bool) throws -> CorpusOutcome {
    let stage = try mode.stage(place)
    let origin = hostile(one, stage)
    let method = one.methods.first ?? "GET"
    func ask(_ method: String, _ path: String) -> String {
      "\(method) \(mode.target(path)) HTTP/1.1\r\nHost: \(mode.host)\r\n\r\n"
    }
    var client = try stage.client()
    client.send(ask(method, "/case") + (pipelined ? ask("GET", "/next") : ""))

    var got: [UInt8] = []
    func answers() -> ResponseReading {
      ResponseReading(got, to: [method, "GET"], isEnded: client.ended == .end)
    }
    func isOver(_ due: Int) -> Bool {
      origin.poll()
      got += client.takeAll()
      let sides = origin.sides.allSatisfy { $0.wire.hasSentAll || $0.wire.ended != nil }
      return client.ended != nil || sides && answers().all.filter(\.isWhole).count >= due
    }
    func settle(_ due: Int) {
      stage.turn { isOver(due) }
      for _ in 0..<3 {
        _ = stage.inspect()
        _ = isOver(due)
      }
    }
    let due = one.statuses.count
    settle(due + (pipelined ? 1 : 0))
    var outcome = CorpusOutcome()
    compare(one, answers(), client, pipelined, &outcome)
    let kept = origin.sides.first.map { $0.wire.ended == nil && !$0.wire.isClosed } ?? false
    if !pipelined && kept != one.keepsUpstream {
      outcome.complaints.append("the origin's connection was \(kept ? "kept" : "ended")")
    }

    // The next request, on the same connection where there still is one.
    if !(pipelined && one.ending == .open) {
      if client.ended != nil {
        client.close()
        client = try stage.client()
      }
      got = []
      client.send(ask("GET", "/next"))
      stage.turn {
        origin.poll()
        got += client.takeAll()
        return client.ended != nil || self.next(got) != nil
      }
    }
    judge(pipelined && one.ending == .open ? answers().all.last : next(got), origin, &outcome)
    client.close()
    stage.finish()
    return outcome
  }

  /// An origin that answers /case as the case says, and everything else as it should.
  private func hostile(_ one: CorpusCase, _ stage: ProxyStage) -> RecordingOrigin {
    let origin = RecordingOrigin(stage, cut)
    origin.answer = { request, side in
      if request.target != "/case" {
        side.wire.send(RecordingOrigin.answer(to: request))
        return
      }
      side.wire.send(one.bytes(mode))
      if one.then == .end { side.wire.endSending() }
      if one.then == .reset { side.wire.closesAfterSending = true }
    }
    return origin
  }

  private func next(_ got: [UInt8]) -> SeenResponse? {
    let all = ResponseReading(got, to: ["GET"], isEnded: false).all
    return all.last.flatMap { $0.isWhole ? $0 : nil }
  }

  private func compare(
    _ one: CorpusCase, _ answers: ResponseReading, _ client: Wire, _ pipelined: Bool,
    _ outcome: inout CorpusOutcome
  ) {
    func complain(_ text: String) { outcome.complaints.append(text) }
    var expected = one.statuses
    if pipelined && one.ending == .open { expected.append("200") }
    let statuses = answers.all.map(\.status)
    if statuses != expected { complain("the client saw \(statuses), not \(expected)") }
    if let fault = answers.fault { complain("the client got \(fault)") }
    let final = answers.all.first { !$0.status.hasPrefix("1") }
    let isOurs = one.statuses.last == "502"
    if !isOurs, let final, final.body != one.body {
      complain("the body was '\(final.body)', not '\(one.body)'")
    }
    if (one.ending == .cut) != (final?.isWhole == false) {
      complain("whole: \(String(describing: final?.isWhole))")
    }
    if (one.ending == .open) != (client.ended == nil) {
      complain("the client's connection: \(String(describing: client.ended))")
    }
  }

  /// The answer to the next request is its own, and no word of the hostile origin is in it.
  private func judge(
    _ next: SeenResponse?, _ origin: RecordingOrigin, _ outcome: inout CorpusOutcome
  ) {
    let isOwn =
      next?.status == "200" && next?.body == "/next" && next?.fields["x-seen"] == "GET /next"
    if !isOwn {
      outcome.disagrees = true
      outcome.complaints.append("the next answer: \(String(describing: next))")
    }
    for side in origin.sides {
      if let fault = side.fault {
        outcome.disagrees = true
        outcome.complaints.append("the origin got \(fault)")
      }
    }
  }
}
