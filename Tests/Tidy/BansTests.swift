import Testing

@Suite struct BansTests {
  private func findings(_ code: String, path: String = "Sources/BowlineHTTP1/A.swift") -> Int {
    bannedWords(in: SourceFile(path: path, text: code)).count
  }

  @Test(arguments: [
    #"print("x")"#, "let d = Date()", "clock_gettime(CLOCK_MONOTONIC, &t)", "time(nil)",
    "ContinuousClock.now", "Int.random(in: 0..<4)", "random()", "list.shuffled()",
    "try await Task.sleep(for: .seconds(1))", "usleep(10)", "sleep(1)", "Thread.sleep(1)",
    "nanosleep(&t, nil)", "let x = try! f()", "let y = x as! Int", #"fatalError("x")"#,
    "Foundation.exit(1)", "unowned let owner: A", "print (1)",
  ])
  func aBannedWordIsFound(code: String) {
    #expect(findings(code) == 1)
  }

  @Test(arguments: [
    "// print(x)", #"let a = "Date()""#, "network.random()", "func printed()", "try? f()",
    "let a = x as? Int", "let time = 1", "headers.time(of: x)", "let update = 1; f(update)",
    "asleep()", "precondition(a > b)",
  ])
  func aHarmlessWordIsNot(code: String) {
    #expect(findings(code) == 0)
  }

  @Test func transportReadsTheClock() {
    #expect(findings("clock_gettime(a, &b)", path: "Sources/BowlineTransport/Epoll.swift") == 0)
    #expect(findings("Int.random(in: a)", path: "Sources/BowlineTransport/Epoll.swift") == 0)
    #expect(findings("usleep(1)", path: "Sources/BowlineTransport/Epoll.swift") == 1)
  }

  @Test func testsDoNotSleepAndMayPrint() {
    #expect(findings("usleep(1)", path: "Tests/CoreTests/A.swift") == 1)
    #expect(findings("print(1)", path: "Tests/CoreTests/A.swift") == 0)
  }

  @Test func aBadPatternIsFound() {
    let file = SourceFile(path: "Sources/BowlineCore/A.swift", text: "let a = 1")
    #expect(bannedWords(in: file, [Ban("x", "(", instead: "y")]).count == 1)
  }

  @Test func anOwnerlessNoteIsFound() {
    func notes(_ text: String) -> Int {
      ownerlessNotes(in: SourceFile(path: "Sources/A/A.swift", text: text)).count
    }
    #expect(notes("// TODO: later") == 1)
    #expect(notes("f() /* FIXME */") == 1)
    #expect(notes("// TODO(anna): later") == 0)
    #expect(notes(#"let a = "TODO""#) == 0)
    #expect(ownerlessNotes(in: SourceFile(path: "Makefile", text: "# TODO x")).count == 1)
  }

  // covers: S182
  @Test func noBannedWordIsUsed() {
    #expect(findings("shutdown(fd, SHUT_RD)", path: "Sources/BowlineTransport/Epoll.swift") == 1)
    let found = (Tree.sources + Tree.tests).flatMap { bannedWords(in: $0) }
    #expect(found.isEmpty, "\(report(found))")
  }

  @Test func everyNoteHasAnOwner() {
    let found = (Tree.everySwift + Tree.scripts).flatMap(ownerlessNotes)
    #expect(found.isEmpty, "\(report(found))")
  }
}
