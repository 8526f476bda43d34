import BowlineCore
import BowlineTransport
import Foundation
import Glibc
import Testing

/// What one socket is, and what is left of it when it is closed.
@Suite struct SocketTests {
  private let token: UInt64 = 1 << 32 | 10

  // covers: S018
  @Test(arguments: Place.allCases)
  func eightConnectionsHaveEightLocalPorts(on place: Place) throws {
    let stage = try Stage(place)
    var ports: Set<UInt16> = []
    for number in 0..<8 as Range<UInt64> {
      let (client, server) = try stage.connection(token: token + 2 * number)
      let ours = try #require(stage.client.network.facts(client))
      let theirs = try #require(stage.server.network.facts(server))
      #expect(ours.peer == stage.address)
      #expect(theirs.peer == ours.local)
      ports.insert(ours.local.port)
    }
    #expect(ports.count == 8)
  }

  // covers: S178
  @Test(arguments: Place.allCases)
  func aHalfClosedSideReadsAMegabyte(on place: Place) throws {
    let stage = try Stage(place)
    let (client, server) = try stage.connection()
    stage.client.network.shutdownSend(client)
    #expect(stage.server.readiness(of: token + 1, until: [.ended]).contains(.ended))
    #expect(stage.server.receive(server).0 == .end)
    let piece = String(repeating: "0123456789", count: 1000)
    var read = 0
    for _ in 0..<100 {
      #expect(stage.server.send(server, piece) == .sent(10_000))
      let (outcome, text) = stage.client.receiveAll(client, upTo: 10_000)
      #expect(outcome == .bytes(10_000) || text == piece)
      read += text.utf8.count
    }
    #expect(read == 1_000_000)
    stage.server.network.close(server, .orderly)
    #expect(stage.client.receiveAll(client).0 == .end)
  }

  // covers: S021
  @Test func tenThousandConnectionsLeaveNoDescriptor() async {
    await #expect(processExitsWith: .success) {
      func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
      }
      let stage = try Stage(.kernel)
      let before = try descriptors()
      for _ in 0..<10_000 {
        let (client, server) = try stage.connection()
        // A reset leaves nothing behind in the kernel either.
        stage.client.network.close(client, .reset)
        stage.server.network.close(server, .reset)
      }
      // The testing library may have opened one of its own meanwhile.
      #expect(try descriptors() < before + 10)
    }
  }

  // covers: S022
  @Test func aPortIsFreeAtOnceWhileOldConnectionsRemain() throws {
    let first = try Listener.open(.loopback(0))
    let server = Peer(try EpollNetwork(), nil)
    let client = Peer(try EpollNetwork(), nil)
    server.network.adopt(first.id)
    var accepted: [SocketID] = []
    for number in 0..<2 as Range<UInt64> {
      _ = try #require(client.connect(to: first.address, token: token + number))
      let readiness = client.readiness(of: token + number, until: .writable)
      #expect(readiness.contains(.writable))
      accepted.append(try #require(server.accept(first.id)))
    }
    // One is closed by us first, which leaves it in TIME-WAIT; the other one is still open.
    server.network.close(accepted[0], .orderly)
    first.close()
    let second = try Listener.open(first.address)
    #expect(second.address.port == first.address.port)
    second.close()
    server.network.close(accepted[1], .orderly)
  }
}
