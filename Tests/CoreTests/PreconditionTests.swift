import BowlineCore
import Testing

@Suite struct EntityTagTests {
  @Test(arguments: [
    (#""1""#, #""1""#, true, true), (#"W/"1""#, #""1""#, false, true),
    (#""1""#, #"W/"1""#, false, true), (#"W/"1""#, #"W/"1""#, false, true),
    (#"W/"1""#, #"W/"2""#, false, false), (#""1""#, #""2""#, false, false),
    (#""1""#, #""11""#, false, false), (#""""#, #""""#, true, true), ("1", "1", false, false),
    (#"w/"1""#, #""1""#, false, false), (#""1"#, #""1"#, false, false),
    (#""a b""#, #""a b""#, false, false), ("", "", false, false), ("W/", "W/", false, false),
    ("\"\u{e4}\"", "\"\u{e4}\"", true, true),
  ])
  func twoTagsAreCompared(_ a: String, _ b: String, _ strong: Bool, _ weak: Bool) {
    let (a, b) = (bytes(a), bytes(b))
    let isStrongly = EntityTag.isSame(a.span, b.span, .strong)
    let isWeakly = EntityTag.isSame(a.span, b.span, .weak)
    #expect(isStrongly == strong)
    #expect(isWeakly == weak)
  }

  @Test(arguments: [
    (#""1""#, true), (#""0", "1""#, true), (#""0","1","2""#, true), (#", ,"1","#, true),
    ("\"0\"\t,\t\"1\"", true), (#"W/"0", W/"1""#, true), (#""0", "2""#, false), ("", false),
    (",", false), ("*", false), ("1", false), (#""0,"1""#, false), (#""0" "1""#, false),
    (#""0", x, "1""#, false), (#"","1","#, false), (#""1"#, false), ("\"0\", \"1", false),
  ])
  func aListIsSearched(_ list: String, _ found: Bool) {
    #expect(holds(list, #""1""#) == found)
  }

  private func holds(_ list: String, _ tag: String) -> Bool {
    EntityTag.list(bytes(list).span, holds: bytes(tag).span, .weak)
  }

  @Test func aCommaInsideATagPartsNothing() {
    let list = #""a,b", "c""#
    #expect(holds(list, #""a,b""#))
    #expect(holds(list, #""c""#))
    #expect(!holds(list, #""b""#))
  }
}

/// What is there: tag "1", last changed on Sunday, 6 November 1994, 08:49:37.
@Suite struct PreconditionTests {
  private static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
  private static let same = "Sun, 06 Nov 1994 08:49:37 GMT"
  private static let after = "Sun, 06 Nov 1994 08:49:38 GMT"
  private static let now: Int64 = 800_000_000

  struct Case: Sendable, CustomTestStringConvertible {
    let method: String
    let fields: [(String, String)]
    let outcome: Preconditions.Outcome

    init(
      _ fields: [(String, String)], _ outcome: Preconditions.Outcome, method: String = "GET"
    ) {
      self.method = method
      self.fields = fields
      self.outcome = outcome
    }

    var testDescription: String {
      "\(method) " + fields.map { "\($0.0): \($0.1)" }.joined(separator: ", ")
    }
  }

  private func outcome(
    _ method: String, _ fields: [(String, String)], tag: String = #""1""#
  ) -> Preconditions.Outcome {
    var current = Validators()
    current.tag.append(utf8: tag)
    current.modified = 784_111_777
    return Preconditions.outcome(request(method, "/", fields), current, now: Self.now)
  }

  @Test(arguments: [
    Case([], .proceed), Case([], .proceed, method: "PUT"),
    // If-None-Match: §13.1.2
    Case([("If-None-Match", #""1""#)], .notModified),
    Case([("If-None-Match", #""1""#)], .notModified, method: "HEAD"),
    Case([("If-None-Match", #""1""#)], .failed, method: "PUT"),
    Case([("If-None-Match", #"W/"1""#)], .notModified),
    Case([("If-None-Match", #""0", "1""#)], .notModified),
    Case([("If-None-Match", #""0""#), ("If-None-Match", #""1""#)], .notModified),
    Case([("If-None-Match", "*")], .notModified),
    Case([("If-None-Match", "*")], .failed, method: "PUT"),
    Case([("If-None-Match", #""2""#)], .proceed), Case([("If-None-Match", "1")], .proceed),
    // If-Modified-Since: §13.1.3
    Case([("If-Modified-Since", before)], .proceed),
    Case([("If-Modified-Since", same)], .notModified),
    Case([("If-Modified-Since", after)], .notModified),
    Case([("If-Modified-Since", same)], .notModified, method: "HEAD"),
    Case([("If-Modified-Since", same)], .proceed, method: "PUT"),
    Case([("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT")], .notModified),
    Case([("If-Modified-Since", "Sun Nov  6 08:49:37 1994")], .notModified),
    Case([("If-Modified-Since", "yesterday")], .proceed),
    Case([("If-Modified-Since", same), ("If-Modified-Since", same)], .proceed),
    Case([("If-Modified-Since", same + ", " + same)], .proceed),
    // If-Match: §13.1.1
    Case([("If-Match", #""1""#)], .proceed), Case([("If-Match", #""0", "1""#)], .proceed),
    Case([("If-Match", "*")], .proceed), Case([("If-Match", #""2""#)], .failed),
    Case([("If-Match", #"W/"1""#)], .failed), Case([("If-Match", "1")], .failed),
    Case([("If-Match", #""1""#)], .proceed, method: "PUT"),
    // If-Unmodified-Since: §13.1.4
    Case([("If-Unmodified-Since", before)], .failed),
    Case([("If-Unmodified-Since", same)], .proceed),
    Case([("If-Unmodified-Since", after)], .proceed),
    Case([("If-Unmodified-Since", before)], .failed, method: "PUT"),
    Case([("If-Unmodified-Since", "never")], .proceed),
    Case([("If-Unmodified-Since", before), ("If-Unmodified-Since", before)], .proceed),
  ])
  func eachIsEvaluated(_ one: Case) {
    #expect(outcome(one.method, one.fields) == one.outcome)
  }

  /// The order of §13.2.2, whatever the order of the lines.
  @Test(arguments: [
    // The tag takes precedence over the date.
    Case([("If-None-Match", #""2""#), ("If-Modified-Since", after)], .proceed),
    Case([("If-None-Match", #""1""#), ("If-Modified-Since", before)], .notModified),
    Case([("If-None-Match", "nonsense"), ("If-Modified-Since", after)], .proceed),
    Case([("If-Match", #""1""#), ("If-Unmodified-Since", before)], .proceed),
    Case([("If-Match", #""2""#), ("If-Unmodified-Since", after)], .failed),
    // 412 before 304, and both groups are looked at.
    Case([("If-Match", #""2""#), ("If-None-Match", #""1""#)], .failed),
    Case([("If-Match", #""1""#), ("If-None-Match", #""1""#)], .notModified),
    Case([("If-Match", #""1""#), ("If-Modified-Since", same)], .notModified),
    Case([("If-Unmodified-Since", before), ("If-None-Match", #""1""#)], .failed),
    Case([("If-Unmodified-Since", same), ("If-None-Match", #""1""#)], .notModified),
    Case([("If-Unmodified-Since", same), ("If-Modified-Since", same)], .notModified),
    Case([("If-Unmodified-Since", before), ("If-Modified-Since", same)], .failed),
  ])
  func theOrderIsThatOfTheRFC(_ one: Case) {
    #expect(outcome(one.method, one.fields) == one.outcome)
    #expect(outcome(one.method, one.fields.reversed()) == one.outcome)
  }

  @Test func aWeakTagOfOursIsEnoughFor304AndNeverForIfMatch() {
    let tag = #"W/"1""#
    #expect(outcome("GET", [("If-None-Match", #"W/"1""#)], tag: tag) == .notModified)
    #expect(outcome("GET", [("If-None-Match", #""1""#)], tag: tag) == .notModified)
    #expect(outcome("GET", [("If-Match", #"W/"1""#)], tag: tag) == .failed)
    #expect(outcome("GET", [("If-Match", #""1""#)], tag: tag) == .failed)
    #expect(outcome("GET", [("If-Match", "*")], tag: tag) == .proceed)
  }

  @Test(arguments: [
    (Int64(10), Int64(12), true), (10, 11, false), (10, 10, false), (11, 10, false),
    (.min, .max, true), (.max, .min, false), (.min, .min, false), (.max, .max, false),
  ])
  func aChangeIsSettledAfterTwoSeconds(_ changed: Int64, _ now: Int64, _ settled: Bool) {
    #expect(Validators.isSettled(changed, now: now) == settled)
  }
}

/// What a client puts into these fields is read without a trap, whatever it is.
@Suite struct AnyBytesTests {
  @Test func mutatedFieldsAreRead() {
    let seeds = [
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994", #"W/"abc", "d,e""#, "bytes=0-18446744073709551615",
      "bytes=-18446744073709551616", "bytes=18446744073709551614-18446744073709551615",
    ].map { bytes($0) }
    var random = Seeded(1)
    var dates = 0
    for round in 0..<20_000 {
      var value = seeds[round % seeds.count]
      for _ in 0..<random.below(4) where !value.isEmpty {
        let place = random.below(value.count)
        switch random.below(4) {
        case 0: value[place] = UInt8(random.below(256))
        case 1: value[place] = 0x30 + UInt8(random.below(10))
        case 2: value.remove(at: place)
        default: value.insert(value[random.below(value.count)], at: place)
        }
      }
      if HTTPDate.moment(value.span, now: 1_751_328_000) != nil { dates += 1 }
      let other = seeds[random.below(seeds.count)]
      _ = EntityTag.list(value.span, holds: other.span, .weak)
      for size in [1, 100, UInt64.max] {
        if case .part(let range) = ByteRange(value.span, of: size) {
          #expect(!range.isEmpty && range.upperBound <= size)
        }
      }
    }
    #expect(dates > 1000)
  }
}
