// Audited: an address as the kernel reads and writes it.
//
// A sockaddr_in is family (2 bytes), port (2, network order), address (4). A sockaddr_in6 is family
// (2), port (2), flow (4), address (16), scope (4). All offsets below lie inside sockaddr_storage's
// 128 bytes.

internal import BowlineCore
internal import CLinux
internal import Glibc

/// A socket address in the kernel's layout.
struct NativeAddress {
  private var storage = sockaddr_storage()
  private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  /// Room for the kernel to write an address into.
  init() {}

  /// A copy of an address that a library holds.
  init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
    let size = min(Int(length), MemoryLayout<sockaddr_storage>.size)
    unsafe withUnsafeMutableBytes(of: &storage) { raw in
      unsafe raw.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
    }
  }

  init(_ address: SocketAddress) {
    let family = address.isIPv4 ? AF_INET : AF_INET6
    length = socklen_t(
      address.isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
    unsafe withUnsafeMutableBytes(of: &storage) { raw in
      unsafe raw.storeBytes(of: sa_family_t(family), toByteOffset: 0, as: sa_family_t.self)
      unsafe raw.storeBytes(of: address.port.bigEndian, toByteOffset: 2, as: UInt16.self)
      if address.isIPv4 {
        let bits = UInt32(truncatingIfNeeded: address.low)
        unsafe raw.storeBytes(of: bits.bigEndian, toByteOffset: 4, as: UInt32.self)
      } else {
        unsafe raw.storeBytes(of: address.high.bigEndian, toByteOffset: 8, as: UInt64.self)
        unsafe raw.storeBytes(of: address.low.bigEndian, toByteOffset: 16, as: UInt64.self)
        unsafe raw.storeBytes(of: address.scope, toByteOffset: 24, as: UInt32.self)
      }
    }
  }

  /// The address as a value; nil when it is neither IPv4 nor IPv6.
  var value: SocketAddress? {
    var copy = storage
    return unsafe withUnsafeMutableBytes(of: &copy) { raw in
      let port = UInt16(bigEndian: unsafe raw.load(fromByteOffset: 2, as: UInt16.self))
      switch Int32(unsafe raw.load(fromByteOffset: 0, as: sa_family_t.self)) {
      case AF_INET:
        let bits = UInt32(bigEndian: unsafe raw.load(fromByteOffset: 4, as: UInt32.self))
        return SocketAddress(ipv4: bits, port: port)
      case AF_INET6:
        return SocketAddress(
          high: UInt64(bigEndian: unsafe raw.load(fromByteOffset: 8, as: UInt64.self)),
          low: UInt64(bigEndian: unsafe raw.load(fromByteOffset: 16, as: UInt64.self)),
          port: port, scope: unsafe raw.load(fromByteOffset: 24, as: UInt32.self))
      default:
        return nil
      }
    }
  }

  /// Lends the address to a system call.
  @unsafe
  mutating func lend(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> Int32 {
    unsafe withUnsafeMutablePointer(to: &storage) { storage in
      unsafe withUnsafeMutablePointer(to: &length) { length in
        unsafe call(UnsafeMutableRawPointer(storage).assumingMemoryBound(to: sockaddr.self), length)
      }
    }
  }
}
