// Who may use a forward proxy: Basic credentials (RFC 7617) in Proxy-Authorization.
//
// Passwords are kept as slow hashes, so a check takes milliseconds and is made on another thread;
// the request's link stands still meanwhile. A credential that was right is remembered by its
// loop, and costs a comparison from then on. One that was wrong is not: asking again costs the
// asker as much as before.

import BowlineCore
import BowlineExchange
import BowlineJournal
package import BowlineTransport
import BowlineUpstream

/// Names and password hashes: what `--users` was read from. Shared by all loops.
package struct Users: Sendable {
  private let hashes: [String: String]
  /// What the passwords of strangers are checked against, so that they take as long as others.
  private let decoy: String

  /// - Parameters:
  ///   - hashes: by name.
  ///   - decoy: one of the hashes.
  package init(_ hashes: [String: String], decoy: String) {
    self.hashes = hashes
    self.decoy = decoy
  }

  package var count: Int { hashes.count }

  /// Checks a `name:password`. Takes as long for a name that does not exist.
  func admit(_ credentials: [UInt8]) -> Bool {
    guard let colon = credentials.firstIndex(of: 0x3a) else { return false }
    let name = String(decoding: credentials[..<colon], as: UTF8.self)
    let password = Array(credentials[(colon + 1)...])
    let hash = hashes[name]
    return PasswordHash.matches(password, hash ?? decoy) && hash != nil
  }
}

/// Checks credentials for the requests of one loop.
package final class Guardian {
  enum Verdict {
    case admitted
    /// No credentials, or none that could be right.
    case refused
    /// Somebody must look; `admitted` says later.
    case unknown([UInt8])
  }

  private let users: Users
  private let calls: BlockingCalls?
  /// Right ones, by a hash of the field's value; as many as there are users.
  private var known: [UInt64: [UInt8]] = [:]
  private let seed: UInt64

  /// - Parameters:
  ///   - users: who may.
  ///   - calls: where hashes are computed; nil computes them at once (tests).
  ///   - seed: makes the places of credentials in memory unpredictable.
  package init(users: Users, calls: BlockingCalls?, seed: UInt64) {
    self.users = users
    self.calls = calls
    self.seed = seed
  }

  func judge(_ head: borrowing HeadBlock) -> Verdict {
    guard let index = head.first(.proxyAuthorization), !head.repeats(.proxyAuthorization) else {
      return .refused
    }
    let value = head.value(index)
    if let right = known[hash(value)], Self.equal(right, value) { return .admitted }
    guard let credentials = Basic.decode(value) else { return .refused }
    return .unknown(credentials)
  }

  /// Checks `credentials`, and tells the loop with a `Verification`.
  ///
  /// - Returns: false when no more checks can be taken on.
  func verify(
    _ credentials: [UInt8], of exchange: Handle, _ framing: BodyFraming, owner: UInt16,
    mailbox: Mailbox
  ) -> Bool {
    let users = users
    let job: BlockingCalls.Job = {
      mailbox.post(
        Verification(
          owner: owner, exchange: exchange, framing: framing, isRight: users.admit(credentials)))
    }
    guard let calls else {
      job()
      return true
    }
    return calls.take(job)
  }

  /// Remembers the credentials of a request that were right.
  func remember(_ head: borrowing HeadBlock) {
    guard let index = head.first(.proxyAuthorization) else { return }
    let value = head.value(index)
    if known.count >= users.count { known.removeAll() }
    var bytes: [UInt8] = []
    bytes.append(value)
    known[hash(value)] = bytes
  }

  private func hash(_ value: Span<UInt8>) -> UInt64 {
    var hash = seed ^ 0xcbf2_9ce4_8422_2325
    for index in value.indices { hash = (hash ^ UInt64(value[index])) &* 0x100_0000_01b3 }
    return hash
  }

  /// Takes the same time wherever they differ.
  private static func equal(_ a: [UInt8], _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for index in b.indices { difference |= a[index] ^ b[index] }
    return difference == 0
  }
}

/// What came of a check.
struct Verification: OwnerMessage {
  let owner: UInt16
  let exchange: Handle
  /// Of the request that stands still.
  let framing: BodyFraming
  let isRight: Bool
}

/// The Basic scheme.
package enum Basic {
  /// `name:password` out of `Basic <base64>`; nil when the value is anything else.
  package static func decode(_ value: Span<UInt8>) -> [UInt8]? {
    guard value.count > 6, Scan.equalIgnoringCase(value.extracting(0..<6), "Basic ") else {
      return nil
    }
    var at = 6
    while at < value.count, value[at] == 0x20 { at += 1 }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    while at < value.count, let digit = digit(value[at]) {
      bits = bits << 6 | digit
      count += 1
      if count & 3 == 0 {
        bytes += [UInt8(bits >> 16 & 0xff), UInt8(bits >> 8 & 0xff), UInt8(bits & 0xff)]
      }
      at += 1
    }
    while at < value.count, value[at] == 0x3d { at += 1 }
    guard at == value.count, count & 3 != 1 else { return nil }
    if count & 3 == 2 { bytes.append(UInt8(bits >> 4 & 0xff)) }
    if count & 3 == 3 { bytes += [UInt8(bits >> 10 & 0xff), UInt8(bits >> 2 & 0xff)] }
    return bytes
  }

  private static func digit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5a: UInt32(byte - 0x41)
    case 0x61...0x7a: UInt32(byte - 0x61 + 26)
    case 0x30...0x39: UInt32(byte - 0x30 + 52)
    case 0x2b: 62
    case 0x2f: 63
    default: nil
    }
  }
}

extension Proxy {
  /// True when the request may be served.
  ///
  /// - Returns: false when its credentials are being checked: it is parked, and comes back.
  /// - Throws: when they are not right.
  func isAdmitted(
    _ exchange: Handle, _ framing: BodyFraming, _ rules: ForwardRules
  ) throws(RouteRefusal) -> Bool {
    guard let guardian = rules.guardian else { return true }
    switch guardian.judge(links.exchanges[exchange].head) {
    case .admitted: return true
    case .refused: throw RouteRefusal(407, .policyRefusedCredentials)
    case .unknown(let credentials):
      guard
        guardian.verify(
          credentials, of: exchange, framing, owner: upstreams.number, mailbox: links.mailbox)
      else { throw RouteRefusal(503, .policyLimitWaiting) }
      links.park(exchange)
      return false
    }
  }

  func verified(_ message: Verification) {
    let exchange = message.exchange
    guard links.exchanges.contains(exchange), case .forward(let rules) = mode else { return }
    links.unpark(exchange)
    guard message.isRight else {
      refuse(exchange, RouteRefusal(407, .policyRefusedCredentials))
      return
    }
    rules.guardian?.remember(links.exchanges[exchange].head)
    requestArrived(exchange, message.framing)
  }
}
