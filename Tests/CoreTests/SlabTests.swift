import BowlineCore
import Testing

@Suite struct SlabTests {
  /// Counts the elements that live.
  final class Census {
    var living = 0
  }

  struct Member: ~Copyable {
    let census: Census
    var value: Int

    init(_ census: Census, _ value: Int) {
      self.census = census
      self.value = value
      census.living += 1
    }

    deinit { census.living -= 1 }
  }

  /// Inserts, changes and removals at random against a plain list, by seed.
  @Test(arguments: 0..<10)
  func behavesAsAList(seed: Int) {
    var random = Seeded(seed)
    let census = Census()
    let slab = Slab<Member>()
    var living: [(handle: Handle, value: Int)] = []
    var dead: [Handle] = []
    for step in 0..<1000 {
      if living.isEmpty || random.below(5) < 3 {
        living.append((slab.insert(Member(census, step)), step))
      } else {
        let (handle, value) = living.remove(at: random.below(living.count))
        let member = slab.remove(handle)
        #expect(member.value == value)
        dead.append(handle)
      }
      #expect(slab.count == living.count)
      #expect(census.living == living.count)
      if let index = living.indices.randomElement(using: &random) {
        slab[living[index].handle].value += 1
        living[index].value += 1
      }
    }
    for (handle, value) in living {
      #expect(slab.contains(handle) == true)
      #expect(slab[handle].value == value)
    }
    let deadHandlesAreRefused = dead.allSatisfy { !slab.contains($0) }
    #expect(deadHandlesAreRefused)
    #expect(slab.handles == living.map(\.handle).sorted { $0.index < $1.index })
  }

  @Test func theLivingEndWithTheSlab() {
    let census = Census()
    do {
      let slab = Slab<Member>()
      var handles: [Handle] = []
      for value in 0..<200 { handles.append(slab.insert(Member(census, value))) }
      for handle in handles.prefix(70) { _ = slab.remove(handle) }
      #expect(census.living == 130)
    }
    #expect(census.living == 0)
  }

  @Test func aCellIsUsedAgainUnderAnotherName() {
    let slab = Slab<Int>()
    let first = slab.insert(1)
    _ = slab.remove(first)
    let second = slab.insert(2)
    #expect(second.index == first.index)
    #expect(second.generation == first.generation + 2)
    #expect(slab.contains(first) == false)
    #expect(slab[second] == 2)
  }

  @Test func handlesTravelAsWords() {
    let handle = Handle(index: 0x1234_5678, generation: 0x9abc_def1)
    #expect(Handle(word: handle.word) == handle)
    let slab = Slab<Int>()
    #expect(slab.contains(.none) == false)
    #expect(slab.contains(Handle(word: 0)) == false)
    #expect(slab.contains(Handle(word: .max)) == false)
  }

  @Test func aStaleHandleTraps() async {
    await #expect(processExitsWith: .failure) {
      let slab = Slab<Int>()
      let handle = slab.insert(1)
      _ = slab.remove(handle)
      print(slab[handle])
    }
    await #expect(processExitsWith: .failure) {
      let slab = Slab<Int>()
      let handle = slab.insert(1)
      _ = slab.remove(handle)
      _ = slab.insert(2)
      slab[handle] = 3
    }
    await #expect(processExitsWith: .failure) {
      let slab = Slab<Int>()
      let handle = slab.insert(1)
      _ = slab.remove(handle)
      _ = slab.remove(handle)
    }
    await #expect(processExitsWith: .failure) {
      let slab = Slab<Int>()
      _ = slab.insert(1)
      print(slab[.none])
    }
  }
}

@Suite struct ShelfTests {
  @Test func whatComesBackIsLentAgain() {
    let shelf = Shelf<ByteBuffer>()
    var made = 0
    func make() -> ByteBuffer {
      made += 1
      return ByteBuffer()
    }
    let first = shelf.lend(make)
    let second = shelf.lend(make)
    #expect(first != second)
    #expect(shelf.lent == 2)
    shelf[first].append("kept")
    shelf.giveBack(first)
    #expect(shelf.lent == 1)
    let third = shelf.lend(make)
    #expect(third.index == first.index)
    #expect(third != first, "a handle that was given back stays dead")
    #expect(shelf.contains(first) == false)
    #expect(text(shelf[third].span) == "kept")
    #expect(made == 2)
  }
}
