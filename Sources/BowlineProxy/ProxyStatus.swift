// Proxy-Status (RFC 9209): what became of the request, for programs. Only on answers of our own.

import BowlineCore
import BowlineJournal

enum ProxyStatus {
  /// Adds the field: our name, and the error that fits the reason best.
  static func add(_ reason: EndReason, name: borrowing ByteBuffer, to head: inout HeadBlock) {
    guard let error = error(of: reason) else { return }
    var value = ByteBuffer(capacity: 64)
    // A token would have to begin with a letter; a string fits every name.
    value.append(0x22)
    value.append(name.span)
    value.append("\"; error=")
    value.append(error)
    head.add(.other, nameBytes: field.span, value: value.span)
  }

  private static let field = Array("Proxy-Status".utf8)

  /// RFC 9209 §2.3.
  private static func error(of reason: EndReason) -> StaticString? {
    switch reason {
    case .upstreamUnknownName: "dns_error"
    case .upstreamTimeoutResolving: "dns_timeout"
    case .upstreamRefusedDialling: "connection_refused"
    case .upstreamTimeoutDialling: "connection_timeout"
    case .upstreamUnreachableDialling: "destination_ip_unroutable"
    case .upstreamClosedWaiting, .upstreamClosedOnReuse, .upstreamClosedResponse,
      .upstreamResetSending, .upstreamResetWaiting, .upstreamResetOnReuse, .upstreamResetResponse:
      "connection_terminated"
    case .upstreamTimeoutResponse, .upstreamTimeoutBody: "connection_read_timeout"
    case .policyTimeoutDeadline: "http_response_timeout"
    case .upstreamStalledWrite: "connection_write_timeout"
    case .upstreamFaultHead, .upstreamFaultBody, .upstreamUnexpectedBytes: "http_protocol_error"
    case .policyLimitHead: "http_response_header_section_size"
    case .policyLimitWaiting, .policyTimeoutWaiting, .policyLimitOrigins:
      "connection_limit_reached"
    case .policyRefusedDestination: "destination_ip_prohibited"
    case .policyRefusedCredentials, .policyRefusedTarget: "http_request_denied"
    case .policyRefusedLoop: "proxy_loop_detected"
    case .usErrorDescriptors, .usErrorPorts, .usErrorInternal, .networkError:
      "proxy_internal_error"
    default: nil
    }
  }
}
