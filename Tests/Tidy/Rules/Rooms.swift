/// One room: its level, and what it may import.
struct Room {
  let name: String
  let level: Int
  /// The rooms it may import.
  let rooms: [String]
  /// The modules from outside the package that it may import.
  let system: [String]

  init(_ name: String, level: Int, rooms: [String], system: [String] = []) {
    self.name = name
    self.level = level
    self.rooms = rooms
    self.system = system
  }
}

/// The matrix of ARCHITECTURE.md. A room imports lower levels only; the arrows between equal levels
/// are `sideways`.
enum Matrix {
  static let rooms = [
    // Synchronization for `Pin` only, which locks nothing.
    Room("BowlineCore", level: 0, rooms: [], system: ["Synchronization"]),
    Room("BowlineJournal", level: 0, rooms: ["BowlineCore"]),
    Room("BowlineHTTP1", level: 1, rooms: ["BowlineCore", "BowlineJournal"]),
    Room("BowlinePool", level: 1, rooms: ["BowlineCore", "BowlineJournal"]),
    Room(
      "BowlineTransport", level: 2, rooms: ["BowlineCore"],
      system: ["CCrypt", "CLinux", "Glibc", "Synchronization"]),
    Room(
      "BowlineExchange", level: 2,
      rooms: ["BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlineTransport"]),
    Room(
      "BowlineUpstream", level: 2,
      rooms: [
        "BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlinePool", "BowlineTransport",
        "BowlineExchange",
        // For what the loops share of an upstream (SharedOrigin).
      ], system: ["Synchronization"]),
    Room(
      "BowlineServer", level: 3,
      rooms: [
        "BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlineTransport", "BowlineExchange",
      ]),
    Room(
      "BowlineProxy", level: 3,
      rooms: [
        "BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlinePool", "BowlineTransport",
        "BowlineExchange", "BowlineUpstream",
      ]),
    Room(
      "BowlineObserve", level: 3, rooms: ["BowlineCore", "BowlineJournal", "BowlineTransport"],
      system: ["Glibc", "Synchronization"]),
    Room(
      "bowline", level: 5,
      rooms: [
        "BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlinePool", "BowlineTransport",
        "BowlineExchange", "BowlineUpstream", "BowlineServer", "BowlineProxy", "BowlineObserve",
      ], system: ["Glibc", "Synchronization"]),
  ]

  /// Arrows between rooms of one level.
  static let sideways = [
    "BowlineJournal": ["BowlineCore"],
    "BowlineExchange": ["BowlineTransport"],
    "BowlineUpstream": ["BowlineTransport", "BowlineExchange"],
  ]

  /// Imports that one file may have although its room may not, with the reason.
  static let exceptions = [
    "Sources/BowlineCore/ByteBuffer.swift": ["Glibc": "memcpy and memmove; no other call"]
  ]

  static func room(_ name: String) -> Room? { rooms.first { $0.name == name } }
}

/// The matrix itself must go downwards: an arrow to an equal or higher level is a mistake in it.
func upwardArrows(rooms: [Room], sideways: [String: [String]]) -> [String] {
  var found: [String] = []
  for room in rooms {
    for name in room.rooms {
      guard let other = rooms.first(where: { $0.name == name }) else {
        found.append("\(room.name) -> \(name): no such room")
        continue
      }
      let isSideways = other.level == room.level && sideways[room.name]?.contains(name) == true
      if other.level >= room.level && !isSideways { found.append("\(room.name) -> \(name)") }
    }
  }
  return found
}

/// The modules that the line imports: `package import struct A.B` names A.
func importedModule(_ codeLine: Substring) -> String? {
  guard codeLine.contains("import ") else { return nil }
  let line = String(codeLine)
  let pattern =
    #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public |package |internal |fileprivate |private )?/#
  let kinds = #/^import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/#
  guard let start = try? pattern.prefixMatch(in: line) else { return nil }
  guard let found = try? kinds.prefixMatch(in: line[start.range.upperBound...]) else { return nil }
  return String(found.1)
}

/// Imports that the matrix does not allow, or that the manifest does not declare.
func forbiddenImports(in file: SourceFile, declared: [String: Set<String>]) -> [Finding] {
  guard let room = Matrix.room(file.target) else {
    return [file.finding(1, "the room \(file.target) is missing in the matrix (Rooms.swift)")]
  }
  var found: [Finding] = []
  for (index, line) in file.swift.codeLines.enumerated() {
    guard let module = importedModule(line) else { continue }
    if Matrix.exceptions[file.path]?[module] != nil { continue }
    if !room.rooms.contains(module) && !room.system.contains(module) {
      found.append(file.finding(index + 1, "\(room.name) may not import \(module)"))
    } else if room.rooms.contains(module), declared[room.name]?.contains(module) != true {
      found.append(file.finding(index + 1, "Package.swift does not list \(module) here"))
    }
  }
  return found
}

/// The dependencies of every room, read from the manifest's text.
func declaredDependencies(manifest: String) -> [String: Set<String>] {
  var found: [String: Set<String>] = [:]
  let rooms = #/room\(\s*"(?<name>\w+)",\s*\[(?<list>[^\]]*)\]/#
  let command = #/executableTarget\(\s*name: "(?<name>\w+)",\s*dependencies: \[(?<list>[^\]]*)\]/#
  let declarations =
    manifest.matches(of: rooms).map { ($0.name, $0.list) }
    + manifest.matches(of: command).map { ($0.name, $0.list) }
  for (name, list) in declarations {
    found[String(name)] = Set(list.matches(of: #/"(\w+)"/#).map { String($0.1) })
  }
  return found
}

/// Dependencies of the manifest that the matrix does not allow.
func forbiddenDependencies(manifest: SourceFile) -> [Finding] {
  var found: [Finding] = []
  let declared = declaredDependencies(manifest: manifest.text)
  for (name, dependencies) in declared.sorted(by: { $0.key < $1.key }) {
    guard let room = Matrix.room(name) else {
      found.append(manifest.finding(1, "the room \(name) is missing in the matrix (Rooms.swift)"))
      continue
    }
    for dependency in dependencies.sorted()
    where !room.rooms.contains(dependency) && !room.system.contains(dependency) {
      found.append(manifest.finding(1, "\(name) may not depend on \(dependency)"))
    }
  }
  for room in Matrix.rooms where declared[room.name] == nil {
    found.append(manifest.finding(1, "the matrix has a room \(room.name), the manifest has not"))
  }
  return found
}
