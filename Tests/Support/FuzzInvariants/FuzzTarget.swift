// What is fuzzed, and what must hold.
//
// A target is a function that eats bytes. `check` feeds it and throws when something that was
// promised does not hold; a trap is a finding too. The same function runs under libFuzzer (`make
// fuzz`) and, over the inputs in Fuzz/Corpora and Fuzz/Found, in the unit tests.
//
// What must hold, for every input:
//
// - nothing traps, and a refusal is a Fault that names a place inside what was received;
// - however the bytes are cut on their way, the same is said about them;
// - what was accepted and is written again reads as the same;
// - no limit is exceeded;
// - a plain second reading of the RFC, written without regard to speed, agrees.

/// One function that eats bytes.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// What a server receives on one connection.
  case request
  /// What a client receives. The first byte says what it asked: see `Question`.
  case response
  /// What follows the head of a chunked message; and the same bytes as data to be chunked.
  case chunked
  /// Field lines, in a request, a response and a trailer section, and what of them goes on.
  case fields
  /// Request targets and authorities.
  case target
  /// A number of seconds, eight bytes, as an HTTP date.
  case date
  /// An HTTP date as text, in any of its three forms.
  case dateText = "date-text"
  /// Method and conditional fields of a request. The first byte says which method.
  case conditions
  /// The value of a Range field.
  case range
  /// Values of Keep-Alive fields, one a line.
  case keepAlive = "keep-alive"
  /// Values of Via and Max-Forwards fields, one a line.
  case via
  /// The value of a Proxy-Authorization field; and the same bytes as credentials.
  case credentials
  /// Two addresses of 16 bytes and the length of a network, one byte.
  case reach
  /// Bytes of a peer in the access log.
  case log
  /// What an operator types: values, `name=value`, addresses.
  case settings
  /// A destination, its address, and the rules of a forward proxy, one a line.
  case access
  /// The file of users.
  case users

  /// Runs `input` through the target.
  package func check(_ input: [UInt8]) throws(Violation) {
    switch self {
    case .request: try RequestInvariants.check(input)
    case .response: try ResponseInvariants.check(input)
    case .chunked: try ChunkInvariants.check(input)
    case .fields: try FieldInvariants.check(input)
    case .target: try TargetInvariants.check(input)
    case .date: try DateInvariants.check(input)
    case .dateText: try DateTextInvariants.check(input)
    case .conditions: try ConditionInvariants.check(input)
    case .range: try RangeInvariants.check(input)
    case .keepAlive: try KeepAliveInvariants.check(input)
    case .via: try ViaInvariants.check(input)
    case .credentials: try CredentialInvariants.check(input)
    case .reach: try ReachInvariants.check(input)
    case .log: try LogInvariants.check(input)
    case .settings: try SettingInvariants.check(input)
    case .access: try AccessInvariants.check(input)
    case .users: try UsersInvariants.check(input)
    }
  }
}

extension FuzzTarget {
  /// What a conversation with `input` says, uncut; nil for a target that is none.
  package func transcript(_ input: [UInt8]) throws(Violation) -> Transcript? {
    switch self {
    case .request: try ServerTalk.read(input, .whole, .standard)
    case .response: try ResponseInvariants.read(input, .whole, .standard)
    case .chunked, .fields, .target, .date, .dateText, .conditions, .range, .keepAlive, .via,
      .credentials, .reach, .log, .settings, .access, .users:
      nil
    }
  }
}
