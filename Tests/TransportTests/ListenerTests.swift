import BowlineCore
import BowlineTransport
import Glibc
import Testing

@Suite struct ListenerTests {
  @Test func aPortInUseIsAnError() throws {
    let first = try Listener.open(.loopback(0))
    defer { first.close() }
    #expect(first.address.port != 0)
    #expect(!first.isInherited)
    #expect(throws: NetworkError(kind: .inUse, code: EADDRINUSE)) {
      try Listener.open(first.address)
    }
    let everywhere = SocketAddress(high: 0, low: 0, port: first.address.port)
    #expect(throws: NetworkError(kind: .inUse, code: EADDRINUSE)) {
      try Listener.open(everywhere)
    }
  }

  @Test func aPortIsSharedOnlyWhenBothAsk() throws {
    let first = try Listener.open(.loopback(0), reusePort: true)
    defer { first.close() }
    let second = try Listener.open(first.address, reusePort: true)
    defer { second.close() }
    #expect(second.address == first.address)
    #expect(throws: NetworkError(kind: .inUse, code: EADDRINUSE)) {
      try Listener.open(first.address)
    }
  }

  @Test func anAddressOfSomebodyElseIsAnError() {
    // 198.51.100.0/24 is for documentation (RFC 5737).
    #expect(throws: NetworkError(kind: .ports, code: EADDRNOTAVAIL)) {
      try Listener.open(SocketAddress(ipv4: 0xc633_6401, port: 0))
    }
  }

  @Test func everyAddressReachesIPv4AndIPv6() throws {
    let everywhere = try #require(SocketAddress(":0"))
    let listener = try Listener.open(everywhere)
    defer { listener.close() }
    let port = listener.address.port
    let server = Peer(try EpollNetwork(), nil)
    let client = Peer(try EpollNetwork(), nil)
    server.network.adopt(listener.id)
    var targets = [SocketAddress.loopback(port)]
    // A machine without IPv6 has fallen back to 0.0.0.0.
    if !listener.address.isIPv4 { targets.append(SocketAddress(high: 0, low: 1, port: port)) }
    for (index, target) in targets.enumerated() {
      let token: UInt64 = 1 << 32 | UInt64(index)
      let socket = try #require(client.connect(to: target, token: token))
      #expect(client.readiness(of: token, until: .writable).contains(.writable))
      #expect(client.network.connectResult(socket) == nil)
      #expect(client.network.facts(socket)?.peer == target)
      let accepted = try #require(server.accept(listener.id))
      #expect(server.network.facts(accepted)?.local == target)
    }
  }

  // covers: R416, R418, S030, S031
  @Test func socketsAreClosedOnExecAndSendWithoutDelay() throws {
    let stage = try Stage(.kernel)
    let (client, server) = try stage.connection()
    for socket in [client, server] {
      var noDelay: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      let result = unsafe getsockopt(
        socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, &size)
      #expect(result == 0)
      #expect(noDelay != 0)
      // TCP's keep-alive is off unless it is switched on.
      var keepAlive: Int32 = 1
      #expect(
        unsafe getsockopt(socket.rawValue, SOL_SOCKET, SO_KEEPALIVE, &keepAlive, &size) == 0)
      #expect(keepAlive == 0)
      #expect(fcntl(socket.rawValue, F_GETFD) & FD_CLOEXEC != 0)
      #expect(fcntl(socket.rawValue, F_GETFL) & O_NONBLOCK != 0)
    }
    #expect(fcntl(stage.listener.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    var reuse: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    #expect(
      unsafe getsockopt(stage.listener.rawValue, SOL_SOCKET, SO_REUSEADDR, &reuse, &size) == 0)
    #expect(reuse != 0)
  }

  @Test(
    arguments: [
      ("77", "1", 3..<4), ("77", "3", 3..<6),
      ("78", "1", 3..<3), ("77", "0", 3..<3), ("77", "-1", 3..<3), ("77", "x", 3..<3),
      ("77", "1025", 3..<3), ("", "1", 3..<3), (nil, "1", 3..<3), ("77", nil, 3..<3),
    ] as [(String?, String?, Range<Int32>)])
  func inheritedDescriptorsAreForTheNamedProcess(
    pid: String?, count: String?, expected: Range<Int32>
  ) {
    #expect(Listener.inheritedDescriptors(pid: pid, count: count, ownPID: 77) == expected)
  }

  @Test func aListenerLeftByAServiceManagerIsUsed() async {
    await #expect(processExitsWith: .success) {
      let original = try Listener.open(.loopback(0))
      // The descriptors from 3 on belong to the testing library here, so others are left to us:
      // 500 is the listener, 501 is something else.
      #expect(dup2(original.id.rawValue, 500) == 500)
      #expect(dup2(2, 501) == 501)
      original.close()
      #expect(unsafe setenv("LISTEN_PID", "\(getpid())", 1) == 0)
      #expect(unsafe setenv("LISTEN_FDS", "2", 1) == 0)
      let inherited = Listener.inherited(first: 500)
      #expect(inherited.map(\.address) == [original.address])
      #expect(inherited.map(\.isInherited) == [true])
      #expect(fcntl(500, F_GETFD) & FD_CLOEXEC != 0)
      #expect(fcntl(501, F_GETFD) == -1)
      #expect(Environment["LISTEN_FDS"] == nil)
      #expect(Listener.inherited(first: 500).isEmpty)
      let used = try Listener.open(original.address, inherited: inherited)
      #expect(used.id.rawValue == 500)
    }
  }

  @Test func runningOutOfDescriptorsLeavesTheConnectionInTheQueue() async {
    await #expect(processExitsWith: .success) {
      let stage = try Stage(.kernel)
      let token: UInt64 = 1 << 32
      _ = try #require(stage.client.connect(to: stage.address, token: token))
      #expect(stage.client.readiness(of: token, until: .writable).contains(.writable))
      var limit = rlimit()
      let name = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #expect(unsafe getrlimit(name, &limit) == 0)
      limit.rlim_cur = 64
      #expect(unsafe setrlimit(name, &limit) == 0)
      var spare: Int32 = -1
      while true {
        let copy = dup(0)
        if copy < 0 { break }
        spare = copy
      }
      #expect(errno == EMFILE)
      guard case .exhausted(let error) = stage.server.network.accept(stage.listener) else {
        Issue.record("accepted without a descriptor")
        return
      }
      #expect(error == NetworkError(kind: .descriptors, code: EMFILE))
      guard
        case .failed(let refusal) = stage.client.network.connect(to: stage.address, token: token)
      else {
        Issue.record("connected without a descriptor")
        return
      }
      #expect(refusal.kind == .descriptors)
      // Level-triggered: it is still reported, and can be taken once there is room.
      #expect(stage.server.wait().count == 1)
      #expect(close(spare) == 0)
      #expect(stage.server.accept(stage.listener) != nil)
    }
  }
}
