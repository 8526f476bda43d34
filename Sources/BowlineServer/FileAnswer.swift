// Files: GET and HEAD, with the length, the type and the time of change.

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlineTransport

extension OriginServer {
  /// Answers from the directory.
  func answerFile(_ exchange: Handle, _ response: Handle) {
    let method = responses[response].method
    guard method == .get || method == .head else {
      refuseMethod(exchange, method)
      return
    }
    guard let directory, responses[response].path.count > 0 else {
      respond(exchange, 404, text: "404 Not Found\n")
      return
    }
    let last = responses[response].path[responses[response].path.count - 1]
    if last == 0x2f { responses[response].path.append("index.html") }
    do throws(SystemError) {
      let file = try Self.open(responses[response].path, in: directory)
      if file.isDirectory {
        redirectToDirectory(exchange, response)
      } else {
        send(file, exchange, response)
      }
    } catch {
      if error == .denied {
        respond(exchange, 403, text: "403 Forbidden\n")
      } else {
        respond(exchange, 404, text: "404 Not Found\n")
      }
    }
  }

  private static func open(
    _ path: borrowing ByteBuffer, in directory: Directory
  ) throws(SystemError) -> OpenFile {
    let bytes = path.span
    return try directory.open(bytes.extracting(1..<bytes.count))
  }

  /// A method that is known and not for files gets 405 with Allow; an unknown one 501.
  private func refuseMethod(_ exchange: Handle, _ method: Method) {
    begin(method == .other ? 501 : 405)
    if method != .other { scratch.value.add(.allow, "GET, HEAD") }
    scratch.value.add(.contentType, "text/plain; charset=utf-8")
    text.value.removeAll()
    text.value.append(method == .other ? "501 Not Implemented\n" : "405 Method Not Allowed\n")
    sendText(exchange)
  }

  /// `/dir` is where `/dir/` is; relative links in its index depend on it.
  private func redirectToDirectory(_ exchange: Handle, _ response: Handle) {
    begin(301)
    let slash = ByteBuffer(slash: links.exchanges[exchange].head)
    scratch.value.add(.location, slash.span)
    text.value.removeAll()
    text.value.append("301 Moved Permanently\n")
    sendText(exchange)
  }

  private func send(_ file: consuming OpenFile, _ exchange: Handle, _ response: Handle) {
    begin(200)
    scratch.value.add(.contentType, ContentType.of(responses[response].path))
    let changed = file.modificationSeconds
    scratch.value.add(.lastModified) { HTTPDate.append(changed, to: &$0) }
    let size = file.size
    if responses[response].method == .head {
      links.sendHead(exchange, scratch.value, body: .declared(size))
      links.sendEnd(exchange)
      return
    }
    links.sendHead(exchange, scratch.value, body: .length(size))
    responses[response].source = .file(file, offset: 0, left: size)
    produce(exchange, response)
  }
}

extension ByteBuffer {
  /// The path of the head's target with a slash behind it, and its query.
  fileprivate init(slash head: borrowing HeadBlock) {
    let target = head.target
    self.init(capacity: target.count + 1)
    var index = 0
    while index < target.count, target[index] != 0x3f { index += 1 }
    append(target.extracting(0..<index))
    append(0x2f)
    append(target.extracting(index..<target.count))
  }
}

/// Media types by the file name's ending.
enum ContentType {
  /// The type of the file called `name`; `application/octet-stream` when its ending says nothing.
  static func of(_ name: borrowing ByteBuffer) -> StaticString {
    let path = name.span
    var dot = path.count
    while dot > 0, path[dot - 1] != 0x2e, path[dot - 1] != 0x2f { dot -= 1 }
    guard dot > 0, path[dot - 1] == 0x2e else { return "application/octet-stream" }
    let ending = path.extracting(dot..<path.count)
    for (name, type) in types where Scan.equalIgnoringCase(ending, name) { return type }
    return "application/octet-stream"
  }

  private static let types: [(StaticString, StaticString)] = [
    ("html", "text/html; charset=utf-8"), ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"), ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"), ("json", "application/json"),
    ("txt", "text/plain; charset=utf-8"), ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"), ("xml", "application/xml"), ("svg", "image/svg+xml"),
    ("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("gif", "image/gif"),
    ("webp", "image/webp"), ("ico", "image/vnd.microsoft.icon"), ("pdf", "application/pdf"),
    ("wasm", "application/wasm"), ("woff2", "font/woff2"), ("mp4", "video/mp4"),
    ("gz", "application/gzip"), ("zip", "application/zip"),
  ]
}
