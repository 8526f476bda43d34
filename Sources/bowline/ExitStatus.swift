/// What the exit status of the process means. Scripts and service units rely on it.
enum ExitStatus {
  static let success: Int32 = 0
  /// The command line is wrong: starting again will not help.
  static let usage: Int32 = 1
  /// An address could not be bound, or the system had no thread or descriptor to start with.
  static let cannotStart: Int32 = 2
  /// The network failed.
  static let network: Int32 = 3
  /// A second signal, or the deadline, ended a drain.
  static let interrupted: Int32 = 5
  /// A mistake of ours.
  static let internalError: Int32 = 70
}
