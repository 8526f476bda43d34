import BowlineCore
import BowlineTransport

// What the entity-tag of a file is worth.
//
// It is made of the file's size, and of the time of its last change in nanoseconds together with
// its number in the file system. The time is that of the inode (ctime): the kernel sets it with
// every change, and nobody else can. The time of modification (mtime) is set by `cp -p`, `rsync -t`
// and reproducible builds to what it was before, or to the same for everything. The number tells
// files apart that were put in each other's place. So a tag stands for these bytes and no others,
// which is what makes it strong (RFC 9110 §8.8.1): a transfer may be resumed by it.
//
// The kernel's clock for files ticks in hundredths of a second, and two changes in one tick leave
// one time. While the last change is that recent the tag is weak, and becomes strong without being
// another tag: a weak one is good enough for "not modified", and never for a range.
//
// Not seen: a program that goes on writing through a mapping, until the kernel writes it out; and a
// file that is changed in place while it is sent. Renaming a new file over the old one is always
// seen. Two machines that serve copies of a file have different tags for it, and then send it
// again: that costs bytes, and is never wrong.

extension Validators {
  /// Takes the validators of `file`.
  mutating func take(_ file: borrowing OpenFile, now: Int64) {
    modified = file.modificationSeconds
    tag.removeAll()
    if !Validators.isSettled(file.changeSeconds, now: now) { tag.append("W/") }
    tag.append(0x22)
    tag.append(hexadecimal: file.size)
    tag.append(0x2d)
    // Mixed: how often a file was replaced, and the numbers of inodes, are nobody's business.
    var mark = Self.mixed(file.inode)
    mark = Self.mixed(mark ^ UInt64(bitPattern: file.changeSeconds))
    mark = Self.mixed(mark ^ UInt64(bitPattern: file.changeNanoseconds))
    tag.append(hexadecimal: mark)
    tag.append(0x22)
  }

  /// The finaliser of SplitMix64: each bit of the number reaches every bit, and no two numbers
  /// become one.
  private static func mixed(_ number: UInt64) -> UInt64 {
    var mixed = number &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

extension HeadBlock {
  /// Adds ETag and Last-Modified. A change that is still to come is said to be now: Last-Modified
  /// is never later than Date (RFC 9110 §8.8.2.1).
  mutating func add(_ validators: borrowing Validators, now: Int64) {
    add(.etag, validators.tag.span)
    addModified(min(validators.modified, now))
  }

  private mutating func addModified(_ seconds: Int64) {
    add(.lastModified) { HTTPDate.append(seconds, to: &$0) }
  }
}
