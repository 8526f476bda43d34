// A role that cannot decide about a request at once: it asks another thread, and the link stands
// still until the answer is there.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
import BowlineTransport

extension Links {
  /// Reads nothing more of the exchange's link. To be called from `headArrived`; the head stays in
  /// the block. The exchange may fail meanwhile.
  package func park(_ exchange: Handle) {
    links[exchanges[exchange].link].flags.insert(.parked)
  }

  /// Goes on with what `park` stopped.
  package func unpark(_ exchange: Handle) {
    let link = exchanges[exchange].link
    guard links[link].flags.contains(.parked) else { return }
    links[link].flags.remove(.parked)
    links[link].flags.insert(.unparked)
    exchanges[exchange].rateSince = now
    queueResume(link)
  }
}
