import BowlineCore
import BowlineHTTP1
import Glibc

// What reading a head costs. `make bench-parser` runs this in release.
//
//     ParserBench                    prints nanoseconds a head, the least of many repetitions
//     ParserBench NAME COUNT         does one case COUNT times, for a tool that counts instructions

/// A head and what is done with it.
struct Case {
  let name: String
  let head: [UInt8]
  /// Does it `count` times, and returns a sum that depends on the results.
  let run: (Span<UInt8>, Int) -> Int
}

/// Every case, in the order of the report.
func cases() -> [Case] {
  let short = Array(
    "GET /hello.md HTTP/1.1\r\nHost: www.example.com:8080\r\n\r\n".utf8)
  let browser = Array(browserHead.utf8)
  let proxied = Array("GET / HTTP/1.1\r\nHost: 127.0.0.1:24311\r\n\r\n".utf8)
  let response = Array(responseHead.utf8)
  return [
    Case(name: "parse-\(short.count)", head: short, run: parse),
    Case(name: "parse-\(browser.count)", head: browser, run: parse),
    Case(name: "receive-\(short.count)", head: short, run: receiveRequests),
    Case(name: "receive-\(browser.count)", head: browser, run: receiveRequests),
    Case(name: "receive-\(proxied.count)", head: proxied, run: receiveRequests),
    Case(name: "response-\(response.count)", head: response, run: receiveResponses),
  ]
}

private let browserHead = """
  GET /articles/2024/performance?page=2&sort=recent HTTP/1.1\r
  Host: www.example.com\r
  Connection: keep-alive\r
  Cache-Control: max-age=0\r
  sec-ch-ua: "Chromium";v="124", "Not-A.Brand";v="99"\r
  sec-ch-ua-mobile: ?0\r
  Upgrade-Insecure-Requests: 1\r
  User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
  Chrome/124.0.0.0 Safari/537.36\r
  Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r
  Sec-Fetch-Site: same-origin\r
  Sec-Fetch-Mode: navigate\r
  Referer: https://www.example.com/articles\r
  Accept-Encoding: gzip, deflate, br\r
  Accept-Language: en-GB,en;q=0.9,de;q=0.8\r
  Cookie: session=0123456789abcdef0123456789abcdef; theme=dim; language=en-GB\r
  \r

  """

private let responseHead = """
  HTTP/1.1 200 OK\r
  Server: nginx/1.22.1\r
  Date: Sun, 06 Nov 1994 08:49:37 GMT\r
  Content-Type: text/plain\r
  Content-Length: 200\r
  Connection: keep-alive\r
  \r

  """

/// Scan, field entries with interned names, start line, and the copy into the block.
private func parse(_ bytes: Span<UInt8>, _ count: Int) -> Int {
  let limits = Limits(Settings())
  var head = HeadBlock()
  var sum = 0
  for _ in 0..<count {
    head.removeAll()
    var scanner = HeadScanner()
    if case .end(let length) = scanner.take(bytes, .request, into: &head, limits: limits) {
      head.bytes.append(bytes.extracting(0..<length))
      sum &+= length &+ head.count
    }
  }
  return sum
}

/// A server's part up to the head: the same, and the rules for requests, options, framing.
private func receiveRequests(_ bytes: Span<UInt8>, _ count: Int) -> Int {
  let limits = Limits(Settings())
  var head = HeadBlock()
  var sum = 0
  for _ in 0..<count {
    var machine = HTTP1Connection(role: .server)
    var cursor = 0
    if case .head = machine.receive(bytes, at: &cursor, head: &head, limits: limits) {
      sum &+= cursor &+ head.count
    }
  }
  return sum
}

/// A client's part up to the head.
private func receiveResponses(_ bytes: Span<UInt8>, _ count: Int) -> Int {
  let limits = Limits(Settings())
  var request = HeadBlock()
  let method = Array("GET".utf8)
  let target = Array("/".utf8)
  request.compose(method: method.span, target: target.span)
  var output = ByteBuffer()
  var asked = HTTP1Connection(role: .client)
  asked.send(request: request, body: .none, close: false, into: &output)
  var head = HeadBlock()
  var sum = 0
  for _ in 0..<count {
    var machine = asked
    var cursor = 0
    if case .head = machine.receive(bytes, at: &cursor, head: &head, limits: limits) {
      sum &+= cursor &+ head.count
    }
  }
  return sum
}

/// Nanoseconds for one head: the least over many short batches, so that a busy machine does not
/// count.
private func nanoseconds(_ one: Case) -> Double {
  let batch = 500
  var least = UInt64.max
  for _ in 0..<4000 {
    let start = now()
    let sum = one.run(one.head.span, batch)
    least = min(least, now() - start)
    precondition(sum >= batch * one.head.count, "a head was not read")
  }
  return Double(least) / Double(batch)
}

private func now() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

@main struct ParserBench {
  static func main() {
    let words = CommandLine.arguments
    if words.count == 3, let count = Int(words[2]) {
      for one in cases() where one.name == words[1] { _ = one.run(one.head.span, count) }
      return
    }
    for one in cases() {
      let tenths = Int((nanoseconds(one) * 10).rounded())
      print("\(one.name) \(tenths / 10).\(tenths % 10)")
    }
  }
}
