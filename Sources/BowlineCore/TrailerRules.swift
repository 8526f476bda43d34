/// Which fields may stand in a trailer section. RFC 9110 §6.5.1.
///
/// A field may be a trailer only if its definition says so. Of the fields that we know by name ETag
/// does; names that nobody here knows are taken as the extension they are, except a few that frame,
/// route, authenticate or modify.
package enum TrailerRules {
  /// True when the field line at `index` may be sent, or passed on, as a trailer.
  package static func permits(_ trailers: borrowing HeadBlock, _ index: Int) -> Bool {
    let name = trailers[index].name
    if name != .other { return name == .etag }
    return !isForbidden(trailers.name(index))
  }

  private static func isForbidden(_ name: Span<UInt8>) -> Bool {
    switch name.count {
    case 3: Scan.equalIgnoringCase(name, "Age")
    case 4: Scan.equalIgnoringCase(name, "Vary") || Scan.equalIgnoringCase(name, "From")
    case 6: Scan.equalIgnoringCase(name, "Pragma") || Scan.equalIgnoringCase(name, "Origin")
    case 7: Scan.equalIgnoringCase(name, "Expires") || Scan.equalIgnoringCase(name, "Warning")
    case 8: Scan.equalIgnoringCase(name, "If-Match") || Scan.equalIgnoringCase(name, "If-Range")
    case 16:
      Scan.equalIgnoringCase(name, "Content-Location")
        || Scan.equalIgnoringCase(name, "Content-Language")
        || Scan.equalIgnoringCase(name, "WWW-Authenticate")
    case 19: Scan.equalIgnoringCase(name, "If-Unmodified-Since")
    default: false
    }
  }
}
