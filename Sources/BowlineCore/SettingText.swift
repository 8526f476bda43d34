// How the values of settings are written and read, and what is said when one is refused.

extension SettingID {
  /// The dotted name, for an error that says which limit was crossed and how to move it.
  package var name: String { Setting[self].name }
}

extension Setting {
  /// The entry named `name`, written exactly.
  package static func named(_ name: String) -> Setting? { all.first { $0.name == name } }

  /// `value` as it would be typed: `15s`, `64kB`, `200`.
  package func text(_ value: Int) -> String { unit.text(value) }

  /// The bounds as a person would say them: `100ms to 24h`.
  package var boundsText: String {
    bounds.upperBound == .max
      ? "\(text(bounds.lowerBound)) or more"
      : "\(text(bounds.lowerBound)) to \(text(bounds.upperBound))"
  }
}

extension SettingUnit {
  /// Reads a value: digits and a unit, nothing between them. `off` is 0.
  ///
  /// A duration needs its unit, except `0`: nobody agrees on what a bare `15` would mean. Bytes may
  /// be written plainly. Letters are read without case, and `kB`, `k` and `KiB` are all 1,024.
  ///
  /// - Returns: nil when `text` is not written so. A number too large for Int becomes `Int.max`.
  package func value(of text: String) -> Int? {
    if text.lowercased() == "off" { return 0 }
    let digits = text.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }
    guard !digits.isEmpty else { return nil }
    let suffix = String(text.dropFirst(digits.count)).lowercased()
    guard let scale = scale(suffix, isZero: digits.allSatisfy { $0 == 0x30 }) else { return nil }
    var number = 0
    for digit in digits {
      let (tenfold, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, past) = tenfold.addingReportingOverflow(Int(digit) - 0x30)
      if overflow || past { return .max }
      number = sum
    }
    let (scaled, overflow) = number.multipliedReportingOverflow(by: scale)
    return overflow ? .max : scaled
  }

  /// `value` in the largest unit that divides it; `value(of:)` reads it back.
  package func text(_ value: Int) -> String {
    if value == 0 { return "0" }
    for scale in scales where value % scale.size == 0 {
      return "\(value / scale.size)\(scale.name)" + (self == .bytesPerSecond ? "/s" : "")
    }
    return String(value)
  }

  private struct Scale {
    let size: Int
    let name: String
  }

  /// Largest first.
  private var scales: [Scale] {
    switch self {
    case .count: [Scale(size: 1, name: "")]
    case .bytes, .bytesPerSecond:
      [
        Scale(size: 1 << 30, name: "GB"), Scale(size: 1 << 20, name: "MB"),
        Scale(size: 1 << 10, name: "kB"), Scale(size: 1, name: "B"),
      ]
    case .milliseconds:
      [
        Scale(size: 3_600_000, name: "h"), Scale(size: 60_000, name: "m"),
        Scale(size: 1_000, name: "s"), Scale(size: 1, name: "ms"),
      ]
    }
  }

  /// How a value is written, after "takes".
  package var expectation: String {
    switch self {
    case .count: "a number such as `200`"
    case .bytes: "a size such as `512`, `64kB` or `1MB`"
    case .milliseconds: "a duration with its unit, such as `250ms`, `15s`, `10m` or `1h`"
    case .bytesPerSecond: "bytes per second, such as `500` or `64kB/s`"
    }
  }

  /// What one `suffix` (lower case) stands for; nil when this unit has no such suffix.
  private func scale(_ suffix: String, isZero: Bool) -> Int? {
    switch self {
    case .count: return suffix.isEmpty ? 1 : nil
    case .bytes: return Self.byteScale(suffix)
    case .bytesPerSecond:
      return Self.byteScale(suffix.hasSuffix("/s") ? String(suffix.dropLast(2)) : suffix)
    case .milliseconds:
      switch suffix {
      case "ms": return 1
      case "s": return 1_000
      case "m", "min": return 60_000
      case "h": return 3_600_000
      default: return suffix.isEmpty && isZero ? 1 : nil
      }
    }
  }

  private static func byteScale(_ suffix: String) -> Int? {
    switch suffix {
    case "", "b": 1
    case "k", "kb", "kib": 1 << 10
    case "m", "mb", "mib": 1 << 20
    case "g", "gb", "gib": 1 << 30
    default: nil
    }
  }
}

extension Settings {
  /// Replaces the value of the setting named `name` by what `value` says.
  package mutating func set(name: String, value: String) throws(Refusal) {
    guard let setting = Setting.named(name) else {
      throw .unknownName(name, nearest: NearestName(among: Setting.all.map(\.name)).to(name))
    }
    guard let number = setting.unit.value(of: value) else { throw .syntax(name, value) }
    try set(setting.id, to: number)
  }

  /// Refuses values that are fine alone and wrong together. To be called after the last `set`.
  package func checkTogether() throws(Refusal) {
    if self[.watermarkLow] > self[.watermarkHigh] { throw .inverted(.watermarkLow, .watermarkHigh) }
    if self[.keepAliveHint] > self[.clientIdleTimeout] {
      throw .inverted(.keepAliveHint, .clientIdleTimeout)
    }
    if self[.replayBackoffLow] > self[.replayBackoffHigh] {
      throw .inverted(.replayBackoffLow, .replayBackoffHigh)
    }
  }

  /// The value of `id` as it would be typed.
  package func text(_ id: SettingID) -> String { Setting[id].text(self[id]) }
}

extension Settings.Refusal {
  /// One sentence, without a final period: what was expected, and the nearest valid name.
  package var sentence: String {
    switch self {
    case .unknownName(let name, let nearest?):
      return "no setting is named `\(name)`; the nearest name is `\(nearest)`"
    case .unknownName(let name, nil):
      return "no setting is named `\(name)`; `bowline settings` lists all names"
    case .syntax(let name, let text):
      let expected = Setting.named(name)?.unit.expectation ?? "another value"
      return "`\(name)` takes \(expected); `\(text)` is not written so"
    case .outOfBounds(let name, let value):
      guard let setting = Setting.named(name) else { return "`\(name)` does not take \(value)" }
      return "`\(name)` takes \(setting.boundsText); \(setting.text(value)) is outside"
    case .inverted(let low, let high):
      return "`\(low.name)` must not be larger than `\(high.name)`"
    }
  }
}
