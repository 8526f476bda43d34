import BowlineCore
import BowlineJournal
import BowlineTransport
import Glibc
import Testing

/// Files through the proxy: conditions, ranges and validators are between client and origin.
@Suite struct FileAnswerTests {
  private static let path = "/FileAnswerTests.swift"

  /// The file, read by other means.
  private let content: [UInt8]
  private let directory: Directory

  init() throws {
    directory = try Directory.open(OriginStage.here)
    let file = try directory.open(octets(String(Self.path.dropFirst())).span)
    var buffer = ByteBuffer()
    var offset: UInt64 = 0
    while case let count = try file.read(at: offset, into: &buffer, limit: 65536), count > 0 {
      offset += UInt64(count)
    }
    content = (0..<buffer.count).map { buffer[$0] }
  }

  /// Asks on a connection that goes on. The body is read as far as its length says.
  private func ask(
    _ client: Wire, _ fields: [(String, String)] = [], method: String = "GET",
    _ path: String = Self.path
  ) -> (head: String, body: [UInt8]) {
    let lines = fields.map { "\($0.0): \($0.1)\r\n" }.joined()
    client.send("\(method) \(path) HTTP/1.1\r\nHost: h\r\n\(lines)\r\n")
    let head = client.head()
    let isBare = method == "HEAD" || head.hasPrefix("HTTP/1.1 304")
    let length = field("Content-Length", of: head).flatMap { Int($0) } ?? 0
    return (head, isBare ? [] : client.bytes(length))
  }

  private func status(_ head: String) -> String { String(head.dropFirst(9).prefix(3)) }

  @Test(arguments: Place.allCases)
  func validatorsAreTheSameForGETAndHEADAndAnswerWith304(_ place: Place) throws {
    let stage = try ProxyStage(place, .files(directory))
    let client = try stage.client()
    let get = ask(client)
    #expect(status(get.head) == "200")
    #expect(get.body == content)
    #expect(field("Accept-Ranges", of: get.head) == "bytes")
    #expect(field("X-Content-Type-Options", of: get.head) == "nosniff")
    #expect(field("Content-Type", of: get.head) == "application/octet-stream")
    let tag = try #require(field("ETag", of: get.head))
    let modified = try #require(field("Last-Modified", of: get.head))
    // The file is older than a build takes: its tag is strong.
    #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.count > 4)
    let head = ask(client, method: "HEAD")
    #expect(field("ETag", of: head.head) == tag)
    #expect(field("Last-Modified", of: head.head) == modified)
    #expect(field("Content-Length", of: head.head) == String(content.count))
    for condition in [("If-None-Match", tag), ("If-Modified-Since", modified)] {
      for method in ["GET", "HEAD"] {
        let answer = ask(client, [condition], method: method).head
        #expect(status(answer) == "304")
        #expect(field("ETag", of: answer) == tag)
        #expect(field("Last-Modified", of: answer) == modified)
        #expect(field("Date", of: answer) != nil)
        for absent in ["Content-Length", "Content-Type", "Transfer-Encoding", "Accept-Ranges"] {
          #expect(field(absent, of: answer) == nil)
        }
      }
    }
    stage.ended(6)
    #expect(client.isQuiet)
    #expect(stage.finish().ends == Array(repeating: .complete, count: 6))
  }

  @Test(arguments: Place.allCases)
  func failedPreconditionsAre412AndOthersSendTheFile(_ place: Place) throws {
    let stage = try ProxyStage(place, .files(directory))
    let client = try stage.client()
    let head = ask(client, method: "HEAD").head
    let tag = try #require(field("ETag", of: head))
    let long = "Thu, 01 Jan 1970 00:00:00 GMT"
    let cases: [([(String, String)], String)] = [
      ([("If-Match", "\"other\"")], "412"), ([("If-Match", "W/" + tag)], "412"),
      ([("If-Unmodified-Since", long)], "412"),
      ([("If-Match", "\"other\""), ("If-None-Match", tag), ("Range", "bytes=0-0")], "412"),
      ([("If-Match", tag)], "200"), ([("If-Match", "*")], "200"),
      ([("If-Match", tag), ("If-Unmodified-Since", long)], "200"),
      ([("If-None-Match", "\"other\"")], "200"), ([("If-Modified-Since", long)], "200"),
      ([("If-Modified-Since", "soon")], "200"),
      ([("If-None-Match", tag), ("Range", "bytes=0-0")], "304"),
      ([("If-Match", tag), ("Range", "bytes=0-0")], "206"),
    ]
    for (fields, expected) in cases {
      let answer = ask(client, fields)
      #expect(status(answer.head) == expected, "\(fields)")
      if expected == "200" { #expect(answer.body == content) }
      if expected == "412" { #expect(text(answer.body) == "412 Precondition Failed\n") }
    }
    // What is not there, or is elsewhere, has no state to compare with.
    for (path, expected) in [("/nothing", "404"), ("/../ProxyTests", "403"), ("/.", "301")] {
      let answer = ask(client, [("If-Match", "\"x\""), ("Range", "bytes=0-0")], path)
      #expect(status(answer.head) == expected)
    }
    #expect(client.isQuiet)
    stage.finish()
  }

  @Test(arguments: Place.allCases)
  func aRangeIsAPartOfTheFile(_ place: Place) throws {
    let stage = try ProxyStage(place, .files(directory))
    let client = try stage.client()
    let size = content.count
    let whole = ask(client, method: "HEAD").head
    let tag = try #require(field("ETag", of: whole))
    let ranges = [
      ("0-9", 0..<10), ("5-5", 5..<6), ("100-", 100..<size), ("-7", size - 7..<size),
      ("10-99999999999999999999999", 10..<size), ("-99999999999999999999999", 0..<size),
    ]
    for (spec, range) in ranges {
      for condition in [[], [("If-Range", tag)]] {
        let answer = ask(client, [("Range", "bytes=\(spec)")] + condition)
        #expect(status(answer.head) == "206")
        let shown = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
        #expect(field("Content-Range", of: answer.head) == shown)
        #expect(field("Content-Length", of: answer.head) == String(range.count))
        #expect(field("ETag", of: answer.head) == tag)
        #expect(answer.body == Array(content[range]))
      }
    }
    for spec in ["bytes=\(size)-", "bytes=-0", "bytes=99999999999999999999999-"] {
      let answer = ask(client, [("Range", spec)])
      #expect(status(answer.head) == "416")
      #expect(field("Content-Range", of: answer.head) == "bytes */\(size)")
      #expect(text(answer.body) == "416 Range Not Satisfiable\n")
    }
    let ignored: [[(String, String)]] = [
      [("Range", "bytes=0-1,5-6")], [("Range", "lines=0-9")], [("Range", "bytes=9-0")],
      [("Range", "bytes=0-9"), ("If-Range", "\"other\"")],
      [("Range", "bytes=0-9"), ("If-Range", "W/" + tag)],
      [("Range", "bytes=0-9"), ("If-Range", "Thu, 01 Jan 1970 00:00:00 GMT")],
    ]
    for fields in ignored {
      let answer = ask(client, fields)
      #expect(status(answer.head) == "200", "\(fields)")
      #expect(answer.body == content)
    }
    let head = ask(client, [("Range", "bytes=0-9")], method: "HEAD").head
    #expect(status(head) == "200")
    #expect(field("Content-Length", of: head) == String(size))
    #expect(client.isQuiet)
    stage.finish()
  }

  /// Trailers take the place of the head: what the request asked must be known all the same, and
  /// what a trailer says is no condition.
  @Test func conditionsOutliveTrailersAndAreNoTrailers() throws {
    let stage = try OriginStage(wallSeconds: Clock.wallSeconds() + 60)
    func ask(_ fields: String, trailers: String, _ path: String = Self.path) throws -> String {
      try stage.ask(
        "GET \(path) HTTP/1.1\r\nHost: h\r\n\(fields)Transfer-Encoding: chunked\r\n\r\n"
          + "0\r\n\(trailers)\r\n"
      ).text
    }
    let ranged = try ask("Range: bytes=0-4\r\n", trailers: "X: 1\r\n")
    #expect(ranged.hasPrefix("HTTP/1.1 206 "))
    #expect(ranged.hasSuffix("\r\n\r\nimpor"))
    let plain = try ask("", trailers: "Range: bytes=0-4\r\nIf-None-Match: *\r\n")
    #expect(plain.hasPrefix("HTTP/1.1 200 "))
    let moved = try ask("", trailers: "X: 1\r\n", "/.?a=b")
    #expect(field("Location", of: moved) == "/./?a=b")
  }
}

/// Files that change, in a directory of their own.
@Suite final class ChangingFileTests {
  private let directory: String

  init() throws {
    var template = Array("/tmp/bowline-changing-XXXXXX".utf8CString)
    directory = unsafe try template.withUnsafeMutableBufferPointer { name in
      let made = unsafe name.baseAddress.flatMap { unsafe mkdtemp($0) }
      return unsafe String(cString: try #require(made))
    }
  }

  deinit {
    for name in ["file.txt", "other.txt"] { _ = unsafe unlink("\(directory)/\(name)") }
    _ = unsafe rmdir(directory)
  }

  private func write(_ bytes: [UInt8], to name: String = "file.txt", appending: Bool = false) throws
  {
    let flags = O_CREAT | O_WRONLY | (appending ? O_APPEND : O_TRUNC)
    let fd = unsafe open("\(directory)/\(name)", flags, 0o644)
    try #require(fd >= 0)
    #expect(unsafe Glibc.write(fd, bytes, bytes.count) == bytes.count)
    close(fd)
  }

  /// Gives the file another time of modification, as `cp -p` does.
  private func date(_ seconds: Int, _ name: String = "file.txt") {
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    #expect(unsafe utimensat(AT_FDCWD, "\(directory)/\(name)", times, 0) == 0)
  }

  private func head(_ stage: OriginStage, _ fields: String = "") throws -> String {
    try stage.ask("GET /file.txt HTTP/1.1\r\nHost: h\r\n\(fields)\r\n").text
  }

  @Test func theTagOfAFreshFileIsWeakUntilItIsSettled() throws {
    try write(octets("hello"))
    let stage = try OriginStage(directory, wallSeconds: Clock.wallSeconds())
    let fresh = try #require(field("ETag", of: head(stage)))
    #expect(fresh.hasPrefix("W/\"5-"))
    let early = try head(stage, "Range: bytes=1-\r\nIf-Range: \(fresh.dropFirst(2))\r\n")
    #expect(early.hasPrefix("HTTP/1.1 200 "))
    stage.pass(milliseconds: 4000)
    let settled = try #require(field("ETag", of: head(stage)))
    #expect("W/" + settled == fresh)
    #expect(try head(stage, "If-None-Match: \(fresh)\r\n").hasPrefix("HTTP/1.1 304 "))
    let late = try head(stage, "Range: bytes=1-\r\nIf-Range: \(settled)\r\n")
    #expect(late.hasSuffix("\r\n\r\nello"))
  }

  /// Same length, same name, same time of modification: other bytes have another tag.
  @Test func theTagChangesWithTheBytes() throws {
    let stage = try OriginStage(directory, wallSeconds: Clock.wallSeconds() + 60)
    var tags: Set<String> = []
    func expectAnother() throws {
      date(1)
      let answer = try head(stage)
      #expect(field("Last-Modified", of: answer) == "Thu, 01 Jan 1970 00:00:01 GMT")
      #expect(tags.insert(try #require(field("ETag", of: answer))).inserted)
    }
    try write(octets("hello"))
    try expectAnother()
    try write(octets("world"), to: "other.txt")
    date(1, "other.txt")
    #expect(unsafe rename("\(directory)/other.txt", "\(directory)/file.txt") == 0)
    try expectAnother()
    try write(octets("world!"))
    try expectAnother()
  }

  @Test func aChangeThatIsToComeIsSaidToBeNow() throws {
    try write(octets("hello"))
    date(4_000_000_000)
    let stage = try OriginStage(directory)
    let answer = try head(stage)
    #expect(field("Last-Modified", of: answer) == field("Date", of: answer))
    let modified = try #require(field("Last-Modified", of: answer))
    #expect(try head(stage, "If-Modified-Since: \(modified)\r\n").hasPrefix("HTTP/1.1 200 "))
  }

  @Test func aRangeOfAnEmptyFileIsTheEmptyFile() throws {
    try write([])
    let stage = try OriginStage(directory)
    for range in ["0-", "0-0", "-5", "5-"] {
      let answer = try head(stage, "Range: bytes=\(range)\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200 "))
      #expect(field("Content-Length", of: answer) == "0")
      #expect(field("Content-Range", of: answer) == nil)
    }
  }

  private static let large = 8 << 20

  @Test func aFileThatShrinksWhileItIsSentEndsTheConnectionVisibly() throws {
    try write([UInt8](repeating: 0x78, count: Self.large))
    let stage = try OriginStage(directory)
    let socket = try stage.begin("GET /file.txt HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(unsafe truncate("\(directory)/file.txt", 100) == 0)
    let answer = stage.read(socket)
    #expect(field("Content-Length", of: answer.text) == String(Self.large))
    #expect(answer.text.utf8.count < Self.large)
    #expect(answer.ended)
    #expect(stage.ends() == [.usErrorFile])
  }

  @Test func aFileThatGrowsWhileItIsSentIsSentAsItWas() throws {
    try write([UInt8](repeating: 0x78, count: Self.large))
    let stage = try OriginStage(directory)
    let socket = try stage.begin("GET /file.txt HTTP/1.1\r\nHost: h\r\n\r\n")
    try write(octets("more"), appending: true)
    let answer = stage.read(socket)
    let body = try #require(answer.text.firstRange(of: "\r\n\r\n")).upperBound
    #expect(answer.text[body...].utf8.count == Self.large)
    #expect(answer.text.hasSuffix("xxxx"))
    #expect(!answer.ended)
    #expect(stage.ends() == [.complete])
  }
}
