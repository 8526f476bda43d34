import BowlineCore

/// The input as what an operator types: a value of each unit, `name=value`, an address.
enum SettingInvariants {
  static func check(_ input: [UInt8]) throws(Violation) {
    let text = String(decoding: input, as: UTF8.self)
    for unit in [SettingUnit.count, .bytes, .milliseconds, .bytesPerSecond] {
      try checkValue(text, unit)
    }
    try checkPair(text)
    try checkAddress(text)
  }

  private static func checkValue(_ text: String, _ unit: SettingUnit) throws(Violation) {
    guard let value = unit.value(of: text) else { return }
    let isWritten = text.utf8.first.map { isDigit($0) } ?? false || text.lowercased() == "off"
    try require(value >= 0 && isWritten, "\(text) is read as \(value)")
    let again = unit.text(value)
    try require(
      unit.value(of: again) == value, "\(text) is \(value), written \(again), and that is another")
  }

  private static func checkPair(_ text: String) throws(Violation) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let (name, value) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    var settings = Settings()
    do {
      try settings.set(name: name, value: value)
    } catch {
      try require(!error.sentence.isEmpty, "a refusal without a word")
      let isOther = Setting.all.contains { settings[$0.id] != $0.standard }
      try require(!isOther, "refused, and something changed")
      return
    }
    guard let setting = Setting.named(name) else { throw Violation("\(name) is set, and unknown") }
    let number = settings[setting.id]
    try require(
      setting.bounds.contains(number), "\(name) is \(number), which is outside its bounds")
    for other in Setting.all where other.id != setting.id {
      try require(settings[other.id] == other.standard, "\(name) changes \(other.name)")
    }
  }

  private static func checkAddress(_ text: String) throws(Violation) {
    if let address = SocketAddress(text) {
      let written = address.description
      try require(
        SocketAddress(written) == address, "\(text) is \(written), and that is another")
      try require(
        text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }, "\(text) is read as an address")
    }
    if let address = SocketAddress(host: text, port: 80) {
      let written = address.host
      try require(
        SocketAddress(host: written, port: 80) == address,
        "\(text) is \(written), and that is another")
    }
  }
}
