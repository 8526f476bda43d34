// Who looks names up, and what may be dialled of what was found.

package import BowlineCore
import BowlineExchange
package import BowlineTransport

/// Looks names up for one loop. The answer is a `NameAnswer`, posted to the loop's mailbox.
package protocol NameSource: AnyObject {
  /// Begins a lookup. False when no more can be taken on.
  func lookUp(_ question: NameQuestion) -> Bool
}

/// A name to be looked up, and who asked.
package struct NameQuestion: Sendable {
  package let host: String
  package let port: UInt16
  /// Repeated in the answer.
  let owner: UInt16
  let origin: Int
  let generation: UInt32

  /// The answer to this question: addresses in order of preference, or none.
  package func answer(_ addresses: [SocketAddress]) -> NameAnswer {
    NameAnswer(
      owner: owner, origin: origin, generation: generation, addresses: addresses)
  }
}

/// What was found.
package struct NameAnswer: OwnerMessage {
  package let owner: UInt16
  let origin: Int
  let generation: UInt32
  let addresses: [SocketAddress]
}

/// Decides which addresses may be dialled for an origin that a request named. Asked about every
/// address that a name has, and about literals, before any of them is dialled.
package protocol DestinationRules: AnyObject {
  func permits(_ address: SocketAddress, of origin: Origin) -> Bool
  /// Asked about every connection that has come about.
  func permits(connectedTo peer: SocketAddress, from local: SocketAddress) -> Bool
}

/// The system's resolver, on threads of its own.
package final class SystemNames: NameSource {
  private let calls: BlockingCalls
  private let mailbox: Mailbox

  package init(calls: BlockingCalls, mailbox: Mailbox) {
    self.calls = calls
    self.mailbox = mailbox
  }

  package func lookUp(_ question: NameQuestion) -> Bool {
    let mailbox = mailbox
    return calls.take {
      let found = try? Resolver.resolve(host: question.host, port: question.port).get()
      mailbox.post(question.answer(found ?? []))
    }
  }
}
