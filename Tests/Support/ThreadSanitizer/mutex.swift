// What mutex.c, beside this file, is for: two threads and one count.
//
//   mutex          the count stands under a Mutex: no race, though the sanitizer sees one by itself
//   mutex bare     the count stands under nothing: a race
import Glibc
import Synchronization

let isBare = CommandLine.arguments.count > 1
let guarded = Mutex(0)
nonisolated(unsafe) var bare = 0

func count(_: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  for _ in 0..<20_000 {
    if isBare { bare += 1 } else { guarded.withLock { $0 += 1 } }
  }
  return nil
}

var first = pthread_t()
var second = pthread_t()
pthread_create(&first, nil, count, nil)
pthread_create(&second, nil, count, nil)
pthread_join(first, nil)
pthread_join(second, nil)
print(isBare ? bare : guarded.withLock { $0 })
