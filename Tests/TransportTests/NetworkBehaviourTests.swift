import BowlineCore
import BowlineTransport
import Testing

/// One list of behaviours, shown on the kernel and on the simulated network: what a loop may rely
/// on is what both do.
@Suite struct NetworkBehaviourTests {
  private let token: UInt64 = 1 << 32 | 10

  @Test(arguments: Place.allCases)
  func aRequestIsAnswered(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    #expect(stage.client.send(client, "GET / ", "HTTP/1.1\r\n\r\n") == .sent(18))
    #expect(stage.server.readiness(of: token + 1, until: .readable).contains(.readable))
    let (request, text) = stage.server.receiveAll(server, upTo: 18)
    #expect(request == .bytes(18))
    #expect(text == "GET / HTTP/1.1\r\n\r\n")
    #expect(stage.server.receive(server).0 == .wouldBlock)
    #expect(stage.server.send(server, "", "HTTP/1.1 200\r\n\r\n") == .sent(16))
    #expect(stage.client.receiveAll(client, upTo: 16).1 == "HTTP/1.1 200\r\n\r\n")
    #expect(stage.client.send(client, "") == .sent(0))
    stage.client.network.close(client, .orderly)
    #expect(stage.server.receiveAll(server).0 == .end)
    stage.server.network.close(server, .orderly)
  }

  @Test(arguments: Place.allCases)
  func anEdgeIsReportedOnce(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    _ = stage.client.send(client, "abc")
    #expect(stage.server.readiness(of: token + 1, until: .readable).contains(.readable))
    #expect(stage.server.look().isEmpty)
    _ = stage.client.send(client, "def")
    // New bytes are a new edge, even though the old ones were not read.
    #expect(stage.server.readiness(of: token + 1, until: .readable).contains(.readable))
    #expect(stage.server.receiveAll(server, upTo: 6).1 == "abcdef")
  }

  @Test(arguments: Place.allCases)
  func aReceiveTakesNoMoreThanItsLimit(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    _ = stage.client.send(client, "abcdef")
    _ = stage.server.readiness(of: token + 1, until: .readable)
    #expect(stage.server.receive(server, limit: 4) == (.bytes(4), "abcd"))
    #expect(stage.server.receive(server, limit: 4) == (.bytes(2), "ef"))
  }

  // covers: S029, S181
  @Test(arguments: Place.allCases)
  func aHalfClosedConnectionStillAnswers(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    _ = stage.client.send(client, "last words")
    stage.client.network.shutdownSend(client)
    let seen = stage.server.readiness(of: token + 1, until: [.readable, .ended])
    #expect(seen.isSuperset(of: [.readable, .ended]))
    #expect(stage.server.receive(server) == (.bytes(10), "last words"))
    #expect(stage.server.receive(server).0 == .end)
    #expect(stage.client.send(client, "more").failure == .reset)
    #expect(stage.server.send(server, "answer") == .sent(6))
    stage.server.network.close(server, .orderly)
    let (outcome, answer) = stage.client.receiveAll(client)
    #expect(outcome == .end)
    #expect(answer == "answer")
    #expect(stage.client.receive(client).0 == .end)
  }

  // covers: S178, S181
  @Test(arguments: Place.allCases)
  func aHalfClosedSideReadsAllThatComesAfter(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    stage.client.network.shutdownSend(client)
    #expect(stage.server.readiness(of: token + 1, until: .ended).contains(.ended))
    #expect(stage.server.receive(server).0 == .end)
    let chunk = String(repeating: "0123456789abcdef", count: 4096)
    var received = 0
    var sent = 0
    while sent < 1 << 20 {
      guard case .sent(let count) = stage.server.send(server, chunk) else { break }
      sent += count
      received += stage.client.receiveAll(client, upTo: count).1.utf8.count
    }
    stage.server.network.close(server, .orderly)
    let (outcome, rest) = stage.client.receiveAll(client)
    #expect(sent >= 1 << 20)
    #expect(received + rest.utf8.count == sent)
    #expect(outcome == .end)
  }

  // covers: R414, S031
  @Test(arguments: Place.allCases)
  func aResetIsToldOnceThenTheStreamIsAtItsEnd(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    stage.client.network.close(client, .reset)
    let seen = stage.server.readiness(of: token + 1, until: [.readable, .writable, .ended])
    #expect(seen == [.readable, .writable, .ended])
    #expect(stage.server.receive(server).0.failure == .reset)
    #expect(stage.server.receive(server).0 == .end)
    #expect(stage.server.send(server, "x").failure == .reset)
  }

  @Test(arguments: Place.allCases)
  func whatArrivedBeforeAResetCanStillBeRead(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    _ = stage.client.send(client, "early")
    #expect(stage.server.readiness(of: token + 1, until: .readable).contains(.readable))
    stage.client.network.close(client, .reset)
    #expect(stage.server.readiness(of: token + 1, until: .ended).contains(.ended))
    #expect(stage.server.receive(server) == (.bytes(5), "early"))
    #expect(stage.server.receive(server).0.failure == .reset)
  }

  // covers: R212
  @Test(arguments: Place.allCases)
  func closingOverUnreadBytesIsAReset(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    _ = stage.client.send(client, "unread")
    #expect(stage.server.readiness(of: token + 1, until: .readable).contains(.readable))
    stage.server.network.close(server, .orderly)
    #expect(stage.client.readiness(of: token, until: .ended).contains(.ended))
    #expect(stage.client.receive(client).0.failure == .reset)
  }

  // covers: R212, S177, S183
  @Test(arguments: Place.allCases)
  func bytesToAClosedSocketAreAnsweredWithAReset(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    stage.server.network.close(server, .orderly)
    #expect(stage.client.readiness(of: token, until: .ended).contains(.ended))
    #expect(stage.client.receive(client).0 == .end)
    // The first send is taken: nobody knows yet. The reset it brings is reported.
    #expect(stage.client.send(client, "anybody?") == .sent(8))
    let seen = stage.client.readiness(of: token, until: [.readable, .writable, .ended])
    #expect(seen == [.readable, .writable, .ended])
    #expect(stage.client.send(client, "hello?").failure == .reset)
  }

  @Test(arguments: Place.allCases)
  func aFullQueueIsReportedWhenThereIsRoomAgain(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    let chunk = String(repeating: "0123456789abcdef", count: 4096)
    var sent = 0
    while true {
      let outcome = stage.client.send(client, chunk)
      guard case .sent(let count) = outcome else {
        Issue.record("\(outcome)")
        return
      }
      sent += count
      if count < 65536 { break }
    }
    #expect(sent > 0)
    #expect(stage.client.send(client, "x") == .sent(0))
    let (_, received) = stage.server.receiveAll(server, upTo: sent)
    #expect(received.utf8.count == sent)
    let isWhole = String(repeating: "0123456789abcdef", count: sent / 16 + 1).hasPrefix(received)
    #expect(isWhole)
    #expect(stage.client.readiness(of: token, until: .writable).contains(.writable))
    #expect(stage.client.send(client, "x") == .sent(1))
  }

  @Test(arguments: Place.allCases)
  func nobodyListeningIsRefused(on place: Place) throws {
    let stage = try Stage(place)
    var nowhere = stage.address
    nowhere.port = 1
    guard case .started(let socket) = stage.client.network.connect(to: nowhere, token: token)
    else {
      Issue.record("refused before it began")
      return
    }
    #expect(stage.client.readiness(of: token, until: .writable).contains(.writable))
    #expect(stage.client.network.connectResult(socket)?.kind == .refused)
    stage.client.network.close(socket, .orderly)
  }

  @Test(arguments: Place.allCases)
  func aPeekTakesNothing(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    #expect(stage.server.network.peek(server) == .wouldBlock)
    _ = stage.client.send(client, "abc")
    stage.client.network.shutdownSend(client)
    _ = stage.server.readiness(of: token + 1, until: [.readable, .ended])
    #expect(stage.server.network.peek(server) == .bytes(1))
    #expect(stage.server.receive(server) == (.bytes(3), "abc"))
    #expect(stage.server.network.peek(server) == .end)
  }

  @Test(arguments: Place.allCases)
  func bothEndsAgreeOnTheirAddresses(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    let ours = try #require(stage.client.network.facts(client))
    let theirs = try #require(stage.server.network.facts(server))
    #expect(ours.peer == stage.address)
    #expect(ours.local == theirs.peer)
    #expect(ours.peer == theirs.local)
    #expect(ours.roundTripMicroseconds > 0)
    #expect(ours.retransmits == 0)
  }

  @Test(arguments: Place.allCases)
  func aWakeEndsTheNextWait(on place: Place) throws {
    let stage = try Stage(place)
    let network = stage.server.network
    var events: [NetworkEvent] = []
    network.wait(until: Instant(nanoseconds: 0), events: &events)
    // Without the wake it would wait until the deadline has passed.
    for wakes in 1...2 {
      let deadline = network.now.advanced(milliseconds: 5000)
      for _ in 0..<wakes { network.waker.wake() }
      network.wait(until: deadline, events: &events)
      #expect(events.isEmpty)
      #expect(network.now < deadline)
    }
  }

  @Test(arguments: Place.allCases)
  func aListenerIsReportedUntilItsQueueIsEmpty(on place: Place) throws {
    let stage = try Stage(place)
    _ = try #require(stage.client.connect(to: stage.address, token: token))
    #expect(stage.client.readiness(of: token, until: .writable).contains(.writable))
    #expect(stage.server.wait().count == 1)
    #expect(stage.server.wait().count == 1)
    stage.server.network.release(stage.listener)
    #expect(stage.server.look().isEmpty)
    stage.server.network.adopt(stage.listener)
    let events = stage.server.wait()
    #expect(events.count == 1)
    guard case .listener(stage.listener)? = events.first?.source else {
      Issue.record("not the listener")
      return
    }
    guard case .accepted(_, let peer) = stage.server.network.accept(stage.listener) else {
      Issue.record("not accepted")
      return
    }
    #expect(peer.isLoopback)
    guard case .wouldBlock = stage.server.network.accept(stage.listener) else {
      Issue.record("accepted a second one")
      return
    }
    #expect(stage.server.look().isEmpty)
  }

  @Test(arguments: Place.allCases)
  func oneWaitReportsAtMost256(on place: Place) throws {
    let stage = try Stage(place)
    for number in 0..<300 as Range<UInt64> {
      _ = try #require(stage.client.connect(to: stage.address, token: 1 << 32 | number))
      let accepted = try #require(stage.server.accept(stage.listener))
      #expect(stage.server.network.watch(accepted, token: 1 << 32 | number) == nil)
    }
    // Nobody has waited on the client's side yet: all of its sockets have become writable.
    var events: [NetworkEvent] = []
    var tokens: Set<UInt64> = []
    var most = 0
    repeat {
      events = stage.client.look()
      most = max(most, events.count)
      for event in events {
        if case .socket(let token) = event.source { tokens.insert(token) }
      }
    } while !events.isEmpty
    #expect(most == 256)
    #expect(tokens.count == 300)
  }

  @Test(arguments: Place.allCases)
  func aSocketMovesToAnotherNetwork(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    let other = stage.neighbour
    // A report that nobody has taken yet does not outlive the watch.
    _ = stage.client.send(client, "abc")
    stage.server.network.unwatch(server)
    #expect(stage.server.look().isEmpty)
    // What came before is reported to whoever watches now, and so is what comes after.
    #expect(other.network.watch(server, token: token + 2) == nil)
    #expect(other.readiness(of: token + 2, until: .readable).contains(.readable))
    #expect(other.receiveAll(server, upTo: 3).1 == "abc")
    stage.client.network.shutdownSend(client)
    #expect(other.readiness(of: token + 2, until: .ended).contains(.ended))
    #expect(other.receiveAll(server).0 == .end)
    #expect(stage.server.look().isEmpty)
    // And back: the end is still there to be seen.
    other.network.unwatch(server)
    #expect(stage.server.network.watch(server, token: token + 4) == nil)
    #expect(stage.server.readiness(of: token + 4, until: .ended).contains(.ended))
    #expect(other.look().isEmpty)
    stage.server.network.close(server, .orderly)
  }

  @Test(arguments: Place.allCases)
  func randomNumbersDiffer(on place: Place) throws {
    let stage = try Stage(place)
    let numbers = Set((0..<64).map { _ in stage.server.network.random() })
    #expect(numbers.count == 64)
    #expect(stage.client.network.random() != stage.server.network.random())
  }
}

// What the peer has acknowledged.
extension NetworkBehaviourTests {
  /// A reply acknowledges what it answers. The SYN of the one who dialled counts as one.
  @Test(arguments: Place.allCases)
  func aReplyAcknowledgesWhatItAnswers(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    #expect(stage.client.network.facts(client)?.acknowledged == 1)
    #expect(stage.server.network.facts(server)?.acknowledged == 0)
    for round in 1...3 {
      _ = stage.client.send(client, "question")
      #expect(stage.server.receiveAll(server, upTo: 8).1 == "question")
      _ = stage.server.send(server, "answer")
      #expect(stage.client.receiveAll(client, upTo: 6).1 == "answer")
      let acknowledged = try #require(stage.client.network.facts(client)?.acknowledged)
      #expect(acknowledged == UInt64(1 + 8 * round))
    }
  }

  /// A peer that has closed acknowledges nothing of what comes then: that is how a request that met
  /// a FIN is told from one that was read.
  @Test(arguments: Place.allCases)
  func whatMeetsAFinIsNotAcknowledged(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    stage.server.network.close(server, .orderly)
    #expect(stage.client.readiness(of: token, until: .ended).contains(.ended))
    #expect(stage.client.send(client, "too late") == .sent(8))
    #expect(stage.client.receive(client).0 == .end)
    #expect(stage.client.network.facts(client)?.acknowledged == 1)
  }

  /// A FIN acknowledges what had arrived before it.
  @Test(arguments: Place.allCases)
  func aFinAcknowledgesWhatCameBeforeIt(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    _ = stage.client.send(client, "in time")
    #expect(stage.server.readiness(of: token + 1, until: .readable).contains(.readable))
    stage.server.network.shutdownSend(server)
    #expect(stage.client.receiveAll(client).0 == .end)
    #expect(stage.client.network.facts(client)?.acknowledged == 8)
  }

  /// Who sends on a connection that was reset is told so once; the stream then seems to have ended.
  @Test(arguments: Place.allCases)
  func aSendTakesTheResetWithIt(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    stage.server.network.close(server, .reset)
    #expect(stage.client.readiness(of: token, until: .ended).contains(.ended))
    guard case .failed(let error) = stage.client.send(client, "x") else {
      Issue.record("a send on a connection that was reset")
      return
    }
    #expect(error.kind == .reset)
    #expect(stage.client.receive(client).0 == .end)
  }
}
