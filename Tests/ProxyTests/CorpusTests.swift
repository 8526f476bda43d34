import Foundation
import Synchronization
import Testing

/// The smuggling corpus, Tests/Corpus: hostile bytes of clients and of origins, and what must come
/// of them on both sides. What comes out behind the proxy is read by readers of the tests' own.
@Suite struct CorpusTests {
  /// A sanitizer multiplies the time and looks for something else: there two cuts are enough.
  static let cuts: [Cut] =
    ProcessInfo.processInfo.environment["BOWLINE_SANITIZER"] == nil
    ? [.whole, .bytes, .random(seed: 1), .random(seed: 2), .random(seed: 3)]
    : [.whole, .random(seed: 1)]

  // covers: R001, R002, R003, R009, R010, R011, R013, R014, R015, R019, R021, R033, R040, R042
  // covers: R044, R047, R048, R049, R053, R056, R058, R064, R065, R066, R067, R068, R069, R070
  // covers: R071, R072, R074, R075, R076, R077, R078, R079, R085, R113, R114, R115, R116, R117
  // covers: R118, R119, R120, R121, R122, R123, R125, R133, R140, R143, R166, R171, R174, R181
  // covers: R240, R252
  @Test(arguments: CorpusCase.requests, CorpusMode.all)
  func hostileClient(_ one: CorpusCase, _ mode: CorpusMode) throws {
    try check(one, Self.ways(one, mode)) { try $0.request(one) }
  }

  // covers: R038, R041, R045, R060, R090, R091, R093, R095, R097, R098, R100, R106, R108, R109
  // covers: R110, R111, R173, R224, R225, R251, R284, R285
  @Test(arguments: CorpusCase.responses, CorpusMode.all)
  func hostileOrigin(_ one: CorpusCase, _ mode: CorpusMode) throws {
    try check(one, Self.ways(one, mode)) { try $0.response(one, pipelined: false) }
    // In one piece the surplus is there before anybody can ask again.
    let whole = Self.ways(one, mode).prefix(1).map { $0 }
    try check(one, whole) { try $0.response(one, pipelined: true) }
  }

  @Test func theCorpusIsThereAndHasACaseForEveryMarkedRow() throws {
    #expect(CorpusCase.requests.count >= 360)
    #expect(CorpusCase.responses.count >= 140)
    let all = CorpusCase.requests + CorpusCase.responses
    #expect(Set(all.map(\.testDescription)).count == all.count, "a case is there twice")
    let rows = Set(all.flatMap(\.rows))
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    for mark in source.matches(of: #/\/\/ covers: (.*)/#) {
      for row in mark.1.split(separator: ", ") {
        #expect(rows.contains(String(row)), "no case is about \(row)")
      }
    }
  }

  /// The readers are able to disagree: had the proxy handed on what clients send as it came, they
  /// would find different requests in it.
  @Test func aRelayThatReadsNothingWouldBeCaught() {
    let canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"
    let caught = CorpusCase.requests.filter { one in
      let bytes = octets(one.bytes(.reverse) + canary)
      let strict = Self.requests(BoundaryReading.strict, bytes)
      return BoundaryReading.mistaken.contains { Self.requests($0, bytes) != strict }
        || strict == nil && one.ending == .open
    }
    #expect(caught.count > 150, "\(caught.count)")
  }

  /// Whole requests that a reading finds; nil when it stumbles.
  private static func requests(_ reading: BoundaryReading, _ bytes: [UInt8]) -> [String]? {
    var found: [String] = []
    var at = 0
    while at < bytes.count {
      switch reading.request(in: bytes, from: at) {
      case .request(let request, let end):
        found.append(request.text)
        at = end
      case .part: return found
      case .fault: return nil
      }
    }
    return found
  }

  /// Whole, byte by byte and at random on the simulated network; every fourth on the kernel too.
  private static func ways(_ one: CorpusCase, _ mode: CorpusMode) -> [CorpusRunner] {
    if !one.only.isEmpty && one.only != mode.testDescription { return [] }
    var ways = cuts.map { CorpusRunner(mode: mode, place: .simulated, cut: $0) }
    if one.number % 4 == 0 {
      ways.append(CorpusRunner(mode: mode, place: .kernel, cut: .whole))
    }
    return ways
  }

  /// Runs a case in every way, and complains about each way in which it failed.
  private func check(
    _ one: CorpusCase, _ ways: [CorpusRunner], _ run: (CorpusRunner) throws -> CorpusOutcome
  ) rethrows {
    for way in ways {
      let outcome = try run(way)
      for complaint in outcome.complaints {
        Issue.record(
          "\(one): \(way.place.testDescription), \(way.cut.testDescription): \(complaint)")
      }
      Self.tally.add(disagrees: outcome.disagrees)
    }
  }

  private static let tally = Tally(
    due: CorpusMode.all.reduce(0) { sum, mode in
      sum + CorpusCase.requests.reduce(0) { $0 + ways($1, mode).count }
        + CorpusCase.responses.reduce(0) {
          $0 + ways($1, mode).count + ways($1, mode).prefix(1).count
        }
    })
}

/// Counts over all cases, and says the sum when all have run.
private final class Tally: Sendable {
  private let due: Int
  private let counts = Mutex((runs: 0, disagreements: 0))

  init(due: Int) { self.due = due }

  func add(disagrees: Bool) {
    let disagreements: Int? = counts.withLock { counts in
      counts.runs += 1
      counts.disagreements += disagrees ? 1 : 0
      return counts.runs == due ? counts.disagreements : nil
    }
    guard let disagreements else { return }
    let cases = CorpusCase.requests.count + CorpusCase.responses.count
    print("corpus: \(cases) cases, \(due) runs, \(disagreements) with different boundaries")
  }
}
