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
  /// Bytes of a peer in the access log.
  case log
  /// What an operator types: values, `name=value`, addresses.
  case settings

  /// Runs `input` through the target.
  package func check(_ input: [UInt8]) throws(Violation) {
    switch self {
    case .request: try RequestInvariants.check(input)
    case .response: try ResponseInvariants.check(input)
    case .chunked: try ChunkInvariants.check(input)
    case .fields: try FieldInvariants.check(input)
    case .target: try TargetInvariants.check(input)
    case .date: try DateInvariants.check(input)
    case .log: try LogInvariants.check(input)
    case .settings: try SettingInvariants.check(input)
    }
  }
}
