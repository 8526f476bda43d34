// An idle upstream link moves from one loop of the process to another: `detach` here, a message,
// `attach` there. On its way it belongs to the message alone.
//
// Bytes or an end that come meanwhile are not lost: the other loop's network reports what the
// socket is ready for when it begins to watch it, and they end the link there as they would have
// here. What this loop has queued for the link (a timer entry, a place in a queue, a report of this
// turn) names it by a handle that is stale now, and is skipped.
//
// A process counts a connection once: it was opened where it was dialled, and its record is written
// where it ends.

package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
import BowlineTransport

extension Links {
  /// Takes an idle upstream link off this loop, with nothing told to its owner and no record
  /// written. The handle is dead when a parcel is returned.
  ///
  /// May be called wherever a role may use the link, from `exchangeFinished` and `linkOpened` too.
  ///
  /// - Parameter link: an upstream link that nobody has leased.
  /// - Returns: the link for another loop; nil when it is in use or will not carry another request.
  ///   One that its peer has ended or filled is closed, as `isQuiet` does.
  package func detach(_ link: Handle) -> LinkParcel? {
    guard isReusable(link), mayMove(links[link]), isQuiet(link) else { return nil }
    network.unwatch(links[link].socket)
    let parcel = LinkParcel(links[link])
    _ = links.remove(link)
    return parcel
  }

  private func mayMove(_ link: borrowing Link) -> Bool {
    link.side == .upstream && link.machine == 0 && link.ending == .none
  }

  /// Takes up a link that another loop has given away.
  ///
  /// - Parameters:
  ///   - parcel: from the other loop's `detach`.
  ///   - owner: the number that its owner on this loop is registered under.
  /// - Returns: the link; nil when it cannot be watched. It is closed then, and recorded; its owner
  ///   is not told.
  package func attach(_ parcel: LinkParcel, owner: UInt16) -> Handle? {
    let link = links.insert(Link(parcel, owner: owner))
    if network.watch(parcel.socket, token: link.word) != nil {
      end(link, .usErrorDescriptors)
      return nil
    }
    // Not at the horizon: it may have rested for long.
    rearmExactly(link)
    return link
  }

  /// Closes a link that nobody attaches, and writes its record.
  package func drop(_ parcel: LinkParcel, _ reason: EndReason) {
    end(links.insert(Link(parcel, owner: 0)), reason)
  }

  /// Ends a link that no owner has heard of.
  private func end(_ link: Handle, _ reason: EndReason) {
    journal.value.ended(closingRecord(link, reason))
    network.close(links[link].socket, .orderly)
    _ = links.remove(link)
  }
}
