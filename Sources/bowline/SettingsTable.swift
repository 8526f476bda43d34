// `bowline settings`: the registry of settings with the values in force.

internal import BowlineCore
internal import BowlineObserve

struct SettingsTable {
  let settings: Settings

  /// A table for people. A changed value is marked.
  var text: String {
    var text =
      "  \("name".padded(26))\("value".padded(9))\("unit".padded(14))\("bounds".padded(20))reason\n"
    for setting in Setting.all {
      let value = settings[setting.id]
      text += value == setting.standard ? "  " : "* "
      text += setting.name.padded(26)
      text += setting.text(value).padded(9)
      text += setting.unit.rawValue.padded(14)
      text += setting.boundsText.padded(20)
      text += setting.reason
      if value != setting.standard { text += " (default: \(setting.text(setting.standard)))" }
      text += "\n"
    }
    return text
  }

  /// The same for programs: plain numbers, in the unit named beside them.
  var json: String {
    var lines: [String] = []
    for setting in Setting.all {
      lines.append(
        "{\"name\":\(Self.quoted(setting.name)),\"value\":\(settings[setting.id]),"
          + "\"unit\":\(Self.quoted(setting.unit.rawValue)),\"default\":\(setting.standard),"
          + "\"minimum\":\(setting.bounds.lowerBound),\"maximum\":\(setting.bounds.upperBound),"
          + "\"reason\":\(Self.quoted(setting.reason))}")
    }
    return "{\"version\":1,\"settings\":[\n" + lines.joined(separator: ",\n") + "\n]}\n"
  }

  private static func quoted(_ text: String) -> String {
    var buffer = ByteBuffer(capacity: text.utf8.count + 2)
    buffer.append(json: Array(text.utf8).span)
    var bytes: [UInt8] = []
    for index in 0..<buffer.count { bytes.append(buffer[index]) }
    return "\"\(String(decoding: bytes, as: UTF8.self))\""
  }
}
