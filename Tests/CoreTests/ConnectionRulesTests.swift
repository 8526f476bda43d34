import BowlineCore
import Testing

@Suite struct PersistenceTests {
  /// One row of the truth table of RFC 9112 §9.3.
  struct Row: Sendable {
    let isOld: Bool
    let options: String
    let recipient: Persistence.Recipient
    let persists: Bool

    init(_ version: String, _ options: String, _ recipient: Persistence.Recipient, _ yes: Bool) {
      isOld = version == "1.0"
      self.options = options
      self.recipient = recipient
      persists = yes
    }
  }

  static let table: [Row] = [
    Row("1.1", "", .origin, true),
    Row("1.1", "", .forwardProxy, true),
    Row("1.1", "", .client, true),
    Row("1.1", "close", .origin, false),
    Row("1.1", "close", .forwardProxy, false),
    Row("1.1", "close", .client, false),
    Row("1.1", "keep-alive", .origin, true),
    Row("1.1", "keep-alive", .forwardProxy, true),
    Row("1.1", "keep-alive", .client, true),
    Row("1.1", "keep-alive, close", .origin, false),
    Row("1.1", "keep-alive, close", .forwardProxy, false),
    Row("1.1", "keep-alive, close", .client, false),
    Row("1.0", "", .origin, false),
    Row("1.0", "", .forwardProxy, false),
    Row("1.0", "", .client, false),
    Row("1.0", "close", .origin, false),
    Row("1.0", "close", .forwardProxy, false),
    Row("1.0", "close", .client, false),
    Row("1.0", "keep-alive", .origin, true),
    Row("1.0", "keep-alive", .forwardProxy, false),
    Row("1.0", "keep-alive", .client, true),
    Row("1.0", "keep-alive, close", .origin, false),
    Row("1.0", "keep-alive, close", .forwardProxy, false),
    Row("1.0", "keep-alive, close", .client, false),
  ]

  // covers: K08, K09, R147, R148, S093, S094
  @Test(arguments: table)
  func decides(_ row: Row) {
    let fields = row.options.isEmpty ? [] : [("Connection", row.options)]
    let options = ConnectionOptions(request("GET", "/", fields))
    let version = row.isOld ? Version.http10 : .http11
    let willing = Persistence.continues(
      version: version, options: options, recipient: row.recipient, willing: true)
    #expect(willing == row.persists)
    let unwilling = Persistence.continues(
      version: version, options: options, recipient: row.recipient, willing: false)
    #expect(!unwilling)
  }
}

@Suite struct ConnectionOptionsTests {
  // covers: R053, R135, S061
  @Test func readsAllLinesAsOneListWithoutCase() {
    let options = ConnectionOptions(
      request("GET", "/", [("connection", "Foo"), ("CONNECTION", ",, CLOSE ,\tte,Upgrade,")]))
    #expect(options.close && options.te && options.upgrade && !options.keepAlive)
    #expect(!options.isExcessive)
    let others = ConnectionOptions(request("GET", "/", [("Connection", ", KEEP-alive ,Foo")]))
    #expect(others.keepAlive && !others.close && !others.te && !others.upgrade)
  }

  @Test(
    arguments: [
      String(repeating: ",", count: 10_000), String(repeating: "a,", count: 65),
      String(repeating: "a", count: 4097),
    ])
  func boundsItsWork(_ value: String) {
    let options = ConnectionOptions(request("GET", "/", [("Connection", value)]))
    #expect(options.isExcessive)
  }

  @Test func aTokenIsNotPartOfAnother() {
    let options = ConnectionOptions(
      request("GET", "/", [("Connection", "closed, keep-alivex, \"close\", close;x")]))
    #expect(!options.close && !options.keepAlive)
  }
}

@Suite struct HopByHopTests {
  /// Names of the lines that go on.
  private static func forwarded(
    _ fields: [(String, String)], in section: HopByHop.Section = .head,
    options: ConnectionOptions? = nil, trailersFollow: Bool = true
  ) -> [String] {
    let head = section == .head ? request("GET", "/", fields) : trailers(fields)
    let options = options ?? ConnectionOptions(head)
    return fields.indices.filter {
      HopByHop.forwards(
        head, $0, nominated: options, in: section, trailersFollow: trailersFollow)
    }.map { fields[$0].0 }
  }

  // covers: R137
  @Test func dropsWhatConnectionNames() {
    let fields = [
      ("X-Hop", "1"), ("X-Other", "1"), ("x-hop", "2"), ("X-Ho", "1"),
      ("Connection", "X-HOP, close"),
    ]
    #expect(Self.forwarded(fields) == ["X-Other", "X-Ho"])
    let options = ConnectionOptions(request("GET", "/", fields))
    #expect(
      Self.forwarded(
        [("X-Hop", "2"), ("X-Sum", "9")], in: .trailers, options: options) == ["X-Sum"])
  }

  // covers: K21, R138, R144, R166, S067
  @Test(
    arguments: [
      "Proxy-Connection", "Keep-Alive", "TE", "Transfer-Encoding", "Upgrade", "HTTP2-Settings",
      "Connection", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Authentication-Info",
      "Content-Length", "Host", "proxy-connection", "KEEP-ALIVE",
    ])
  func alwaysDrops(_ name: String) {
    #expect(Self.forwarded([("A", "1"), (name, "x"), ("B", "2")]) == ["A", "B"])
  }

  // covers: R140
  @Test(
    arguments: [
      "Content-Type", "Authorization", "Cookie", "Via", "Forwarded", "X-Forwarded-For",
      "X-Forwarded-Host", "X-Forwarded-Proto",
    ])
  func dropsNamedFieldsThatMatter(_ name: String) {
    #expect(Self.forwarded([("A", "1"), (name, "x")]) == ["A", name])
    #expect(Self.forwarded([("A", "1"), (name, "x"), ("Connection", name.lowercased())]) == ["A"])
  }

  // covers: R140
  @Test func framingIsDecidedBeforeAnythingIsDropped() {
    let head = request(
      "POST", "/", [("Connection", "Content-Length"), ("Content-Length", "5"), ("Host", "h")])
    let framing = Framing.request(head)
    #expect(framing == .success(.length(5)))
  }

  // covers: R055
  @Test func forwardsWhatItDoesNotKnow() {
    #expect(
      Self.forwarded([("X-Unknown", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]) == [
        "X-Unknown", "Set-Cookie", "Set-Cookie",
      ])
  }

  @Test func theAnnouncementOfTrailersGoesWithThem() {
    #expect(Self.forwarded([("Trailer", "X-Sum")]) == ["Trailer"])
    #expect(Self.forwarded([("Trailer", "X-Sum")], trailersFollow: false).isEmpty)
  }

  // covers: R125
  @Test func trailersThatFrameRouteOrAuthenticateAreDropped() {
    let fields = [
      "Content-Length", "Transfer-Encoding", "Host", "Authorization", "Content-Type", "Connection",
      "Set-Cookie", "Cache-Control", "Content-Encoding", "Content-Range", "Expires", "Vary",
      "If-Unmodified-Since", "WWW-Authenticate", "Trailer", "Via",
    ]
    #expect(Self.forwarded(fields.map { ($0, "1") }, in: .trailers).isEmpty)
    #expect(Self.forwarded([("X-Sum", "1"), ("ETag", "e")], in: .trailers) == ["X-Sum", "ETag"])
  }
}

@Suite struct ExpectationTests {
  // covers: R240
  @Test(
    arguments: [
      ("100-continue", BowlineCore.Expectation.continue100), ("100-Continue", .continue100),
      (", 100-CONTINUE ,", .continue100), ("foo", .unknown), ("100-continue, foo", .unknown),
      ("100-continued", .unknown), ("", .none),
    ])
  func reads(_ value: String, _ expected: BowlineCore.Expectation) {
    let expectation = BowlineCore.Expectation(request("POST", "/", [("Expect", value)]))
    #expect(expectation == expected)
    let old = BowlineCore.Expectation(request("POST", "/", version: .http10, [("Expect", value)]))
    #expect(old == .none)
  }
}

@Suite struct InternedNameTests {
  @Test(arguments: FieldName.allCases)
  func everyNameIsInternedWithoutCase(_ name: FieldName) {
    let text = "\(name.text)"
    for spelling in [text, text.lowercased(), text.uppercased()] {
      let interned = FieldName(bytes(spelling).span)
      #expect(interned == name)
    }
    let longer = FieldName(bytes(text + "x").span)
    #expect(longer == .other)
    #expect(name.rawValue < 64)
  }

  @Test func aHeadKnowsItsNames() {
    var head = request("GET", "/", [("Host", "a"), ("Accept", "b"), ("accept", "c"), ("X", "d")])
    let accept = head.first(.accept)
    #expect(accept == 1)
    let second = head.first(.accept, from: 2)
    #expect(second == 2)
    let facts = [
      head.contains(.host), head.repeats(.accept), !head.repeats(.host), !head.contains(.te),
      head.containsAny(of: [.te, .host]), !head.containsAny(of: [.te, .via]),
    ]
    #expect(facts == Array(repeating: true, count: facts.count))
    head.removeAll()
    let isEmpty = head.count == 0 && !head.contains(.host) && !head.repeats(.accept)
    #expect(isEmpty)
  }
}
