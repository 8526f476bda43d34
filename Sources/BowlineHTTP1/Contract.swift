package import BowlineCore

/// Which end of the connection a machine plays. Both obey one machine.
package enum Role: UInt8, Sendable {
  /// We read requests and write responses.
  case server
  /// We write requests and read responses.
  case client
}

/// The limits a machine enforces while bytes arrive. One value per listener, from `Settings`.
package struct Limits: Sendable {
  package var requestLine: Int
  package var fieldLine: Int
  package var head: Int
  package var fields: Int
  package var emptyLines: Int
  package var chunkSizeDigits: Int
  package var chunkExtension: Int
  package var informational: Int
  /// 0 is no limit.
  package var body: Int

  package init(_ settings: Settings) {
    requestLine = settings[.requestLineBytes]
    fieldLine = settings[.fieldLineBytes]
    head = settings[.headBytes]
    fields = settings[.headFields]
    emptyLines = settings[.headEmptyLines]
    chunkSizeDigits = settings[.chunkSizeDigits]
    chunkExtension = settings[.chunkExtensionBytes]
    informational = settings[.informationalResponses]
    body = settings[.bodyBytes]
  }
}

/// What a machine found in the received bytes. Pulled until `.more` or `.paused`.
package enum Event: Sendable {
  /// Everything given is consumed; more is needed.
  case more
  /// The head of a request, or of a final response, is complete in the block. Its body follows.
  case head(BodyFraming)
  /// A 1xx head is complete in the block (client role). The final response is still to come.
  case informational
  /// Body bytes: a range of the span that was given.
  case body(Range<Int>)
  /// The message is complete. With `trailers`, the block now holds the trailer fields.
  case end(trailers: Bool)
  /// The message is complete and the exchange is not: bytes that follow are pipelined and stay
  /// where they are until `beginNext()`.
  case paused
  /// The peer broke a rule. The machine accepts nothing more.
  case fault(Fault)
}

/// What the peer's end of stream meant.
package enum EndOfStream: Sendable {
  /// Between messages: nothing is lost.
  case clean
  /// It completed a close-delimited body. The message is complete.
  case completesBody
  /// Inside a message: what was received of it is not a whole message.
  case truncated(Fault)
}
