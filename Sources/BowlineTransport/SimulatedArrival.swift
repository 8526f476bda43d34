internal import BowlineCore

/// What an arrival does to the socket it is for.
extension SimulatedWorld {
  /// SYNs that a client sends before it gives up: as many as Linux does by default, 127 s in all.
  private static let openingAttempts = 7

  func deliver(_ delivery: SimulatedDelivery) {
    switch delivery {
    case .writable(let socket):
      socket.isThrottled = false
      if socket.wantsSpace && socket.hasRoom {
        socket.wantsSpace = false
        socket.report()
      }
    case .report(let socket): socket.reportNow()
    case .opening(let socket, let attempt): open(socket, attempt)
    case .established(let socket): establish(socket)
    case .queued(let socket, let listener): queue(socket, at: listener)
    case .refused(let socket, let kind):
      if socket.phase == .connecting { socket.fail(kind) }
    case .segment(let socket, let count): arrive(socket, count)
    case .end(let socket):
      guard socket.phase == .open else { return }
      socket.endArrived = true
      socket.report()
    case .reset(let socket):
      if socket.phase == .open { socket.fail(.reset) }
      if socket.phase == .connecting { socket.fail(.refused) }
    case .space(let socket, let count):
      guard socket.phase == .open else { return }
      socket.outstanding -= count
      socket.taken += UInt64(count)
      if socket.wantsSpace && socket.hasRoom {
        socket.wantsSpace = false
        socket.report()
      }
    }
  }

  private func open(_ socket: SimulatedSocket, _ attempt: Int) {
    if socket.phase != .connecting { return }
    guard let listener = findListener(socket.peer) else {
      send(.refused(socket, .refused), over: socket.path)
      return
    }
    if listener.queue.count > listener.backlog {
      // The kernel drops the SYN, and the client sends it again after 1, 2, 4 ... seconds.
      let pause = now.nanoseconds + 1_000_000_000 << Int64(attempt)
      if attempt + 1 < Self.openingAttempts {
        send(.opening(from: socket, attempt: attempt + 1), at: pause)
      } else {
        send(.refused(socket, .timedOut), at: pause)
      }
      return
    }
    let accepted = makeSocket(local: socket.peer, peer: socket.local, path: socket.path)
    accepted.phase = .open
    accepted.other = socket
    socket.other = accepted
    let answered = now.nanoseconds + socket.path.delay + lateness(of: .established(socket))
    send(.established(socket), at: answered)
    send(.queued(accepted, listener), at: answered + socket.path.delay)
  }

  private func establish(_ socket: SimulatedSocket) {
    if socket.phase == .connecting {
      socket.phase = .open
      socket.hasDialled = true
      socket.report()
    } else if socket.phase == .closed, let accepted = socket.other {
      // The client has gone meanwhile and answers SYN-ACK with RST.
      // So the connection never gets into the listener's queue.
      close(accepted, .reset)
    }
  }

  private func queue(_ socket: SimulatedSocket, at listener: SimulatedListener) {
    if socket.phase == .closed { return }
    if !listener.isOpen {
      close(socket, .reset)
      return
    }
    listener.queue.append(socket)
    if listener.adopters.isEmpty { return }
    let chosen = listener.adopters.count == 1 ? 0 : random() % UInt64(listener.adopters.count)
    listener.adopters[Int(chosen)].report(listener)
  }

  private func arrive(_ socket: SimulatedSocket, _ count: Int) {
    switch socket.phase {
    case .open:
      socket.incoming.arrive(count)
      socket.arrivals += UInt64(count)
      socket.report()
    case .closed:
      // Nobody will read it: the sender learns so.
      if let other = socket.other { send(.reset(to: other), over: socket.path) }
    case .failed:
      if let other = socket.other, other.phase == .open {
        send(.reset(to: other), over: socket.path)
      }
    case .connecting:
      break
    }
  }
}

extension SimulatedDelivery {
  /// What the trace and the digest are made of.
  struct Parts {
    var code: UInt64
    var word: StaticString
    var socket: SimulatedSocket
    var count = 0
  }

  var parts: Parts {
    switch self {
    case .opening(let socket, let attempt):
      Parts(code: 1, word: "SYN of", socket: socket, count: attempt)
    case .established(let socket): Parts(code: 2, word: "SYN-ACK to", socket: socket)
    case .queued(let socket, _): Parts(code: 3, word: "ACK to", socket: socket)
    case .refused(let socket, _): Parts(code: 4, word: "refusal to", socket: socket)
    case .segment(let socket, let count):
      Parts(code: 5, word: "bytes to", socket: socket, count: count)
    case .end(let socket): Parts(code: 6, word: "FIN to", socket: socket)
    case .reset(let socket): Parts(code: 7, word: "RST to", socket: socket)
    case .space(let socket, let count):
      Parts(code: 8, word: "space to", socket: socket, count: count)
    case .writable(let socket): Parts(code: 9, word: "room for", socket: socket)
    case .report(let socket): Parts(code: 10, word: "late report of", socket: socket)
    }
  }
}
