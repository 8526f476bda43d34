// Calls that block, made on threads of their own: the system's name lookup, and the slow check of a
// password. A loop hands a job over and gets the answer as a message.

internal import Synchronization

/// A few threads that share one bounded line of jobs.
package final class BlockingCalls: Sendable {
  /// What is done. It ends by posting its answer to a mailbox.
  package typealias Job = @Sendable () -> Void

  private struct Line: Sendable {
    var jobs: [Job] = []
    var isStopping = false
  }

  private let line = Mutex(Line())
  private let bells: [Doorbell]

  /// Most jobs that wait. More are refused: whoever asks must say so to its client.
  package static let mostWaiting = 1024

  /// Starts the threads.
  ///
  /// - Throws: when the system has no thread or descriptor left.
  package init(threads: Int = 4) throws(SystemError) {
    var bells: [Doorbell] = []
    for _ in 0..<threads { bells.append(try Doorbell()) }
    self.bells = bells
    for (number, bell) in bells.enumerated() {
      try LoopThread.start(name: "blocking \(number)") { self.work(bell) }.detach()
    }
  }

  /// Takes a job. False when the line is full.
  package func take(_ job: @escaping Job) -> Bool {
    let isTaken = line.withLock { line in
      guard line.jobs.count < Self.mostWaiting, !line.isStopping else { return false }
      line.jobs.append(job)
      return true
    }
    for bell in bells { bell.ring() }
    return isTaken
  }

  /// Lets the threads end when they have done what they are doing. What waits is forgotten.
  package func stop() {
    line.withLock { line in
      line.isStopping = true
      line.jobs.removeAll()
    }
    for bell in bells { bell.ring() }
  }

  private func work(_ bell: Doorbell) {
    while true {
      bell.prepareToSleep()
      let (job, isStopping) = line.withLock { line in
        (line.jobs.isEmpty ? nil : line.jobs.removeFirst(), line.isStopping)
      }
      if isStopping { return }
      if let job {
        bell.stayAwake()
        job()
      } else {
        bell.wait()
      }
    }
  }
}
