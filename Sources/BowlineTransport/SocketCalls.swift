// Audited: system calls on one stream socket. Every pointer passed to the kernel comes from a value
// or a span that outlives the call, with its own size.

internal import BowlineCore
internal import CLinux
internal import Glibc

/// System calls on stream sockets, shared by the kernel's network and the listeners.
enum SocketCalls {
  /// A new socket, non-blocking and closed on exec.
  static func open(for address: SocketAddress) -> Result<Int32, NetworkError> {
    let family = address.isIPv4 ? AF_INET : AF_INET6
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let fd = socket(family, type, Int32(IPPROTO_TCP))
    return fd < 0 ? .failure(NetworkError(code: errno)) : .success(fd)
  }

  static func setOption(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) -> Bool {
    var value = value
    return unsafe setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
  }

  static func option(_ fd: Int32, _ level: Int32, _ name: Int32) -> Int32? {
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(fd, level, name, &value, &size) == 0 ? value : nil
  }

  static func localAddress(_ fd: Int32) -> SocketAddress? {
    var native = NativeAddress()
    let result = unsafe native.lend { unsafe getsockname(fd, $0, $1) }
    return result == 0 ? native.value : nil
  }

  static func peerAddress(_ fd: Int32) -> SocketAddress? {
    var native = NativeAddress()
    let result = unsafe native.lend { unsafe getpeername(fd, $0, $1) }
    return result == 0 ? native.value : nil
  }

  /// Fills in what TCP_INFO says; leaves zeros where the kernel refuses.
  static func readTCPInfo(_ fd: Int32, into facts: inout SocketFacts) {
    var info = linux_tcp_info()
    let whole = socklen_t(MemoryLayout<linux_tcp_info>.size)
    var size = whole
    guard unsafe getsockopt(fd, Int32(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { return }
    facts.roundTripMicroseconds = info.base.tcpi_rtt
    facts.roundTripVariationMicroseconds = info.base.tcpi_rttvar
    facts.retransmits = info.base.tcpi_total_retrans
    facts.congestionWindow = info.base.tcpi_snd_cwnd
    facts.unacknowledged = info.base.tcpi_unacked
    // Not before Linux 4.1.
    if size == whole { facts.acknowledged = info.bytes_acked }
  }

  /// Lets close(2) discard what is unsent and send RST.
  static func resetOnClose(_ fd: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(
      fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
  }

  /// send(2) of `first` and `second` in one call; bytes taken, or -1 with errno.
  static func send(_ fd: Int32, _ first: Span<UInt8>, _ second: Span<UInt8>) -> Int {
    let flags = Int32(MSG_NOSIGNAL)
    return unsafe first.withUnsafeBytes { first in
      unsafe second.withUnsafeBytes { second in
        if unsafe second.isEmpty {
          return unsafe Glibc.send(fd, first.baseAddress, first.count, flags)
        }
        if unsafe first.isEmpty {
          return unsafe Glibc.send(fd, second.baseAddress, second.count, flags)
        }
        var parts = unsafe (
          iovec(
            iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
          iovec(
            iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
        )
        return unsafe withUnsafeMutablePointer(to: &parts) { parts in
          var message = unsafe msghdr()
          unsafe message.msg_iov = UnsafeMutableRawPointer(parts)
            .assumingMemoryBound(to: iovec.self)
          unsafe message.msg_iovlen = 2
          return unsafe sendmsg(fd, &message, flags)
        }
      }
    }
  }
}
