// Audited: paths are copied into a NUL-terminated local buffer; reads go into a ByteBuffer's free
// space.

package import BowlineCore
internal import CLinux
internal import Glibc

/// The directory that a static origin serves. No path leads out of it.
package final class Directory: Sendable {
  /// How a path is kept inside.
  package enum Way: CaseIterable, Sendable {
    /// openat2(2): the kernel sees to it.
    case beneath
    /// One component at a time, following no symbolic link: for Linux before 5.6.
    case walking
  }

  private let fd: Int32

  private init(fd: Int32) { self.fd = fd }

  deinit { Glibc.close(fd) }

  /// Opens the directory at `path`; it stays this one if it is renamed.
  package static func open(_ path: String) throws(SystemError) -> Directory {
    let fd = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if fd < 0 { throw SystemError.last }
    return Directory(fd: fd)
  }

  /// Opens a file or a directory beneath this one, for reading.
  ///
  /// Absolute paths, `..` and symbolic links that lead out of the directory are refused; links that
  /// stay inside are followed (relative ones; not on Linux before 5.6).
  ///
  /// - Parameters:
  ///   - path: relative, not percent-encoded; empty is the directory itself.
  ///   - way: how; the default falls back to the other one where it is not known.
  /// - Returns: the open file.
  /// - Throws: `.notFound`; `.denied` also for what leads out and for devices, sockets and pipes.
  package func open(
    _ path: Span<UInt8>, _ way: Way = .beneath
  ) throws(SystemError) -> OpenFile {
    // A NUL would end the path early, and no name is longer than PATH_MAX.
    for index in path.indices where path[index] == 0 { throw SystemError.notFound }
    if path.count >= Int(PATH_MAX) { throw SystemError(code: ENAMETOOLONG) }
    if way == .walking { return try walk(path) }
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let opened = unsafe withTerminated(path) { name in
      var fd: Int32
      var attempts = 0
      repeat {
        fd = unsafe linux_open_beneath(self.fd, name, flags)
        attempts += 1
        // EAGAIN: something was renamed while the kernel was looking.
      } while fd < 0 && (errno == EINTR || errno == EAGAIN) && attempts < 16
      return fd
    }
    if opened >= 0 { return try OpenFile(taking: opened) }
    if errno == ENOSYS { return try walk(path) }
    throw Self.refusal(SystemError.last)
  }

  /// The same answer whichever way was gone.
  private static func refusal(_ error: SystemError) -> SystemError {
    switch error.code {
    // EXDEV: led out of the directory. ELOOP: a link that may not be followed. ENXIO: a socket.
    case EXDEV, ELOOP, ENXIO: .denied
    // A file where a directory is needed.
    case ENOTDIR: .notFound
    default: error
    }
  }

  private func walk(_ path: Span<UInt8>) throws(SystemError) -> OpenFile {
    if path.count > 0 && path[0] == UInt8(ascii: "/") { throw SystemError.denied }
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW
    var current = openat(".", flags | O_DIRECTORY, at: fd)
    var start = 0
    while current >= 0 && start < path.count {
      var end = start
      while end < path.count && path[end] != UInt8(ascii: "/") { end += 1 }
      let name = path.extracting(start..<end)
      start = end + 1
      if name.isEmpty { continue }
      if Scan.equal(name, "..") {
        Glibc.close(current)
        throw SystemError.denied
      }
      let isLast = end >= path.count
      let next = unsafe withTerminated(name) { name in
        unsafe Glibc.openat(current, name, isLast ? flags : flags | O_DIRECTORY)
      }
      let error = SystemError.last
      Glibc.close(current)
      if next < 0 { throw Self.refusal(error) }
      current = next
    }
    if current < 0 { throw SystemError.last }
    return try OpenFile(taking: current)
  }

  private func openat(_ name: String, _ flags: Int32, at directory: Int32) -> Int32 {
    unsafe Glibc.openat(directory, name, flags)
  }

  private func withTerminated(
    _ path: Span<UInt8>, _ body: (UnsafePointer<CChar>) -> Int32
  ) -> Int32 {
    let count = max(path.count, 1)
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { space in
      unsafe space[0] = CChar(bitPattern: UInt8(ascii: "."))
      for index in path.indices { unsafe space[index] = CChar(bitPattern: path[index]) }
      unsafe space[count] = 0
      guard let start = unsafe UnsafePointer(space.baseAddress) else { return -1 }
      return unsafe body(start)
    }
  }
}

/// A file that is open for reading, or a directory. Closes itself.
package struct OpenFile: ~Copyable, Sendable {
  private let fd: Int32
  /// Bytes, when it was opened.
  package let size: UInt64
  /// Last change, in seconds since 1970 (UTC).
  package let modificationSeconds: Int64
  /// When anything of it last changed, its content or what is said about it; nobody can set this
  /// time. Seconds since 1970 (UTC), and nanoseconds of the next.
  package let changeSeconds: Int64
  package let changeNanoseconds: Int64
  /// The file's number in its file system.
  package let inode: UInt64
  package let isDirectory: Bool

  init(taking fd: Int32) throws(SystemError) {
    var status = stat()
    var error: SystemError?
    if unsafe fstat(fd, &status) != 0 { error = .last }
    let kind = status.st_mode & S_IFMT
    if error == nil && kind != S_IFREG && kind != S_IFDIR { error = .denied }
    if let error {
      Glibc.close(fd)
      throw error
    }
    self.fd = fd
    size = UInt64(clamping: status.st_size)
    modificationSeconds = Int64(status.st_mtim.tv_sec)
    changeSeconds = Int64(status.st_ctim.tv_sec)
    changeNanoseconds = Int64(status.st_ctim.tv_nsec)
    inode = UInt64(status.st_ino)
    isDirectory = kind == S_IFDIR
  }

  deinit { Glibc.close(fd) }

  /// Appends at most `limit` bytes from `offset` on to `buffer`. It may wait for a disk.
  ///
  /// - Returns: how many; 0 is the end of the file, which may come before `size` if it was cut.
  package func read(
    at offset: UInt64, into buffer: inout ByteBuffer, limit: Int
  ) throws(SystemError) -> Int {
    guard limit > 0, let position = off_t(exactly: offset) else { return 0 }
    var count = 0
    unsafe buffer.withFreeSpace(minimum: limit) { space in
      repeat {
        count = unsafe pread(fd, space.baseAddress, limit, position)
      } while count < 0 && errno == EINTR
      return max(count, 0)
    }
    if count < 0 { throw SystemError.last }
    return count
  }
}
