// The fuzzer's entry. libFuzzer brings the main function and calls `fuzz` with one input after the
// other; FUZZ_TARGET in the environment says which target gets them. Scripts/fuzz.sh runs it.

import FuzzInvariants
import Glibc

private let target: FuzzTarget = {
  let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    fatalError("FUZZ_TARGET is one of \(FuzzTarget.allCases.map(\.rawValue))")
  }
  return target
}()

/// Runs one input. A broken invariant stops the process, which libFuzzer takes for a finding.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  do {
    try target.check(input)
  } catch {
    fatalError("\(target.rawValue): \(error)")
  }
  return 0
}
