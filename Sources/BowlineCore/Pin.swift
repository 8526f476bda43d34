internal import Synchronization

/// Keeps the struct that holds it where it is: such a struct is lent by its address.
///
/// Without a pin the compiler may lend a struct by copying its bits, and it does: 144 bytes for
/// each call that borrows a head, six times a request (measured). An atomic is the one standard
/// type that may not be copied, whoever holds it. Nothing is ever stored in it.
package struct Pin: ~Copyable {
  private let place = Atomic<UInt8>(0)

  package init() {}
}
