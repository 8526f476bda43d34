package import BowlineCore

// The receiving half of the machine.

extension HTTP1Connection {
  /// Takes bytes from `bytes` at `cursor`, up to the next event. Called in a loop until `.more`,
  /// `.paused` or `.fault`.
  ///
  /// - Parameters:
  ///   - bytes: received bytes; the same span until the loop ends.
  ///   - cursor: the first byte not taken; moved behind what was.
  ///   - head: lent while a message is received. Holds the head when `.head` or `.informational` is
  ///     returned, and the trailer fields, the head gone, with `.end(trailers: true)`.
  ///   - limits: enforced while bytes arrive, so that what is held stays bounded.
  /// - Returns: what was found. After a fault the machine takes nothing more and says `.paused`. A
  ///   client whose response is complete answers further bytes with a fault: they answer nothing
  ///   that was asked (RFC 9112 §6.3).
  package mutating func receive(
    _ bytes: Span<UInt8>, at cursor: inout Int, head: inout HeadBlock, limits: Limits
  ) -> Event {
    precondition(cursor >= 0 && cursor <= bytes.count, "the cursor is outside the bytes")
    let event = nextEvent(bytes, &cursor, &head, limits)
    assertInvariant()
    return event
  }

  @inline(__always)
  private mutating func nextEvent(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ limits: Limits
  ) -> Event {
    switch receiving {
    case .idle: return receiveFirst(bytes, &cursor, &head, limits)
    case .head: return receiveHead(bytes, &cursor, &head, limits)
    case .informational:
      consumed = 0
      beginHead(&head)
      return receiveHead(bytes, &cursor, &head, limits)
    case .length: return receiveLength(bytes, &cursor)
    case .chunked: return receiveChunked(bytes, &cursor, &head, limits)
    case .untilClose, .tunnel: return receiveRest(bytes, &cursor)
    case .ending:
      receiving = .complete
      return .end(trailers: flags.contains(.hasTrailers))
    case .complete: return receiveAfterEnd(bytes, &cursor, limits)
    case .failed: return .paused
    }
  }

  /// The peer's stream has ended; no byte will follow.
  package mutating func receiveEnd(head: inout HeadBlock) -> EndOfStream {
    let meaning: EndOfStream
    switch receiving {
    case .idle where role == .client && sending != .idle, .informational:
      meaning = .truncated(Fault(.truncatedHead, at: 0))
    case .ending where flags.contains(.tunnels), .complete where flags.contains(.tunnels):
      // The tunnel's stream ended before a byte of it came.
      receiving = .complete
      meaning = flags.contains(.peerEnded) ? .clean : .completesBody
    case .idle, .complete, .failed: meaning = .clean
    case .head: meaning = .truncated(Fault(.truncatedHead, at: head.bytes.count))
    case .length: meaning = .truncated(Fault(.truncatedBody, at: Int(consumed)))
    case .chunked:
      let trailers = chunk.stage == .inTrailers ? head.bytes.count : 0
      meaning = .truncated(Fault(.truncatedBody, at: Int(consumed) + trailers))
    case .untilClose, .tunnel:
      receiving = .complete
      meaning = .completesBody
    case .ending:
      receiving = .complete
      meaning = .clean
    }
    if case .truncated = meaning {
      close(because: .peerEnded)
      receiving = .failed
    }
    flags.insert(.peerEnded)
    close(because: .peerEnded)
    assertInvariant()
    return meaning
  }

  mutating func fail(_ fault: Fault) -> Event {
    receiving = .failed
    flags.remove(.expectsContinue)
    closeCause = .fault
    return .fault(fault)
  }
}

// Between messages.
extension HTTP1Connection {
  @inline(__always)
  private mutating func receiveFirst(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ limits: Limits
  ) -> Event {
    // Nearly always a byte of the message is next.
    if cursor == bytes.count || bytes[cursor] <= 0x20 || flags.contains(.afterCR) {
      if let event = skipEmptyLines(bytes, &cursor, limits) { return event }
    }
    if role == .client && sending == .idle { return fail(Fault(.unexpectedBytes, at: 0)) }
    beginHead(&head)
    return receiveHead(bytes, &cursor, &head, limits)
  }

  /// Empty lines before a message are ignored, a few of them (RFC 9112 §2.2).
  ///
  /// - Returns: nil when a byte of a message follows.
  @inline(never)
  private mutating func skipEmptyLines(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ limits: Limits
  ) -> Event? {
    while cursor < bytes.count {
      let byte = bytes[cursor]
      let offset = Int(emptyLines) * 2
      if flags.contains(.afterCR) {
        if byte != 0x0a { return fail(Fault(.bareCR, at: offset)) }
        flags.remove(.afterCR)
        emptyLines += 1
      } else if byte == 0x0d {
        if Int(emptyLines) >= min(limits.emptyLines, 255) {
          return fail(Fault(.emptyLines, at: offset, limit: .headEmptyLines))
        }
        flags.insert(.afterCR)
      } else {
        return byte == 0x0a ? fail(Fault(.bareLF, at: offset)) : nil
      }
      cursor += 1
    }
    return .more
  }

  @inline(never)
  private mutating func receiveAfterEnd(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ limits: Limits
  ) -> Event {
    if flags.contains(.tunnels) && !flags.contains(.peerEnded) {
      receiving = .tunnel
      return receiveRest(bytes, &cursor)
    }
    if role == .server { return cursor < bytes.count ? .paused : .more }
    if case .more? = skipEmptyLines(bytes, &cursor, limits) { return .more }
    // The response was whole: it stays complete. Only the connection is spoilt.
    receiving = .complete
    closeCause = .fault
    return .fault(Fault(.unexpectedBytes, at: Int(consumed)))
  }
}

// Bodies.
extension HTTP1Connection {
  @inline(__always)
  private mutating func receiveLength(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Event {
    guard let range = takeBody(bytes, &cursor) else { return .more }
    if remaining == 0 { receiving = .ending }
    return .body(range)
  }

  private mutating func receiveRest(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Event {
    if cursor == bytes.count { return .more }
    let range = cursor..<bytes.count
    cursor = bytes.count
    consumed += UInt64(range.count)
    bodyReceived += UInt64(range.count)
    return .body(range)
  }

  /// Takes what there is of the `remaining` body bytes; nil when there is nothing.
  private mutating func takeBody(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Range<Int>? {
    let available = bytes.count - cursor
    if available == 0 { return nil }
    let count = UInt64(available) < remaining ? available : Int(remaining)
    let range = cursor..<cursor + count
    cursor += count
    remaining -= UInt64(count)
    consumed += UInt64(count)
    bodyReceived += UInt64(count)
    flags.remove(.expectsContinue)
    return range
  }

  @inline(never)
  private mutating func receiveChunked(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ limits: Limits
  ) -> Event {
    while cursor < bytes.count {
      switch chunk.stage {
      case .data:
        guard let range = takeBody(bytes, &cursor) else { return .more }
        if remaining == 0 { chunk.dataEnded() }
        return .body(range)
      case .inTrailers: return receiveTrailers(bytes, &cursor, &head, limits)
      case .size, .digits, .blank, .inExtension, .quoted, .escaped, .sizeLF, .dataCR, .dataLF,
        .trailers, .trailersLF:
        if let event = receiveChunkLine(bytes, &cursor, &head, limits) { return event }
      }
    }
    return .more
  }

  /// Takes one byte between the data. Returns an event when it ends the body or breaks it.
  private mutating func receiveChunkLine(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ limits: Limits
  ) -> Event? {
    let before = chunk.stage
    let offset = Int(consumed)
    if let fault = chunk.take(bytes[cursor], at: offset, size: &remaining, limits: limits) {
      return fail(fault)
    }
    flags.remove(.expectsContinue)
    if chunk.stage == .inTrailers {
      // The byte belongs to the first trailer line: it is left for the scanner of field lines.
      head.removeAll()
      return nil
    }
    cursor += 1
    consumed += 1
    if before == .trailersLF {
      receiving = .complete
      return .end(trailers: false)
    }
    if before == .sizeLF && isOverBodyLimit(adding: remaining, limits) {
      return fail(Fault(.bodyTooLarge, at: offset, limit: .bodyBytes, status: 413))
    }
    return nil
  }

  private mutating func receiveTrailers(
    _ bytes: Span<UInt8>, _ cursor: inout Int, _ head: inout HeadBlock, _ limits: Limits
  ) -> Event {
    switch receiveSection(bytes, &cursor, &head, .trailers, limits) {
    case .more: return .more
    case .fault(let fault):
      return fail(
        Fault(
          fault.kind, at: Int(consumed) + fault.offset, limit: fault.limit, status: fault.status))
    case .complete:
      consumed += UInt64(head.bytes.count)
      flags.insert(.hasTrailers)
      receiving = .complete
      return .end(trailers: true)
    }
  }

  /// The limit on bodies is for what clients send us.
  func isOverBodyLimit(adding count: UInt64, _ limits: Limits) -> Bool {
    if role == .client || limits.body <= 0 { return false }
    let (sum, wrapped) = bodyReceived.addingReportingOverflow(count)
    return wrapped || sum > UInt64(limits.body)
  }
}
