// How a loop's links work.
//
// `Links` is the one owner of a loop's connections. It is driven by the event loop (a socket is
// ready, a deadline has passed, a message came from another thread) and drives roles. Each event
// runs in three steps:
//
//   1. read: receive into the loop's buffer, pull events out of the link's machine, call the role
//      for each. Roles compose heads and pass bodies on; that only appends to output buffers.
//   2. settle: flush every link that has something to send, read again what could not be read
//      before (pipelined bytes, credit that came back), close what is doomed. Until nothing is
//      left.
//   3. note the next deadline of each link that was touched.
//
// Calls by roles never call back, so no role is ever re-entered. A link is closed only in step 2.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
package import BowlineTransport

/// The links of one loop, with their exchanges and buffers.
package final class Links: LoopClient {
  let loop: EventLoop
  package let network: any Network
  /// The snapshot this loop runs under.
  package let settings: Settings
  let limits: Limits
  var deadlines: Deadlines
  let loopNumber: UInt16

  let links = Slab<Link>()
  /// The exchanges under way. Roles read heads from here.
  package let exchanges = Shelf<Exchange>()
  let buffers = Shelf<ByteBuffer>()

  var handlers: [any ExchangeHandler] = []
  var owners: [any LinkOwner] = []
  var listeners: [Listening] = []

  var flushQueue: [Handle] = []
  var resumeQueue: [Handle] = []
  /// Links with pipelined requests or much to read, whose turn comes again with the next one of
  /// the loop.
  var postponed: [Handle] = []
  var connectionCount: UInt64 = 0
  /// Downstream links that live now.
  package var downstreamCount = 0
  package let journal: Held<JournalWriter>
  private var journalTimerIsSet = false
  let date = Held(DateCache())
  let scratch = Held(HeadBlock())
  let answerText = Held(ByteBuffer(capacity: 256))
  /// Set once: no new connections, every response announces the end.
  package internal(set) var isDraining = false
  var drainDeadline = Instant.distantFuture
  /// True when `drain.timeout` was over before the last downstream link had ended.
  package internal(set) var drainWasCut = false
  /// Told when this loop will take no connection any more.
  package var whenReleased: (() -> Void)?
  /// Told when the last downstream link of a draining loop is gone.
  package var whenDrained: (() -> Void)?

  /// - Parameters:
  ///   - loop: the loop that drives this object; it must run on one thread only.
  ///   - network: the loop's network.
  ///   - settings: the snapshot to run under.
  ///   - loopNumber: the loop's place, from 0; part of connection ids.
  ///   - journal: where ended records go.
  package init(
    loop: EventLoop, network: any Network, settings: Settings, loopNumber: UInt16,
    journal: consuming JournalWriter
  ) {
    self.loop = loop
    self.network = network
    now = network.now
    self.settings = settings
    self.loopNumber = loopNumber
    self.journal = Held(journal)
    limits = Limits(settings)
    deadlines = Deadlines(settings)
    flushQueue.reserveCapacity(256)
    resumeQueue.reserveCapacity(256)
  }

  /// Links that live now, on both sides.
  package var linkCount: Int { links.count }
  /// All of them, in no order that means anything.
  package var living: [Handle] { links.handles }
  /// Buffers that links hold now. Idle ones hold none.
  package var lentBuffers: Int { buffers.lent }
  /// Bytes in the buffers of `link`: waiting to be sent, and waiting to be parsed.
  package func held(_ link: Handle) -> (output: Int, leftover: Int) {
    let output = links[link].output
    let leftover = links[link].leftover
    return (
      output == .none ? 0 : buffers[output].count, leftover == .none ? 0 : buffers[leftover].count
    )
  }

  /// The time of this turn.
  package private(set) var now: Instant

  /// Registers a role. The number goes to `serve` and `openExchange`.
  package func register(_ handler: any ExchangeHandler) -> UInt16 {
    handlers.append(handler)
    return UInt16(handlers.count - 1)
  }

  /// Registers an owner of upstream links. The number goes to `dial`.
  package func register(_ owner: any LinkOwner) -> UInt16 {
    owners.append(owner)
    return UInt16(owners.count - 1)
  }

  func nextID() -> ConnectionID {
    connectionCount += 1
    return ConnectionID(loop: loopNumber, count: connectionCount)
  }

  // MARK: The loop's calls

  /// Reads the turn's time once for all that follows.
  func beginTurn() { now = network.now }

  package func ready(_ token: UInt64, _ readiness: Readiness, buffer: inout ReadBuffer) {
    beginTurn()
    let handle = Handle(word: token)
    guard links.contains(handle) else { return }
    if links[handle].state == .dialling {
      dialReported(handle)
    } else {
      if readiness.contains(.writable), links[handle].flags.contains(.blocked) {
        links[handle].flags.remove(.blocked)
        queueFlush(handle)
      }
      if readiness.contains(.ended) { links[handle].flags.formUnion([.mayRead, .sawEnd]) }
      if readiness.contains(.readable) { links[handle].flags.insert(.mayRead) }
      read(handle, &buffer)
      if readiness.contains(.ended) { lookForReset(handle) }
    }
    settle(&buffer)
  }

  package func expired(_ token: UInt64, buffer: inout ReadBuffer) {
    beginTurn()
    let handle = Handle(word: token)
    if handle == Self.acceptTimer {
      resumeAccepting()
    } else if handle == Self.drainTimer {
      drainExpired()
    } else if handle == Self.journalTimer {
      // The turn's end tries again.
      journalTimerIsSet = false
    } else if handle == Self.postponedTimer {
      for link in postponed where links.contains(link) {
        links[link].flags.remove(.postponed)
        queueResume(link)
      }
      postponed.removeAll(keepingCapacity: true)
    } else if handle.index > .max - 16 - 65_536 {
      owners[Int(.max - 16 - handle.index)].wokenAt(now)
    } else if links.contains(handle) {
      deadlineReported(handle)
    }
    settle(&buffer)
  }

  package func turnEnded(buffer: inout ReadBuffer) {
    beginTurn()
    settle(&buffer)
    journal.value.turnEnded()
    if journal.value.hasRecords && !journalTimerIsSet {
      // The writer has not taken the last batch. No event may come for a long time to offer these.
      journalTimerIsSet = true
      loop.schedule(Self.journalTimer.word, at: now.advanced(milliseconds: 50))
    }
    if !postponed.isEmpty { loop.schedule(Self.postponedTimer.word, at: now) }
  }

  /// Hands the last records to the log writer, waiting for it a little: the loop has ended.
  package func handOverJournal() {
    var events: [NetworkEvent] = []
    for _ in 0..<200 where journal.value.hasRecords {
      journal.value.turnEnded()
      if journal.value.hasRecords {
        network.wait(until: network.now.advanced(milliseconds: 10), events: &events)
      }
    }
  }

  /// Flushes, reads again and closes until nothing is left to do.
  func settle(_ buffer: inout ReadBuffer) {
    while !flushQueue.isEmpty || !resumeQueue.isEmpty {
      var index = 0
      while index < flushQueue.count {
        let handle = flushQueue[index]
        index += 1
        guard links.contains(handle) else { continue }
        links[handle].flags.remove(.queued)
        if links[handle].flags.contains(.doomed) {
          tearDown(handle)
        } else {
          flush(handle)
          if links.contains(handle) { rearm(handle) }
        }
      }
      flushQueue.removeAll(keepingCapacity: true)
      guard let handle = resumeQueue.popLast() else { continue }
      guard links.contains(handle) else { continue }
      links[handle].flags.remove(.resuming)
      resume(handle, &buffer)
    }
  }

  func queueFlush(_ handle: Handle) {
    if links[handle].flags.contains(.queued) { return }
    links[handle].flags.insert(.queued)
    flushQueue.append(handle)
  }

  func queueResume(_ handle: Handle) {
    if links[handle].flags.contains(.resuming) { return }
    links[handle].flags.insert(.resuming)
    resumeQueue.append(handle)
  }
}

/// A listener and what it serves.
struct Listening {
  let id: ListenerID
  let handler: UInt16
  var isPaused = false
}
