import BowlineCore

/// Bytes of a text in which every scalar is one byte (Latin-1).
func bytes(_ text: String) -> [UInt8] {
  text.unicodeScalars.map { UInt8($0.value) }
}

/// A request head as if parsed. The entries' offsets are those of the composed form.
func request(
  _ method: String = "POST", _ target: String = "/", version: Version = .http11,
  _ fields: [(String, String)]
) -> HeadBlock {
  var head = HeadBlock()
  head.compose(method: bytes(method).span, target: bytes(target).span)
  head.start.version = version
  add(fields, to: &head)
  return head
}

/// A response head as if parsed.
func response(
  _ status: Status, version: Version = .http11, _ fields: [(String, String)]
) -> HeadBlock {
  var head = HeadBlock()
  head.compose(status: status)
  head.start.version = version
  add(fields, to: &head)
  return head
}

/// A trailer section as if parsed.
func trailers(_ fields: [(String, String)]) -> HeadBlock {
  var head = HeadBlock()
  add(fields, to: &head)
  return head
}

private func add(_ fields: [(String, String)], to head: inout HeadBlock) {
  for (name, value) in fields {
    let nameBytes = bytes(name)
    head.add(FieldName(nameBytes.span), nameBytes: nameBytes.span, value: bytes(value).span)
  }
}
