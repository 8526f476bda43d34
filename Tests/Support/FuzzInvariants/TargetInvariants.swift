import BowlineCore

/// The input as a request target with each kind of method, and as an authority.
enum TargetInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    try checkAuthority(input)
    for method in [Method.get, .options, .connect] { try checkTarget(input, method) }
  }

  private static func checkAuthority(_ input: [UInt8]) throws(Violation) {
    let authority: Authority
    switch Authority.parse(input.span) {
    case .failure(let refusal):
      try require(
        refusal.offset >= 0 && refusal.offset <= input.count,
        "refused at \(refusal.offset) of \(input.count)")
      return
    case .success(let parsed): authority = parsed
    }
    let host = Array(input[authority.host])
    let allowed = host.allSatisfy { $0 > 0x20 && $0 < 0x7f && !Array("/?#@,\\".utf8).contains($0) }
    try require(allowed, "the host \(visible(host))")
    try require(
      authority.isBracketed == (host.first == 0x5b) && authority.host.lowerBound == 0,
      "brackets of \(visible(host))")
    let text = host + (authority.port.map { Array(":\($0)".utf8) } ?? [])
    guard case .success(let again) = Authority.parse(text.span) else {
      throw Violation("\(visible(text)) is written and refused")
    }
    try require(again == authority, "\(visible(text)) reads as another authority")
  }

  private static func checkTarget(_ input: [UInt8], _ method: Method) throws(Violation) {
    let form: Target
    switch Target.form(method, input.span) {
    case .failure(let fault):
      try require(
        fault.offset >= 0 && fault.offset <= input.count && fault.status == 400,
        "\(fault.kind) at \(fault.offset) of \(input.count)")
      return
    case .success(let parsed): form = parsed
    }
    try require(
      input.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x23 }, "a target with a byte of no URI")
    var text: [UInt8]
    switch form {
    case .origin:
      try require(method != .connect && input.first == 0x2f, "an origin-form without a path")
      text = input
    case .asterisk:
      try require(method == .options && input == [0x2a], "an asterisk that is none")
      text = input
    case .absolute(let scheme, let authority, let path):
      try require(method != .connect && !authority.isEmpty, "an absolute-form without authority")
      try require(
        authority.upperBound == path.lowerBound && path.upperBound == input.count, "a gap")
      let isSafe = path.isEmpty || input[path.lowerBound] == 0x2f || input[path.lowerBound] == 0x3f
      try require(isSafe, "a path that begins inside the authority")
      text = Array((scheme == .http ? "http://" : "https://").utf8)
      text += input[authority] + input[path]
    case .authority(let host, let port):
      try require(method == .connect && port > 0 && !host.isEmpty, "an authority without a part")
      text = Array(input[host]) + Array(":\(port)".utf8)
    }
    guard case .success(let again) = Target.form(method, text.span) else {
      throw Violation("\(visible(text)) is written and refused")
    }
    try require(again == form, "\(visible(text)) reads as \(again), not as \(form)")
    if method != .connect { try checkForwarding(input, method, form) }
  }

  /// What goes on to the next hop is in origin-form, or the asterisk, and goes on unchanged.
  private static func checkForwarding(
    _ input: [UInt8], _ method: Method, _ form: Target
  ) throws(Violation) {
    var head = HeadBlock()
    var next = HeadBlock()
    let name = Array(method.name.description.utf8)
    head.compose(method: name.span, target: input.span)
    head.add(.host, "received")
    goOn(head, into: &next)
    let onward = array(next.target)
    switch Target.form(method, onward.span) {
    case .success(.origin), .success(.asterisk): break
    case .success(let form): throw Violation("\(visible(onward)) goes on as \(form)")
    case .failure(let fault): throw Violation("\(visible(onward)) goes on: \(fault.kind)")
    }
    var host = Array("received".utf8)
    var isSecured = false
    if case .absolute(let scheme, let authority, let path) = form {
      host = Array(input[authority])
      isSecured = scheme == .https
      try require(onward.suffix(path.count) == input[path], "another path: \(visible(onward))")
      try require(onward.count <= path.count + 1, "more than a slash is added: \(visible(onward))")
    } else {
      try require(onward == input, "\(visible(onward)) is not what was received")
    }
    try require(
      next[0].name == .host && !next.repeats(.host) && isSame(next.value(0), host.span),
      "another Host: \(visible(next.fieldText()))")
    try require(Forwarding.isSecured(head) == isSecured, "http and https are mixed up")
    head.removeAll()
    goOn(next, into: &head)
    try require(isSame(head.target, onward.span), "it changes at the next hop")
  }

  private static func goOn(_ head: borrowing HeadBlock, into next: inout HeadBlock) {
    Forwarding.request(
      head, authority: "upstream:80", hop: ForwardingHop(name: "bowline"),
      client: .loopback(51234), options: ConnectionOptions(), trailersFollow: false,
      trailersWelcome: false, into: &next)
  }
}
