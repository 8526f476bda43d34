import BowlineCore
import Testing

@Suite struct HeadBlockTests {
  @Test func aRequestIsComposed() {
    var head = HeadBlock()
    let (method, target) = (Array("GET".utf8), Array("/a?b".utf8))
    let (name, value) = (Array("X-Own".utf8), Array("1\t2".utf8))
    head.compose(method: method.span, target: target.span)
    head.add(.host, "h:80")
    head.add(.other, nameBytes: name.span, value: value.span)
    head.add(.contentLength) { $0.append(decimal: 42) }
    #expect(head.start.method == .get)
    #expect(text(head.method) == "GET")
    #expect(text(head.target) == "/a?b")
    #expect(text(head.fieldLines) == "Host: h:80\r\nX-Own: 1\t2\r\nContent-Length: 42\r\n")
    #expect(head.count == 3)
    #expect(text(head.name(1)) == "X-Own")
    #expect(text(head.value(1)) == "1\t2")
    #expect(head[2].name == .contentLength)
    #expect(text(head.value(2)) == "42")
    #expect(head.first(.contentLength) == 2)
    #expect(head.first(.contentLength, from: 3) == nil)
    #expect(head.contains(.host) == true)
    #expect(head.contains(.via) == false)
  }

  @Test func aResponseIsComposed() {
    var head = HeadBlock()
    head.compose(status: 404)
    head.add(.server, "")
    #expect(text(head.reason) == "Not Found")
    #expect(text(head.fieldLines) == "Server: \r\n")
    #expect(head.value(0).count == 0)
    let reason = Array("Nö".utf8)
    head.compose(status: 299, reason: reason.span)
    #expect(text(head.reason) == "Nö")
    #expect(head.start.status == 299)
    #expect(head.count == 0)
    #expect(head.fieldLines.count == 0)
  }

  @Test func aHeadMayHaveManyFields() {
    var head = HeadBlock()
    head.compose(status: 200)
    for number in 0..<300 {
      head.add(number % 2 == 0 ? .via : .cookie) { $0.append(decimal: UInt64(number)) }
    }
    #expect(head.count == 300)
    for number in 0..<300 {
      #expect(text(head.value(number)) == "\(number)")
      #expect(head[number].name == (number % 2 == 0 ? .via : .cookie))
    }
    #expect(head.first(.cookie, from: 200) == 201)
    head.removeAll()
    #expect(head.count == 0)
    #expect(head.bytes.isEmpty == true)
  }

  // covers: R043, R050
  @Test(arguments: [0x00, 0x01, 0x0a, 0x0d, 0x1f, 0x7f] as [UInt8])
  func aControlByteNeverReachesTheWire(byte: UInt8) async {
    await #expect(processExitsWith: .failure) { [byte] in
      var head = HeadBlock()
      head.compose(status: 200)
      let value = [0x61, byte, 0x62]
      head.add(.location, value.span)
    }
    await #expect(processExitsWith: .failure) { [byte] in
      var head = HeadBlock()
      head.compose(status: 200)
      head.add(.location) { $0.append(byte) }
    }
    await #expect(processExitsWith: .failure) { [byte] in
      var head = HeadBlock()
      head.compose(status: 200)
      let name = [0x61, byte]
      let value: [UInt8] = [0x62]
      head.add(.other, nameBytes: name.span, value: value.span)
    }
    await #expect(processExitsWith: .failure) { [byte] in
      var head = HeadBlock()
      let method: [UInt8] = [0x47]
      let target = [0x2f, byte]
      head.compose(method: method.span, target: target.span)
    }
    await #expect(processExitsWith: .failure) { [byte] in
      var head = HeadBlock()
      let reason = [0x4f, byte]
      head.compose(status: 200, reason: reason.span)
    }
  }

  @Test func ourOwnMistakesTrap() async {
    await #expect(processExitsWith: .failure) {
      var head = HeadBlock()
      head.compose(status: 200)
      head.add(.other, "a field without a name")
    }
    await #expect(processExitsWith: .failure) {
      var head = HeadBlock()
      head.compose(status: 200)
      print(head[0].nameLength)
    }
  }
}
