import BowlineCore

/// Each line of the input as the value of a Via field, and of a Max-Forwards field.
enum ViaInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    try checkHops(PlainHead(.maxForwards, input))
    let plain = PlainHead(.via, input)
    let head = plain.request("GET")
    let places = Set(plain.values(.via).flatMap(receivers))
    // We, and every word that is there.
    let blanks: Set<UInt8> = [0x09, 0x20, 0x2c]
    let words = plain.values(.via).flatMap { $0.split { blanks.contains($0) } }.prefix(16)
    for word in [Array("bowline".utf8)[...]] + words {
      var name = ByteBuffer()
      for byte in word { name.append(byte) }
      try require(
        Via.names(name, in: head) == places.contains(word.map(lower)),
        "\(visible(word)) in Via: \(plain.values(.via).map(visible))")
    }
    var us = ByteBuffer()
    us.append("bowline")
    var onward = HeadBlock()
    Forwarding.request(
      head, authority: "upstream:80", hop: ForwardingHop(name: "bowline"),
      client: .loopback(51234), options: ConnectionOptions(), trailersFollow: false,
      trailersWelcome: false, into: &onward)
    try require(Via.names(us, in: onward), "we are not in Via: \(visible(onward.fieldText()))")
  }

  /// The second word of each member, in small letters.
  private static func receivers(_ value: [UInt8]) -> [[UInt8]] {
    value.split(separator: 0x2c).compactMap { member in
      let words = member.split { isBlank($0) }
      return words.count > 1 ? words[1].map(lower) : nil
    }
  }

  private static func checkHops(_ plain: PlainHead) throws(Violation) {
    for method in ["GET", "OPTIONS", "TRACE"] {
      var expected = MaxForwards.none
      if method != "GET", !plain.lines.isEmpty {
        expected = .malformed
        if let value = plain.only(.maxForwards), value.count < 10,
          let number = plainNumber(value, most: UInt64(MaxForwards.most))
        {
          expected = .left(UInt32(number))
        }
      }
      let hops = MaxForwards(plain.request(method))
      try require(hops == expected, "\(method): \(hops), plainly read \(expected)")
    }
  }
}
