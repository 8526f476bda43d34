// Audited: the kernel behind the seam.
//
// How it works. Each socket is registered once, edge-triggered, for reading, writing and the end of
// the peer's stream, and is never modified: a turn costs one epoll_wait and the receives and sends
// themselves. One that moves to another loop is registered anew there: adding a socket reports what
// it is ready for at that moment, so nothing is lost on the way. Listeners are level-triggered and
// exclusive: one waiting loop wakes per connection, and a connection that nobody took keeps being
// reported. The waker is an eventfd, edge-triggered: each write is a report, so it is never read.
//
// What epoll carries for us is one word. Upper layers give `Handle.word` as token, whose generation
// is odd while the element lives, so bit 32 of a token is always set (checked in `watch` and
// `connect`). Words with bit 32 clear are ours: the upper half is 0 for a listener, whose
// descriptor is the lower half, and 2 for the waker.

package import BowlineCore
internal import CLinux
internal import Glibc

/// The kernel's network: epoll, edge-triggered, for one loop.
@safe
package final class EpollNetwork: Network {
  private static let batch = 256
  private static let wakerWord: UInt64 = 2 << 32

  private let epoll: Int32
  private let ready: UnsafeMutablePointer<epoll_event>
  private let eventWaker: EventWaker
  private let generator = Held(SplitMix.seededBySystem())
  /// Held, so that reading the time costs no bookkeeping.
  private let turn = Held(Clock.monotonic())

  /// Fails when no descriptor is left.
  package init() throws(NetworkError) {
    let eventWaker = try EventWaker()
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    if epoll < 0 { throw NetworkError(code: errno) }
    self.epoll = epoll
    self.eventWaker = eventWaker
    unsafe ready = .allocate(capacity: Self.batch)
    let interest = EPOLLIN.rawValue | EPOLLET.rawValue
    if let error = register(eventWaker.fd, interest, Self.wakerWord) { throw error }
  }

  deinit {
    Glibc.close(epoll)
    unsafe ready.deallocate()
  }

  package var wallClockSeconds: Int64 { Clock.wallSeconds() }
  package var waker: any Waker { eventWaker }
  package var now: Instant { turn.value }
  package func random() -> UInt64 { generator.value.next() }

  // MARK: Listening

  package func adopt(_ listener: ListenerID) {
    // Accepted sockets inherit TCP_NODELAY from their listener: one call here, none per connection.
    _ = SocketCalls.setOption(listener.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    let word = UInt64(UInt32(bitPattern: listener.rawValue))
    let interest = EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
    let error = register(listener.rawValue, interest, word)
    precondition(error == nil || error?.code != EBADF, "adopted a listener that is not open")
  }

  package func release(_ listener: ListenerID) {
    _ = epoll_ctl(epoll, EPOLL_CTL_DEL, listener.rawValue, nil)
  }

  package func accept(_ listener: ListenerID) -> AcceptOutcome {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    while true {
      var native = NativeAddress()
      let fd = unsafe native.lend { unsafe accept4(listener.rawValue, $0, $1, flags) }
      if fd >= 0 {
        return .accepted(
          SocketID(rawValue: fd),
          peer: native.value ?? SocketAddress(high: 0, low: 0, port: 0))
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      // The last four say that the listener itself is unusable. Not `failed`: that invites the
      // caller to try the next connection at once, for ever.
      case EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP:
        return .exhausted(NetworkError(code: errno))
      default: return .failed(NetworkError(code: errno))
      }
    }
  }

  // MARK: Connecting

  package func connect(to address: SocketAddress, token: UInt64) -> ConnectOutcome {
    let fd: Int32
    switch SocketCalls.open(for: address) {
    case .failure(let error): return .failed(error)
    case .success(let opened): fd = opened
    }
    _ = SocketCalls.setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    var native = NativeAddress(address)
    let result = unsafe native.lend { unsafe Glibc.connect(fd, $0, $1.pointee) }
    // EINTR on a non-blocking connect: it goes on by itself.
    if result != 0 && errno != EINPROGRESS && errno != EINTR {
      let error = NetworkError(code: errno)
      Glibc.close(fd)
      return .failed(error)
    }
    // After connect(2): a socket that is not connecting yet would report a hang-up at once.
    if let error = watch(SocketID(rawValue: fd), token: token) {
      Glibc.close(fd)
      return .failed(error)
    }
    return .started(SocketID(rawValue: fd))
  }

  package func connectResult(_ socket: SocketID) -> NetworkError? {
    guard let code = SocketCalls.option(socket.rawValue, SOL_SOCKET, SO_ERROR) else {
      return NetworkError(code: errno)
    }
    return code == 0 ? nil : NetworkError(code: code)
  }

  package func watch(_ socket: SocketID, token: UInt64) -> NetworkError? {
    precondition(token >> 32 & 1 == 1, "a token whose generation is even")
    let interest =
      EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
    return register(socket.rawValue, interest, token)
  }

  package func unwatch(_ socket: SocketID) {
    _ = epoll_ctl(epoll, EPOLL_CTL_DEL, socket.rawValue, nil)
  }

  private func register(_ fd: Int32, _ interest: UInt32, _ word: UInt64) -> NetworkError? {
    var event = unsafe epoll_event()
    unsafe event.events = interest
    unsafe event.data.u64 = word
    let result = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)
    return result == 0 ? nil : NetworkError(code: errno)
  }

  // MARK: Bytes

  package func receive(
    _ socket: SocketID, into buffer: inout ReadBuffer, limit: Int
  ) -> ReceiveOutcome {
    precondition(limit >= 1 && limit <= ReadBuffer.size, "a receive outside 1...64 KiB")
    precondition(buffer.bytes.isEmpty, "a receive over bytes that nobody took")
    var received = 0
    unsafe buffer.bytes.withFreeSpace(minimum: limit) { space in
      repeat {
        received = unsafe recv(socket.rawValue, space.baseAddress, limit, 0)
      } while received < 0 && errno == EINTR
      return max(received, 0)
    }
    return Self.outcome(received)
  }

  package func peek(_ socket: SocketID) -> ReceiveOutcome {
    var byte: UInt8 = 0
    var received = 0
    repeat {
      received = unsafe recv(socket.rawValue, &byte, 1, Int32(MSG_PEEK))
    } while received < 0 && errno == EINTR
    return Self.outcome(received)
  }

  private static func outcome(_ received: Int) -> ReceiveOutcome {
    if received > 0 { return .bytes(received) }
    if received == 0 { return .end }
    return errno == EAGAIN ? .wouldBlock : .failed(NetworkError(code: errno))
  }

  package func send(
    _ socket: SocketID, _ first: Span<UInt8>, _ second: Span<UInt8>
  ) -> SendOutcome {
    if first.isEmpty && second.isEmpty { return .sent(0) }
    while true {
      let sent = SocketCalls.send(socket.rawValue, first, second)
      if sent >= 0 { return .sent(sent) }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .sent(0)
      default: return .failed(NetworkError(code: errno))
      }
    }
  }

  package func shutdownSend(_ socket: SocketID) {
    _ = shutdown(socket.rawValue, Int32(SHUT_WR))
  }

  package func close(_ socket: SocketID, _ manner: CloseManner) {
    if manner == .reset { SocketCalls.resetOnClose(socket.rawValue) }
    // Linux frees the descriptor even when close(2) says EINTR; trying again could hit another's.
    Glibc.close(socket.rawValue)
  }

  package func facts(_ socket: SocketID) -> SocketFacts? {
    guard let local = SocketCalls.localAddress(socket.rawValue) else { return nil }
    // A connection that both sides have ended has no peer any more, but the rest is still known.
    let peer = SocketCalls.peerAddress(socket.rawValue)
    var facts = SocketFacts(
      local: local, peer: peer ?? SocketAddress(high: 0, low: 0, port: 0))
    SocketCalls.readTCPInfo(socket.rawValue, into: &facts)
    return facts
  }

  // MARK: Waiting

  package func wait(until deadline: Instant?, events: inout [NetworkEvent]) {
    if !events.isEmpty { events.removeAll(keepingCapacity: true) }
    // An interrupted wait (-1) is an empty turn.
    let count = unsafe epoll_wait(epoll, ready, Int32(Self.batch), milliseconds(until: deadline))
    turn.value = Clock.monotonic()
    var index = 0
    while index < Int(count) {
      let word = unsafe ready[index].data.u64
      let readiness = Readiness(kernel: unsafe ready[index].events)
      index += 1
      if word >> 32 & 1 == 1 {
        events.append(NetworkEvent(source: .socket(token: word), readiness: readiness))
      } else if word != Self.wakerWord {
        let listener = ListenerID(rawValue: Int32(truncatingIfNeeded: word))
        events.append(NetworkEvent(source: .listener(listener), readiness: .readable))
      }
    }
  }

  /// epoll_wait's timeout: rounded up, so that no wait ends just before its deadline.
  private func milliseconds(until deadline: Instant?) -> Int32 {
    guard let deadline else { return -1 }
    let nanoseconds = deadline.since(now)
    if nanoseconds <= 0 { return 0 }
    return Int32(clamping: (nanoseconds - 1) / 1_000_000 + 1)
  }
}

extension Readiness {
  /// A failed or fully closed connection (ERR, HUP) is ready for everything: each side must notice.
  fileprivate init(kernel events: UInt32) {
    var readiness: Readiness = []
    let failed = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
    if failed || events & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
    if failed || events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
    if failed || events & EPOLLRDHUP.rawValue != 0 { readiness.insert(.ended) }
    self = readiness
  }
}

/// Wakes a loop by writing to an eventfd.
final class EventWaker: Waker {
  let fd: Int32

  init() throws(NetworkError) {
    fd = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    if fd < 0 { throw NetworkError(code: errno) }
  }

  deinit {
    if fd >= 0 { Glibc.close(fd) }
  }

  func wake() {
    var one: UInt64 = 1
    _ = unsafe write(fd, &one, 8)
  }
}
