import BowlineCore
import BowlineTransport
import Glibc
import Testing

/// Names, signals, streams: what a command needs of the system.
@Suite struct CommandNeedsTests {
  @Test(arguments: ["127.0.0.1", "localhost", "LOCALHOST", "::1", "[::1]"])
  func loopbackNamesResolve(host: String) throws {
    let addresses = try Resolver.resolve(host: host, port: 80).get()
    #expect(!addresses.isEmpty)
    #expect(addresses.allSatisfy { $0.isLoopback && $0.port == 80 })
  }

  @Test func aNameThatCannotExistIsExplainedInWords() {
    // .invalid never resolves (RFC 6761 §6.4); without a network the name server is to blame.
    for host in ["no-such-host.invalid", "", "a\0b"] {
      guard case .failure(let failure) = Resolver.resolve(host: host, port: 80) else {
        Issue.record("resolved \(host)")
        continue
      }
      #expect(failure.host == host)
      #expect(!failure.reason.isEmpty)
      #expect("\(failure)".hasPrefix("\(host): "))
    }
  }

  @Test func signalsThatCameBeforeTheWaitAreNotLost() async {
    await #expect(processExitsWith: .success) {
      // A test process has threads of its own already, so the signals go to this thread.
      let signals = Signals(blocking: [Signals.terminate, Signals.hangUp])
      raise(Signals.terminate)
      #expect(signals.next() == Signals.terminate)
      raise(Signals.hangUp)
      #expect(signals.next() == Signals.hangUp)
      // A thread started later leaves them to us.
      let isBlocked = Handoff(false)
      let thread = try LoopThread.start(name: "later") {
        var mask = sigset_t()
        _ = unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
        var answer = unsafe sigismember(&mask, Signals.hangUp) == 1
        _ = isBlocked.offer(&answer)
      }
      thread.join()
      var answer = false
      #expect(isBlocked.take(&answer))
      #expect(answer)
    }
  }

  @Test func aSignalCanStillEndTheProcess() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      _ = Signals(blocking: [Signals.terminate])
      Signals.end(by: Signals.terminate)
    }
  }

  @Test func textIsWrittenWholeToASlowReader() async {
    let text = String(repeating: "all of it, ", count: 30_000)
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardOutputContent]
    ) { [text = text as String] in
      let flags = fcntl(1, F_GETFL)
      #expect(fcntl(1, F_SETFL, flags | O_NONBLOCK) == 0)
      try StandardStream.output.write(text)
    }
    let written = result?.standardOutputContent ?? []
    #expect(String(decoding: written, as: UTF8.self).contains(text))
  }

  @Test func aReaderThatHasGoneIsReported() async {
    await #expect(processExitsWith: .success) {
      _ = Signals(blocking: [])
      var ends: (Int32, Int32) = (0, 0)
      #expect(
        unsafe withUnsafeMutableBytes(of: &ends) {
          unsafe pipe($0.assumingMemoryBound(to: Int32.self).baseAddress)
        } == 0)
      close(ends.0)
      #expect(dup2(ends.1, 1) == 1)
      #expect(!StandardStream.output.isTerminal)
      #expect(throws: SystemError.brokenPipe) { try StandardStream.output.write("gone") }
    }
  }

  @Test func theEnvironmentIsRead() async {
    await #expect(processExitsWith: .success) {
      #expect(unsafe setenv("BOWLINE_TEST", "value", 1) == 0)
      #expect(Environment["BOWLINE_TEST"] == "value")
      #expect(Environment["BOWLINE_NOT_SET"] == nil)
      #expect(!Arguments.all.isEmpty)
    }
  }
}
