// Files: GET and HEAD, with length, type and validators; conditions and ranges.

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
      refuse(exchange, error)
    }
  }

  /// Only what is not there is 404, which caches may keep.
  private func refuse(_ exchange: Handle, _ error: SystemError) {
    if error == .denied {
      respond(exchange, 403, text: "403 Forbidden\n")
    } else if error == .notFound || error.isNoName {
      respond(exchange, 404, text: "404 Not Found\n")
    } else if error.isShortage {
      respond(exchange, 503, text: "503 Service Unavailable\n")
    } else {
      respond(exchange, 500, text: "500 Internal Server Error\n")
    }
  }

  private static func open(
    _ path: borrowing ByteBuffer, in directory: Directory
  ) throws(SystemError) -> OpenFile {
    let bytes = path.span
    return try directory.open(bytes.extracting(1..<bytes.count))
  }

  /// A method that is known and not for files gets 405 with Allow; an unknown one 501.
  func refuseMethod(_ exchange: Handle, _ method: Method) {
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
    let slash = ByteBuffer(slash: responses[response].request)
    scratch.value.add(.location, slash.span)
    text.value.removeAll()
    text.value.append("301 Moved Permanently\n")
    sendText(exchange)
  }

  private func send(_ file: consuming OpenFile, _ exchange: Handle, _ response: Handle) {
    let now = links.wallClockSeconds
    validators.value.take(file, now: now)
    switch Preconditions.outcome(responses[response].request, validators.value, now: now) {
    case .notModified:
      begin(304)
      scratch.value.add(validators.value, now: now)
      links.sendHead(exchange, scratch.value, body: .none)
      links.sendEnd(exchange)
      return
    case .failed:
      respond(exchange, 412, text: "412 Precondition Failed\n")
      return
    case .proceed: break
    }
    let size = file.size
    switch ByteRange(responses[response].request, of: size, validators.value, now: now) {
    case .whole:
      beginFile(200, response, now: now)
      send(file, 0..<size, exchange, response)
    case .part(let range):
      beginFile(206, response, now: now)
      scratch.value.add(.contentRange) { $0.append(range, of: size) }
      send(file, range, exchange, response)
    case .unsatisfiable:
      begin(416)
      scratch.value.add(.acceptRanges, "bytes")
      scratch.value.add(.contentRange) { $0.append(nil, of: size) }
      scratch.value.add(.contentType, "text/plain; charset=utf-8")
      text.value.removeAll()
      text.value.append("416 Range Not Satisfiable\n")
      sendText(exchange)
    }
  }

  /// Composes the head of an answer that carries the file, or a part of it.
  private func beginFile(_ status: Status, _ response: Handle, now: Int64) {
    begin(status)
    scratch.value.add(validators.value, now: now)
    scratch.value.add(.acceptRanges, "bytes")
    scratch.value.add(.contentType, ContentType.of(responses[response].path))
    // The type follows from the name alone, and a directory may hold what others have put there: a
    // browser must not guess a script from a file that is called a picture.
    scratch.value.add("X-Content-Type-Options", "nosniff")
  }

  /// Sends `scratch.value`, and these bytes of the file behind it.
  private func send(
    _ file: consuming OpenFile, _ range: Range<UInt64>, _ exchange: Handle, _ response: Handle
  ) {
    let count = range.upperBound - range.lowerBound
    if responses[response].method == .head {
      links.sendHead(exchange, scratch.value, body: .declared(count))
      links.sendEnd(exchange)
      return
    }
    links.sendHead(exchange, scratch.value, body: .length(count))
    responses[response].source = .file(file, offset: range.lowerBound, left: count)
    produce(exchange, response)
  }
}

extension ByteBuffer {
  /// Appends the value of a Content-Range; without a range it says that there is none.
  fileprivate mutating func append(_ range: Range<UInt64>?, of size: UInt64) {
    append("bytes ")
    if let range {
      append(decimal: range.lowerBound)
      append(0x2d)
      append(decimal: range.upperBound - 1)
    } else {
      append(0x2a)
    }
    append(0x2f)
    append(decimal: size)
  }

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
