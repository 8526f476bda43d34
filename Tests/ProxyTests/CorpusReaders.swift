/// A reading of request boundaries of its own, as plain as possible: nothing of ours is used. The
/// strict one takes only what RFC 9112 lets a sender write. The others make the mistakes that are
/// known of servers, one each; over what we forward they must all come to the same requests.
struct BoundaryReading: Sendable {
  let name: String
  /// A lone LF ends a line too.
  var takesLoneLF = false
  /// Of length and coding, the length counts.
  var lengthWins = false
  /// Of several lengths the last one counts, and digits count up to the first other byte.
  var looseLength = false
  /// Any coding in which `chunked` occurs is chunked.
  var looseCoding = false
  /// Whitespace and controls around a field name do not count.
  var trimsNames = false

  static let strict = BoundaryReading(name: "strict")
  static let mistaken = [
    BoundaryReading(name: "takes a lone LF", takesLoneLF: true),
    BoundaryReading(name: "prefers the length", lengthWins: true),
    BoundaryReading(name: "takes any length", looseLength: true),
    BoundaryReading(name: "takes any coding", looseCoding: true),
    BoundaryReading(name: "trims names", trimsNames: true),
  ]

  private var isStrict: Bool { name == "strict" }
}

/// A request as a reading sees it.
struct SeenRequest: Equatable {
  var line = ""
  var framing = "none"
  var body = ""
  var trailers: [String] = []

  /// `POST /a HTTP/1.1 | length 5 | hello`, then trailers.
  var text: String {
    let parts = [line, framing] + (body.isEmpty ? [] : [body]) + trailers
    return parts.joined(separator: " | ")
  }
  var method: String { String(line.prefix { $0 != " " }) }
  var target: String { line.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
}

/// What a reading found at a place.
enum Found: Equatable {
  case request(SeenRequest, end: Int)
  /// More bytes are needed.
  case part
  case fault(String)
}

extension BoundaryReading {
  /// The request that begins at `start` of `bytes`.
  func request(in bytes: [UInt8], from start: Int) -> Found {
    var at = start
    var request = SeenRequest()
    guard let first = line(bytes, &at) else { return .part }
    request.line = text(first)
    if isStrict && !request.line.contains(#/^[!-~]+ [!-~]+ HTTP\/1\.1$/#) {
      return .fault("request line '\(request.line)'")
    }
    var lengths: [String] = []
    var codings: [String] = []
    while true {
      guard let next = line(bytes, &at) else { return .part }
      if next.isEmpty { break }
      guard let (name, value) = field(text(next)) else { return .fault("line '\(text(next))'") }
      if name == "content-length" { lengths.append(value) }
      if name == "transfer-encoding" { codings.append(value) }
    }
    if isStrict && lengths.count + codings.count > 1 { return .fault("framed twice") }
    let isChunked =
      looseCoding
      ? codings.contains { $0.lowercased().contains("chunked") } : codings.last == "chunked"
    if isStrict && !codings.isEmpty && !isChunked { return .fault("coding \(codings)") }
    if isChunked && !(lengthWins && !lengths.isEmpty) {
      request.framing = "chunked"
      return chunks(of: request, bytes, at)
    }
    guard let length = looseLength ? lengths.last : lengths.first else {
      return .request(request, end: at)
    }
    let digits = length.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int(digits), looseLength || digits.count == length.count else {
      return .fault("length '\(length)'")
    }
    request.framing = "length \(count)"
    if bytes.count - at < count { return .part }
    request.body = text(bytes[at..<at + count])
    return .request(request, end: at + count)
  }

  /// The bytes of the line at `at`, which is moved behind its end.
  private func line(_ bytes: [UInt8], _ at: inout Int) -> ArraySlice<UInt8>? {
    var end = at
    while end < bytes.count {
      let endsHere = bytes[end] == 10 && (takesLoneLF || end > at && bytes[end - 1] == 13)
      if endsHere {
        let last = end > at && bytes[end - 1] == 13 ? end - 1 : end
        let line = bytes[at..<last]
        at = end + 1
        return line
      }
      end += 1
    }
    return nil
  }

  private func field(_ line: String) -> (name: String, value: String)? {
    guard let colon = line.firstIndex(of: ":") else { return nil }
    var name = String(line[..<colon])
    if trimsNames { name = name.filter { $0 > " " && $0.isASCII } }
    let value = line[line.index(after: colon)...]
    if isStrict {
      let isToken = name.contains(#/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/#)
      let isClean = value.unicodeScalars.allSatisfy {
        $0.value >= 32 && $0.value != 127 || $0 == "\t"
      }
      if !isToken || !isClean { return nil }
    }
    let trimmed = value.drop { $0 == " " || $0 == "\t" }
    return (name.lowercased(), String(trimmed))
  }

  private func chunks(of head: SeenRequest, _ bytes: [UInt8], _ start: Int) -> Found {
    var request = head
    var at = start
    while true {
      guard let size = line(bytes, &at) else { return .part }
      let digits = text(size).prefix { $0.isHexDigit }
      guard let count = Int(digits, radix: 16), !isStrict || digits.count == size.count else {
        return .fault("chunk size '\(text(size))'")
      }
      if count == 0 { break }
      if bytes.count - at < count + 2 { return .part }
      request.body += text(bytes[at..<at + count])
      at += count
      guard let end = line(bytes, &at), end.isEmpty else { return .fault("a chunk's end") }
    }
    while true {
      guard let next = line(bytes, &at) else { return .part }
      if next.isEmpty { return .request(request, end: at) }
      request.trailers.append(text(next))
    }
  }
}

/// A response as a strict client sees it.
struct SeenResponse {
  var status = ""
  var fields: [String: String] = [:]
  var body = ""
  var isWhole = false
}

/// Every response in what a client has received, by a reading of its own.
struct ResponseReading {
  private let bytes: [UInt8]
  private let isEnded: Bool
  private var at = 0
  private(set) var all: [SeenResponse] = []
  /// What was no response.
  private(set) var fault: String?

  init(_ bytes: [UInt8], to methods: [String], isEnded: Bool) {
    self.bytes = bytes
    self.isEnded = isEnded
    var answered = 0
    while at < bytes.count && fault == nil {
      var response = SeenResponse()
      if !readHead(&response) { break }
      if response.status.hasPrefix("1") {
        response.isWhole = true
      } else {
        readBody(&response, answered < methods.count ? methods[answered] : "GET")
        answered += 1
      }
      all.append(response)
      if !response.isWhole { break }
    }
  }

  /// The line at `at` without its CRLF; nil when it is not all there.
  private mutating func line() -> String? {
    var end = at
    while end + 1 < bytes.count {
      if bytes[end] == 13 && bytes[end + 1] == 10 {
        defer { at = end + 2 }
        return text(bytes[at..<end])
      }
      end += 1
    }
    return nil
  }

  private mutating func readHead(_ response: inout SeenResponse) -> Bool {
    guard let first = line() else { return broken("half a head") }
    guard let match = first.firstMatch(of: #/^HTTP\/1\.1 ([1-9][0-9][0-9]) [^\r\n]*$/#) else {
      return broken("status line '\(first)'")
    }
    response.status = String(match.1)
    while true {
      guard let next = line() else { return broken("half a head") }
      if next.isEmpty { return true }
      let pattern = #/^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\r\n]*)$/#
      guard let field = next.firstMatch(of: pattern),
        response.fields.updateValue(String(field.2), forKey: field.1.lowercased()) == nil
      else { return broken("field '\(next)'") }
    }
  }

  private mutating func broken(_ what: String) -> Bool {
    fault = what
    return false
  }

  private mutating func readBody(_ response: inout SeenResponse, _ method: String) {
    let length = response.fields["content-length"]
    let coding = response.fields["transfer-encoding"]
    if length != nil && coding != nil {
      fault = "framed twice"
    } else if method == "HEAD" || response.status == "204" || response.status == "304" {
      response.isWhole = true
    } else if let length {
      guard let count = Int(length), length.allSatisfy(\.isNumber) else {
        fault = "length \(length)"
        return
      }
      let end = min(bytes.count, at + count)
      response.body = text(bytes[at..<end])
      response.isWhole = end - at == count
      at = end
    } else if coding == "chunked" {
      readChunks(&response)
    } else if coding != nil {
      fault = "coding \(coding ?? "")"
    } else {
      response.body = text(bytes[at...])
      response.isWhole = isEnded
      at = bytes.count
    }
  }

  private mutating func readChunks(_ response: inout SeenResponse) {
    while let size = line() {
      guard let count = Int(size, radix: 16) else {
        fault = "chunk size '\(size)'"
        return
      }
      if count > 0 {
        if bytes.count - at < count + 2 { break }
        response.body += text(bytes[at..<at + count])
        at += count
        if line() != "" { fault = "a chunk's end" }
        continue
      }
      while let trailer = line() {
        if trailer.isEmpty {
          response.isWhole = true
          return
        }
      }
      break
    }
    at = bytes.count
  }
}
