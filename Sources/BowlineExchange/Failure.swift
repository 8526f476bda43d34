package import BowlineCore
import BowlineHTTP1
package import BowlineJournal
package import BowlineTransport

/// Why an exchange failed before both its messages were complete.
package struct Failure: Error, Sendable {
  /// The reason that goes into the records.
  package let reason: EndReason
  /// The rule that the peer broke, if that is why.
  package let fault: Fault?
  /// What the network said, if it did.
  package let network: NetworkError?
  /// How far the request had come, when the exchange was on an upstream link.
  package let evidence: Evidence
  /// The limit that was reached, if that is why.
  package let limit: SettingID?

  package init(
    _ reason: EndReason, fault: Fault? = nil, network: NetworkError? = nil,
    evidence: Evidence = .notConnected, limit: SettingID? = nil
  ) {
    self.limit = limit ?? fault?.limit
    self.reason = reason
    self.fault = fault
    self.network = network
    self.evidence = evidence
  }
}
