import BowlineCore
import Testing

@Suite struct ByteBufferTests {
  /// Every operation against a plain array, at random, by seed.
  @Test(arguments: 0..<40)
  func behavesAsAnArray(seed: Int) {
    var random = Seeded(seed)
    var buffer = ByteBuffer(capacity: random.below(64))
    var model: [UInt8] = []
    for step in 0..<300 {
      mutate(&buffer, &model, &random)
      let same = buffer.count == model.count && array(buffer.span) == model
      #expect(same, "seed \(seed), step \(step)")
      if !same { return }
      #expect(buffer.isEmpty == model.isEmpty)
      if let last = model.indices.last {
        let index = random.below(last + 1)
        #expect(buffer[index] == model[index])
      }
    }
  }

  private func mutate(_ buffer: inout ByteBuffer, _ model: inout [UInt8], _ random: inout Seeded) {
    switch random.below(12) {
    case 0, 1, 2:
      let bytes = random.bytes(random.below(80))
      buffer.append(bytes.span)
      model += bytes
    case 3:
      let byte = UInt8(truncatingIfNeeded: random.next())
      buffer.append(byte)
      model.append(byte)
    case 4:
      buffer.append("a static text")
      model += Array("a static text".utf8)
    case 5:
      let number = random.next() >> UInt64(random.below(64))
      buffer.append(decimal: number)
      model += Array(String(number).utf8)
    case 6:
      let number = random.next() >> UInt64(random.below(64))
      buffer.append(hexadecimal: number)
      model += Array(String(number, radix: 16).utf8)
    case 7, 8:
      let count = random.below(model.count + 1)
      buffer.consume(count)
      model.removeFirst(count)
    case 9:
      let count = random.below(model.count + 1)
      buffer.truncate(to: count)
      model.removeLast(model.count - count)
    case 10:
      let wanted = random.below(200)
      buffer.reserve(wanted)
      let capacity = buffer.capacity
      #expect(capacity >= buffer.count + wanted)
      let bytes = random.bytes(wanted)
      buffer.append(bytes.span)
      model += bytes
      #expect(buffer.capacity == capacity, "reserved space was not used")
    default:
      let bytes = random.bytes(random.below(50))
      unsafe buffer.withFreeSpace(minimum: bytes.count) { free in
        for (index, byte) in bytes.enumerated() { unsafe free[index] = byte }
        return bytes.count
      }
      model += bytes
      if random.below(20) == 0 {
        buffer.removeAll()
        model = []
      }
    }
  }

  @Test(arguments: [0, 1, 9, 10, 15, 16, 255, 4096, UInt64(UInt32.max), UInt64.max])
  func numbersAreWritten(number: UInt64) {
    var buffer = ByteBuffer()
    buffer.append(decimal: number)
    buffer.append(" ")
    buffer.append(hexadecimal: number)
    #expect(text(buffer.span) == "\(number) \(String(number, radix: 16))")
  }

  @Test func textOfOneLetterIsWritten() {
    var buffer = ByteBuffer()
    buffer.append("x")
    buffer.append(utf8: "é")
    #expect(text(buffer.span) == "xé")
  }

  @Test func aDrainedBufferKeepsItsStorage() {
    var buffer = ByteBuffer(capacity: 64)
    let bytes = [UInt8](repeating: 7, count: 60)
    for _ in 0..<100 {
      buffer.append(bytes.span)
      buffer.consume(30)
      buffer.consume(30)
    }
    #expect(buffer.capacity == 64)
  }

  /// A reader that lags behind a steady writer makes the buffer compact itself, not grow.
  @Test func aLaggingReaderDoesNotGrowIt() {
    var buffer = ByteBuffer(capacity: 64)
    let bytes = [UInt8](repeating: 7, count: 16)
    buffer.append(bytes.span)
    for _ in 0..<1000 {
      buffer.append(bytes.span)
      buffer.consume(16)
    }
    #expect(buffer.capacity == 64)
    #expect(buffer.count == 16)
  }

  @Test func ourOwnMistakesTrap() async {
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append("abc")
      buffer.consume(4)
    }
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append("abc")
      buffer.truncate(to: 4)
    }
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append("abc")
      print(buffer[3])
    }
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer(capacity: 16)
      unsafe buffer.withFreeSpace(minimum: 1) { $0.count + 1 }
    }
  }
}

func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

func text(_ span: Span<UInt8>) -> String { String(decoding: array(span), as: UTF8.self) }
