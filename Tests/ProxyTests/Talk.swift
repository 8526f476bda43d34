import BowlineCore
import Testing

/// A stage with one client, and origins that answer by script.
struct Talk {
  let stage: ProxyStage
  let client: Wire

  init(_ place: Place = .simulated, _ values: [(id: SettingID, value: Int)] = []) throws {
    stage = try ProxyStage(place, set: values)
    client = try stage.client()
  }

  /// A 200 with a short body.
  static func answer(_ fields: String = "", version: String = "1.1") -> String {
    "HTTP/\(version) 200 OK\r\nDate: D\r\n\(fields)Content-Length: 2\r\n\r\nok"
  }

  /// A request reaches `origin` and is answered; with `closes` it says so to the origin.
  func pass(
    _ target: String, _ origin: Wire, closes: Bool = false, version: String = "1.1",
    _ fields: String = ""
  ) {
    origin.expect(
      onward("GET \(target)", via: "1.1", closes ? "Connection: close\r\n" : ""))
    origin.send(Self.answer(fields, version: version))
    seesOK(version)
  }

  func ask(_ target: String) { client.send(ReuseTests.get(target)) }

  /// The same on a new connection, which is returned.
  func passNew(
    _ target: String, closes: Bool = false, version: String = "1.1", _ fields: String = ""
  ) throws -> Wire {
    ask(target)
    let origin = try stage.accept()
    pass(target, origin, closes: closes, version: version, fields)
    return origin
  }

  /// The same on a connection that is open.
  func passAgain(_ target: String, _ origin: Wire, version: String = "1.1", _ fields: String = "") {
    ask(target)
    pass(target, origin, version: version, fields)
  }

  func seesOK(_ version: String = "1.1") {
    client.expect(back("200 OK", "Date: D\r\n", via: version, "Content-Length: 2\r\n") + "ok")
  }

  /// Another client's request reaches `origin` and is answered.
  func passSecond(_ origin: Wire, to client: Wire) {
    origin.expect(onward("GET /2"))
    origin.send(Self.answer())
    client.expect(ReuseTests.seesOK)
  }
}
