import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport
import BowlineUpstream
import Testing

/// A forward proxy: where requests go, who may ask, and what it refuses.
@Suite struct ForwardTests {
  /// A forward proxy that may go to loopback addresses.
  static func stage(
    _ place: Place, scripted: Int = 1, set values: [(id: SettingID, value: Int)] = [],
    _ change: @escaping (inout ForwardPlan, [SocketAddress]) -> Void = { _, _ in }
  ) throws -> ProxyStage {
    try ProxyStage(place, scripted: scripted, set: values) { origins in
      var plan = ForwardPlan(rules: origins.map(\.description))
      change(&plan, origins)
      return .forward(plan)
    }
  }

  private static let ok = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok"
  private static let seesOK =
    "HTTP/1.1 200 OK\r\nDate: D\r\nVia: 1.1 hop\r\nContent-Length: 2\r\n\r\nok"

  // covers: R025, R166, R272
  @Test(arguments: Place.allCases)
  func theTargetSaysWhereAndBecomesOriginForm(_ place: Place) throws {
    let stage = try Self.stage(place)
    let there = stage.place()
    let client = try stage.client()
    client.send(
      "GET http://\(there)/a?b=1 HTTP/1.1\r\nHost: elsewhere\r\nProxy-Connection: keep-alive\r\n"
        + "X-Forwarded-For: 1.2.3.4\r\nX: 1\r\n\r\n")
    let origin = try stage.accept()
    // The client's own claim is passed on as it is; nothing about the client is added.
    origin.expect(
      "GET /a?b=1 HTTP/1.1\r\nHost: \(there)\r\nX-Forwarded-For: 1.2.3.4\r\nX: 1\r\n"
        + "Via: 1.1 hop\r\n\r\n")
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    // The same origin again: the same connection.
    client.send("HEAD http://\(there.uppercased()) HTTP/1.1\r\nHost: x\r\n\r\n")
    origin.expect("HEAD / HTTP/1.1\r\nHost: \(there)\r\nVia: 1.1 hop\r\n\r\n")
    origin.send("HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n")
    client.expect("HTTP/1.1 204 No Content\r\nDate: D\r\nVia: 1.1 hop\r\n\r\n")
    #expect(stage.finish().ends == [.complete, .complete])
  }

  // covers: R279, R291, S128
  @Test func whatIsEndToEndStaysAsItIs() throws {
    let stage = try Self.stage(.simulated)
    let client = try stage.client()
    client.send(
      "GET http://\(stage.place())/ HTTP/1.1\r\nHost: x\r\nCDN-Loop: a; b, c\r\n"
        + "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n\r\n")
    let origin = try stage.accept()
    origin.expect(
      "GET / HTTP/1.1\r\nHost: \(stage.place())\r\nCDN-Loop: a; b, c\r\nVia: 1.1 hop\r\n\r\n")
    let body = text((0..<256).map { UInt8($0) })
    origin.send(
      "HTTP/1.1 200 OK\r\nDate: D\r\nCache-Control: no-transform\r\nContent-Encoding: gzip\r\n"
        + "Content-Length: 256\r\n\r\n\(body)")
    client.expect(
      "HTTP/1.1 200 OK\r\nDate: D\r\nCache-Control: no-transform\r\nContent-Encoding: gzip\r\n"
        + "Via: 1.1 hop\r\nContent-Length: 256\r\n\r\n\(body)")
    #expect(stage.finish().ends == [.complete])
  }

  // covers: R028
  @Test func optionsForAWholeServer() throws {
    let stage = try Self.stage(.simulated)
    let client = try stage.client()
    client.send("OPTIONS http://\(stage.place()) HTTP/1.1\r\nHost: x\r\n\r\n")
    let origin = try stage.accept()
    origin.expect("OPTIONS * HTTP/1.1\r\nHost: \(stage.place())\r\nVia: 1.1 hop\r\n\r\n")
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    stage.finish()
  }

  @Test(arguments: Place.allCases)
  func namesAreLookedUpAndOriginsKeptApart(_ place: Place) throws {
    let stage = try Self.stage(place, scripted: 2) { plan, origins in
      plan.names = ["one.example": [origins[0]], "two.example": [origins[1]]]
    }
    let ports = [stage.place(of: 0), stage.place(of: 1)].map { $0.split(separator: ":")[1] }
    let client = try stage.client()
    for (index, name) in ["one.example", "two.example"].enumerated() {
      let there = "\(name):\(ports[index])"
      client.send("GET http://\(there)/ HTTP/1.1\r\nHost: x\r\n\r\n")
      let origin = try stage.accept(index)
      origin.expect("GET / HTTP/1.1\r\nHost: \(there)\r\nVia: 1.1 hop\r\n\r\n")
      origin.send(Self.ok)
      client.expect(Self.seesOK)
    }
    #expect(stage.finish().ends == [.complete, .complete])
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    let request: String
    let status: String
    let end: EndReason
    let error: String
    var testDescription: String { request.prefix { $0 != "\r" } + "" }

    init(_ request: String, _ status: String, _ end: EndReason, _ error: String) {
      self.request = request
      self.status = status
      self.end = end
      self.error = error
    }
  }

  // covers: R201, R259, R265, R268, R286
  @Test(arguments: [
    Refused("GET / HTTP/1.1\r\nHost: h", "400", .policyRefusedTarget, "http_request_denied"),
    Refused(
      "GET https://h/ HTTP/1.1\r\nHost: h", "400", .policyRefusedTarget, "http_request_denied"),
    Refused(
      "OPTIONS * HTTP/1.1\r\nHost: h", "400", .policyRefusedTarget, "http_request_denied"),
    Refused(
      "GET http://%61/ HTTP/1.1\r\nHost: h", "400", .policyRefusedTarget, "http_request_denied"),
    Refused(
      "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: h", "403", .policyRefusedDestination,
      "destination_ip_prohibited"),
    Refused(
      "GET http://[::ffff:127.0.0.1]:1/ HTTP/1.1\r\nHost: h", "403", .policyRefusedDestination,
      "destination_ip_prohibited"),
    Refused(
      "GET http://inside.example/ HTTP/1.1\r\nHost: h", "403", .policyRefusedDestination,
      "destination_ip_prohibited"),
    Refused(
      "GET http://denied.example/ HTTP/1.1\r\nHost: h", "403", .policyRefusedDestination,
      "destination_ip_prohibited"),
    Refused(
      "CONNECT x.example:25 HTTP/1.1\r\nHost: h", "403", .policyRefusedDestination,
      "destination_ip_prohibited"),
    Refused(
      "CONNECT inside.example:443 HTTP/1.1\r\nHost: h", "403", .policyRefusedDestination,
      "destination_ip_prohibited"),
    Refused(
      "GET http://unknown.example/ HTTP/1.1\r\nHost: h", "502", .upstreamUnknownName, "dns_error"),
    Refused(
      "CONNECT unknown.example:443 HTTP/1.1\r\nHost: h", "502", .upstreamUnknownName, "dns_error"),
    Refused(
      "GET http://silent.example/ HTTP/1.1\r\nHost: h", "504", .upstreamTimeoutResolving,
      "dns_timeout"),
    Refused(
      "GET http://x.example/ HTTP/1.1\r\nHost: h\r\nVia: 1.0 a, 1.1 HOP", "502",
      .policyRefusedLoop, "proxy_loop_detected"),
    Refused(
      "TRACE http://x.example/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: abc", "400",
      .policyRefusedTarget, "http_request_denied"),
  ])
  func refuses(_ row: Refused) throws {
    let stage = try Self.stage(.simulated) { plan, _ in
      plan.rules = ["-denied.example"]
      plan.names = [
        "inside.example": [.loopback(0), SocketAddress(ipv4: 0xa9fe_a9fe, port: 0)],
        "denied.example": [SocketAddress(ipv4: 0x0808_0808, port: 0)],
      ]
      plan.silent = ["silent.example"]
    }
    let client = try stage.client()
    client.send("\(row.request)\r\n\r\n")
    client.expectAnswer(
      row.status, with: ["Proxy-Status: \"hop\"; error=\(row.error)"], without: ["Connection"])
    stage.expectNoContact()
    #expect(stage.finish().ends == [row.end])
  }

  /// Of the addresses of a name only the permitted ones are dialled, and no other is asked for
  /// again at the moment of dialling.
  @Test func onlyThePermittedAddressOfANameIsDialled() throws {
    let stage = try Self.stage(.simulated) { plan, origins in
      plan.names = ["mixed.example": [SocketAddress(ipv4: 0x7f00_0009, port: 0), origins[0]]]
    }
    let port = stage.place().split(separator: ":")[1]
    let client = try stage.client()
    client.send("GET http://mixed.example:\(port)/ HTTP/1.1\r\nHost: x\r\n\r\n")
    let origin = try stage.accept()
    #expect(origin.head().hasPrefix("GET / HTTP/1.1\r\nHost: mixed.example:\(port)\r\n"))
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    #expect(stage.finish().ends == [.complete])
  }

  // covers: R155, R169, S115, S142, K08
  @Test(arguments: Place.allCases)
  func anOldClientIsNeverKept(_ place: Place) throws {
    let stage = try Self.stage(place)
    let client = try stage.client()
    client.send(
      "GET http://\(stage.place())/ HTTP/1.0\r\nConnection: keep-alive, upgrade\r\n"
        + "Keep-Alive: timeout=9\r\nUpgrade: websocket\r\n\r\n")
    let origin = try stage.accept()
    origin.expect("GET / HTTP/1.1\r\nHost: \(stage.place())\r\nVia: 1.0 hop\r\n\r\n")
    origin.send(Self.ok)
    client.expect(
      "HTTP/1.1 200 OK\r\nDate: D\r\nVia: 1.1 hop\r\nContent-Length: 2\r\nConnection: close\r\n"
        + "\r\nok")
    client.expectEnd()
    #expect(stage.finish().ends == [.complete])
    let refused = try Self.stage(place)
    let other = try refused.client()
    other.send("GET /own HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    other.expectAnswer("400", with: ["Connection: close"])
    other.expectEnd()
    refused.finish()
  }

  // covers: R274, R276, R277
  @Test func maxForwardsIsCountedDownAndTheLastHopAnswers() throws {
    let stage = try Self.stage(.simulated)
    let there = "http://\(stage.place())/x"
    let client = try stage.client()
    client.send("OPTIONS \(there) HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n")
    client.expectAnswer("200", without: ["Proxy-Status", "Max-Forwards"])
    client.send(
      "TRACE \(there) HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\nCookie: a=b\r\n"
        + "Authorization: Basic x\r\nX: 1\r\n\r\n")
    let echo = client.expectAnswer("200", with: ["Content-Type: message/http"])
    #expect(echo == "TRACE \(there) HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\nX: 1\r\n\r\n")
    stage.expectNoContact()
    var origin: Wire?
    for (said, goesOn) in [("2", "Max-Forwards: 1\r\n"), ("99999999", "Max-Forwards: 999999\r\n")] {
      client.send("OPTIONS \(there) HTTP/1.1\r\nHost: x\r\nMax-Forwards: \(said)\r\n\r\n")
      if origin == nil { origin = try stage.accept() }
      origin?.expect(
        "OPTIONS /x HTTP/1.1\r\nHost: \(stage.place())\r\n\(goesOn)Via: 1.1 hop\r\n\r\n")
      origin?.send(Self.ok)
      client.expect(Self.seesOK)
    }
    // Of no concern to GET, and never added.
    for lines in ["Max-Forwards: 0\r\n", ""] {
      client.send("GET \(there) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n")
      origin?.expect("GET /x HTTP/1.1\r\nHost: \(stage.place())\r\n\(lines)Via: 1.1 hop\r\n\r\n")
      origin?.send(Self.ok)
      client.expect(Self.seesOK)
    }
    stage.finish()
  }

  /// SHA-512 of `secret`, with the least work: `openssl passwd -6` makes such.
  private static let hash =
    "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2Soep"
    + "NXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/"
  private static let right = "bGFkeTpzZWNyZXQ="  // lady:secret
  private static let wrong = "bGFkeTpTZWNyZXQ="  // lady:Secret

  // covers: R144
  @Test(arguments: Place.allCases)
  func onlyUsersWhoKnowTheirPassword(_ place: Place) throws {
    let stage = try Self.stage(place) { plan, _ in
      plan.users = ["lady": Self.hash]
    }
    let there = "http://\(stage.place())/"
    let client = try stage.client()
    for fields in [
      "", "Proxy-Authorization: Basic \(Self.wrong)\r\n", "Proxy-Authorization: x\r\n",
    ] {
      client.send("GET \(there) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
      client.expectAnswer(
        "407", with: ["Proxy-Authenticate: Basic realm=\"bowline\""], without: ["Connection"])
    }
    stage.expectNoContact()
    var origin: Wire?
    for number in 1...2 {
      // The second time the credentials are known.
      client.send(
        "POST \(there)\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
          + "Proxy-Authorization: basic  \(Self.right)\r\n\r\nbody")
      if origin == nil { origin = try stage.accept() }
      origin?.expect(
        "POST /\(number) HTTP/1.1\r\nHost: \(stage.place())\r\nVia: 1.1 hop\r\n"
          + "Content-Length: 4\r\n\r\nbody")
      origin?.send(Self.ok)
      client.expect(Self.seesOK)
    }
    #expect(
      stage.finish().ends == [
        .policyRefusedCredentials, .policyRefusedCredentials, .policyRefusedCredentials, .complete,
        .complete,
      ])
  }

  // covers: R024, R261
  @Test(arguments: Place.allCases)
  func throughTheNextProxy(_ place: Place) throws {
    let stage = try ProxyStage(place) { origins in
      .forward(
        ForwardPlan(
          rules: ["-denied.example"],
          parents: [Origin(host: "parent", port: 80, addresses: origins)]))
    }
    let client = try stage.client()
    client.send("GET http://far.example/a HTTP/1.1\r\nHost: x\r\n\r\n")
    let parent = try stage.accept()
    parent.expect(
      "GET http://far.example/a HTTP/1.1\r\nHost: far.example\r\nVia: 1.1 hop\r\n\r\n")
    parent.send(Self.ok)
    client.expect(Self.seesOK)
    client.send("GET http://denied.example/ HTTP/1.1\r\nHost: x\r\n\r\n")
    client.expectAnswer("403")
    // A tunnel through both.
    client.send("CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n\r\nearly")
    parent.expect(
      "CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\nVia: 1.1 hop\r\n\r\n")
    parent.send("HTTP/1.1 200 Yes\r\nDate: D\r\nContent-Length: 5\r\n\r\nhello")
    client.expect("HTTP/1.1 200 Yes\r\nDate: D\r\nVia: 1.1 hop\r\n\r\nhello")
    parent.expect("early")
    client.endSending()
    parent.expectEnd()
    parent.send("bye")
    parent.endSending()
    client.expect("bye")
    client.expectEnd()
    #expect(
      stage.finish().ends == [.complete, .policyRefusedDestination, .clientClosedTunnel])
  }

  // covers: R260
  @Test func aTunnelThatTheNextProxyRefusesEndsTheConnectionWhenBytesCameAhead() throws {
    let stage = try ProxyStage(.simulated) { origins in
      .forward(ForwardPlan(parents: [Origin(host: "parent", port: 80, addresses: origins)]))
    }
    let client = try stage.client()
    client.send(
      "CONNECT far.example:443 HTTP/1.1\r\nHost: x\r\n\r\nGET http://a.example/ HTTP/1.1\r\n"
        + "Host: a.example\r\n\r\n")
    let parent = try stage.accept()
    _ = parent.head()
    parent.send("HTTP/1.1 403 No\r\nDate: D\r\nContent-Length: 2\r\n\r\nno")
    client.expectAnswer("403", with: ["Connection: close"])
    client.expectEnd()
    #expect(parent.received == "")
    #expect(stage.finish().ends == [.complete])
  }

  /// Found by reading: the client's side was a tunnel, the next proxy's was not.
  @Test func aTunnelThatTheNextProxyOpensWith204() throws {
    let stage = try ProxyStage(.simulated) { origins in
      .forward(ForwardPlan(parents: [Origin(host: "parent", port: 80, addresses: origins)]))
    }
    let client = try stage.client()
    client.send("CONNECT far.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    let parent = try stage.accept()
    _ = parent.head()
    parent.send("HTTP/1.1 204 Yes\r\nDate: D\r\n\r\nthere")
    #expect(client.head().hasPrefix("HTTP/1.1 204 Yes\r\n"))
    client.expect("there")
    client.send("and back")
    parent.expect("and back")
    client.endSending()
    parent.expectEnd()
    parent.endSending()
    client.expectEnd()
    #expect(stage.finish().ends == [.clientClosedTunnel])
  }

  /// A client that goes away while its tunnel is dialled leaves no raw connection in the pool.
  @Test func aTunnelThatNobodyWaitsForIsClosed() throws {
    let stage = try ProxyStage(.simulated) { origins in
      .forward(ForwardPlan(rules: origins.map(\.description)))
    }
    let client = try stage.client()
    client.send("CONNECT \(stage.place()) HTTP/1.1\r\nHost: x\r\n\r\n")
    client.close(.reset)
    let rest = stage.inspect { $0.figures.exchanges == 0 && $0.figures.upstream == 0 }
    #expect(rest.figures.upstream == 0)
    stage.finish()
  }

  /// The table of origins is bounded: the one unused for longest gives up its place, and when all
  /// are in use there is none.
  @Test func theTableOfOriginsIsBounded() throws {
    let stage = try Self.stage(.simulated, set: [(.upstreamOrigins, 2)]) { plan, origins in
      plan.names = ["a.example": origins, "b.example": origins, "c.example": origins]
    }
    let port = stage.place().split(separator: ":")[1]
    func get(_ name: String) -> String { "GET http://\(name):\(port)/ HTTP/1.1\r\nHost: x\r\n\r\n" }
    let clients = try (0..<3).map { _ in try stage.client() }
    var origins: [Wire] = []
    for (index, name) in ["a.example", "b.example"].enumerated() {
      clients[index].send(get(name))
      origins.append(try stage.accept())
      _ = origins[index].head()
    }
    clients[2].send(get("c.example"))
    clients[2].expectAnswer("503", with: ["Proxy-Status: \"hop\"; error=connection_limit_reached"])
    for index in 0..<2 {
      origins[index].send(Self.ok)
      clients[index].expect(Self.seesOK)
    }
    // a.example was unused for longest: its connection is closed.
    clients[2].send(get("c.example"))
    origins[0].expectEnd()
    let origin = try stage.accept()
    #expect(origin.head().contains("Host: c.example:\(port)\r\n"))
    origin.send(Self.ok)
    clients[2].expect(Self.seesOK)
    #expect(stage.finish().ends == [.policyLimitOrigins, .complete, .complete, .complete])
  }

  /// An address that was found long ago is looked up again before it is dialled, and only then.
  @Test func oldAddressesAreNotDialled() throws {
    let stage = try Self.stage(
      .simulated, set: [(.resolveAge, 1000), (.upstreamIdleTimeout, 5000)]
    ) {
      plan, origins in plan.names = ["a.example": origins]
    }
    let port = stage.place().split(separator: ":")[1]
    let get = "GET http://a.example:\(port)/ HTTP/1.1\r\nHost: x\r\n\r\n"
    let client = try stage.client()
    client.send(get)
    var origin = try stage.accept()
    _ = origin.head()
    origin.send(Self.ok)
    client.expect(Self.seesOK)
    for pause in [2000, 6000] {
      stage.pass(milliseconds: pause)
      client.send(get)
      if pause == 6000 { origin = try stage.accept() }
      _ = origin.head()
      origin.send(Self.ok)
      client.expect(Self.seesOK)
    }
    #expect(stage.finish().ends == [.complete, .complete, .complete])
  }
}
