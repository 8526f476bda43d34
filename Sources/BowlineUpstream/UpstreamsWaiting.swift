// Those who wait for a connection, and how one gets to them.
//
//   a connection comes to rest          rest ──► serveWaiting ──┬─► our request: granted
//   another loop wishes for one         LinkWish ──► served ────┤
//                                                               └─► LinkOffer ──► its request
//   a socket was closed                 closed ──► a place ─────┬─► our request: dial
//                                                               └─► PlaceOffer ──► its loop dials
//
// Who was taken out of the line gets an answer, whatever happens: a connection, or a place for one.
// When its client has gone meanwhile, the connection comes to rest where it is, and the place goes
// to the next.

import BowlineCore
import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport

extension Upstreams {
  private var loop: UInt16 { UInt16(truncatingIfNeeded: state.value.loop) }

  /// Tells the other loops how many connections rest here.
  func noteResting(_ origin: Int) {
    guard state.value.hasNeighbours else { return }
    state.value.shared[origin].setResting(
      state.value.pools[origin].idleCount, on: state.value.loop)
  }

  // MARK: Connections

  /// Gives the connections that rest here to those who wait, in their order.
  func serveWaiting(_ origin: Int) {
    let shared = state.value.shared[origin]
    while let top = state.value.pools[origin].top {
      let rested = Int(links.now.since(top.since) / 1_000_000)
      let isProven = rested <= state.value.pools[origin].limits.proven
      guard let waiter = shared.withLedger({ $0.takeWaiter(proven: isProven) }) else { break }
      if !hand(top, rested, to: waiter, origin) { shared.withLedger { $0.putBack(waiter) } }
    }
    noteResting(origin)
  }

  /// The connection on top goes to `waiter`. False when it turns out to be dead.
  private func hand(
    _ top: Pool.Resting, _ rested: Int, to waiter: Waiter, _ origin: Int
  ) -> Bool {
    if waiter.loop == loop {
      guard isUsable(top.link, .any, rested: rested) else {
        state.value.pools[origin].retireTop()
        giveUp(top.link, .upstreamClosedIdle)
        return false
      }
      state.value.pools[origin].lendTop()
      state.value.pools[origin].waiting -= 1
      let reason: LeaseReason = waiter.takesOver ? .reused : .reusedAfterWait
      state.value.taker?.leaseGranted(
        waiter.ticket, lease(again: top.link, origin: origin, reason, top.limit, rested: rested))
      return true
    }
    guard let parcel = links.detach(top.link) else {
      state.value.pools[origin].retireTop()
      giveUp(top.link, .upstreamClosedIdle)
      return false
    }
    state.value.pools[origin].sendTop()
    noteResting(origin)
    _ = state.value.members.remove(top.link)
    let shared = state.value.shared[origin]
    neighbours.post(to: Int(waiter.loop)) { owner in
      LinkOffer(
        owner: owner, origin: shared, waiter: waiter, limit: top.limit, rested: rested,
        parcel: parcel)
    }
    return true
  }

  /// A connection of another loop has come for a request of ours.
  private func received(_ offer: LinkOffer) {
    guard let origin = offer.origin.place(on: state.value.loop) else {
      // The origin is not forgotten while a request waits for it.
      assertionFailure("a connection for nobody")
      links.drop(offer.parcel, .usPoolSurplus)
      return
    }
    state.value.pools[origin].waiting -= 1
    guard let link = links.attach(offer.parcel, owner: state.value.number) else {
      // Its socket is closed; its place remains.
      dialOrPassOn(offer.waiter, origin)
      return
    }
    state.value.members.set(link, origin)
    state.value.pools[origin].received()
    let reason: LeaseReason = offer.waiter.takesOver ? .reusedTakenOver : .reusedAfterWait
    let lease = lease(
      again: link, origin: origin, reason, offer.limit, rested: offer.rested)
    guard let taker = state.value.taker else { return giveBack(lease) }
    taker.leaseGranted(offer.waiter.ticket, lease)
  }

  /// Asks the loop on which most connections rest for one.
  func wish(_ origin: Int) {
    let shared = state.value.shared[origin]
    guard let richest = shared.richest(except: state.value.loop) else { return }
    neighbours.post(to: richest) { owner in LinkWish(owner: owner, origin: shared) }
  }

  /// Somebody on another loop waits.
  private func received(_ wish: LinkWish) {
    guard let origin = wish.origin.place(on: state.value.loop) else { return }
    serveWaiting(origin)
    guard wish.origin.isAwaited else { return }
    if let waiter = wish.origin.withLedger({ $0.takeForWaiting() }) {
      give(placeTo: waiter, origin)
    } else if state.value.pools[origin].idleCount > 0 {
      makeRoomSoon()
    } else {
      self.wish(origin)
    }
  }

  // MARK: Room

  /// Milliseconds for which a request that takes only a proven connection waits for one, while
  /// others rest at the limit.
  static let patience = 50

  /// Somebody waits who cannot take what rests here. If nobody gives a proven connection back in a
  /// moment, what rests makes room for a new one.
  func makeRoomSoon() {
    guard state.value.roomAt == nil else { return }
    let end = links.now.advanced(milliseconds: Self.patience)
    state.value.roomAt = end
    links.wake(state.value.number, at: end)
  }

  func makeRoom(_ now: Instant) {
    guard let end = state.value.roomAt, now >= end else { return }
    state.value.roomAt = nil
    for origin in state.value.pools.indices {
      let shared = state.value.shared[origin]
      guard state.value.pools[origin].idleCount > 0, shared.isAwaited else { continue }
      for _ in 0..<shared.withLedger({ $0.carefulWaiting }) {
        guard let oldest = state.value.pools[origin].retireOldest() else { break }
        giveUp(oldest, .usPoolMadeRoom)
      }
      noteResting(origin)
    }
  }

  // MARK: Places

  /// The socket of a connection that was given up is closed.
  func closed(_ origin: Int) {
    state.value.pools[origin].closed()
    placeIsFree(origin)
    if state.value.origins[origin].isForgotten { vacate(origin) }
  }

  /// A place of ours is free: it goes to the first in line.
  func placeIsFree(_ origin: Int) {
    if let waiter = state.value.shared[origin].withLedger({ $0.release() }) {
      give(placeTo: waiter, origin)
    }
  }

  private func give(placeTo waiter: Waiter, _ origin: Int) {
    if waiter.loop == loop {
      state.value.pools[origin].waiting -= 1
      dialOrPassOn(waiter, origin)
    } else {
      let shared = state.value.shared[origin]
      neighbours.post(to: Int(waiter.loop)) { owner in
        PlaceOffer(owner: owner, origin: shared, waiter: waiter)
      }
    }
  }

  /// A place has come for a request of ours.
  private func received(_ offer: PlaceOffer) {
    guard let origin = offer.origin.place(on: state.value.loop) else {
      assertionFailure("a place for nobody")
      return
    }
    state.value.pools[origin].waiting -= 1
    dialOrPassOn(offer.waiter, origin)
  }

  /// We hold a place for `waiter`.
  private func dialOrPassOn(_ waiter: Waiter, _ origin: Int) {
    if state.value.taker?.wants(waiter.ticket) ?? false {
      state.value.pools[origin].dialForWaiting()
      let reason: LeaseReason = waiter.takesOver ? .newNoneIdle : .newAfterWait
      startDial(waiter.ticket, origin: origin, reason)
    } else {
      placeIsFree(origin)
    }
  }

  // MARK: The end of the wait

  /// Requests of ours whose wait is over.
  func expireWaiting(_ origin: Int, _ now: Instant) {
    let shared = state.value.shared[origin]
    let loop = loop
    while state.value.pools[origin].waiting > 0,
      let waiter = shared.withLedger({ $0.expire(loop: loop, now: now) })
    {
      state.value.pools[origin].waiting -= 1
      state.value.taker?.leaseRefused(
        waiter.ticket, origin: origin, .policyTimeoutWaiting, nil)
    }
    guard state.value.pools[origin].waiting > 0 else { return }
    if let next = shared.withLedger({ $0.firstDeadline(loop: loop) }) {
      links.wake(state.value.number, at: next)
    }
  }

  // MARK: Messages

  /// True when `message` was between loops.
  func neighbourMessage(_ message: any OwnerMessage) -> Bool {
    if let offer = message as? LinkOffer {
      received(offer)
    } else if let offer = message as? PlaceOffer {
      received(offer)
    } else if let wish = message as? LinkWish {
      received(wish)
    } else {
      return false
    }
    return true
  }
}
