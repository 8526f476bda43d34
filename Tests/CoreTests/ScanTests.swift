import BowlineCore
import Testing

@Suite struct ScanTests {
  private static let tokens = Set(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

  static func mayStandInValue(_ byte: UInt8) -> Bool {
    byte == 0x09 || byte >= 0x20 && byte != 0x7f
  }

  static func mayStandInTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f }

  private func naive(_ bytes: [UInt8], _ start: Int, _ may: (UInt8) -> Bool) -> Int {
    bytes[start...].firstIndex { !may($0) } ?? bytes.count
  }

  /// Every length and every place with the bytes at the borders, and every byte at one length,
  /// flush against the end of a page.
  @Test func endOfValueAgreesWithALoop() {
    let page = GuardPage()
    let borders: [UInt8] = [
      0x00, 0x01, 0x08, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0x89, 0x9f, 0xa0, 0xff,
    ]
    for length in 1...40 {
      for place in 0..<length {
        for byte in length == 19 ? Array(UInt8.min...UInt8.max) : borders {
          var bytes = [UInt8](repeating: 0x61, count: length)
          bytes[place] = byte
          let expected = naive(bytes, 0, Self.mayStandInValue)
          let found = page.atEnd(bytes) { Scan.endOfValue($0, from: 0) }
          if found != expected { Issue.record("byte \(byte) at \(place) of \(length): \(found)") }
        }
      }
    }
  }

  /// Random bytes, mostly harmless, from every start, with all three scans.
  @Test(arguments: 0..<20)
  func scansAgreeWithLoops(seed: Int) {
    var random = Seeded(seed)
    let page = GuardPage()
    for length in 0...40 {
      let bytes = (0..<length).map { _ in
        let byte = UInt8(truncatingIfNeeded: random.next())
        return random.below(12) == 0 ? byte : 0x61 + byte % 26
      }
      for start in 0...length {
        for isAtEnd in [true, false] {
          func scan(_ body: (Span<UInt8>) -> Int) -> Int {
            isAtEnd ? page.atEnd(bytes, body) : page.atStart(bytes, body)
          }
          let value = scan { Scan.endOfValue($0, from: start) }
          let token = scan { Scan.endOfToken($0, from: start) }
          let target = scan { Scan.endOfTarget($0, from: start) }
          #expect(value == naive(bytes, start, Self.mayStandInValue), "\(bytes) from \(start)")
          #expect(token == naive(bytes, start, Self.tokens.contains), "\(bytes) from \(start)")
          #expect(target == naive(bytes, start, Self.mayStandInTarget), "\(bytes) from \(start)")
        }
      }
    }
  }

  @Test func everyByteIsClassified() {
    for byte in UInt8.min...UInt8.max {
      #expect(Scan.isToken(byte) == Self.tokens.contains(byte), "\(byte)")
      let isCapital = byte >= 0x41 && byte <= 0x5a
      #expect(Scan.lowercased(byte) == (isCapital ? byte + 0x20 : byte), "\(byte)")
    }
  }

  @Test func comparingTextsIgnoresCaseOfLettersOnly() {
    for a in UInt8.min...UInt8.max {
      for b in UInt8.min...UInt8.max {
        let isSame = Scan.lowercased(a) == Scan.lowercased(b)
        let left = [0x78, a]
        let right = [0x58, b]
        if Scan.equalIgnoringCase(left.span, right.span) != isSame {
          Issue.record("\(a) and \(b)")
        }
      }
    }
    let text = Array("Content-Length".utf8)
    #expect(Scan.equalIgnoringCase(text.span, "content-lENGTH") == true)
    #expect(Scan.equalIgnoringCase(text.span, "content-lengt") == false)
    #expect(Scan.equalIgnoringCase(text.span, "content_length") == false)
    #expect(Scan.equal(text.span, "Content-Length") == true)
    #expect(Scan.equal(text.span, "Content-length") == false)
    #expect(Scan.equal(text.span, "Content-Length ") == false)
    let nothing: [UInt8] = []
    #expect(Scan.equal(nothing.span, "") == true)
    #expect(Scan.equalIgnoringCase(nothing.span, "") == true)
  }

  @Test func aStartOutsideTheSpanTraps() async {
    await #expect(processExitsWith: .failure) {
      let bytes: [UInt8] = [1, 2]
      print(Scan.endOfValue(bytes.span, from: 3))
    }
    await #expect(processExitsWith: .failure) {
      let bytes: [UInt8] = [1, 2]
      print(Scan.endOfToken(bytes.span, from: -1))
    }
    await #expect(processExitsWith: .failure) {
      let bytes: [UInt8] = [1, 2]
      print(Scan.endOfTarget(bytes.span, from: 3))
    }
  }

  /// The control: without a fault behind the page the tests above would prove nothing.
  @Test func theGuardPageGuards() async {
    await #expect(processExitsWith: .failure) {
      let page = GuardPage()
      print(page.touchBehind())
    }
  }

  /// The word-wise comparison agrees with the byte-wise rule for every pair of bytes, in every
  /// place of texts short and long.
  @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 17, 25])
  func comparesWithoutCase(_ count: Int) {
    var disagreements = 0
    for place in [0, count / 2, count - 1] {
      for left in UInt8.min...UInt8.max {
        for right in [left, left ^ 0x20, left ^ 0x80, left &+ 1, left &- 1, left ^ 0x60] {
          var a = [UInt8](repeating: 0x41, count: count)
          var b = [UInt8](repeating: 0x61, count: count)
          a[place] = left
          b[place] = right
          let expected = Scan.lowercased(left) == Scan.lowercased(right)
          if Scan.equalIgnoringCase(a.span, b.span) != expected { disagreements += 1 }
        }
      }
    }
    #expect(disagreements == 0)
    let shorter = [UInt8](repeating: 0x41, count: count - 1)
    let longer = [UInt8](repeating: 0x41, count: count)
    let ofTwoLengths = Scan.equalIgnoringCase(shorter.span, longer.span)
    #expect(!ofTwoLengths)
  }

  @Test func comparesNothingWithNothing() {
    let none: [UInt8] = []
    let spans = Scan.equalIgnoringCase(none.span, none.span)
    #expect(spans)
    let text = Scan.equalIgnoringCase(none.span, "")
    #expect(text)
  }
}
