import BowlineCore
import BowlineJournal
import Testing
import bowline

private func answer(_ line: String) -> Answer {
  let words = line.split(separator: " ").map(String.init)
  guard case .answer(let answer) = Invocation(words, isTerminal: true) else {
    Issue.record("not an answer: \(line)")
    return Answer()
  }
  return answer
}

@Suite struct AnswerTests {
  private let commands = ["proxy", "serve", "demo", "settings", "explain", "help"]

  @Test func noCommandIsAMistakeThatGetsTheHelp() {
    let said = answer("")
    #expect(said.status == 1)
    #expect(said.output.isEmpty)
    #expect(said.talk == answer("help").output)
  }

  @Test func helpIsDataAndNoMistake() {
    for line in ["help", "--help", "-h"] {
      #expect(answer(line).status == 0)
      #expect(answer(line).talk.isEmpty)
      #expect(answer(line).output == answer("help").output)
    }
    #expect(answer("--version").output == "bowline \(Invocation.version)\n")
    #expect(answer("-V") == answer("--version"))
  }

  @Test func overview() {
    #expect(
      answer("help").output == """
        Bowline manages HTTP connections: a reverse proxy, a forward proxy and an origin server.

          bowline demo                              see it work; then `curl http://127.0.0.1:8080/`
          bowline proxy --to http://127.0.0.1:3000  forward port 8080 to a local server
          bowline serve .                           serve the current directory on port 8080

        commands
          proxy       forward requests to upstreams, or to where they say, over reused connections
          serve       serve the files below a directory
          demo        run a small origin server and a proxy before it, in one process
          settings    list every setting: name, value, unit, bounds and reason
          explain     say what a code of the log means, and what to do about it
          help        print help for a command

          --version   print the version

        `bowline help COMMAND` says more about each.

        """)
  }

  @Test func everyCommandHasHelpWithExamplesFirst() throws {
    for command in commands {
      let help = answer("help \(command)").output
      #expect(help == answer("\(command) --help").output)
      #expect(help == answer("\(command) -h").output)
      let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines[0].hasPrefix("bowline \(command): "))
      #expect(lines[2].hasPrefix("  bowline \(command)"), "an example comes first")
      #expect(lines.contains("usage") && lines.contains("options"))
      for line in lines { #expect(line.count <= 100, "\(line)") }
    }
  }

  @Test func everyExampleOfTheHelpIsAccepted() {
    var examples = 0
    for command in commands {
      for line in answer("help \(command)").output.split(separator: "\n")
      where line.hasPrefix("  bowline ") && !line.contains("[") && !line.contains(" URL") {
        examples += 1
        let words = line.split(separator: " ").dropFirst().map(String.init)
        if words.last == "DIR" { continue }
        if case .answer(let said) = Invocation(words, isTerminal: true) {
          #expect(said.status == 0, "\(line): \(said.talk)")
        }
      }
    }
    #expect(examples >= 12)
  }

  @Test func helpOfServe() {
    #expect(
      answer("help serve").output == """
        bowline serve: serve the files below a directory

          bowline serve .
              serve the current directory on port 8080
          bowline serve ./public --listen 127.0.0.1:9000
              serve to this machine only

        usage
          bowline serve DIR [OPTIONS]

        options
          --listen ADDR         address to listen on: `:8080` (every address of this machine),
                                `127.0.0.1:80`, `[::1]:80` or `localhost:80` (which is 127.0.0.1)
                                (repeatable; default: `:8080`)
          --loops N             event loops, each with a thread of its own (default: one per
                                processor)
          --log FORM            access log on stdout, one line per exchange: `off`, `text` or `json`
                                (default: `text` on a terminal, `json` elsewhere)
          --log-connections     also log each connection that ended, with the reason
          --set NAME=VALUE      change a setting, such as `--set client.idle-timeout=30s`; `bowline
                                settings` lists them all (repeatable)
          --help                print this help

        """)
  }

  @Test func theSettingsTableHasEverySettingInColumns() {
    let lines = answer("settings").output.split(separator: "\n")
    #expect(lines.count == Setting.all.count + 1)
    #expect(
      lines[0] == "  name                      value    unit          bounds              reason")
    for (line, setting) in zip(lines.dropFirst(), Setting.all) {
      #expect(line.hasPrefix("  \(setting.name) "))
      #expect(line.dropFirst(2 + 26 + 9 + 14 + 20) == setting.reason, "\(line)")
    }
  }

  @Test func aChangedSettingIsMarked() {
    let lines = answer("settings --set client.idle-timeout=30s").output.split(separator: "\n")
    let changed = lines.filter { $0.hasPrefix("* ") }
    #expect(
      changed == [
        "* client.idle-timeout       30s      milliseconds  100ms to 24h        how long "
          + "a client's connection may wait between requests (default: 15s)"
      ])
  }

  @Test func settingsAsJSON() {
    let text = answer("settings --json --set head.fields=99").output
    #expect(text.hasPrefix("{\"version\":1,\"settings\":[\n{\"name\":\"head.request-line\","))
    #expect(
      text.contains(
        "{\"name\":\"head.fields\",\"value\":99,\"unit\":\"count\",\"default\":200,"
          + "\"minimum\":16,\"maximum\":4096,"
          + "\"reason\":\"most field lines in a head or trailer section\"},\n"))
    #expect(text.hasSuffix("}\n]}\n"))
    #expect(text.split(separator: "\n").count == Setting.all.count + 2)
  }

  @Test func explainOne() {
    #expect(
      answer("explain upstream.timeout.waiting").output == """
        upstream.timeout.waiting

          The upstream did not begin its response within `upstream.response-timeout`.

        what to do
          The client got 504. `phase.waiting` shows how long other requests wait. Make
          the upstream faster, or raise `upstream.response-timeout` if such waits are
          expected.

        """)
  }

  /// Every code of the log that there is something to say about, with its meaning.
  private var codes: [(code: String, meaning: String)] {
    EndReason.allCases.map { ($0.code.description, $0.meaning) }
      + LeaseReason.allCases.map { ($0.code.description, $0.text.meaning) }
      + Evidence.allCases.map { ($0.code.description, $0.explanation.meaning) }
      + ReplayRefusal.allCases.map { ($0.code.description, $0.explanation.meaning) }
  }

  @Test func explainListsEveryCodeOnce() {
    let lines = answer("explain").output.split(separator: "\n")
    for (code, meaning) in codes {
      let mine = lines.filter { $0.hasPrefix("  \(code) ") }
      #expect(mine.count == 1, "\(code)")
      #expect(mine.first?.hasSuffix(meaning) == true)
      #expect(answer("explain \(code)").output.hasPrefix("\(code)\n\n  "))
    }
    let titles = lines.filter { !$0.hasPrefix(" ") }
    #expect(titles.count == Blame.allCases.count + 3)
    #expect(lines.count == codes.count + titles.count)
  }

  @Test(arguments: [
    ("upstream.rest.on-reuse", "upstream.reset.on-reuse"),
    ("upstream.reset.onreuse", "upstream.reset.on-reuse"),
    ("client.close.idle", "client.closed.idle"), ("complete", "us.complete"),
    ("new.noneidle", "new.none-idle"), ("after-wait", "reused.after-wait"),
    ("not-idempotnt", "not-idempotent"), ("body-gon", "body-gone"),
    ("written-unaknowledged", "written-unacknowledged"),
  ])
  func aMistypedCodeFindsTheNearest(typed: String, meant: String) {
    #expect(answer("explain \(typed)").talk.contains("the nearest is `\(meant)`"))
  }
}
