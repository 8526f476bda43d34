import Glibc

/// One page of memory between two that may not be touched: a read outside it ends the process.
///
/// A span can be laid flush against either end, so that a scan that reads a word too far is seen.
@safe
struct GuardPage: ~Copyable {
  static let size = 4096
  private let base: UnsafeMutableRawPointer

  init() {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    let mapped = unsafe mmap(nil, 3 * Self.size, PROT_NONE, flags, -1, 0)
    precondition(unsafe mapped != MAP_FAILED, "no memory for a guard page")
    guard let start = unsafe mapped else { preconditionFailure("mmap gave nothing") }
    unsafe base = start
    let opened = unsafe mprotect(start + Self.size, Self.size, PROT_READ | PROT_WRITE)
    precondition(opened == 0, "the guard page could not be opened")
  }

  deinit {
    unsafe munmap(base, 3 * Self.size)
  }

  /// Gives `body` a span of `bytes` that ends where the page does.
  func atEnd<Result>(_ bytes: [UInt8], _ body: (Span<UInt8>) -> Result) -> Result {
    place(bytes, at: Self.size - bytes.count, body)
  }

  /// Gives `body` a span of `bytes` that begins where the page does.
  func atStart<Result>(_ bytes: [UInt8], _ body: (Span<UInt8>) -> Result) -> Result {
    place(bytes, at: 0, body)
  }

  private func place<Result>(
    _ bytes: [UInt8], at offset: Int, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    precondition(bytes.count <= Self.size, "more than a page")
    let start = unsafe (base + Self.size + offset).assumingMemoryBound(to: UInt8.self)
    for (index, byte) in bytes.enumerated() { unsafe start[index] = byte }
    let buffer = unsafe UnsafeBufferPointer(start: start, count: bytes.count)
    return body(unsafe buffer.span)
  }

  /// Reads the first byte behind the page. The process does not survive it.
  func touchBehind() -> UInt8 {
    unsafe base.load(fromByteOffset: 2 * Self.size, as: UInt8.self)
  }
}
