import BowlineCore
import Testing

@Suite struct SettingTextTests {
  @Test(arguments: [
    ("250ms", 250), ("15s", 15_000), ("10m", 600_000), ("10min", 600_000), ("1h", 3_600_000),
    ("0", 0), ("off", 0), ("OFF", 0), ("1H", 3_600_000), ("00015s", 15_000),
  ])
  func durations(text: String, value: Int) {
    #expect(SettingUnit.milliseconds.value(of: text) == value)
  }

  @Test(arguments: ["15", "", "s", "1.5s", "-1s", "+1s", " 1s", "1 s", "1d", "1s1s", "1kB", "ms15"])
  func notDurations(text: String) {
    #expect(SettingUnit.milliseconds.value(of: text) == nil)
  }

  @Test(arguments: [
    ("512", 512), ("512B", 512), ("64kB", 65_536), ("64KB", 65_536), ("64k", 65_536),
    ("64KiB", 65_536), ("1MB", 1_048_576), ("2GB", 2_147_483_648), ("off", 0),
  ])
  func sizes(text: String, value: Int) {
    #expect(SettingUnit.bytes.value(of: text) == value)
    #expect(SettingUnit.bytesPerSecond.value(of: text) == value)
  }

  @Test func ratesMaySaySo() {
    #expect(SettingUnit.bytesPerSecond.value(of: "500B/s") == 500)
    #expect(SettingUnit.bytesPerSecond.value(of: "2kB/s") == 2048)
    #expect(SettingUnit.bytes.value(of: "2kB/s") == nil)
  }

  @Test func countsArePlain() {
    #expect(SettingUnit.count.value(of: "200") == 200)
    #expect(SettingUnit.count.value(of: "2k") == nil)
    #expect(SettingUnit.count.value(of: "٣") == nil)
  }

  @Test func hugeNumbersStopAtTheLargest() {
    #expect(SettingUnit.count.value(of: "99999999999999999999999") == .max)
    #expect(SettingUnit.milliseconds.value(of: "9223372036854775807h") == .max)
    #expect(SettingUnit.bytes.value(of: "9223372036854775807") == .max)
  }

  @Test func whatIsPrintedCanBeTyped() {
    for setting in Setting.all {
      for value in [
        setting.standard, setting.bounds.lowerBound, setting.bounds.upperBound, 1, 1537,
      ] {
        #expect(setting.unit.value(of: setting.text(value)) == value, "\(setting.name) \(value)")
      }
    }
    #expect(SettingUnit.milliseconds.text(90_000) == "90s")
    #expect(SettingUnit.bytes.text(65_536) == "64kB")
    #expect(SettingUnit.bytesPerSecond.text(500) == "500B/s")
  }

  @Test func settingByName() throws {
    var settings = Settings()
    try settings.set(name: "client.idle-timeout", value: "30s")
    try settings.set(name: "body.size", value: "off")
    #expect(settings[.clientIdleTimeout] == 30_000)
    #expect(settings.text(.clientIdleTimeout) == "30s")
    #expect(settings[.bodyBytes] == 0)
    #expect(SettingID.headBytes.name == "head.size")
  }

  @Test(arguments: [
    (
      "client.idle-timout", "3s",
      "no setting is named `client.idle-timout`; the nearest name is "
        + "`client.idle-timeout`"
    ),
    ("size", "3", "no setting is named `size`; the nearest name is `head.size`"),
    ("qqqqqqqqqqqq", "3", "no setting is named `qqqqqqqqqqqq`; `bowline settings` lists all names"),
    ("head.fields", "many", "`head.fields` takes a number such as `200`; `many` is not written so"),
    (
      "head.size", "64ms",
      "`head.size` takes a size such as `512`, `64kB` or `1MB`; `64ms` is not "
        + "written so"
    ),
    (
      "client.idle-timeout", "15",
      "`client.idle-timeout` takes a duration with its unit, such as "
        + "`250ms`, `15s`, `10m` or `1h`; `15` is not written so"
    ),
    ("client.idle-timeout", "off", "`client.idle-timeout` takes 100ms to 24h; 0 is outside"),
    ("head.size", "1MB", "`head.size` takes 8kB to 64kB; 1MB is outside"),
    (
      "client.body-rate", "x",
      "`client.body-rate` takes bytes per second, such as `500` or "
        + "`64kB/s`; `x` is not written so"
    ),
  ])
  func refusals(name: String, value: String, sentence: String) {
    var settings = Settings()
    let before = Setting.all.map { settings[$0.id] }
    let refusal = #expect(throws: Settings.Refusal.self) {
      try settings.set(name: name, value: value)
    }
    #expect(refusal?.sentence == sentence)
    #expect(Setting.all.map { settings[$0.id] } == before, "a refused value changes nothing")
  }

  @Test func watermarksMustNotCross() throws {
    var settings = Settings()
    try settings.checkTogether()
    try settings.set(name: "watermark.low", value: "128kB")
    let refusal = #expect(throws: Settings.Refusal.self) { try settings.checkTogether() }
    #expect(refusal?.sentence == "`watermark.low` must not be larger than `watermark.high`")
    try settings.set(name: "watermark.high", value: "128kB")
    try settings.checkTogether()
  }

  @Test func theAdvertisedTimeMustBeOurs() throws {
    var settings = Settings()
    try settings.set(name: "client.keep-alive-hint", value: "14s")
    try settings.checkTogether()
    try settings.set(name: "client.idle-timeout", value: "10s")
    let refusal = #expect(throws: Settings.Refusal.self) { try settings.checkTogether() }
    #expect(
      refusal?.sentence
        == "`client.keep-alive-hint` must not be larger than `client.idle-timeout`")
  }

  @Test func theRegistryIsInOrderAndItsDefaultsAreInBounds() {
    #expect(Setting.all.map(\.id) == SettingID.allCases)
    for setting in Setting.all { #expect(setting.bounds.contains(setting.standard)) }
    #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
  }
}

@Suite struct NearestNameTests {
  private let names = NearestName(among: [
    "listen", "log", "loops", "log-connections", "client.idle",
  ])

  @Test(arguments: [
    ("lisen", "listen"), ("LISTEN", "listen"), ("lsiten", "listen"), ("listens", "listen"),
    ("idle", "client.idle"), ("log-conections", "log-connections"), ("lopps", "loops"),
  ])
  func findsWhatWasMeant(typed: String, meant: String) {
    #expect(names.to(typed) == meant)
  }

  @Test(arguments: ["", "zzz", "completely-different", "x"])
  func saysNothingWhenNothingIsNear(typed: String) {
    #expect(names.to(typed) == nil)
  }
}

@Suite struct FaultTextTests {
  @Test func everyFaultHasItsOwnWords() {
    let texts = FaultKind.allCases.map(\.text.description)
    #expect(Set(texts).count == texts.count)
    for text in texts {
      #expect((8...70).contains(text.count) && !text.hasSuffix("."), "\(text)")
    }
    #expect(
      FaultKind.whitespaceBeforeColon.text.description
        == "whitespace before the colon of a field line")
  }
}
