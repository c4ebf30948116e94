"""Faults of HTTP itself: heads that contradict themselves, bodies without their end, codings nobody asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from .fault import fault, gathered, number, seconds
from .framing import CHUNKED, LAST_CHUNK, chunk, head, length
from .scene import Scene
from .steps import Close, Frame, Hang, Script, Send, Wait

GZIP = 31
"""zlib's wbits for a gzip envelope with the largest window."""
KIB, MIB = 1 << 10, 1 << 20
LINES_AT_ONCE = 500


def body(scene: Scene) -> bytes:
    """The whole body as one."""
    return b"".join(each.data for each in scene.frames())


@fault("fin-in-chunk", "D-11", takes=number("events before it", 3))
def fin_in_chunk(scene: Scene) -> Script:
    """Begins well, announces a chunk, sends half of it, then FIN."""
    yield from scene.opened(scene.head(CHUNKED))
    rest = scene.frames()
    for _, each in zip(range(scene.arg), rest, strict=False):
        yield Send(chunk(each.data), each.tokens)
    cut = chunk(next(rest, Frame(b": nothing left\n\n")).data)
    yield Send(cut[: len(cut) // 2])
    yield Close()


@fault("no-last-chunk", "D-11")
def no_last_chunk(scene: Scene) -> Script:
    """Tells the whole answer in chunks, then FIN in place of the last chunk."""
    yield from scene.opened(scene.head(CHUNKED))
    yield from scene.chunked(scene.frames())
    yield Close()


@fault("length-too-long", "D-12", takes=number("bytes too many in Content-Length", 10, 1))
def length_too_long(scene: Scene) -> Script:
    """Declares a longer body than it sends, then FIN."""
    whole = body(scene)
    yield from scene.opened(scene.head((("Content-Length", str(len(whole) + scene.arg)),)))
    yield Send(whole, scene.tokens)
    yield Close()


@fault("length-too-short", "D-13", takes=number("bytes too few in Content-Length", 10, 1))
def length_too_short(scene: Scene) -> Script:
    """Declares a shorter body than it sends, and keeps the connection."""
    whole = body(scene)
    yield from scene.opened(scene.head((("Content-Length", str(max(0, len(whole) - scene.arg))),)))
    yield Send(whole, scene.tokens)


@fault("close-delimited", "D-14")
def close_delimited(scene: Scene) -> Script:
    """Declares no length: the body ends with the connection."""
    yield from scene.opened(scene.head((("Connection", "close"),)))
    yield from scene.paced(Send(each.data, each.tokens) for each in scene.frames())
    yield Close()


@fault("http-1.0", "D-14")
def http_1_0(scene: Scene) -> Script:
    """Answers as HTTP/1.0: no length, no chunks, the body ends with the connection."""
    yield from scene.opened(head(200, scene.lines(), "1.0"))
    yield from scene.paced(Send(each.data, each.tokens) for each in scene.frames())
    yield Close()


@fault("length-and-chunked", "D-15")
def length_and_chunked(scene: Scene) -> Script:
    """Sends Content-Length and Transfer-Encoding together; the body is chunked."""
    return scene.told(scene.frames(), (("Content-Length", "5"),))


@fault("two-lengths", "D-16")
def two_lengths(scene: Scene) -> Script:
    """Sends two Content-Length that differ; the first is true."""
    whole = body(scene)
    lengths = (("Content-Length", str(len(whole))), ("Content-Length", str(len(whole) + 5)))
    yield from scene.opened(scene.head(lengths))
    yield Send(whole, scene.tokens)


@fault("gzip-chunked", "D-16")
def gzip_chunked(scene: Scene) -> Script:
    """Answers with `Transfer-Encoding: gzip, chunked`, and means it."""
    yield from scene.opened(scene.head((("Transfer-Encoding", "gzip, chunked"),)))
    yield from scene.chunked(zipped(scene.frames()))
    yield Send(LAST_CHUNK)


@fault("garbage", "D-16")
def garbage(scene: Scene) -> Script:
    """Answers with bytes that are no HTTP, then FIN."""
    yield Send(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(range(256)))
    yield Close()


@fault("bad-chunk-size", "D-16", takes=number("events before it", 2))
def bad_chunk_size(scene: Scene) -> Script:
    """Begins well, then sends a chunk whose size is no number, and FIN."""
    yield from scene.opened(scene.head(CHUNKED))
    rest = scene.frames()
    for _, each in zip(range(scene.arg), rest, strict=False):
        yield Send(chunk(each.data), each.tokens)
    yield Send(b"0xzz\r\n" + next(rest, Frame(b"")).data + b"\r\n")
    yield Close()


@fault("long-header", "D-17", takes=number("KiB of the line", 70, 1))
def long_header(scene: Scene) -> Script:
    """Answers well under a header line that is far too long."""
    return scene.whole((("X-Long", "x" * (scene.arg * KIB)),))


@fault("many-headers", "D-17", takes=number("header lines", 100_000, 1))
def many_headers(scene: Scene) -> Script:
    """Answers well under a head of far too many lines."""
    yield Wait(scene.setting.pace.first_token)
    yield Send(scene.head(CHUNKED).removesuffix(b"\r\n"))
    for start in range(0, scene.arg, LINES_AT_ONCE):
        yield Send(b"".join(b"X-%d: x\r\n" % place for place in range(start, min(start + LINES_AT_ONCE, scene.arg))))
    yield Send(b"\r\n")
    yield from scene.chunked(scene.frames())
    yield Send(LAST_CHUNK)


@fault("endless-1xx", "D-17", takes=seconds("seconds between two", 0.1))
def endless_1xx(scene: Scene) -> Script:
    """Sends `103 Early Hints` again and again and never a real head."""
    while True:
        yield Send(head(103, (("Link", "</style.css>; rel=preload"),)))
        yield Wait(scene.arg)


@fault("gzip", "D-30")
def gzip(scene: Scene) -> Script:
    """Compresses the answer though nobody offered to inflate it."""
    return scene.told(zipped(scene.frames()), (("Content-Encoding", "gzip"),))


@fault("gzip-length", "D-30", "D-42")
def gzip_length(scene: Scene) -> Script:
    """Compresses the answer, and declares how long it is compressed."""
    whole = b"".join(each.data for each in zipped(scene.frames()))
    yield from scene.opened(scene.head((("Content-Encoding", "gzip"), *length(whole))))
    yield Send(whole, scene.tokens)


@fault("gzip-bomb", "D-30", takes=number("MiB after inflating", 64, 1))
def gzip_bomb(scene: Scene) -> Script:
    """Sends a small compressed body that inflates a thousandfold."""
    yield from scene.opened(scene.head((*CHUNKED, ("Content-Encoding", "gzip"))))
    yield from (Send(chunk(each.data)) for each in zipped(Frame(b"a" * MIB) for _ in range(scene.arg)))
    yield Send(LAST_CHUNK)


def zipped(frames: Iterable[Frame]) -> Iterator[Frame]:
    """`frames` in one gzip envelope; each can be read as soon as it is there."""
    packer = zlib.compressobj(wbits=GZIP)
    for each in frames:
        yield Frame(packer.compress(each.data) + packer.flush(zlib.Z_SYNC_FLUSH), each.tokens)
    yield Frame(packer.flush())


@fault("hostile-headers", "D-42")
def hostile_headers(scene: Scene) -> Script:
    """Answers well under headers that must not travel any further."""
    return scene.whole(
        (
            ("Set-Cookie", "__cf_bm=canary; Path=/; HttpOnly"),
            ("Server", "uvicorn/0.30 canary"),
            ("Via", "1.1 canary.internal"),
            ("Location", "http://169.254.169.254/"),
            ("openai-organization", "org-canary"),
            ("Keep-Alive", "timeout=1"),
            ("Proxy-Authenticate", "Basic realm=canary"),
            ("Access-Control-Allow-Origin", "https://canary.example"),
        )
    )


@fault("upgrade", "D-16", "D-42")
def upgrade(scene: Scene) -> Script:
    """Answers 101 Switching Protocols, which nobody asked for, and waits."""
    yield Send(head(101, (("Connection", "Upgrade"), ("Upgrade", "websocket"))))
    yield Hang()


FAULTS = gathered(globals())
