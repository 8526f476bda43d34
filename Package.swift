// swift-tools-version: 6.2
import PackageDescription

/// Every target compiles with these. Each line is measured, not decorative: see ARCHITECTURE.md,
/// "Safe by the compiler".
let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
  // Swift 6.3.1 drops the check of s[i + 1] in some counted loops at -O (swiftlang/swift #90669).
  // BoundsTests notices, in the release configuration, when this line is missing.
  .unsafeFlags(["-Xllvm", "-sil-disable-pass=bcopts"], .when(configuration: .release)),
]

/// A room: one target, importing lower rooms only. The matrix is kept by the test target Tidy.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: common)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: common)
}

/// A program that measures. It is in no room, and nothing depends on it.
func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Tests/Support/\(name)", swiftSettings: common)
}

/// Code that several test targets share.
func support(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Tests/Support/\(name)", swiftSettings: common)
}

/// An executable without a main function of its own.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)",
    swiftSettings: common + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "bowline",
  products: [
    .executable(name: "bowline", targets: ["bowline"])
  ],
  targets: [
    // L0: words
    room("BowlineCore", []),
    room("BowlineJournal", ["BowlineCore"]),
    // L1: machines
    room("BowlineHTTP1", ["BowlineCore"]),
    room("BowlinePool", ["BowlineCore", "BowlineJournal"]),
    // L2: machinery
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CCrypt"),
    room("BowlineTransport", ["BowlineCore", "CLinux", "CCrypt"]),
    room(
      "BowlineExchange", ["BowlineCore", "BowlineJournal", "BowlineHTTP1", "BowlineTransport"]),
    room(
      "BowlineUpstream",
      ["BowlineCore", "BowlineJournal", "BowlinePool", "BowlineTransport", "BowlineExchange"]),
    // L3: roles
    room(
      "BowlineServer", ["BowlineCore", "BowlineJournal", "BowlineTransport", "BowlineExchange"]),
    room(
      "BowlineProxy",
      [
        "BowlineCore", "BowlineJournal", "BowlinePool", "BowlineTransport", "BowlineExchange",
        "BowlineUpstream",
      ]),
    room("BowlineObserve", ["BowlineCore", "BowlineJournal", "BowlineTransport"]),
    // L5: the command
    .executableTarget(
      name: "bowline",
      dependencies: [
        "BowlineCore", "BowlineJournal", "BowlineTransport", "BowlineExchange", "BowlineUpstream",
        "BowlineServer", "BowlineProxy", "BowlineObserve",
      ],
      swiftSettings: common),

    // Counts allocations; linked into test bundles only.
    .target(name: "CAllocationCount", path: "Tests/Support/CAllocationCount"),
    // Counts system calls; likewise.
    .target(name: "CCallCount", path: "Tests/Support/CCallCount"),
    // `make bench-parser`
    tool("ParserBench", ["BowlineCore", "BowlineHTTP1"]),
    tests("CoreTests", ["BowlineCore", "CAllocationCount"]),
    tests("JournalTests", ["BowlineJournal", "BowlineCore"]),
    tests("HTTP1Tests", ["BowlineHTTP1", "BowlineCore", "CAllocationCount"]),
    tests("PoolTests", ["BowlinePool", "BowlineJournal", "BowlineCore"]),
    tests("TransportTests", ["BowlineTransport", "BowlineCore"]),
    tests(
      "ExchangeTests",
      [
        "BowlineExchange", "BowlineTransport", "BowlineJournal", "BowlineHTTP1", "BowlineCore",
        "CAllocationCount",
      ]),
    tests(
      "ProxyTests",
      [
        "BowlineProxy", "BowlineServer", "BowlineUpstream", "BowlineExchange", "BowlineTransport",
        "BowlineObserve", "BowlineJournal", "BowlineHTTP1", "BowlineCore", "CAllocationCount",
        "CCallCount",
      ]),
    tests(
      "ObserveTests", ["BowlineObserve", "BowlineTransport", "BowlineJournal", "BowlineCore"]),
    tests("CommandTests", ["bowline", "BowlineCore", "BowlineJournal"]),
    // What must hold for every input: for libFuzzer, and in FuzzTests over the inputs in Fuzz.
    support(
      "FuzzInvariants",
      [
        "BowlineCore", "BowlineHTTP1", "BowlineJournal", "BowlineObserve", "BowlineProxy",
        "BowlineTransport",
      ]),
    // A proxy, its pools, origins and clients in a world whose network fails by seed.
    support(
      "Simulation",
      [
        "BowlineCore", "BowlineExchange", "BowlineJournal", "BowlineProxy", "BowlineTransport",
        "BowlineUpstream",
      ]),
    // `make simulate`
    tool("Simulate", ["Simulation", "BowlineTransport", "BowlineCore"]),
    tests("SimulationTests", ["Simulation", "BowlineTransport"]),
    tests("FuzzTests", ["FuzzInvariants", "BowlineCore", "BowlineHTTP1"]),
    tests("Tidy", []),
  ]
)

// Links with `--sanitize=fuzzer` only, which brings the main function: see Scripts/fuzz.sh.
if Context.environment["FUZZ"] != nil {
  package.targets.append(fuzzer("Fuzz", ["FuzzInvariants"]))
}
