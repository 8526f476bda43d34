package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
import BowlineTransport

/// An idle upstream link on its way from one loop of the process to another: its socket, and its
/// story so far.
///
/// Whoever gets one attaches it or drops it, once. Nobody watches its socket meanwhile; what
/// arrives waits in the kernel.
package struct LinkParcel: Sendable {
  /// The connection keeps its id: its record tells its whole life.
  package let id: ConnectionID
  package let peer: SocketAddress
  package let opened: Instant
  /// Exchanges that it has carried.
  package let exchanges: UInt32
  /// Last time a byte went in or out.
  package let progress: Instant
  let socket: SocketID
  let bytesIn: UInt64
  let bytesOut: UInt64
  /// Between exchanges. Moved whole, so that nothing is forgotten that it has learned of its peer.
  let http1: HTTP1Connection
}

extension LinkParcel {
  init(_ link: borrowing Link) {
    id = link.id
    peer = link.peer
    opened = link.opened
    exchanges = link.exchanges
    progress = link.progress
    socket = link.socket
    bytesIn = link.bytesIn
    bytesOut = link.bytesOut
    http1 = link.http1
  }
}

extension Link {
  /// A link that goes on where `parcel` left off. Its flags are clear: what the socket is ready for
  /// is reported anew.
  init(_ parcel: LinkParcel, owner: UInt16) {
    self.init(
      id: parcel.id, side: .upstream, owner: owner, socket: parcel.socket, peer: parcel.peer,
      state: .open, now: parcel.opened)
    http1 = parcel.http1
    exchanges = parcel.exchanges
    progress = parcel.progress
    bytesIn = parcel.bytesIn
    bytesOut = parcel.bytesOut
  }
}
