"""Jobs of files by hand, after protocol/README.md, "A job of files": every message written and read, and both roles played
honestly, so that a test can leave the rules in one place. Nothing is shared with the C++ side."""
import collections
import struct
import time

from harness import PATIENCE
from hostile import (IS_DIRECTORY, Fields, error, frame, hello, read_error, text, texts, u8, u16, u32, u64, welcome,
                     xxh3_128)

DIRECTORY, FILE, LINK, HARD_LINK, SPECIAL = range(5)
NOTHING, WHOLE, REST, DELTA = range(4)
INTO, AS_OR_INTO, AS = range(3)
MOST_UNJUDGED = 4096
WHEN = 1_600_000_000   # the time of everything here
BYTES = b"fresh content\n"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


# ----------------------------------------------------------------------------------------------------------------------
# Writing

def entry(path, kind=FILE, size=0, target="", mode=None, seconds=WHEN, nanoseconds=0, user="", group="", attributes=(),
          hashed=None, occupied=None):
    occupied = occupied if occupied is not None else size if kind == FILE else 0
    mode = mode if mode is not None else 0o755 if kind == DIRECTORY else 0o644
    listed = b"".join(text(name) + text(value) for name, value in attributes)
    return (u8(kind) + text(path) + u32(mode) + struct.pack("<q", seconds) + u32(nanoseconds) + u64(size) + u64(occupied) +
            text(target) + text(user) + text(group) + u64(len(attributes)) + listed +
            (u8(0) if hashed is None else u8(1) + hashed))


def directory(path, **fields):
    return entry(path, DIRECTORY, **fields)


def file(path, content=BYTES, **fields):
    return entry(path, FILE, **{"size": len(content), **fields})


def link(path, target, **fields):
    return entry(path, LINK, target=target, **fields)


def hard_link(path, target, **fields):
    return entry(path, HARD_LINK, target=target, **fields)


def entries(*listed):
    return frame("entries", u64(len(listed)) + b"".join(listed))


def batches(listed, most=250 << 10):
    """Entries in as few frames as their limit permits."""
    frames, held, size = [], [], 0
    for one in listed:
        if held and size + len(one) > most:
            frames.append(entries(*held))
            held, size = [], 0
        held.append(one)
        size += len(one)
    return frames + ([entries(*held)] if held else [])


def verdict(need=NOTHING, have=0, digest=bytes(16)):
    return u8(need) + (u64(have) + digest if need in (REST, DELTA) else b"")


def verdicts(*given):
    return frame("verdicts", u64(len(given)) + b"".join(given))


def part(content=b"", offset=0):
    return frame("part", content, str(offset))


def raw_blocks(content, last=False):
    """Blocks of zstd's that hold it as it is, which every decoder knows; all of them but the very last end nothing."""
    pieces = [content[at:at + (128 << 10)] for at in range(0, len(content), 128 << 10)]
    return b"".join(u32(len(piece) << 3 | (last and at == len(pieces) - 1))[:3] + piece for at, piece in enumerate(pieces))


def packed_stream(content, begins=True, window=21, last=False):
    """The next bytes of a stream of zstd's, with its frame's header or behind it."""
    return (ZSTD_MAGIC + u8(0) + u8((window - 10) << 3) if begins else b"") + raw_blocks(content, last)


def packed(content, offset=0, stream=None, length=None, **shape):
    stream = packed_stream(content, **shape) if stream is None else stream
    return frame("packed", u32(len(content) if length is None else length) + stream, str(offset))


def close(content=BYTES, outcome=0, size=None, digest=None, mode=0o644, seconds=WHEN, nanoseconds=0, code=0, reason=""):
    return frame("close", u8(outcome) + u64(len(content) if size is None else size) +
                 (xxh3_128(content) if digest is None else digest) + u32(mode) + struct.pack("<q", seconds) +
                 u32(nanoseconds) + u16(code) + text(reason))


def whole(content=BYTES):
    return part(content) + close(content)


def stored(count):
    return frame("stored", b"", str(count))


def trouble(path="x", sentence="no", code=10, notice=0):
    return frame("trouble", u64(1) + text(path) + u16(code) + text(sentence) + u8(notice))


def finish(complete=1, code=1, message="", files=0, size=0, unchanged=0, failed=0, deleted=0, place=""):
    return frame("finish", u8(complete) + u16(code) + text(message) + u64(files) + u64(size) + u64(unchanged) +
                 u64(failed) + u64(deleted) + text(place))


def push(to="", placement=INTO, existing=0, sameness=0, dry_run=0, delta=0, attributes=0, owner=0, delete_extra=0,
         most_deleted=0, backup="", rules=()):
    return frame("push", text(to) + u8(placement) + u8(existing) + u8(sameness) + u8(dry_run) + u8(delta) +
                 u8(attributes) + u8(owner) + u8(delete_extra) + u64(most_deleted) + text(backup) + texts(rules))


def pull(*paths, contents=0, attributes=0, owner=0, compress=0, rules=()):
    return frame("pull", texts(paths) + u8(contents) + u8(attributes) + u8(owner) + u8(compress) + texts(rules))


def list_request(*paths, contents=0, recursive=1, hashes=1, rules=()):
    return frame("list", texts(paths) + u8(contents) + u8(recursive) + u8(hashes) + texts(rules))


def stretch(offset=0, length=None, size=1 << 20, occupied=None, seconds=WHEN, nanoseconds=0):
    return (u64(size) + u64(size if occupied is None else occupied) + struct.pack("<q", seconds) + u32(nanoseconds) +
            u64(offset) + u64(size - offset if length is None else length))


def stripe(path="large", to="", placement=INTO, **fields):
    return frame("stripe", text(to) + u8(placement) + text(path) + stretch(**fields))


def slice_request(path="large", **fields):
    return frame("slice", text(path) + stretch(**fields))


# ----------------------------------------------------------------------------------------------------------------------
# Reading

Entry = collections.namedtuple("Entry", "kind path mode seconds nanoseconds size occupied target user group attributes digest")
Verdict = collections.namedtuple("Verdict", "need have digest")
Trouble = collections.namedtuple("Trouble", "path code message notice")
Finish = collections.namedtuple("Finish", "complete code message files size unchanged failed deleted place")


def _list(found, read):
    fields = Fields(found.parcel)
    values = [read(fields) for _ in range(fields.number("<Q"))]
    fields.end()
    return values


def _entry(fields):
    values = [fields.number("<B"), fields.text(), fields.number("<I"), fields.number("<q"), fields.number("<I"),
              fields.number("<Q"), fields.number("<Q"), fields.text(), fields.text(), fields.text()]
    values.append([(fields.text(), fields.text()) for _ in range(fields.number("<Q"))])
    values.append(fields.bytes(16) if fields.number("<B") else None)
    return Entry(*values)


def _verdict(fields):
    need = fields.number("<B")
    return Verdict(need, fields.number("<Q"), fields.bytes(16)) if need in (REST, DELTA) else Verdict(need, 0, None)


def read_entries(found):
    return _list(found, _entry)


def read_verdicts(found):
    return _list(found, _verdict)


def read_troubles(found):
    return _list(found, lambda fields: Trouble(fields.text(), fields.number("<H"), fields.text().decode(),
                                               fields.number("<B") == 1))


def read_finish(found):
    fields = Fields(found.parcel)
    values = [fields.number("<B") == 1, fields.number("<H"), fields.text().decode()]
    values += [fields.number("<Q") for _ in range(5)] + [fields.text()]
    fields.end()
    return Finish(*values)


# ----------------------------------------------------------------------------------------------------------------------
# Conversations

class Ended(Exception):
    """The other side ended it: with this Failure, or (None) without a word."""


def await_kind(peer, kind, seconds=PATIENCE):
    """The next frame of this kind, past those that may come at any time."""
    deadline = time.monotonic() + seconds
    while True:
        found = peer.read_past_pings(deadline - time.monotonic())
        if found is None:
            raise Ended(None)
        if found.kind == kind:
            return found
        if found.kind == "error":
            raise Ended(read_error(found))
        if found.kind not in ("stored", "trouble", "verdicts", "entries", "part", "packed", "close", "pong"):
            raise AssertionError(f"'{kind}' was expected and {found} came")


def await_verdicts(peer, count, seconds=PATIENCE):
    """So many verdicts, in however many frames."""
    got = []
    while len(got) < count:
        got += read_verdicts(await_kind(peer, "verdicts", seconds))
    assert len(got) == count, (count, got)
    return got


def meet_puller(peer):
    """The server's part up to the client's `pull`: one that asks for a file first hears that it is a directory."""
    welcome(peer)
    found = peer.read_past_pings()
    if found is not None and found.kind == "get":
        peer.send(error(IS_DIRECTORY, False, "it is a directory"))
        found = peer.read_past_pings()
    if found is None or found.kind != "pull":
        raise AssertionError(f"'pull' was expected and {found} came")
    return found


def play(peer, steps):
    """Bytes are sent, an int is so many verdicts to wait for, a text a kind to wait for, a callable is called. Returns how
    the other side ended it early: an Ended, or None."""
    try:
        for step in steps:
            if isinstance(step, int):
                await_verdicts(peer, step)
            elif isinstance(step, str):
                await_kind(peer, step)
            elif callable(step):
                step(peer)
            else:
                peer.send_if_heard(step)
    except Ended as ended:
        return ended
    return None


def pushing(*steps, to="", **fields):
    """A client's steps from its greeting to what it breaks."""
    return (hello() + push(to, **fields), "hello", *steps)
