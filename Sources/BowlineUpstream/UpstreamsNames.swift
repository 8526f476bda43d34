// Origins that requests name: found, made, looked up, and forgotten again.
//
//   none ──dial──► under way ──answer──► found ──too old, and a dial──► under way
//                      └──no answer in time, or nothing usable──► none
//
// Idle connections are used whatever the age of the addresses: a lookup is for dialling. The rules
// are asked about every address of an answer, and only those that they permit are kept: so the
// address that was checked is the address that is dialled, and a name that changes its mind in
// between gains nothing.

import BowlineCore
package import BowlineExchange
import BowlineJournal
import BowlinePool
import BowlineTransport

/// Why there is no origin for a name.
package enum OriginRefusal: Error, Sendable {
  /// The rules permit no such address.
  case forbidden
  /// `upstream.origins` are in use.
  case tooMany
}

extension Upstreams {
  /// The origin of `host`, which a request named, if it is known.
  package func find(_ host: Span<UInt8>, _ port: UInt16, isTunnel: Bool) -> Int? {
    var walk = state.value.places.walk(OriginKey.hash(host, port, isTunnel))
    while let place = state.value.places.next(&walk) {
      if state.value.origins[place].key.matches(host, port, isTunnel) {
        state.value.origins[place].used = links.now
        return place
      }
    }
    return nil
  }

  /// Makes an origin of a name that `find` did not find.
  ///
  /// - Parameters:
  ///   - host: in lower case; an IPv6 literal without brackets.
  ///   - port: of the origin.
  ///   - isTunnel: its connections carry raw bytes.
  /// - Returns: its place in the table.
  /// - Throws: why there is none for it.
  package func add(
    _ host: String, _ port: UInt16, isTunnel: Bool
  ) throws(OriginRefusal) -> Int {
    let literal = SocketAddress(host: host, port: port)
    var origin = Origin(named: host, port: port, isTunnel: isTunnel, literal: literal)
    if let literal, let rules, !rules.permits(literal, of: origin) { throw .forbidden }
    origin.used = links.now
    let shared = neighbours.shared(origin.key)
    let pool = Pool(limits: PoolLimits(links.settings))
    let place: Int
    let isFull =
      state.value.origins.count - state.value.vacant.count >= links.settings[.upstreamOrigins]
    if isFull && !forgetOldest() { throw .tooMany }
    if let vacant = state.value.vacant.popLast() {
      place = vacant
      origin.generation = state.value.origins[place].generation &+ 1
      state.value.origins[place] = origin
      state.value.pools[place] = pool
      state.value.shared[place] = shared
    } else {
      place = state.value.origins.count
      state.value.origins.append(origin)
      state.value.pools.append(pool)
      state.value.shared.append(shared)
    }
    state.value.places.insert(place, origin.key.hash)
    shared.setPlace(place, on: state.value.loop)
    beginWindow()
    return place
  }

  /// Forgets the origin that was unused for longest. False when all are in use.
  private func forgetOldest() -> Bool {
    var oldest: Int?
    for place in state.value.origins.indices where mayForget(place) {
      if let found = oldest, state.value.origins[found].used <= state.value.origins[place].used {
        continue
      }
      oldest = place
    }
    guard let oldest else { return false }
    forget(oldest)
    return true
  }

  /// Takes a named origin out of the tables. Its place is used again when its connections are
  /// closed.
  func forget(_ place: Int) {
    state.value.origins[place].isForgotten = true
    state.value.shared[place].setPlace(nil, on: state.value.loop)
    state.value.places.remove(place, state.value.origins[place].key.hash)
    closeIdle(place, .usPoolSurplus)
    vacate(place)
  }

  /// A forgotten origin without connections leaves its place.
  func vacate(_ place: Int) {
    if state.value.origins[place].isForgotten && state.value.pools[place].isUnused {
      state.value.vacant.append(place)
    }
  }

  func mayForget(_ place: Int) -> Bool {
    place >= state.value.configured && !state.value.origins[place].isForgotten && !isBusy(place)
  }

  private func isBusy(_ place: Int) -> Bool {
    let pool = state.value.pools[place]
    return pool.leased + pool.dialling + pool.waiting > 0
  }

  // MARK: Lookups

  func hasAddresses(_ origin: Int) -> Bool {
    guard case .found(let until) = state.value.origins[origin].lookup else { return false }
    return links.now < until
  }

  func lookUp(_ place: Int) {
    let origin = state.value.origins[place]
    if case .underWay = origin.lookup { return }
    let question = NameQuestion(
      host: origin.host, port: origin.port, owner: state.value.number, origin: place,
      generation: origin.generation)
    // When nobody could be asked it is over at once; who waits is told from the loop all the same.
    let isAsked = names?.lookUp(question) ?? false
    let patience = isAsked ? links.settings[.resolveTimeout] : 0
    let deadline = links.now.advanced(milliseconds: patience)
    state.value.origins[place].lookup = .underWay(until: deadline)
    links.wake(state.value.number, at: deadline)
  }

  package func messageArrived(_ message: any OwnerMessage) {
    if neighbourMessage(message) { return }
    guard let answer = message as? NameAnswer else {
      state.value.taker?.messageArrived(message)
      return
    }
    guard answer.origin < state.value.origins.count,
      state.value.origins[answer.origin].generation == answer.generation,
      case .underWay = state.value.origins[answer.origin].lookup
    else { return }
    let place = answer.origin
    let origin = state.value.origins[place]
    let permitted = answer.addresses.filter { rules?.permits($0, of: origin) ?? true }
    guard !permitted.isEmpty else {
      state.value.origins[place].lookup = .none
      giveUpResolving(
        place, answer.addresses.isEmpty ? .upstreamUnknownName : .policyRefusedDestination)
      return
    }
    let until = links.now.advanced(milliseconds: links.settings[.resolveAge])
    state.value.origins[place].lookup = .found(until: until)
    state.value.origins[place].addresses = permitted
    for dial in dials.handles where dials[dial].isResolving && dials[dial].origin == place {
      dials[dial].isResolving = false
      dials[dial].began = links.now
      // Nobody waits for it any more, and nothing is under way that the pool could use.
      if dials[dial].isCancelled {
        giveUp(dial: dial, .usAbortedClientGone, nil)
      } else {
        attempt(dial)
      }
    }
  }

  private func giveUpResolving(_ place: Int, _ reason: EndReason) {
    for dial in dials.handles where dials.contains(dial) && dials[dial].isResolving {
      if dials[dial].origin == place { giveUp(dial: dial, reason, nil) }
    }
  }

  /// Lookups that took too long, or that nobody could be asked for.
  func giveUpLookups(_ now: Instant) {
    for place in state.value.origins.indices {
      guard case .underWay(let until) = state.value.origins[place].lookup, until <= now else {
        continue
      }
      state.value.origins[place].lookup = .none
      giveUpResolving(place, .upstreamTimeoutResolving)
    }
  }
}
