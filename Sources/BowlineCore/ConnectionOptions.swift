// What the Connection field says (RFC 9110 §7.6.1).
//
// The value is read once per head and kept as two words: a set of the interned names that it
// nominates, and a 64-bit filter over the others. The usual values (absent, close, keep-alive)
// leave both empty, and then no field is ever compared with the list.

/// The connection options of one message, all Connection lines together.
package struct ConnectionOptions: Sendable, Equatable {
  // The words first: a machine keeps this value, and packs its own bytes behind ours.
  private(set) var nominated = FieldNameSet()
  private var filter: UInt64 = 0
  /// `close`: the sender closes the connection after this message.
  package private(set) var close = false
  /// `keep-alive`: the sender, of version 1.0, would keep the connection.
  package private(set) var keepAlive = false
  /// `upgrade`: the Upgrade field is meant for us.
  package private(set) var upgrade = false
  /// `te`: the TE field is meant for us.
  package private(set) var te = false
  /// More options than any honest sender has; the message is refused, so that work stays bounded.
  package private(set) var isExcessive = false

  /// Most bytes of Connection values, and most options in them, that are read.
  private static let mostBytes = 4096
  private static let mostOptions = 64

  /// No option.
  package init() {}

  /// Reads every Connection line of `head`.
  package init(_ head: borrowing HeadBlock) {
    guard let first = head.first(.connection) else { return }
    if !head.repeats(.connection) && noteUsual(head.value(first)) { return }
    var line: Int? = first
    var bytes = 0
    var options = 0
    while let index = line {
      let value = head.value(index)
      bytes += value.count
      if bytes > Self.mostBytes {
        isExcessive = true
        return
      }
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        options += 1
        note(value.extracting(member))
      }
      line = head.first(.connection, from: index + 1)
    }
    isExcessive = options > Self.mostOptions
  }

  /// Notes a value that is one of the two usual options, and says whether it was.
  private mutating func noteUsual(_ value: Span<UInt8>) -> Bool {
    close = Scan.spells(value, "close")
    keepAlive = Scan.spells(value, "keep-alive")
    return close || keepAlive
  }

  private mutating func note(_ option: Span<UInt8>) {
    if Scan.equalIgnoringCase(option, "close") {
      close = true
      return
    }
    switch FieldName(option) {
    case .keepAlive: keepAlive = true
    case .upgrade: upgrade = true
    case .te: te = true
    case .other: filter |= Self.filterBit(option)
    case let name: nominated.insert(name)
    }
  }

  /// True when an option names the field line at `index` of the same `head`.
  ///
  /// Keep-Alive, Upgrade and TE are not reported: no path forwards them whatever the options say.
  package func nominates(_ head: borrowing HeadBlock, _ index: Int) -> Bool {
    let name = head[index].name
    if name != .other { return nominated.contains(name) }
    if filter == 0 || filter & Self.filterBit(head.name(index)) == 0 { return false }
    return Self.lists(head, head.name(index))
  }

  /// True when an option may name the trailer line at `index` of `trailers`.
  ///
  /// The head is gone when trailers arrive, so the answer for a name that we do not know is taken
  /// from the filter, and may be true by chance. That is harmless: trailers may always be dropped.
  package func mayNominate(trailers: borrowing HeadBlock, _ index: Int) -> Bool {
    let name = trailers[index].name
    if name != .other { return nominated.contains(name) }
    return filter != 0 && filter & Self.filterBit(trailers.name(index)) != 0
  }

  private static func lists(_ head: borrowing HeadBlock, _ name: Span<UInt8>) -> Bool {
    var line = head.first(.connection)
    while let index = line {
      let value = head.value(index)
      var cursor = FieldListCursor()
      while let member = cursor.next(in: value) {
        if Scan.equalIgnoringCase(value.extracting(member), name) { return true }
      }
      line = head.first(.connection, from: index + 1)
    }
    return false
  }

  /// One of 64 bits, by the name's bytes without case (FNV-1a).
  private static func filterBit(_ name: Span<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in name.indices {
      hash = (hash ^ UInt64(Scan.lowercased(name[index]))) &* 0x100_0000_01b3
    }
    return 1 << (hash >> 58)
  }
}
