/// Which field lines go on to the next hop. RFC 9110 §7.6.1. One rule for requests, responses and
/// trailers, for every pair of protocol versions.
package enum HopByHop {
  /// Where a field line was received.
  package enum Section: Sendable {
    case head
    /// In a trailer section. The nominating Connection field was in the head before it.
    case trailers
  }

  /// Never copied to the next hop.
  ///
  /// - The fields of this connection, named in Connection or not (RFC 9110 §7.6.1).
  /// - Content-Length: the sender's machine writes the framing it uses (RFC 9112 §6.2).
  /// - Host: the caller writes the one of the next request, first (RFC 9110 §7.2).
  /// - Authentication with a proxy: consumed by this one (RFC 9110 §11.7).
  package static let neverForwarded: FieldNameSet = [
    .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, .http2Settings,
    .contentLength, .host,
    .proxyAuthenticate, .proxyAuthorization, .proxyAuthenticationInfo,
  ]

  /// The interned names of a head that are not copied: `others`, and what `forwards` refuses. What
  /// the options nominate beyond these has a name that is not interned.
  static func staying(
    _ others: FieldNameSet, nominated options: ConnectionOptions, trailersFollow: Bool
  ) -> FieldNameSet {
    var names = neverForwarded.union(others).union(options.nominated)
    if !trailersFollow { names.insert(.trailer) }
    return names
  }

  /// True when the field line at `index` is copied to the next hop.
  ///
  /// Framing is decided before this is asked, so a peer that nominates Content-Length gains
  /// nothing. A nominated Via, Cookie or Authorization is dropped as the RFC demands; our own Via
  /// is added by the caller all the same.
  ///
  /// - Parameters:
  ///   - head: the head, or the trailer section.
  ///   - index: of the field line.
  ///   - options: the connection options of the message's head.
  ///   - section: where the line stands. A trailer must also be a field that may be one.
  ///   - trailersFollow: false when the forwarded message will have no trailer section; the
  ///     announcement (Trailer) is then dropped (RFC 9112 §7.1.3).
  /// - Returns: false when the line stays here.
  package static func forwards(
    _ head: borrowing HeadBlock, _ index: Int, nominated options: ConnectionOptions,
    in section: Section = .head, trailersFollow: Bool = true
  ) -> Bool {
    let name = head[index].name
    let stays = staying([], nominated: options, trailersFollow: trailersFollow)
    if stays.contains(name) { return false }
    switch section {
    case .head: return name.isInterned || !options.nominates(head, index)
    case .trailers:
      return TrailerRules.permits(head, index) && !options.mayNominate(trailers: head, index)
    }
  }
}
