// Taking connections in, and stopping to.

package import BowlineCore
import BowlineHTTP1
import BowlineJournal
package import BowlineTransport

extension Links {
  /// Timer tokens that name no link: no slab gives out these positions.
  static var acceptTimer: Handle { Handle(index: .max - 1, generation: 1) }
  static var drainTimer: Handle { Handle(index: .max - 2, generation: 1) }
  static var postponedTimer: Handle { Handle(index: .max - 3, generation: 1) }
  static var journalTimer: Handle { Handle(index: .max - 4, generation: 1) }
  /// Milliseconds that a drain leaves to a client that has connected and not asked yet.
  static var firstRequestGrace: Int { 1_000 }
  /// Surplus connections of one address that are answered, at a time; others are only closed.
  static var refusalsAnswered: Int { 4 }
  /// Connections taken in one go before others get a turn.
  static var acceptBurst: Int { 64 }

  /// Serves every connection of `listener` by the role registered under `handler`. A forward proxy
  /// says so with `recipient`: it keeps no connection of a client of version 1.0 (RFC 9112 §9.3).
  package func serve(
    _ listener: ListenerID, handler: UInt16, as recipient: Persistence.Recipient = .origin
  ) {
    listeners.append(Listening(id: listener, handler: handler, recipient: recipient))
    network.adopt(listener)
  }

  package func acceptable(_ listener: ListenerID) {
    beginTurn()
    guard let index = listeners.firstIndex(where: { $0.id == listener }) else { return }
    accept(index, burst: Self.acceptBurst)
  }

  private func accept(_ index: Int, burst: Int) {
    let most = settings[.clientConnections]
    var hasMadeRoom = false
    for number in 0..<burst {
      var victim = Handle.none
      if most > 0 && downstreamCount >= most {
        victim = longestIdle()
        if victim == .none {
          // After others were taken nobody may be waiting any more: the next report will tell.
          if number > 0 { return }
          journal.value.pausedAtLimit()
          pauseAccepting(index)
          return
        }
      }
      switch network.accept(listeners[index].id) {
      case .accepted(let socket, let peer):
        hasMadeRoom = false
        take(socket, peer: peer, listeners[index], victim: victim)
      case .wouldBlock:
        return
      case .failed:
        continue
      case .exhausted(let error):
        // The connection stays in the kernel's queue; a level-triggered listener would spin.
        guard !hasMadeRoom, makeRoom(error) else {
          journal.value.pausedWithoutDescriptors()
          for owner in roles.value.owners { owner.descriptorsAreShort() }
          pauseAccepting(index)
          return
        }
        hasMadeRoom = true
      }
    }
  }

  /// Frees a descriptor by closing an idle client. Once for each accept: another process may take
  /// it first, and then more would not help.
  private func makeRoom(_ error: NetworkError) -> Bool {
    guard case .descriptors = error.kind else { return false }
    let victim = longestIdle()
    if victim != .none { evict(victim) }
    return victim != .none
  }

  /// Takes one connection in, unless its address has too many. `victim` makes room for it.
  private func take(
    _ socket: SocketID, peer: SocketAddress, _ listening: Listening, victim: Handle
  ) {
    let most = settings[.clientsPerAddress]
    let count = most > 0 ? clients.enter(peer) : 0
    if count > most + (victim == .none ? Self.refusalsAnswered : 0) {
      clients.leave(peer)
      turnAway(socket, peer)
      return
    }
    if victim != .none { evict(victim) }
    let link = adopt(socket, peer: peer, listening)
    if count > most && links[link].flags.isDisjoint(with: .doomed) {
      beginServerExchange(link)
      failDownstream(
        link, links[link].exchange, Failure(.policyLimitPerAddress, limit: .clientsPerAddress),
        status: 429)
    }
  }

  /// Closes a surplus connection without a word. A flood costs no more than this for each.
  private func turnAway(_ socket: SocketID, _ peer: SocketAddress) {
    journal.value.opened(.downstream)
    var record = ConnectionRecord(
      id: nextID(), side: .downstream, local: SocketAddress(high: 0, low: 0, port: 0), peer: peer,
      opened: now)
    record.end = .policyLimitPerAddress
    record.closed = now
    journal.value.ended(record)
    network.close(socket, .orderly)
  }

  private func adopt(_ socket: SocketID, peer: SocketAddress, _ listening: Listening) -> Handle {
    let handle = links.insert(
      Link(
        id: nextID(), side: .downstream, owner: listening.handler, socket: socket, peer: peer,
        state: .open, recipient: listening.recipient, now: now))
    state.value.downstreamCount += 1
    journal.value.opened(.downstream)
    if let error = network.watch(socket, token: handle.word) {
      endings[ending(handle)].error = error
      doom(handle, .usErrorDescriptors)
    } else {
      rearm(handle)
    }
    return handle
  }

  private func pauseAccepting(_ index: Int) {
    if listeners[index].isPaused { return }
    listeners[index].isPaused = true
    network.release(listeners[index].id)
    loop.schedule(Self.acceptTimer.word, at: now.advanced(milliseconds: 100))
  }

  func resumeAccepting() {
    if isDraining { return }
    for index in listeners.indices where listeners[index].isPaused {
      listeners[index].isPaused = false
      network.adopt(listeners[index].id)
    }
  }

  // MARK: Draining

  /// Stops taking connections once the kernel's queue is empty, closes idle ones, announces the end
  /// on every response, and cuts what is left after `drain.timeout`. RFC 9112 §9.6.
  ///
  /// A client that has connected and not asked yet is given a second: its request may be on the
  /// way, and a connection that ends without an answer is an error to it.
  package func drain() {
    if isDraining { return }
    for index in listeners.indices {
      accept(index, burst: 65_536)
      if !listeners[index].isPaused { network.release(listeners[index].id) }
      // Never again: its descriptor may be closed from here on, and given to a socket.
      listeners[index].isPaused = true
    }
    state.value.isDraining = true
    state.value.deadlines.clientIdle = min(
      state.value.deadlines.clientIdle, Self.firstRequestGrace)
    reportReleased()
    let deadline = now.advanced(milliseconds: settings[.drainTimeout])
    loop.schedule(Self.drainTimer.word, at: deadline)
    for handle in links.handles {
      guard links[handle].side == .downstream else { continue }
      if links[handle].isIdle {
        // A request may have arrived that was not reported yet: it is still answered.
        if case .bytes = network.peek(links[handle].socket) { continue }
        if links[handle].exchanges == 0 {
          links[handle].progress = now
          rearmExactly(handle)
        } else {
          doom(handle, .usDrain)
        }
      } else if links[handle].exchange != .none {
        links[handle].http1.markClose()
      }
    }
    reportDrained()
  }

  /// Ends every link now.
  package func shutDown() {
    state.value.isDraining = true
    for index in listeners.indices where !listeners[index].isPaused {
      network.release(listeners[index].id)
      listeners[index].isPaused = true
    }
    reportReleased()
    for handle in links.handles { doom(handle, .usShutdown) }
    reportDrained()
  }

  func drainExpired() {
    guard isDraining else { return }
    for handle in links.handles where links[handle].side == .downstream {
      drainWasCut = true
      doom(handle, .usDrainDeadline)
    }
  }

  private func reportReleased() {
    whenReleased?()
    whenReleased = nil
  }

  func reportDrained() {
    guard isDraining, downstreamCount == 0, let report = whenDrained else { return }
    whenDrained = nil
    report()
  }

  package func receive(_ message: any Sendable) {
    beginTurn()
    if let answer = message as? any OwnerMessage {
      if Int(answer.owner) < roles.value.owners.count { owner(answer.owner).messageArrived(answer) }
      return
    }
    guard let order = message as? LoopOrder else { return }
    switch order {
    case .drain: drain()
    case .shutDown: shutDown()
    case .stop:
      for handle in links.handles { doom(handle, .usDrain) }
      loop.stop()
    }
  }
}

/// What another thread may ask of a loop.
package enum LoopOrder: Sendable {
  /// See `Links.drain`.
  case drain
  /// See `Links.shutDown`.
  case shutDown
  /// Close what is left and end: every loop has reported `whenDrained`.
  case stop
}
