import BowlineCore

/// How a request's content goes out.
enum Upload {
  case none
  case length(Int)
  case chunked(Int)

  /// Bytes of content.
  var count: Int {
    switch self {
    case .none: 0
    case .length(let count), .chunked(let count): count
    }
  }
}

/// What an origin does with a request.
struct AnswerPlan {
  enum Shape {
    case length, chunked
    /// Ends with the connection; of a scripted origin only.
    case untilClose
  }

  enum Fate {
    case whole
    /// The connection ends after so many bytes of the body.
    case endsAfter(Int)
    /// It is reset after so many.
    case resetAfter(Int)
    /// The request is executed, and the connection reset without an answer.
    case resetUnanswered
    /// The same, with FIN.
    case endsUnanswered
    /// No answer ever comes.
    case silence
  }

  var status = 200
  var shape = Shape.length
  /// Bytes of the body that GET would get.
  var count = 0
  var fate = Fate.whole
  /// Milliseconds before the head, and in the middle of the body.
  var delay = 0
  var pause = 0
  /// 1xx heads before it.
  var informational = 0
  /// The head of the request is enough for the answer.
  var isEarly = false
  /// It is executed as soon as its head is there.
  var executesAtHead = false
  var saysClose = false
  /// Seconds told in Keep-Alive; 0 is nothing.
  var hint = 0
  var isOld = false
  /// A response that nobody asked for follows at once; of a scripted origin only.
  var hasSurplus = false
  /// The connection ends after the answer, which does not say so; of a scripted origin only.
  var endsUnannounced = false

  /// Bytes of the body that go to a client whose method was `method`.
  func bodyCount(for method: Method) -> Int {
    method == .head || status == 204 || status == 304 ? 0 : count
  }
}

/// What became of a request, as its client saw it.
enum Outcome: Equatable {
  /// A complete response. It came from the origin, or the proxy made it itself.
  case answered(status: Int, byOrigin: Bool)
  /// The connection ended before a complete response was there.
  case cut
  /// The client gave up.
  case abandoned
  /// The connection ended before the head was out: nobody can have seen the request.
  case unsent
}

/// One request of a simulation, from its making to its end.
struct Request {
  let method: Method
  let upload: Upload
  let answer: AnswerPlan
  let expects: Bool
  /// The head was handed to the kernel.
  var isBegun = false
  /// Times that an origin has executed it.
  var executions = 0
  /// Times that it came to an origin complete.
  var completions = 0
  var outcome: Outcome?
  /// Exchanges of the proxy with its target.
  var records = 0

}

extension Request: CustomStringConvertible {
  var description: String {
    var text = "\(method) \(upload) -> \(answer.status) \(answer.shape) \(answer.count)"
    if case .whole = answer.fate {} else { text += " \(answer.fate)" }
    if answer.delay > 0 { text += " after \(answer.delay) ms" }
    if answer.pause > 0 { text += " with a pause of \(answer.pause) ms" }
    let facts = [
      (expects, "expects"), (answer.informational > 0, "1xx"), (answer.isEarly, "early"),
      (answer.executesAtHead, "at head"), (answer.saysClose, "says close"),
      (answer.hint > 0, "hint"), (answer.isOld, "old"), (answer.hasSurplus, "surplus"),
      (answer.endsUnannounced, "ends"),
    ]
    for case (true, let word) in facts { text += ", \(word)" }
    return text
  }
}

/// An invariant that did not hold.
package struct Violation: Error, Equatable, Sendable {
  package let rule: String
  package let detail: String
}

/// The bytes that bodies are made of. Each request has bodies of its own, so that a byte of another
/// one, a lost one or a doubled one shows.
enum Pattern {
  static let period = 4093
  /// Longest run that `run` gives.
  static let longest = 4096
  private static let bytes: [UInt8] = {
    var generator = SplitMix64(state: 0x626f_776c_696e_6500)
    let one = (0..<period).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    return one + one + one
  }()

  enum Kind: Int { case request, response }

  private struct SplitMix64 {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
      return mixed ^ mixed >> 31
    }
  }

  /// At most `longest` bytes of the body of `token` from `offset` on.
  static func run(_ kind: Kind, _ token: Int, from offset: Int, count: Int) -> ArraySlice<UInt8> {
    let start = (token * 131 + kind.rawValue * 1999 + offset) % period
    return bytes[start..<start + min(count, longest)]
  }

  /// Whether `found` is what stands in the body of `token` from `offset` on.
  static func matches(
    _ found: Span<UInt8>, _ kind: Kind, _ token: Int, from offset: Int
  ) -> Bool {
    var index = 0
    while index < found.count {
      let wanted = run(kind, token, from: offset + index, count: found.count - index).span
      for at in wanted.indices where wanted[at] != found[index + at] { return false }
      index += wanted.count
    }
    return true
  }
}

/// Every request of a simulation, and what was seen of it at both ends.
final class Ledger {
  private(set) var requests: [Request] = []
  /// Requests whose head is out.
  private(set) var begun = 0
  private(set) var violation: Violation?
  /// What was said and done, when somebody wants to read it.
  private(set) var conversation: [String]?
  private let isCalm: () -> String

  /// - Parameters:
  ///   - keepsConversation: what is noted is kept.
  ///   - clock: the world's time as text.
  init(keepsConversation: Bool, clock: @escaping () -> String) {
    conversation = keepsConversation ? [] : nil
    isCalm = clock
  }

  func note(_ text: @autoclosure () -> String) {
    if conversation != nil { conversation?.append("\(isCalm()) \(text())") }
  }

  /// An invariant is broken. The first one counts.
  func broken(_ rule: String, _ detail: @autoclosure () -> String) {
    if violation != nil { return }
    let broken = Violation(rule: rule, detail: detail())
    violation = broken
    note("BROKEN: \(broken.rule): \(broken.detail)")
  }

  func add(_ request: Request) -> Int {
    requests.append(request)
    return requests.count - 1
  }

  // MARK: The client's side

  func headSent(_ token: Int) {
    if requests[token].isBegun { return }
    requests[token].isBegun = true
    begun += 1
  }

  func ended(_ token: Int, _ outcome: Outcome) {
    note("#\(token) \(outcome)")
    if let earlier = requests[token].outcome {
      broken("one outcome for each request", "#\(token) is \(outcome), and was \(earlier)")
    }
    requests[token].outcome = outcome
  }

  // MARK: The origin's side

  /// A request was executed.
  func executed(_ token: Int) {
    requests[token].executions += 1
    let times = requests[token].executions
    note("#\(token) executed, \(times)")
    if times > 1 && !requests[token].method.isIdempotent {
      broken(
        "nothing is done twice", "#\(token) \(requests[token].method) was executed \(times) times")
    }
  }

  /// A request came complete to its origin, with so much content.
  func completed(_ token: Int, received: Int) {
    requests[token].completions += 1
    if received != requests[token].upload.count {
      broken(
        "a body marked complete is complete",
        "#\(token) came to its origin with \(received) of \(requests[token].upload.count) bytes")
    }
  }

  func recorded(_ token: Int) {
    guard requests.indices.contains(token) else {
      broken("the journal knows requests that were made", "a record of #\(token)")
      return
    }
    requests[token].records += 1
    if requests[token].records > 1 {
      broken("each exchange ends once", "#\(token) has \(requests[token].records) records")
    }
  }
}
