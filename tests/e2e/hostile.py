"""Peers that do not keep to the rules: frames written and read by hand after protocol/README.md (nothing is shared with
the C++ side), a client's and a server's role over Unix sockets, TCP and TLS, and a proxy that cuts and flips."""
import collections
import contextlib
import ctypes
import fcntl
import os
import re
import select
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time
import unicodedata
import unittest

from harness import PATIENCE, PYTHON, Identity, _openssl, as_user, connect_to, make_identity, wait_until

MIB = 1 << 20
SPECIFICATION = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                             "protocol", "README.md")

# Error codes that tests name; the table in the specification has them all.
REFUSED, NOT_FOUND, OUTSIDE_ROOT, IS_DIRECTORY, INTEGRITY, PROTOCOL, LIMIT, CANCELLED = 3, 4, 6, 7, 12, 16, 19, 22
SOURCE_CHANGED = 11


# ----------------------------------------------------------------------------------------------------------------------
# Writing

def slip(kind, size, name=b""):
    """The line alone, with any size."""
    kind = kind.encode() if isinstance(kind, str) else kind
    name = name.encode() if isinstance(name, str) else name
    return kind + b"|" + str(size).encode() + b"|" + escape(name) + b"\n"


def escape(name):
    return name.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\r", b"%0D")


def frame(kind, parcel=b"", name=b""):
    return slip(kind, len(parcel), name) + parcel


def u8(value):
    return struct.pack("<B", value)


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return u64(len(value)) + value


def texts(values):
    return u64(len(values)) + b"".join(text(value) for value in values)


def hello(version=1, software="hostile 1", features=(), user=b""):
    return frame("hello", u16(version) + text(software) + texts(features), user)


def pair(secret=bytes(16), name="hostile", version=1, software="hostile 1"):
    return frame("pair", u16(version) + text(software) + secret + text(name))


def paired(name="hostile", allow=("exec",)):
    return frame("paired", text(name) + texts(allow))


def terminal(kind, rows=24, columns=80, modes=()):
    """What exec says of a terminal; modes are (number, value)."""
    listed = b"".join(u8(number) + u32(value) for number, value in modes)
    return u8(1) + text(kind) + u16(rows) + u16(columns) + u16(0) + u16(0) + u64(len(modes)) + listed


NO_TERMINAL = u8(0) + text("") + bytes(8) + u64(0)


def exec_structure(mode, words, environment=(), locale=(), directory="", timeout=0, merge=False, on=NO_TERMINAL):
    return (u8(mode) + texts(words) + texts(environment) + texts(locale) + text(directory) + u64(timeout) + u8(merge) +
            on)


def exec_words(*words, **fields):
    return frame("exec", exec_structure(0, words, **fields))


def exec_line(line, **fields):
    return frame("exec", exec_structure(1, [line], **fields))


STDIN_END = frame("stdin")
BYE = frame("bye")


def run_line(line):
    """A whole exec request without input."""
    return exec_line(line) + STDIN_END


def run_words(*words):
    return exec_words(*words) + STDIN_END


def resize(rows, columns):
    return frame("resize", u16(rows) + u16(columns) + u16(0) + u16(0))


def get(path):
    return frame("get", b"", path)


def ping(token=b""):
    return frame("ping", b"", token)


def offer(leaf="", size=None):
    return frame("offer", text(leaf) + u8(size is not None) + u64(size or 0))


def seal(content=b"", outcome=0, size=None, digest=None, mode=0o644, seconds=1_600_000_000, nanoseconds=5, code=0,
         reason=""):
    digest = xxh3_128(content) if digest is None else digest
    return frame("seal", u8(outcome) + u64(len(content) if size is None else size) + digest + u32(mode) +
                 struct.pack("<q", seconds) + u32(nanoseconds) + u16(code) + text(reason))


def post(path, content, piece=MIB, **sealed):
    """A whole upload (or the answer to a get): post, data..., seal."""
    said = frame("post", content[:piece], path)
    for at in range(piece, len(content), piece):
        said += frame("data", content[at:at + piece], str(at))
    return said + seal(content, **sealed)


# A job's frames; protocol/README.md, "A job of files".

def push(to="", placement=0, existing=0, sameness=0, dry_run=0):
    return frame("push", text(to) + u8(placement) + u8(existing) + u8(sameness) + u8(dry_run) + bytes(4) + u64(0) + text("") + u64(0))


def entry(path, kind=1, target="", size=0, digest=None, occupied=0, mode=0o644, nanoseconds=0):
    return (u8(kind) + text(path) + u32(mode) + u64(0) + u32(nanoseconds) + u64(size) + u64(occupied) + text(target) +
            text("") + text("") + u64(0) + (u8(0) if digest is None else u8(1) + digest))


def entries(*listed):
    return frame("entries", u64(len(listed)) + b"".join(listed))


def verdicts(*needs):
    """Of each 0 or 1, or (have, digest) for the rest."""
    return frame("verdicts", u64(len(needs)) + b"".join(
        u8(2) + u64(need[0]) + need[1] if isinstance(need, tuple) else u8(need) for need in needs))


def part(content, offset=0):
    return frame("part", content, str(offset))


def close(content=b"", **sealed):
    """As a seal."""
    found = take_frame(bytearray(seal(content, **sealed)))
    return frame("close", found.parcel)


def stored(count):
    return frame("stored", b"", str(count))


def trouble(path, sentence, code=10, is_notice=0):
    return frame("trouble", u64(1) + text(path) + u16(code) + text(sentence) + u8(is_notice))


def finish(complete=1, code=1, sentence="", files=0, sent=0, unchanged=0, failed=0, place=""):
    return frame("finish", u8(complete) + u16(code) + text(sentence) + u64(files) + u64(sent) + u64(unchanged) +
                 u64(failed) + u64(0) + text(place))


def pulled(path, content, piece=MIB, listed=None, **sealed):
    """A whole answer to a pull of one file."""
    said = entries(entry(path, size=len(content) if listed is None else listed))
    for at in range(0, len(content), piece):
        said += part(content[at:at + piece], at)
    return said + close(content, **sealed) + finish(files=1, sent=len(content))


def pushed(place="x", count=1):
    """The end of a push, from its receiver."""
    return stored(count) + finish(files=count, place=place)


def take_push(peer, need=1):
    """A push of one file, up to its sender's last word; the content."""
    peer.expect("push")
    peer.expect("entries")
    peer.send(verdicts(need))
    content = b""
    while (found := peer.read_past_pings()) is not None and found.kind != "finish":
        content += found.parcel if found.kind == "part" else b""
    return content


def error(code=PROTOCOL, closes=True, message="no"):
    return frame("error", u16(code) + u8(closes) + text(message))


def done(content, path="x", size=None, digest=None):
    return frame("done", u64(len(content) if size is None else size) +
                 (xxh3_128(content) if digest is None else digest) + text(path))


def exit_report(kind=0, value=0, core=0, code=0, sentence="", timed_out=0):
    return frame("exit", u8(kind) + u8(value) + u8(core) + u16(code) + text(sentence) + u8(timed_out) + bytes(32))


# ----------------------------------------------------------------------------------------------------------------------
# Reading

Frame = collections.namedtuple("Frame", "kind size name parcel")


class Garbled(AssertionError):
    """What arrived is not the protocol."""


def take_frame(buffer):
    """The first whole frame of a bytearray, taken away; None if there is none yet."""
    newline = buffer.find(b"\n")
    if newline < 0:
        if len(buffer) > 3 * 4096 + 64:
            raise Garbled(f"no slip: {bytes(buffer[:80])!r}")
        return None
    match = re.fullmatch(rb"([a-z][a-z0-9-]{0,15})\|(0|[1-9][0-9]{0,18})\|(.*)", bytes(buffer[:newline]), re.DOTALL)
    if not match:
        raise Garbled(f"no slip: {bytes(buffer[:newline])!r}")
    size = int(match[2])
    if len(buffer) < newline + 1 + size:
        return None
    name = match[3].replace(b"%0A", b"\n").replace(b"%0D", b"\r").replace(b"%25", b"%")
    parcel = bytes(buffer[newline + 1:newline + 1 + size])
    del buffer[:newline + 1 + size]
    return Frame(match[1].decode(), size, name, parcel)


def take_frames(data):
    """All whole frames of these bytes, and the rest."""
    buffer, frames = bytearray(data), []
    while (found := take_frame(buffer)) is not None:
        frames.append(found)
    return frames, bytes(buffer)


class Fields:
    """A structure, field by field; end() asserts that nothing is left over."""

    def __init__(self, parcel):
        self.left = parcel

    def number(self, form):
        size = struct.calcsize(form)
        (value,) = struct.unpack(form, self.left[:size])
        self.left = self.left[size:]
        return value

    def bytes(self, count):
        value, self.left = self.left[:count], self.left[count:]
        assert len(value) == count
        return value

    def text(self):
        return self.bytes(self.number("<Q"))

    def end(self):
        assert not self.left, self.left


Failure = collections.namedtuple("Failure", "code closes message")
Exit = collections.namedtuple("Exit", "kind value core code error timed_out elapsed user system memory")
Seal = collections.namedtuple("Seal", "outcome size digest mode seconds nanoseconds code reason")
Done = collections.namedtuple("Done", "size digest path")


def read_error(found):
    assert found.kind == "error", found
    fields = Fields(found.parcel)
    failure = Failure(fields.number("<H"), fields.number("<B") == 1, fields.text().decode())
    fields.end()
    return failure


def read_exit(found):
    assert found.kind == "exit", found
    fields = Fields(found.parcel)
    report = Exit(fields.number("<B"), fields.number("<B"), fields.number("<B"), fields.number("<H"), fields.text(),
                  fields.number("<B"), *(fields.number("<Q") for _ in range(4)))
    fields.end()
    return report


def read_seal(found):
    assert found.kind == "seal", found
    fields = Fields(found.parcel)
    sealed = Seal(fields.number("<B"), fields.number("<Q"), fields.bytes(16), fields.number("<I"), fields.number("<q"),
                  fields.number("<I"), fields.number("<H"), fields.text())
    fields.end()
    return sealed


def read_done(found):
    assert found.kind == "done", found
    fields = Fields(found.parcel)
    said = Done(fields.number("<Q"), fields.bytes(16), fields.text())
    fields.end()
    return said


def closing_error(frames):
    """The Failure that ends a conversation, or None."""
    return read_error(frames[-1]) if frames and frames[-1].kind == "error" and frames[-1].parcel[2:3] == b"\1" else None


_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def assert_plain(line):
    """Fit for a terminal and a log: no control characters, no line separators, nothing that turns text around."""
    bad = [c for c in line if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or c in _BIDI]
    assert not bad, f"{bad!r} in {line!r}"


# ----------------------------------------------------------------------------------------------------------------------
# XXH3-128, from the library that upstream ships

class _Xxh128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def _load_xxhash():
    for name in ("libxxhash.so.0", "libxxhash.so"):
        with contextlib.suppress(OSError):
            function = ctypes.CDLL(name).XXH3_128bits
            function.restype, function.argtypes = _Xxh128, [ctypes.c_char_p, ctypes.c_size_t]
            return function
    return None


_xxhash = _load_xxhash()


def xxh3_128(content):
    if _xxhash is None:
        raise unittest.SkipTest("libxxhash.so.0 is missing: it makes the hashes of hostile peers")
    value = _xxhash(bytes(content), len(content))
    return struct.pack(">QQ", value.high, value.low)


# ----------------------------------------------------------------------------------------------------------------------
# The table of the specification

Row = collections.namedtuple("Row", "kind sender states parcel name limit")


def table():
    """The rows of 'The table' in protocol/README.md, one for each kind and sender."""
    with open(SPECIFICATION, encoding="utf-8") as file:
        lines = file.read().split("## The table")[1].split("\n## ")[0].splitlines()
    rows = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 7 or not cells[0].startswith("`"):
            continue
        for kind in re.findall(r"`([a-z]+)`", cells[0]):
            for sender in ("client", "server") if cells[1] == "both" else (cells[1],):
                rows.append(Row(kind, sender, _states(cells[2], sender), cells[4], cells[5], _bytes(cells[6])))
    assert len(rows) >= 20, rows
    return rows


STATES = {"client": ("greeting", "idle", "exec", "offered", "file", "push", "pull", "ended"),
          "server": ("greeting", "idle", "exec", "post", "get", "offered", "file", "push", "pull", "list", "pairing", "ended")}


def _states(cell, sender):
    if cell.startswith("all but "):
        return frozenset(STATES[sender]) - set(re.split(r", | and ", cell.removeprefix("all but ")))
    states = frozenset(cell.split(", "))
    assert states <= set(STATES[sender]), cell
    return states


def _bytes(cell):
    number, _, unit = cell.partition(" ")
    return int(number) * {"": 1, "KiB": 1 << 10, "MiB": 1 << 20}[unit]


# ----------------------------------------------------------------------------------------------------------------------
# Sockets

def own_to(sock, uid):
    """The kernel tells a TCP socket's owner by its inode: as root we can speak for anybody."""
    os.fchown(sock.fileno(), uid, uid)


def connect_plain(host, uid=None, timeout=PATIENCE):
    """A TCP connection that belongs to uid."""
    name, _, port = host.removeprefix("plain:").rpartition(":")
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if uid is not None and os.geteuid() == 0:
        own_to(sock, uid)
    sock.settimeout(timeout)
    sock.connect((name.strip("[]"), int(port)))
    return sock


def tls_client_context(identity=None, alpn=("farhand/1",), newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if newest is not None:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, newest
    if identity:
        context.load_cert_chain(identity.cert, identity.key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_hello():
    """The first flight of a handshake, as bytes."""
    outgoing = ssl.MemoryBIO()
    tls = tls_client_context().wrap_bio(ssl.MemoryBIO(), outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def tls_server_context(identity, alpn=("farhand/1",), newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest is not None:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, newest
    context.load_cert_chain(identity.cert, identity.key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class TlsSocket:
    """TLS on a connected socket, by hand: unlike ssl.SSLSocket it can end its own direction (close_notify and FIN) and
    read on, and it tells a proper end from a cut (ssl.SSLEOFError). One thread may write while another reads."""

    def __init__(self, raw, context, server_side=False, session=None):
        self.raw = raw
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side, session=session)
        self.lock = threading.Lock()
        self.heard = bytearray()   # before our own end
        self.settimeout, self.setblocking, self.fileno = raw.settimeout, raw.setblocking, raw.fileno
        self.setsockopt, self.close = raw.setsockopt, raw.close
        self._drive(self.tls.do_handshake)

    def _flush(self):
        if self.outgoing.pending:
            self.raw.sendall(self.outgoing.read())

    def _drive(self, action):
        while True:
            with self.lock:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    pass
                finally:
                    with contextlib.suppress(OSError):  # what the other side said before it went is more telling
                        self._flush()
            data = self.raw.recv(1 << 16)
            with self.lock:
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def recv(self, most):
        try:
            return self._drive(lambda: self._take(most) if self.heard else self.tls.read(most))
        except ssl.SSLZeroReturnError:
            return b""

    def _take(self, most):
        taken, self.heard = bytes(self.heard[:most]), self.heard[most:]
        return taken

    def sendall(self, data):
        view = memoryview(data)
        for at in range(0, len(view), 1 << 14):
            with self.lock:
                self.tls.write(view[at:at + (1 << 14)])
                self._flush()

    def shutdown(self, _):
        with self.lock:
            # What is there already is taken first: unwrap() looks for the other side's end, and at anything else it fails
            # for good, so that what another thread was about to read would be lost.
            with contextlib.suppress(ssl.SSLError):
                while data := self.tls.read(1 << 16):
                    self.heard += data
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()
            self._flush()
        self.raw.shutdown(socket.SHUT_WR)


def unread_by_peer(sock):
    """Bytes that we have sent and the other side has not read yet."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]


class Peer:
    """One side of a conversation. Every wait ends: by what was waited for, or by an AssertionError."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.ended = None      # "end": in order; "reset"; "cut": under TLS without close_notify; "alert ..."

    @classmethod
    def of(cls, server, index=0, context=None, uid=None):
        """To a harness.Server: over its Unix socket, over TCP for its own user, or under TLS."""
        host = server.hosts[index]
        if host.startswith("plain:"):
            return cls(connect_plain(host, server.uid if uid is None else uid))
        sock = connect_to(host)
        if context is None:
            return cls(sock)
        try:
            return cls(TlsSocket(sock, context))
        except BaseException:
            sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends with RST (TCP)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def cut(self):
        """Ends the TCP stream below TLS: a FIN and no close_notify."""
        raw = socket.socket(fileno=os.dup(self.sock.fileno()))
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_if_heard(self, data):
        """As much as the other side takes; it may have closed already."""
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def end_sending(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def wait_until_read(self):
        """Until the other side has read all that was sent (Unix sockets and TCP)."""
        wait_until(lambda: unread_by_peer(self.sock) == 0, "the other side reads", every=0.0002)

    def receive(self, deadline, most=1 << 18):
        """Some bytes; b"" at the end, of whatever kind (self.ended)."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing came in time; {bytes(self.buffer[:200])!r} had")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(most)
            if not data:
                self.ended = "end"
        except TimeoutError:
            raise AssertionError(f"nothing came in time; {bytes(self.buffer[:200])!r} had") from None
        except ssl.SSLEOFError:
            self.ended, data = "cut", b""
        except ssl.SSLError as failure:
            self.ended, data = f"alert {failure}", b""
        except ConnectionError:
            self.ended, data = "reset", b""
        self.buffer += data
        return data

    def read(self, seconds=PATIENCE):
        """The next frame; None at the end of the stream."""
        deadline = time.monotonic() + seconds
        while (found := take_frame(self.buffer)) is None:
            if not self.receive(deadline):
                return None
        return found

    def read_past_pings(self, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while True:
            found = self.read(deadline - time.monotonic())
            if found is None or found.kind != "ping" or found.name:
                return found

    def expect(self, kind, seconds=PATIENCE):
        found = self.read_past_pings(seconds)
        if found is None or found.kind != kind:
            raise AssertionError(f"'{kind}' was expected and {found} came (stream: {self.ended})")
        return found

    def read_all(self, seconds=PATIENCE):
        """Every frame up to the end of the stream."""
        deadline = time.monotonic() + seconds
        frames = []
        while (found := self.read(deadline - time.monotonic())) is not None:
            frames.append(found)
        if self.buffer:
            raise Garbled(f"the stream ended in the middle of a frame: {bytes(self.buffer[:100])!r}")
        return frames

    def read_bytes(self, seconds=PATIENCE):
        """Every byte up to the end of the stream."""
        deadline = time.monotonic() + seconds
        while self.receive(deadline):
            pass
        data, self.buffer = bytes(self.buffer), bytearray()
        return data

    def ask(self, data, seconds=PATIENCE):
        """Sends all of it, ends our side, and reads every frame; sending and reading never wait for each other."""
        deadline = time.monotonic() + seconds
        writer = threading.Thread(target=lambda: (self.send_if_heard(data), self.end_sending()), daemon=True)
        if len(data) < 1 << 15:
            writer.run()
            return self.read_all(seconds)
        writer.start()
        frames = self.read_all(deadline - time.monotonic())
        writer.join(max(0, deadline - time.monotonic()))
        return frames


def converse(server, data, seconds=PATIENCE, **options):
    """A conversation from its first byte to its end; its frames."""
    with Peer.of(server, **options) as peer:
        return peer.ask(data, seconds)


def greeted(server, **options):
    """A Peer whose hello has been answered."""
    peer = Peer.of(server, **options)
    try:
        peer.send(hello())
        peer.expect("hello")
    except BaseException:
        peer.close()
        raise
    return peer


# A client of another user: sends what comes on its standard input, writes what it receives, and says how it ended.
_STRANGER = r"""
import socket, sys, threading
host, data = sys.argv[1], sys.stdin.buffer.read()
if host.startswith("unix:"):
    peer = socket.socket(socket.AF_UNIX); peer.settimeout(60); peer.connect(host[5:])
else:
    name, _, port = host[6:].rpartition(":"); peer = socket.create_connection((name, int(port)), 60)
def send():
    try: peer.sendall(data)
    except OSError: pass
threading.Thread(target=send, daemon=True).start()
got, end = b"", "end"
try:
    while True:
        piece = peer.recv(65536)
        if not piece: break
        got += piece
except OSError as error: end = type(error).__name__
sys.stdout.buffer.write(got); sys.stdout.flush(); sys.stderr.write(end)
"""


def ask_as(uid, host, data):
    """What a client of this user hears: (bytes, "end" or the name of the exception)."""
    ran = subprocess.run(as_user(uid, [PYTHON, "-c", _STRANGER, host]), input=data, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=PATIENCE, cwd="/")
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout, ran.stderr.decode()


# ----------------------------------------------------------------------------------------------------------------------
# The server's role

class FakeServer:
    """Accepts at a Unix socket (directory given), under TLS on loopback (context given) or at a TCP port that rclient
    takes for TLS (raw), and plays `script(peer)` with every connection. `application` counts the bytes that the script
    read, under TLS those beyond the handshake."""

    def __init__(self, script, directory=None, context=None, raw=False):
        self.script = script
        self.context = context
        self.failures = []
        self.connections = 0
        self.handshakes = 0
        self.application = 0
        self._threads = []
        if directory is not None:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            path = os.path.join(directory, "fake")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self.listener.bind(path)
            os.chmod(path, 0o666)
            self.host = "unix:" + path
        else:
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.bind(("127.0.0.1", 0))
            prefix = "plain:" if context is None and not raw else ""
            self.host = f"{prefix}127.0.0.1:{self.listener.getsockname()[1]}"
        self.listener.listen(64)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock):
        sock.settimeout(PATIENCE)
        try:
            if self.context is not None:
                sock = TlsSocket(sock, self.context, server_side=True)
                self.handshakes += 1
            with Peer(sock) as peer:
                receive = peer.receive

                def counted(*args, **options):
                    data = receive(*args, **options)
                    self.application += len(data)
                    return data
                peer.receive = counted
                self.script(peer)
        except (OSError, ssl.SSLError):  # the client has gone; what it made of it is the test's matter
            pass
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)
            if thread.is_alive() and kind is None:
                raise AssertionError("the fake server's script did not end")
        if kind is None and self.failures:
            raise self.failures[0]


def welcome(peer):
    """The server's part of the greeting."""
    peer.expect("hello")
    peer.send(hello(software="fake 1"))


def drain(peer, seconds=PATIENCE):
    """Reads on until the client has gone, as a server that has said its last word does."""
    with contextlib.suppress(AssertionError):
        peer.read_bytes(seconds)


# ----------------------------------------------------------------------------------------------------------------------
# Between the two

class Proxy:
    """Passes bytes between clients and a server, and does `harm` to one direction of each connection at one offset:
    None, "flip" (one bit), "fin" (an end in order, of the TCP stream), or "rst". Counts what went each way. `up` is
    from the client to the server."""

    def __init__(self, host, directory=None):
        self.target = host
        self.harm, self.up, self.offset = None, True, 0
        self.counts = {True: 0, False: 0}
        self._threads = []
        if directory is not None:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            path = os.path.join(directory, "proxy")
            self.listener.bind(path)
            os.chmod(path, 0o666)
            self.host = "unix:" + path
        else:
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.listener.listen(64)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def plan(self, harm=None, up=True, offset=0):
        """For the connections to come."""
        self.harm, self.up, self.offset = harm, up, offset
        self.counts = {True: 0, False: 0}

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._relay, args=(near, self.harm, self.up, self.offset), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _relay(self, near, harm, up, offset):
        far = connect_to(self.target)
        counts = self.counts
        passed = {True: 0, False: 0}
        route = {near: (far, True), far: (near, False)}
        open_ends = {near, far}
        try:
            while open_ends:
                ready, _, _ = select.select(list(open_ends), [], [], PATIENCE)
                if not ready:
                    return
                for source in ready:
                    sink, upwards = route[source]
                    data = bytearray(source.recv(1 << 16))
                    if not data:
                        open_ends.discard(source)
                        sink.shutdown(socket.SHUT_WR)
                        continue
                    at = offset - passed[upwards]
                    passed[upwards] += len(data)
                    counts[upwards] += len(data)
                    if harm and upwards == up and 0 <= at < len(data):
                        if harm == "flip":
                            data[at] ^= 1 << (offset % 8)
                        else:
                            sink.sendall(data[:at])
                            return self._end(near, far, harm)
                    sink.sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()

    @staticmethod
    def _end(near, far, harm):
        if harm == "rst" and near.family != socket.AF_UNIX:
            for sock in (near, far):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            for sock in (near, far):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def settle(self):
        """Until every connection so far has ended."""
        for thread in self._threads:
            thread.join(PATIENCE)
        self._threads = [thread for thread in self._threads if thread.is_alive()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.settle()


# ----------------------------------------------------------------------------------------------------------------------
# Meanwhile

@contextlib.contextmanager
def canary(server, within=20):
    """An honest client, again and again while the block runs; each time it must be served within so many seconds."""
    stop, failures, count = threading.Event(), [], [0]

    def sing():
        while True:
            begun = time.monotonic()
            try:
                ran = server.client(["exec", "echo served"], timeout=within)
                if (ran.returncode, ran.stdout) != (0, b"served\n"):
                    failures.append(AssertionError(f"the canary got {ran.returncode}, {ran.stdout!r}, {ran.stderr!r}"))
            except subprocess.TimeoutExpired:
                failures.append(AssertionError(f"the canary was not served for {time.monotonic() - begun:.1f} s"))
            count[0] += 1
            if failures or stop.wait(0.2):
                return

    thread = threading.Thread(target=sing)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]


def tls_server_args(server_identity, *client_identities):
    args = list(server_identity.args())
    for identity in client_identities:
        args += ["--tls-client-pin", identity.pin]
    return args


def expired_identity(directory, name, uid=None):
    """A key whose self-signed certificate ran out in the year 2001."""
    identity = make_identity(directory, name, uid=uid)
    request = os.path.join(directory, name + ".csr")
    _openssl("req", "-new", "-key", identity.key, "-subj", f"/CN={name}", "-out", request)
    config = os.path.join(directory, name + ".cnf")
    for file, content in ((config, "[ca]\ndefault_ca=d\n[d]\n" f"database={directory}/{name}.db\n"
                                   f"new_certs_dir={directory}\nserial={directory}/{name}.srl\npolicy=p\n"
                                   "default_md=sha256\n[p]\ncommonName=supplied\n"),
                          (os.path.join(directory, name + ".db"), ""),
                          (os.path.join(directory, name + ".srl"), "01\n")):
        with open(file, "w", encoding="ascii") as out:
            out.write(content)
    _openssl("ca", "-batch", "-selfsign", "-config", config, "-keyfile", identity.key, "-in", request, "-out",
             identity.cert, "-notext", "-startdate", "20000101000000Z", "-enddate", "20010101000000Z")
    return identity


def stolen_certificate(directory, victim, uid=None):
    """The victim's certificate with a key file that claims to be its key and holds another: what somebody can show who
    has the certificate alone. OpenSSL compares only the public halves when it loads them."""
    other = make_identity(directory, "thief", uid=uid)
    keys = [_openssl("ec", "-in", path, "-outform", "DER") for path in (victim.key, other.key)]
    halves = [key.index(b"\x02\x01\x01\x04\x20") + 5 for key in keys]  # ECPrivateKey: version 1, then 32 octets
    forged = keys[0][:halves[0]] + keys[1][halves[1]:halves[1] + 32] + keys[0][halves[0] + 32:]
    der, path = os.path.join(directory, "forged.der"), os.path.join(directory, "forged.key")
    with open(der, "wb") as out:
        out.write(forged)
    _openssl("ec", "-inform", "DER", "-in", der, "-out", path)
    os.chmod(path, 0o600)
    if uid is not None:
        os.chown(path, uid, uid)
    return Identity(victim.cert, path, victim.pin)
