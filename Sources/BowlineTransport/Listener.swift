// Audited: opens and inspects listening sockets; pointers are to local values only.

package import BowlineCore
internal import CLinux
internal import Glibc

/// A listening socket of the process. Opened once per address, adopted by every loop, closed at the
/// end of its service.
package struct Listener: Sendable {
  package let id: ListenerID
  /// Where it listens, with the port that the system chose when 0 was asked for.
  package let address: SocketAddress
  /// True when a service manager has opened it for us.
  package let isInherited: Bool

  /// Opens a listener, or takes the inherited one that already listens there.
  ///
  /// `[::]` listens on every IPv4 and IPv6 address; where the system has no IPv6, on every IPv4
  /// address. A port that somebody listens on is an error, even if that is another Bowline.
  ///
  /// - Parameters:
  ///   - address: where; port 0 lets the system choose.
  ///   - backlog: connections that the kernel holds until we accept them; it cuts this to
  ///     net.core.somaxconn.
  ///   - reusePort: SO_REUSEPORT. A second process of the same user can then listen on the same
  ///     port unseen.
  ///   - inherited: see `inherited()`.
  /// - Returns: the listener, not adopted by any loop yet.
  /// - Throws: `.inUse`, `.denied` (a low port), `.ports` (not an address of this machine), ...
  package static func open(
    _ address: SocketAddress, backlog: Int32 = 4096, reusePort: Bool = false,
    inherited: [Listener] = []
  ) throws(NetworkError) -> Listener {
    if let found = inherited.first(where: { $0.serves(address) }) { return found }
    do {
      return try bind(address, backlog, reusePort)
    } catch {
      let isEveryAddress = address.isUnspecified && !address.isIPv4
      guard isEveryAddress, error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL else {
        throw error
      }
      return try bind(SocketAddress(ipv4: 0, port: address.port), backlog, reusePort)
    }
  }

  /// Closes it. Connections that no loop has accepted are reset by the kernel. Every loop must have
  /// released it.
  package func close() {
    Glibc.close(id.rawValue)
  }

  private static func bind(
    _ address: SocketAddress, _ backlog: Int32, _ reusePort: Bool
  ) throws(NetworkError) -> Listener {
    let fd = try SocketCalls.open(for: address).get()
    // SO_REUSEADDR: a restart need not wait for connections of the last process in TIME-WAIT. It
    // does not let two listen on one port.
    var isSet = SocketCalls.setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    if reusePort { isSet = isSet && SocketCalls.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
    if !address.isIPv4 {
      let only: Int32 = address.isUnspecified ? 0 : 1
      isSet = isSet && SocketCalls.setOption(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, only)
    }
    var native = NativeAddress(address)
    guard isSet, unsafe native.lend({ unsafe Glibc.bind(fd, $0, $1.pointee) }) == 0,
      listen(fd, backlog) == 0, let bound = SocketCalls.localAddress(fd)
    else {
      let error = NetworkError(code: errno)
      Glibc.close(fd)
      throw error
    }
    return Listener(id: ListenerID(rawValue: fd), address: bound, isInherited: false)
  }

  /// True when this listener does what opening `wanted` would do.
  private func serves(_ wanted: SocketAddress) -> Bool {
    if address.port != wanted.port { return false }
    if address.high == wanted.high && address.low == wanted.low { return true }
    // `:80` asked for, 0.0.0.0:80 inherited: as much of it as the service manager gives.
    return address.isUnspecified && wanted.isUnspecified && !wanted.isIPv4
  }
}

extension Listener {
  /// Takes over the listening sockets that a service manager left to this process (systemd's
  /// protocol: LISTEN_PID, LISTEN_FDS, descriptors from 3 on). Removes the variables, so that
  /// programs we start do not believe they are meant. To be called once, before any thread.
  ///
  /// - Parameter first: the first descriptor; the protocol says 3.
  /// - Returns: the listeners; what is not a listening TCP socket is closed and left out.
  package static func inherited(first: Int32 = 3) -> [Listener] {
    let fds = inheritedDescriptors(
      pid: Environment["LISTEN_PID"], count: Environment["LISTEN_FDS"], ownPID: getpid(),
      first: first)
    Environment.remove("LISTEN_PID")
    Environment.remove("LISTEN_FDS")
    Environment.remove("LISTEN_FDNAMES")
    return fds.compactMap(adoptInherited)
  }

  /// Which descriptors are meant for the process `ownPID`.
  ///
  /// - Parameters:
  ///   - pid: LISTEN_PID; the variables are inherited further, so it must name us.
  ///   - count: LISTEN_FDS.
  ///   - ownPID: the process's id.
  ///   - first: the first descriptor.
  /// - Returns: the descriptors; empty when none are, or when the variables make no sense.
  package static func inheritedDescriptors(
    pid: String?, count: String?, ownPID: Int32, first: Int32 = 3
  ) -> Range<Int32> {
    guard let pid, let count, Int32(pid) == ownPID, let number = Int32(count),
      number > 0, number <= 1024
    else { return first..<first }
    return first..<first + number
  }

  static func adoptInherited(_ fd: Int32) -> Listener? {
    let isListening =
      SocketCalls.option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1
      && SocketCalls.option(fd, SOL_SOCKET, SO_TYPE) == Int32(SOCK_STREAM.rawValue)
    guard isListening, let address = SocketCalls.localAddress(fd) else {
      Glibc.close(fd)
      return nil
    }
    let flags = fcntl(fd, F_GETFL)
    guard fcntl(fd, F_SETFD, FD_CLOEXEC) == 0, fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 else {
      Glibc.close(fd)
      return nil
    }
    return Listener(id: ListenerID(rawValue: fd), address: address, isInherited: true)
  }
}
