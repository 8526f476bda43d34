package import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport

/// One upstream as configured: a name and the addresses it resolved to at start-up.
package struct Origin: Sendable {
  /// Host as written, without port.
  package let host: String
  package let port: UInt16
  /// Tried in order when dialling.
  package let addresses: [SocketAddress]
  /// `host:port`, as a Host field without the default port would have it.
  package let authority: String

  package init(host: String, port: UInt16, addresses: [SocketAddress]) {
    precondition(!addresses.isEmpty, "an upstream without an address")
    self.host = host
    self.port = port
    self.addresses = addresses
    authority = port == 80 ? host : "\(host):\(port)"
  }
}
