import BowlineCore
import BowlineTransport
import Glibc
import Testing

/// A tree of its own for each test:
/// `root/a.txt` ("hello"), `root/sub/b.txt`, `secret.txt` beside the root, and links.
private final class Tree {
  let top: String

  init() throws {
    var template = Array("/tmp/bowline-files-XXXXXX".utf8CString)
    top = unsafe try template.withUnsafeMutableBufferPointer { name in
      let made = unsafe name.baseAddress.flatMap { unsafe mkdtemp($0) }
      return unsafe String(cString: try #require(made))
    }
    try makeDirectory("root")
    try makeDirectory("root/sub")
    try write("root/a.txt", "hello")
    try write("root/sub/b.txt", "below")
    try write("secret.txt", "secret")
    try link("root/out", to: "../secret.txt")
    try link("root/absolute", to: "\(top)/secret.txt")
    try link("root/up", to: "..")
    try link("root/inside", to: "sub/b.txt")
    try link("root/proc", to: "/proc/self/root")
    try #require(unsafe mkfifo("\(top)/root/pipe", 0o644) == 0)
  }

  private func makeDirectory(_ name: String) throws {
    try #require(unsafe mkdir("\(top)/\(name)", 0o755) == 0)
  }

  private func link(_ name: String, to target: String) throws {
    try #require(unsafe symlink(target, "\(top)/\(name)") == 0)
  }

  private func write(_ name: String, _ text: String) throws {
    let fd = unsafe open("\(top)/\(name)", O_CREAT | O_WRONLY, 0o644)
    try #require(fd >= 0)
    let bytes = Array(text.utf8)
    #expect(unsafe Glibc.write(fd, bytes, bytes.count) == bytes.count)
    close(fd)
  }

  deinit {
    for name in ["a.txt", "sub/b.txt", "out", "absolute", "up", "inside", "proc", "pipe"] {
      _ = unsafe unlink("\(top)/root/\(name)")
    }
    _ = unsafe unlink("\(top)/secret.txt")
    for name in ["root/sub", "root", ""] { _ = unsafe rmdir("\(top)/\(name)") }
  }
}

@Suite struct FileSourceTests {
  private let tree: Tree
  private let root: Directory

  init() throws {
    tree = try Tree()
    root = try Directory.open("\(tree.top)/root")
  }

  private func read(_ file: borrowing OpenFile) throws -> String {
    var buffer = ByteBuffer()
    var offset: UInt64 = 0
    while true {
      let count = try file.read(at: offset, into: &buffer, limit: 3)
      if count == 0 { break }
      offset += UInt64(count)
    }
    return String(decoding: (0..<buffer.count).map { buffer[$0] }, as: UTF8.self)
  }

  @Test(arguments: Directory.Way.allCases)
  func aFileIsReadInPieces(way: Directory.Way) throws {
    let file = try root.open(Array("a.txt".utf8).span, way)
    let (size, isDirectory, modified) = (file.size, file.isDirectory, file.modificationSeconds)
    #expect(size == 5)
    #expect(!isDirectory)
    #expect(modified > 1_600_000_000)
    let text = try read(file)
    #expect(text == "hello")
    var buffer = ByteBuffer()
    let beyond = try file.read(at: .max, into: &buffer, limit: 3)
    #expect(beyond == 0)
    let below = try read(try root.open(Array("sub//b.txt".utf8).span, way))
    #expect(below == "below")
  }

  @Test(arguments: Directory.Way.allCases)
  func directoriesAreToldFromFiles(way: Directory.Way) throws {
    for name in ["sub", "sub/", ".", ""] {
      let isDirectory = try root.open(Array(name.utf8).span, way).isDirectory
      #expect(isDirectory, "\(name)")
    }
  }

  @Test(
    arguments: [
      "../secret.txt", "sub/../../secret.txt", "/etc/passwd", "/", "out", "absolute",
      "up/secret.txt", "up", "..", "proc", "proc/etc/passwd", "sub/../..",
      "pipe",
    ], Directory.Way.allCases)
  func nothingLeadsOut(name: String, way: Directory.Way) {
    // Walking cannot tell a link to a directory from a file: "not found" is as good.
    let error = #expect(throws: SystemError.self) {
      _ = try root.open(Array(name.utf8).span, way).size
    }
    #expect(error == .denied || way == .walking && error == .notFound)
  }

  @Test(
    arguments: ["nothing", "a.txt/", "a.txt/b", "a.txt\0/../secret", "\0"], Directory.Way.allCases)
  func whatIsNotThereIsNotFound(name: String, way: Directory.Way) {
    #expect(throws: SystemError.notFound) {
      _ = try root.open(Array(name.utf8).span, way).size
    }
  }

  @Test func aNameTooLongIsAnErrorAndNoTrap() {
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
    #expect(throws: SystemError(code: ENAMETOOLONG)) { _ = try root.open(long.span).size }
  }

  @Test func aLinkThatStaysInsideIsFollowed() throws {
    let text = try read(try root.open(Array("inside".utf8).span))
    #expect(text == "below")
  }

  @Test func aMissingRootIsAnError() {
    #expect(throws: SystemError.notFound) { _ = try Directory.open("\(tree.top)/nowhere") }
    #expect(SystemError.notFound.description == "No such file or directory")
  }
}
