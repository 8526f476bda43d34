import BowlineCore
import Testing
import bowline

/// What a command line becomes.
private func invoke(_ line: String, isTerminal: Bool = true) -> Invocation {
  Invocation(line.split(separator: " ").map(String.init), isTerminal: isTerminal)
}

private func proxy(_ line: String, isTerminal: Bool = true) throws -> ProxyOptions {
  guard case .proxy(let options) = invoke(line, isTerminal: isTerminal) else {
    throw Unexpected(line: line)
  }
  return options
}

/// The lines of a table whose columns are set apart by `=>`.
private func cases(_ table: String) -> [(String, String)] {
  table.split(separator: "\n").map { (line: Substring) in
    let arrow = line.firstRange(of: " => ") ?? line.endIndex..<line.endIndex
    return (String(line[..<arrow.lowerBound]), String(line[arrow.upperBound...]))
  }
}

private struct Unexpected: Error { let line: String }

@Suite struct OptionsTests {
  @Test func theShortestProxyGetsEveryDefault() throws {
    let options = try proxy("proxy --to http://127.0.0.1:3000")
    #expect(options.serving.listen.map(\.description) == ["[::]:8080"])
    #expect(options.upstreams.map(\.authority) == ["127.0.0.1:3000"])
    #expect(options.upstreams[0].address == .loopback(3000))
    #expect(options.via == nil)
    #expect(options.mode == .reverse)
    #expect(options.serving.loops == nil)
    #expect(options.serving.log == .text)
    #expect(!options.serving.logsConnections)
    #expect(Setting.all.allSatisfy { options.serving.settings[$0.id] == $0.standard })
  }

  @Test func everyOptionOfTheProxy() throws {
    let options = try proxy(
      "proxy --listen 127.0.0.1:80 --listen=[::1]:81 --to http://a.example --to http://[::2]:9/ "
        + "--loops 2 --log json --log-connections --via edge-1 "
        + "--set client.idle-timeout=30s --set head.size=32kB --set client.idle-timeout=20s")
    #expect(options.serving.listen.map(\.description) == ["127.0.0.1:80", "[::1]:81"])
    #expect(options.upstreams.map(\.authority) == ["a.example:80", "[::2]:9"])
    #expect(options.upstreams[0].address == nil)
    #expect(options.serving.loops == 2)
    #expect(options.serving.log == .json)
    #expect(options.serving.logsConnections)
    #expect(options.via == "edge-1")
    #expect(options.serving.settings[.clientIdleTimeout] == 20_000)
    #expect(options.serving.settings[.headBytes] == 32_768)
  }

  @Test func theLogIsTextForPeopleAndJSONForPrograms() throws {
    #expect(try proxy("proxy --to http://h", isTerminal: true).serving.log == .text)
    #expect(try proxy("proxy --to http://h", isTerminal: false).serving.log == .json)
    #expect(try proxy("proxy --to http://h --log off", isTerminal: true).serving.log == .off)
    #expect(try proxy("proxy --to http://h --log text", isTerminal: false).serving.log == .text)
  }

  @Test func serveTakesADirectory() throws {
    guard case .serve(let options) = invoke("serve ./public --listen localhost:9000") else {
      throw Unexpected(line: "serve")
    }
    #expect(options.directory == "./public")
    #expect(options.serving.listen == [.loopback(9000)])
    guard case .serve(let dashed) = invoke("serve --log off -- --odd") else {
      throw Unexpected(line: "serve --")
    }
    #expect(dashed.directory == "--odd")
    #expect(dashed.serving.log == .off)
  }

  @Test func demoForwardsToItsOwnOrigin() throws {
    guard case .demo(let options) = invoke("demo --listen :0") else {
      throw Unexpected(line: "demo")
    }
    #expect(options.origin == .loopback(9000))
    #expect(options.proxy.upstreams.map(\.authority) == ["127.0.0.1:9000"])
    #expect(options.proxy.upstreams[0].address == options.origin)
    #expect(options.proxy.serving.listen.map(\.port) == [0])
    guard case .demo(let other) = invoke("demo --origin [::1]:7000") else {
      throw Unexpected(line: "demo --origin")
    }
    #expect(other.proxy.upstreams.map(\.authority) == ["[::1]:7000"])
  }

  @Test(arguments: [
    ("http://localhost:3000", "localhost:3000", nil),
    ("HTTP://LOCALHOST", "localhost:80", nil),
    ("http://Origin.Example:8000/", "origin.example:8000", nil),
    ("http://10.0.0.5", "10.0.0.5:80", "10.0.0.5:80"),
    ("http://[2001:DB8::1]", "[2001:db8::1]:80", "[2001:db8::1]:80"),
    ("http://a-b.c1:65535", "a-b.c1:65535", nil),
  ])
  func upstreams(url: String, authority: String, address: String?) throws {
    let upstream = try #require(try proxy("proxy --to \(url)").upstreams.first)
    #expect(upstream.authority == authority)
    #expect(upstream.address?.description == address)
  }
}

@Suite struct UsageErrorTests {
  /// One line typed, and the sentence said: `typed => said`.
  @Test(
    arguments: cases(
      """
      prox => no command is named `prox`; the nearest is `proxy`
      frobnicate => no command is named `frobnicate`; `bowline help` lists the commands
      --listen :80 => a command comes before its options; `--listen` comes first
      help prxy => no command is named `prxy`; the nearest is `proxy`
      proxy => `bowline proxy` needs `--to URL`, as in `bowline proxy --to http://127.0.0.1:3000`
      proxy --to => `--to` needs its URL; nothing follows
      proxy --to --log off => `--to` needs its URL; `--log` follows
      proxy http://x => `bowline proxy` takes options only; `http://x` is not one
      proxy --lisen :80 => `bowline proxy` has no option `--lisen`; the nearest is `--listen`
      proxy --frobnicate => `bowline proxy` has no option `--frobnicate`; \
      `bowline help proxy` lists all
      proxy --json --to http://x => `bowline proxy` has no option `--json`; \
      `bowline help proxy` lists all
      proxy --to http://x --log-connections=yes => `--log-connections` is a switch and takes no \
      value; `yes` is one
      proxy --to http://x --loops 2 --loops 3 => `--loops` takes one value and is given twice
      proxy --to http://x --loops 0 => `--loops` takes a number from 1 to 256; `0` is not one
      proxy --to http://x --loops two => `--loops` takes a number from 1 to 256; `two` is not one
      proxy --to http://x --log jsn => `--log` takes `off`, `text` or `json`; the nearest to \
      `jsn` is `json`
      proxy --to http://x --log xml1234 => `--log` takes `off`, `text` or `json`; `xml1234` is \
      none of them
      proxy --to http://x --via a/b => `--via` takes a name of 1 to 64 letters, digits and hyphens \
      (a token); `a/b` is not one
      proxy --to http://x --via= => `--via` takes a name of 1 to 64 letters, digits and hyphens \
      (a token); `` is not one
      serve => `bowline serve` needs DIR, as in `bowline serve .`
      serve a b => `bowline serve` takes one DIR; `a` and `b` are two
      serve . --to http://x => `bowline serve` has no option `--to`; `bowline help serve` lists all
      explain upstream.rest.waiting => no code of the log is `upstream.rest.waiting`; the nearest \
      is `upstream.reset.waiting`
      explain zzzzzzzz => no code of the log is `zzzzzzzz`; `bowline explain` lists them all
      """))
  func words(line: String, sentence: String) { expect(line, sentence) }

  @Test(
    arguments: cases(
      """
      8080 => `:8080` is port 8080 on every address
      example.com:80 => `example.com:80` is not one, and names are not looked up
      127.0.0.1 => `127.0.0.1` is not one, and names are not looked up
      127.0.0.1:65536 => `127.0.0.1:65536` is not one, and names are not looked up
      ::1:80 => `::1:80` is not one, and names are not looked up
      """))
  func listenAddresses(text: String, end: String) {
    expect(
      "proxy --to http://x --listen \(text)",
      "`--listen` takes an address with its port, such as `:8080` or `127.0.0.1:80`; \(end)")
  }

  @Test func addressesThatCollide() {
    expect("proxy --to http://x --listen :1 --listen :1", "`--listen :1` is given twice")
    expect("proxy --to http://x:1 --to http://x:1/", "`--to http://x:1/` is given twice")
    expect(
      "demo --listen 127.0.0.1:9000",
      "`--listen` and `--origin` must differ; both are 127.0.0.1:9000")
    expect(
      "demo --origin 10.0.0.1:9000",
      "`--origin` takes a loopback address with its port, such as "
        + "`127.0.0.1:9000`; `10.0.0.1:9000` is not one")
    expect(
      "demo --origin 9000",
      "`--origin` takes an address with its port, such as `:8080` or `127.0.0.1:80`; `:9000` is "
        + "port 9000 on every address")
  }

  @Test(
    arguments: cases(
      """
      127.0.0.1:3000 => has no scheme
      ftp://x => has another scheme
      http://x/api => has a path, and requests bring their own
      http://x?q => has a query or a fragment, and requests bring their own
      http://x/#f => has a query or a fragment, and requests bring their own
      http://u:p@x => has a user name in it
      http:// => has no valid host
      http://:80 => has no valid host
      http://x: => has no port from 1 to 65535 after its colon
      http://x:0 => has no port from 1 to 65535 after its colon
      http://x:65536 => has no port from 1 to 65535 after its colon
      http://x:8o => has no port from 1 to 65535 after its colon
      http://127.0.0.300 => has no valid host
      http://1.2.3 => has no valid host
      http://[::1 => has no valid host
      http://[x] => has no valid host
      http://[127.0.0.1] => has no valid host
      http://a_b => has no valid host
      http://a..b => has no valid host
      http://ä => has no valid host
      """))
  func upstreamURLs(url: String, what: String) {
    expect(
      "proxy --to \(url)",
      "`--to` takes a URL such as `http://127.0.0.1:3000`; `\(url)` \(what)")
  }

  @Test func upstreamsWithTLSAreRefusedInSoManyWords() {
    expect(
      "proxy --to https://x",
      "TLS to upstreams is not built yet; `--to` takes http://host[:port]")
  }

  @Test func settings() {
    expect(
      "proxy --to http://x --set head.size",
      "`--set` takes a name and a value, such as `client.idle-timeout=30s`; `head.size` has no `=`")
    expect(
      "serve . --set head.siez=1",
      "no setting is named `head.siez`; the nearest name is `head.size`")
    expect(
      "settings --set watermark.low=1MB",
      "`watermark.low` must not be larger than `watermark.high`")
  }

  private func expect(_ line: String, _ sentence: String) {
    guard case .answer(let answer) = invoke(line) else {
      Issue.record("accepted: \(line)")
      return
    }
    #expect(answer == Answer(output: "", talk: "bowline: \(sentence)\n", status: 1))
  }
}
