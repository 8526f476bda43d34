// Audited: reads and sets two properties of the process through local values.

internal import CLinux
internal import Glibc

/// What this process may use of the machine.
package enum ProcessLimits {
  /// Processors that this process may run on (taskset and cpusets are respected); at least 1.
  package static var processors: Int { max(Int(linux_allowed_processors()), 1) }

  /// Raises the soft limit of open descriptors to the hard one.
  ///
  /// - Returns: the limit that holds now.
  @discardableResult
  package static func raiseDescriptorLimit() -> Int {
    let name = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard unsafe getrlimit(name, &limit) == 0 else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if unsafe setrlimit(name, &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
