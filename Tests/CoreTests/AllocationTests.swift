import BowlineCore
import CAllocationCount
import Testing

@Suite struct AllocationTests {
  /// Allocations of `body` on this thread; nil under a sanitizer, where nothing can be counted. It
  /// runs once before, because the runtime itself allocates when code is reached for the first
  /// time.
  private func allocations(_ body: () -> Void) -> Int? {
    body()
    allocation_count_begin()
    body()
    let count = allocation_count_end()
    return count < 0 ? nil : count
  }

  /// The control: one buffer is one allocation, and it is seen.
  @Test func theCounterCounts() {
    let count = allocations {
      let buffer = ByteBuffer(capacity: 100)
      if buffer.count != 0 { Issue.record("a new buffer holds bytes") }
    }
    #expect(count == nil || count == 1)
  }

  @Test func aBlockUsedAgainAllocatesNothing() {
    var head = HeadBlock()
    var out = ByteBuffer()
    let (method, target) = (Array("GET".utf8), Array("/index.html".utf8))
    func compose() {
      head.compose(method: method.span, target: target.span)
      head.add(.host, "example.org")
      head.add(.contentLength) { $0.append(decimal: 12345) }
      out.append(head.fieldLines)
      out.consume(out.count)
    }
    compose()
    let count = allocations { for _ in 0..<100 { compose() } }
    #expect(count == nil || count == 0)
    #expect(head.count == 2)
  }

  @Test func aSlabAndAShelfInUseAllocateNothing() {
    let slab = Slab<Int>()
    let shelf = Shelf<ByteBuffer>()
    shelf.giveBack(shelf.lend { ByteBuffer() })
    _ = slab.remove(slab.insert(0))
    let count = allocations {
      for number in 0..<100 {
        let handle = slab.insert(number)
        let lent = shelf.lend { ByteBuffer() }
        shelf[lent].append("abc")
        shelf[lent].removeAll()
        shelf.giveBack(lent)
        _ = slab.remove(handle)
      }
    }
    #expect(count == nil || count == 0)
  }
}
