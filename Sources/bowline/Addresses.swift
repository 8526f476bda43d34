// Addresses as people type them: what to listen on, and what to forward to.

package import BowlineCore

/// An upstream, as given with `--to`.
package struct UpstreamURL: Equatable, Sendable {
  /// The name or the address literal, without brackets, in lower case.
  package let host: String
  package let port: UInt16
  /// The address, when the host is a literal; nil when it is a name to be looked up.
  package let address: SocketAddress?

  /// Host and port for logs and for the Host field: `127.0.0.1:9000`, `[::1]:80`, `origin:80`.
  package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// An upstream at a known address.
  package init(address: SocketAddress) {
    host = address.host
    port = address.port
    self.address = address
  }

  /// Reads `http://host[:port]`, with `/` behind it or nothing. The port is 80 if not given.
  init(_ text: String) throws(UsageError) {
    guard let mark = text.firstRange(of: "://") else {
      throw Self.refusal(text, "has no scheme")
    }
    switch text[..<mark.lowerBound].lowercased() {
    case "http": break
    case "https":
      throw UsageError("TLS to upstreams is not built yet; `--to` takes http://host[:port]")
    default: throw Self.refusal(text, "has another scheme")
    }
    var rest = text[mark.upperBound...]
    if rest.contains("?") || rest.contains("#") {
      throw Self.refusal(text, "has a query or a fragment, and requests bring their own")
    }
    if let slash = rest.firstIndex(of: "/") {
      if rest[slash...] != "/" {
        throw Self.refusal(text, "has a path, and requests bring their own")
      }
      rest = rest[..<slash]
    }
    if rest.contains("@") { throw Self.refusal(text, "has a user name in it") }
    var port: UInt16 = 80
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
      guard let number = Self.port(rest[rest.index(after: colon)...]), number > 0 else {
        throw Self.refusal(text, "has no port from 1 to 65535 after its colon")
      }
      port = number
      rest = rest[..<colon]
    }
    guard let (host, address) = Self.host(String(rest).lowercased(), port) else {
      throw Self.refusal(text, "has no valid host")
    }
    self.host = host
    self.port = port
    self.address = address
  }

  private static func refusal(_ text: String, _ what: String) -> UsageError {
    UsageError("`--to` takes a URL such as `http://127.0.0.1:3000`; `\(text)` \(what)")
  }

  private static func port(_ digits: Substring) -> UInt16? {
    digits.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? UInt16(digits) : nil
  }

  /// A literal with its address, or a name of letters, digits, hyphens and dots.
  private static func host(_ text: String, _ port: UInt16) -> (String, SocketAddress?)? {
    if text.first == "[" && text.last == "]" {
      let inner = String(text.dropFirst().dropLast())
      guard inner.contains(":"), let address = SocketAddress(host: inner, port: port) else {
        return nil
      }
      return (address.host, address)
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      (1...63).contains(label.utf8.count)
        && label.utf8.allSatisfy { $0 == 0x2d || Scan.isToken($0) && isAlphanumeric($0) }
    }
    guard isName, text.utf8.count <= 253, let last = labels.last else { return nil }
    // A name whose last label is a number is an IPv4 address, or a mistyped one.
    if last.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
      return SocketAddress(host: text, port: port).map { ($0.host, $0) }
    }
    return (text, nil)
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7a
  }
}

/// Reads addresses to listen on.
enum ListenAddress {
  /// `:8080`, `127.0.0.1:80`, `[::1]:80`, or `localhost:80`, which is 127.0.0.1. Port 0 lets the
  /// system choose.
  static func parse(_ text: String, option: String) throws(UsageError) -> SocketAddress {
    let literal =
      text.hasPrefix("localhost:") ? "127.0.0.1" + text.dropFirst("localhost".count) : text
    if let address = SocketAddress(literal) { return address }
    let expected = "`\(option)` takes an address with its port, such as `:8080` or `127.0.0.1:80`"
    if UInt16(text) != nil {
      throw UsageError("\(expected); `:\(text)` is port \(text) on every address")
    }
    throw UsageError("\(expected); `\(text)` is not one, and names are not looked up")
  }
}
