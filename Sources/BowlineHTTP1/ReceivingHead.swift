internal import BowlineCore

// How a head reaches the block.
//
// The usual head is whole in the bytes at hand. It is then scanned in place and copied once. A head
// that is not whole is copied as far as it goes, and from then on the scan runs over the block, in
// helpings, so that a body behind the head is not copied with it.

extension HTTP1Connection {
  /// How a section (head or trailers) came out.
  enum Section {
    case more, complete
    case fault(Fault)
  }

  /// Bytes copied into the block at a time, when a section did not come in one piece.
  private static let helping = 4096

  @inline(__always)
  mutating func beginHead(_ head: inout HeadBlock) {
    head.removeAll()
    receiving = .head
  }

  @inline(__always)
  mutating func receiveHead(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ limits: Limits
  ) -> Event {
    switch receiveSection(bytes, &cursor, &head, role == .server ? .request : .response, limits) {
    case .more: return .more
    case .fault(let fault):
      if role == .server { requestMethod = head.start.method }
      return fail(fault)
    case .complete:
      consumed = UInt64(head.bytes.count)
      return role == .server
        ? requestComplete(&head, limits, contentFollows: cursor < bytes.count)
        : responseComplete(&head, limits)
    }
  }

  @inline(__always)
  mutating func receiveSection(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ kind: SectionKind,
    _ limits: Limits
  ) -> Section {
    head.bytes.isEmpty
      ? scanInPlace(bytes, &cursor, &head, kind, limits)
      : scanGathered(bytes, &cursor, &head, kind, limits)
  }

  @inline(__always)
  private mutating func scanInPlace(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ kind: SectionKind,
    _ limits: Limits
  ) -> Section {
    let text = bytes.extracting(cursor..<bytes.count)
    var scanner = HeadScanner()
    switch scanner.take(text, kind, into: &head, limits: limits) {
    case .end(let length):
      head.bytes.append(text.extracting(0..<length))
      cursor += length
      return .complete
    case .incomplete:
      head.bytes.append(text)
      head.progress = scanner.progress
      cursor = bytes.count
      return .more
    case .fault(let fault):
      // The whole lines stay readable: a log wants to know what was asked.
      head.bytes.append(text.extracting(0..<Int(scanner.lineStart)))
      return .fault(fault)
    }
  }

  @inline(never)
  private mutating func scanGathered(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ kind: SectionKind,
    _ limits: Limits
  ) -> Section {
    var scanner = HeadScanner(head.progress)
    while cursor < bytes.count {
      let end = min(cursor + Self.helping, bytes.count)
      head.bytes.append(bytes.extracting(cursor..<end))
      cursor = end
      var needsMore = false
      while !needsMore {
        switch scanner.next(head.bytes.span, kind, fields: head.count, limits: limits) {
        case .field(let entry): head.note(entry)
        case .start(let end):
          switch scanner.startLine(head.bytes.span, kind, end: end) {
          case .success(let line): head.start = line
          case .failure(let fault): return .fault(fault)
          }
        case .incomplete: needsMore = true
        case .end(let length):
          cursor -= head.bytes.count - length
          head.bytes.truncate(to: length)
          return .complete
        case .fault(let fault): return .fault(fault)
        }
      }
    }
    head.progress = scanner.progress
    return .more
  }
}

// What a complete head means for the connection.
extension HTTP1Connection {
  @inline(__always)
  private mutating func requestComplete(
    _ head: inout HeadBlock, _ limits: Limits, contentFollows: Bool
  ) -> Event {
    requestMethod = head.start.method
    let recipient: Persistence.Recipient =
      flags.contains(.isForwardProxy) ? .forwardProxy : .origin
    if let fault = takeOptions(&head, recipient) { return fail(fault) }
    if let fault = RequestRules.check(head) { return fail(fault) }
    let framing: BodyFraming
    switch Framing.request(head) {
    case .failure(let fault): return fail(fault)
    case .success(let decided): framing = decided
    }
    if case .length(let length) = framing, isOverBodyLimit(adding: length, limits) {
      return fail(
        Fault(.bodyTooLarge, at: head.bytes.count, limit: .bodyBytes, status: 413))
    }
    switch framing {
    case .none, .length(0): break
    case .length, .chunked, .untilClose, .tunnel:
      // Whose content is here already does not wait for us (RFC 9110 §10.1.1).
      if !contentFollows && Expectation(head) == .continue100 { flags.insert(.expectsContinue) }
    }
    beginBody(framing)
    return .head(framing)
  }

  @inline(__always)
  private mutating func responseComplete(_ head: inout HeadBlock, _ limits: Limits) -> Event {
    let status = head.start.status
    if status.isInformational && status.rawValue != 101 {
      informational += 1
      if Int(informational) > min(limits.informational, Int(UInt16.max) - 1) {
        return fail(Fault(.tooManyInformational, at: 0, limit: .informationalResponses))
      }
      receiving = .informational
      return .informational
    }
    if status.rawValue == 101 && !(flags.contains(.upgradeAsked) && sending == .complete) {
      // Also when the request is still being sent: its rest would become raw bytes.
      return fail(Fault(.upgradeUnasked, at: 9))
    }
    if let fault = takeOptions(&head, .client) { return fail(fault) }
    switch Framing.response(head, to: requestMethod) {
    case .failure(let fault): return fail(fault)
    case .success(let framing):
      beginBody(framing)
      return .head(framing)
    }
  }

  /// Remembers version and connection options, and what they say about persistence.
  @inline(__always)
  private mutating func takeOptions(
    _ head: inout HeadBlock, _ recipient: Persistence.Recipient
  ) -> Fault? {
    peerVersion = head.start.version < .http11 ? .http10 : .http11
    let options = ConnectionOptions(head)
    head.options = options
    if options.isExcessive {
      let index = head.first(.connection) ?? 0
      return Fault(.tooManyFields, at: Int(head[index].nameStart))
    }
    let persists = Persistence.continues(
      version: peerVersion, options: options, recipient: recipient, willing: true)
    if !persists { close(because: options.close ? .peerAsked : .oldVersion) }
    return nil
  }

  @inline(__always)
  private mutating func beginBody(_ framing: BodyFraming) {
    switch framing {
    case .none, .length(0): receiving = .ending
    case .length(let length):
      remaining = length
      receiving = .length
    case .chunked:
      remaining = 0
      chunk = ChunkScanner()
      receiving = .chunked
    case .untilClose:
      receiving = .untilClose
      close(because: .closeDelimited)
    case .tunnel:
      receiving = .tunnel
      beginTunnel()
    }
  }

  /// Both directions are raw bytes from here on.
  package mutating func beginTunnel() {
    flags.insert(.tunnels)
    flags.remove(.expectsContinue)
    close(because: .tunnel)
    sendRemaining = 0
    sending = .tunnel
    if role == .client { receiving = .tunnel }
  }
}
