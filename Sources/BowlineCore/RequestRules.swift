/// What a request head must satisfy as a whole, beyond its grammar. RFC 9112 §3.2.
///
/// Content-Length and Transfer-Encoding are not looked at here: `Framing.request` is the one place.
package enum RequestRules {
  /// The first broken rule of a parsed head, or nil. Offsets count from the head's first byte.
  package static func check(_ head: borrowing HeadBlock) -> Fault? {
    let isOrigin: Bool
    if head.start.targetIsPlain, head.target[0] == 0x2f, head.start.method != .connect {
      isOrigin = true
    } else {
      switch Target.form(head.start.method, head.target) {
      case .failure(let fault):
        return Fault(
          fault.kind, at: head.start.targetRange.lowerBound + fault.offset, status: fault.status)
      case .success(let form): isOrigin = form == .origin
      }
    }
    guard let host = head.first(.host) else {
      if head.start.version < .http11 { return nil }
      return Fault(.hostMissing, at: head.bytes.count)
    }
    if head.repeats(.host), let second = head.first(.host, from: host + 1) {
      return Fault(.hostRepeated, at: Int(head[second].nameStart))
    }
    let valueStart = Int(head[host].valueStart)
    let valueEnd = valueStart + Int(head[host].valueLength)
    if Authority.isPlain(head.bytes.span, valueStart..<valueEnd) { return nil }
    switch Authority.parse(head.value(host)) {
    case .failure(let refusal): return Fault(.hostSyntax, at: valueStart + refusal.offset)
    case .success(let authority):
      // An http URI with an empty host is invalid (RFC 9110 §4.2.1). Where the target carries the
      // authority, or there is none (OPTIONS *), an empty Host is what the RFC asks for.
      if authority.host.isEmpty && isOrigin { return Fault(.hostSyntax, at: valueStart) }
      return nil
    }
  }
}
