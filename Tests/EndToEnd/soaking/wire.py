"""What both ends of the soak agree on: contents by number, and reading messages."""

import asyncio
import hashlib
import random
import socket
import struct
import zlib

POOL = random.Random(7).randbytes(2 << 20)
FILLING = b"0123456789abcde\n" * (1 << 16)


def content(number, length):
    """`length` bytes (1 MiB at most) that belong to request `number` and, nearly, to no other."""
    start = number * 7919 % (1 << 20)
    return POOL[start:start + length]


def filling(length):
    """What the demo origin's /bytes/N and /chunked/N send."""
    return FILLING[:length // 16 * 16] + b"012345678901234"[:length % 16]


def digest(body):
    return hashlib.sha256(body).hexdigest()[:16]


def chunks(body, rng, trailer=b""):
    """`body` in the chunked coding, cut at random."""
    out, at = bytearray(), 0
    while at < len(body):
        size = max(rng.choice((1, 17, 1000, 4096, 65536)), len(body) // 40)
        piece = body[at:at + size]
        extension = b";a=b" if rng.random() < 0.05 else b""
        out += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
        at += size
    return bytes(out + b"0\r\n" + trailer + b"\r\n")


def seeded(*words):
    """A generator that depends on these words only, in every Python."""
    return random.Random(zlib.crc32("/".join(map(str, words)).encode()))


class Head:
    """A start line and fields; names in lower case, the last of several values."""

    def __init__(self, data):
        lines = data.decode("latin-1").split("\r\n")
        self.start = lines[0].split(" ", 2)
        self.fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                self.fields[name.lower()] = value.strip()

    def get(self, name):
        return self.fields.get(name, "")


async def read_head(reader):
    return Head(await reader.readuntil(b"\r\n\r\n"))


async def read_chunked(reader):
    """The content, or IncompleteReadError."""
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk without its end")
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)


def reset(writer):
    """Ends the connection with RST."""
    plain = writer.get_extra_info("socket")
    if plain is not None and plain.fileno() >= 0:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def dribble(writer, data, rng, pieces=8, pause=0.03):
    """Sends `data` in a few pieces with pauses."""
    size = max(1, len(data) // pieces)
    for at in range(0, len(data), size):
        writer.write(data[at:at + size])
        await writer.drain()
        await asyncio.sleep(rng.random() * pause)
