internal import BowlineCore

/// Something under way in a simulated world.
enum SimulatedDelivery {
  /// SYN of `from`, sent for the (attempt + 1)th time.
  case opening(from: SimulatedSocket, attempt: Int)
  /// SYN-ACK.
  case established(SimulatedSocket)
  /// The ACK that puts a connection into its listener's queue.
  case queued(SimulatedSocket, SimulatedListener)
  /// RST in answer to SYN, or nobody answered.
  case refused(SimulatedSocket, NetworkError.Kind)
  case segment(to: SimulatedSocket, count: Int)
  /// FIN.
  case end(to: SimulatedSocket)
  case reset(to: SimulatedSocket)
  /// The peer's application has taken bytes.
  case space(to: SimulatedSocket, count: Int)
  /// A send that was short can go on.
  case writable(SimulatedSocket)
  /// A loop hears late of what has happened.
  case report(SimulatedSocket)
}

/// What will arrive, ordered by (time, sequence): a binary heap.
struct SimulatedSchedule {
  private struct Entry {
    let time: Int64
    let sequence: UInt64
    let delivery: SimulatedDelivery

    func precedes(_ other: Entry) -> Bool {
      (time, sequence) < (other.time, other.sequence)
    }
  }

  private var heap: [Entry] = []
  private var sequence: UInt64 = 0

  var isEmpty: Bool { heap.isEmpty }

  /// When the next delivery is due, in nanoseconds of virtual time.
  var nextTime: Int64? { heap.first?.time }

  mutating func add(_ delivery: SimulatedDelivery, at time: Int64) {
    heap.append(Entry(time: time, sequence: sequence, delivery: delivery))
    sequence += 1
    var child = heap.count - 1
    while child > 0 && heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func takeNext() -> SimulatedDelivery? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return first.delivery }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].precedes(heap[least]) { least = child }
      }
      if least == parent { return first.delivery }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
