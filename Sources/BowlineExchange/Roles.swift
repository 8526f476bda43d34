// Who is told what. Calls into `Links` never call back: they append, note, and queue; what follows
// is delivered from the loop's turn. So a role may call anything from within these functions.

package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
package import BowlineTransport

/// The owner of exchanges: a role. Told of everything that arrives on them.
package protocol ExchangeHandler: AnyObject {
  /// A request head, or a final response head, is complete in the exchange's block.
  func headArrived(_ exchange: Handle, framing: BodyFraming)
  /// A 1xx head is complete in the exchange's block.
  func informationalArrived(_ exchange: Handle)
  /// Body bytes. They cost credit: grant as much again when they are disposed of.
  func bodyArrived(_ exchange: Handle, _ bytes: Span<UInt8>)
  /// The peer's message is complete. With `trailers` the block holds the trailer fields.
  func messageEnded(_ exchange: Handle, trailers: Bool)
  /// What waits to be sent on this exchange's link has fallen below the low watermark.
  func outputDrained(_ exchange: Handle)
  /// Both messages are complete, received and sent. The handle is dead on return.
  func exchangeFinished(_ exchange: Handle)
  /// The exchange ended early. The handle is dead on return: only release what belongs to it. If
  /// the client is to blame and can still be answered, the link answers by itself.
  func exchangeFailed(_ exchange: Handle, _ failure: Failure)
  /// A delay asked for with `Links.delay` is over.
  func delayEnded(_ exchange: Handle)
}

/// The owner of upstream links: told how a dial ended and when an idle link dies.
package protocol LinkOwner: AnyObject {
  /// The dial succeeded: exchanges can be opened on the link.
  func linkOpened(_ link: Handle)
  /// The link is gone (or never came about). The handle is dead on return.
  func linkEnded(_ link: Handle, _ reason: EndReason, _ error: NetworkError?)
  /// A time asked for with `Links.wake` has come.
  func wokenAt(_ now: Instant)
  /// An answer to what was asked of another thread.
  func messageArrived(_ message: any OwnerMessage)
  /// A connection could not be accepted for want of a descriptor: close what can be spared.
  func descriptorsAreShort()
  /// The loop has ended: nothing more will be told. Let go of whoever holds this object.
  func loopEnded()
}

extension LinkOwner {
  package func messageArrived(_ message: any OwnerMessage) {}
  package func descriptorsAreShort() {}
  package func loopEnded() {}
}

/// A message from another thread to an owner of upstream links, posted to its loop's mailbox.
package protocol OwnerMessage: Sendable {
  /// The number that the owner was registered under.
  var owner: UInt16 { get }
}

/// A machine that carries many exchanges on one link, each named by a stream number: HTTP/2, and
/// the two-slot machine of the tests. A class, because such machines hold sessions of their own.
package protocol MultiplexedMachine: AnyObject {
  /// Pulls the next event out of `bytes`. Stream 0 means the link as a whole.
  func receive(_ bytes: Span<UInt8>, at cursor: inout Int) -> (stream: UInt32, StreamEvent)
  /// Moves the head or trailers that `receive` announced into `head`.
  func takeHead(_ stream: UInt32, into head: inout HeadBlock)
  func sendHead(
    _ stream: UInt32, _ head: borrowing HeadBlock, body: Bool, into out: inout ByteBuffer)
  func sendBody(_ stream: UInt32, _ bytes: Span<UInt8>, into out: inout ByteBuffer)
  func sendEnd(_ stream: UInt32, into out: inout ByteBuffer)
  /// Ends one stream and leaves the others alone.
  func reset(_ stream: UInt32, into out: inout ByteBuffer)
  /// Lets the peer send `bytes` more on one stream.
  func grant(_ stream: UInt32, _ bytes: Int, into out: inout ByteBuffer)
}

/// What a multiplexed machine found.
package enum StreamEvent: Sendable {
  case more
  case head(BodyFraming)
  case body(Range<Int>)
  case end
  /// The peer gave up this stream.
  case reset
  case fault(Fault)
}
