/// The way between two simulated sockets, the same in both directions.
///
/// A stream of bytes that arrives in order and whole: loss and congestion show only as delay. One
/// type, so that a model of TCP can take its place.
package struct VirtualPath: Sendable {
  /// Nanoseconds that a segment travels, one way.
  package var delay: Int64
  /// Bytes per second that the line takes; 0 is without limit.
  package var rate: Int64
  /// Most bytes that arrive as one.
  package var segmentSize: Int
  /// Bytes that a sender can be ahead of the receiving application: both socket buffers in one.
  package var queueBytes: Int

  package init(
    delay: Int64 = 0, rate: Int64 = 0, segmentSize: Int = 16384, queueBytes: Int = 262_144
  ) {
    precondition(
      delay >= 0 && rate >= 0 && segmentSize > 0 && queueBytes > 0, "a path that leads nowhere")
    self.delay = delay
    self.rate = rate
    self.segmentSize = segmentSize
    self.queueBytes = queueBytes
  }

  /// Nanoseconds that `count` bytes occupy the line.
  func occupation(_ count: Int) -> Int64 {
    rate == 0 ? 0 : Int64(count) * 1_000_000_000 / rate
  }
}
