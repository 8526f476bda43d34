// Audited: getaddrinfo's list is walked once and freed before return.

package import BowlineCore
internal import CLinux
internal import Glibc

/// Names to addresses by the system's resolver. It blocks: for start-up only.
package enum Resolver {
  /// Why a name has no address, in words.
  package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    package let host: String
    package let reason: String
    package var description: String { "\(host): \(reason)" }
  }

  /// The addresses of `host`, in the system's order of preference (RFC 6724), each once.
  ///
  /// - Parameters:
  ///   - host: a name, or an IPv4 or IPv6 literal (brackets allowed). `localhost` is always a
  ///     loopback address (RFC 6761 §6.3).
  ///   - port: goes into every address.
  /// - Returns: at least one address, or the reason.
  package static func resolve(
    host: String, port: UInt16
  ) -> Result<[SocketAddress], Failure> {
    var name = host
    if name.first == "[" && name.last == "]" && name.count > 2 {
      name = String(name.dropFirst().dropLast())
    }
    if let literal = SocketAddress(host: name, port: port) { return .success([literal]) }
    if name.isEmpty || name.utf8.contains(0) {
      return .failure(Failure(host: host, reason: "not a host name"))
    }
    let (code, found) = lookUp(name, port)
    if !found.isEmpty { return .success(found) }
    if name.lowercased() == "localhost" {
      return .success([.loopback(port), SocketAddress(high: 0, low: 1, port: port)])
    }
    return .failure(Failure(host: host, reason: reason(code)))
  }

  private static func lookUp(_ name: String, _ port: UInt16) -> (Int32, [SocketAddress]) {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(name, nil, &hints, &list)
    guard code == 0 else { return (code, []) }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      if let native = unsafe entry.pointee.ai_addr {
        let copy = unsafe NativeAddress(copying: native, length: entry.pointee.ai_addrlen)
        if var address = copy.value {
          address.port = port
          if !found.contains(address) { found.append(address) }
        }
      }
      unsafe next = entry.pointee.ai_next
    }
    return (code, found)
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case 0, EAI_NONAME: "no such host"
    case EAI_AGAIN: "the name server did not answer"
    case EAI_SYSTEM: SystemError.last.description
    default: unsafe String(cString: gai_strerror(code))
    }
  }
}
