import BowlineCore
import Testing

/// One head and what `Framing` makes of it: a framing in words, or a kind of fault and a status.
struct FramingCase: Sendable, CustomTestStringConvertible {
  let name: String
  let fields: [(String, String)]
  let expected: String
  var version = Version.http11
  var method = Method.post
  var status: Status = 200

  var testDescription: String { name }
}

private func words(_ result: Result<BodyFraming, Fault>) -> String {
  switch result {
  case .success(let framing): "\(framing)"
  case .failure(let fault): "\(fault.kind) \(fault.status.rawValue)"
  }
}

private let length = "Content-Length"
private let coding = "Transfer-Encoding"

@Suite struct FramingTests {
  static let requests: [FramingCase] = [
    FramingCase(name: "neither", fields: [], expected: "none"),
    FramingCase(name: "5", fields: [(length, "5")], expected: "length(5)"),
    FramingCase(name: "0", fields: [(length, "0")], expected: "length(0)"),
    FramingCase(
      name: "2^63 - 1", fields: [(length, "9223372036854775807")],
      expected: "length(9223372036854775807)"),
    FramingCase(
      name: "2^63", fields: [(length, "9223372036854775808")],
      expected: "contentLengthTooLarge 400"),
    FramingCase(
      name: "zeros in front", fields: [(length, String(repeating: "0", count: 40) + "7")],
      expected: "length(7)"),
    FramingCase(
      name: "three in a list, the last differs", fields: [(length, "5, 5, 6")],
      expected: "contentLengthDiffers 400"),
    FramingCase(
      name: "alike in a list and a line", fields: [(length, "5"), (length, "5, 5")],
      expected: "contentLengthRepeated 400"),
    FramingCase(
      name: "a list with a word", fields: [(length, "5, x")], expected: "contentLengthSyntax 400"),
    FramingCase(name: "chunked", fields: [(coding, "chunked")], expected: "chunked"),
    FramingCase(
      name: "both", fields: [(length, "5"), (coding, "chunked")], expected: "lengthAndCoding 400"),
    FramingCase(
      name: "both, in 1.0", fields: [(length, "5"), (coding, "chunked")],
      expected: "codingOnOldVersion 400", version: .http10),
    FramingCase(
      name: "both, and both wrong", fields: [(length, "x"), (coding, "y")],
      expected: "lengthAndCoding 400"),
    FramingCase(name: "only commas", fields: [(coding, " , ,")], expected: "codingNotFinal 400"),
    FramingCase(
      name: "CONNECT", fields: [(length, "0")], expected: "connectWithBody 400", method: .connect),
    FramingCase(name: "CONNECT, no body", fields: [], expected: "none", method: .connect),
  ]

  @Test(arguments: requests)
  func ofRequests(_ example: FramingCase) {
    let method = "\(example.method.name)"
    let head = request(method, "/", version: example.version, example.fields)
    let outcome = words(Framing.request(head))
    #expect(outcome == example.expected)
  }

  static let responses: [FramingCase] = [
    FramingCase(name: "neither", fields: [], expected: "untilClose"),
    FramingCase(name: "5", fields: [(length, "5")], expected: "length(5)"),
    FramingCase(name: "chunked", fields: [(coding, "chunked")], expected: "chunked"),
    FramingCase(
      name: "HEAD", fields: [(coding, "chunked")], expected: "none", method: .head),
    FramingCase(
      name: "HEAD with a list", fields: [(length, "5, 5")], expected: "contentLengthRepeated 400",
      method: .head),
    FramingCase(name: "204", fields: [(length, "x")], expected: "none", status: 204),
    FramingCase(name: "304", fields: [(length, "5")], expected: "none", status: 304),
    FramingCase(name: "103", fields: [(length, "5")], expected: "none", status: 103),
    FramingCase(name: "101", fields: [(length, "5")], expected: "tunnel", status: 101),
    FramingCase(
      name: "2xx to CONNECT", fields: [(length, "x"), (coding, "y")], expected: "tunnel",
      method: .connect),
    FramingCase(
      name: "5xx to CONNECT", fields: [(length, "5")], expected: "length(5)", method: .connect,
      status: 502),
    FramingCase(
      name: "both", fields: [(coding, "chunked"), (length, "5")], expected: "lengthAndCoding 400"),
    FramingCase(
      name: "1.0 with a coding", fields: [(coding, "chunked")],
      expected: "codingOnOldVersion 400", version: .http10),
    FramingCase(name: "gzip", fields: [(coding, "gzip")], expected: "untilClose"),
    FramingCase(
      name: "chunked, gzip", fields: [(coding, "chunked"), (coding, "gzip")],
      expected: "codingNotFinal 400"),
    FramingCase(
      name: "gzip, chunked", fields: [(coding, "gzip, chunked")], expected: "codingUnknown 501"),
    FramingCase(
      name: "an empty length", fields: [(length, "")], expected: "contentLengthSyntax 400"),
  ]

  @Test(arguments: responses)
  func ofResponses(_ example: FramingCase) {
    let head = response(example.status, version: example.version, example.fields)
    let outcome = words(Framing.response(head, to: example.method))
    #expect(outcome == example.expected)
  }

  @Test func declaredLengthOfAHeadWithoutABody() {
    let declared = Framing.declaredLength(response(304, [(length, "77")]))
    #expect(declared == 77)
    let wrong = Framing.declaredLength(response(304, [(length, "7, 7")]))
    #expect(wrong == nil)
    let none = Framing.declaredLength(response(304, []))
    #expect(none == nil)
  }
}
