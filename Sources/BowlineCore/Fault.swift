/// Who is to blame.
package enum Blame: UInt8, Sendable, CaseIterable {
  case us, client, upstream, network, policy
}

/// What a peer did wrong in its bytes. Each case says which rule it broke; `Fault` says where.
package enum FaultKind: UInt8, Sendable, CaseIterable {
  // Start line
  case emptyLines, methodSyntax, methodTooLong, targetSyntax, targetTooLong, targetForm
  case versionSyntax, versionUnsupported, statusSyntax
  // Field lines
  case bareLF, bareCR, controlByte, whitespaceBeforeColon, foldedLine, leadingWhitespace
  case fieldNameSyntax, missingColon, fieldLineTooLong, headTooLong, tooManyFields
  // Host and target
  case hostMissing, hostRepeated, hostSyntax, connectWithBody
  // Framing
  case contentLengthSyntax, contentLengthRepeated, contentLengthDiffers, contentLengthTooLarge
  case lengthAndCoding, codingOnOldVersion, codingUnknown, codingNotFinal, codingRepeated
  case codingSyntax
  // Chunked coding
  case chunkSizeSyntax, chunkSizeTooLarge, chunkLineEnd, chunkExtensionTooLong
  case trailerSyntax, trailerTooLong
  // Message
  case bodyTooLarge, truncatedHead, truncatedBody, unexpectedBytes, tooManyInformational
  case upgradeUnasked
}

/// A peer broke a rule: typed, with the place of the offending byte. Never a trap.
package struct Fault: Error, Equatable, Sendable {
  /// The rule that was broken.
  package let kind: FaultKind
  /// Offset of the offending byte, counted from the first byte of the message.
  package let offset: Int
  /// The limit that was crossed, if the fault is one; its name goes into the error text.
  package let limit: SettingID?
  /// The status with which a server may answer (RFC 9110 §15.5); a proxy answers 502 when the
  /// upstream is to blame.
  package let status: Status

  package init(_ kind: FaultKind, at offset: Int, limit: SettingID? = nil, status: Status = 400) {
    self.kind = kind
    self.offset = offset
    self.limit = limit
    self.status = status
  }
}
