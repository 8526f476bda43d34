import BowlineCore
import BowlineExchange
import Testing

/// The close machine as a value: every transition, every limit.
struct ClosingTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)

  @Test func closesAtOnceWhenNothingIsOnItsWay() {
    var closing = Closing()
    #expect(closing.state == .notBegun)
    #expect(closing.begin(lingers: false, outputIsEmpty: true, now: Self.start) == .close)
  }

  @Test func flushesBeforeItCloses() {
    var closing = Closing()
    #expect(closing.begin(lingers: false, outputIsEmpty: false, now: Self.start) == .wait)
    #expect(closing.state == .flushing)
    #expect(closing.flushed(now: Self.start) == .close)
  }

  @Test func flushesBeforeItHalfCloses() {
    var closing = Closing()
    #expect(closing.begin(lingers: true, outputIsEmpty: false, now: Self.start) == .wait)
    #expect(closing.state == .flushing)
    #expect(closing.flushed(now: Self.start) == .halfClose)
    #expect(closing.state == .halfClosed)
  }

  @Test func endsWithThePeer() {
    var closing = Closing()
    #expect(closing.begin(lingers: true, outputIsEmpty: true, now: Self.start) == .halfClose)
    #expect(closing.peerEnded() == .close)
  }

  @Test func aPeerThatEndsWhileWeFlushDoesNotCutTheFlush() {
    var closing = Closing()
    _ = closing.begin(lingers: true, outputIsEmpty: false, now: Self.start)
    #expect(closing.peerEnded() == .wait)
    #expect(closing.flushed(now: Self.start) == .halfClose)
  }

  @Test func beginsOnceAndHalfClosesOnce() {
    var closing = Closing()
    #expect(closing.flushed(now: Self.start) == .wait)
    #expect(closing.peerEnded() == .wait)
    #expect(closing.begin(lingers: true, outputIsEmpty: true, now: Self.start) == .halfClose)
    #expect(closing.begin(lingers: false, outputIsEmpty: true, now: Self.start) == .wait)
    #expect(closing.flushed(now: Self.start) == .wait)
    #expect(closing.state == .halfClosed)
  }

  @Test func dropsUpToTheLimit() {
    var closing = Closing()
    _ = closing.begin(lingers: true, outputIsEmpty: true, now: Self.start)
    #expect(closing.received(60, limit: 100) == .wait)
    #expect(closing.received(40, limit: 100) == .wait)
    #expect(closing.received(1, limit: 100) == .stopReading)
    #expect(closing.received(1, limit: 100) == .wait)
    #expect(closing.peerEnded() == .close)
  }

  @Test func countsWhatCameWhileItFlushed() {
    var closing = Closing()
    _ = closing.begin(lingers: true, outputIsEmpty: false, now: Self.start)
    #expect(closing.received(101, limit: 100) == .wait)
    _ = closing.flushed(now: Self.start)
    #expect(closing.received(1, limit: 100) == .stopReading)
    #expect(closing.received(1, limit: 100) == .wait)
    #expect(closing.peerEnded() == .close)
  }

  @Test func silenceRestartsAndTheTotalDoesNot() {
    var closing = Closing()
    func deadline(_ milliseconds: Int) -> Instant {
      closing.deadline(
        progress: Self.start.advanced(milliseconds: milliseconds), idle: 2000, total: 5000)
    }
    #expect(deadline(0) == .distantFuture)
    _ = closing.begin(lingers: true, outputIsEmpty: true, now: Self.start)
    #expect(deadline(0) == Self.start.advanced(milliseconds: 2000))
    #expect(deadline(2500) == Self.start.advanced(milliseconds: 4500))
    #expect(deadline(4000) == Self.start.advanced(milliseconds: 5000))
  }
}
