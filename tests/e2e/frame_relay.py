"""A relay between rclient and rserver that counts frames, both ways, and cuts the link at a given edge: behind a frame, or
in the middle of it. It knows where frames end and nothing of what they mean."""
import collections
import contextlib
import re
import select
import socket
import struct
import threading
import time

from harness import PATIENCE
from hostile import Peer

# `index` counts the frames of one direction from 0; -1 with "after" is before the first.
Cut = collections.namedtuple("Cut", "up index where how")   # where: after, middle; how: fin, rst, silence
UP, DOWN = True, False

_SLIP = re.compile(rb"([a-z][a-z0-9-]{0,15})\|(0|[1-9][0-9]{0,18})\|[^\n]*\n")


def first_frame(buffer):
    """(kind, length) of the first whole frame, or None."""
    match = _SLIP.match(buffer)
    if not match:
        assert len(buffer) < 16384, f"no frame: {bytes(buffer[:80])!r}"
        return None
    length = match.end() + int(match[2])
    return (match[1].decode(), length) if len(buffer) >= length else None


class FrameRelay:
    """One conversation: takes one client at `host`, and passes its frames on. `passed` has the kinds that went through
    whole, each way; `cut_at` the time at which the link was cut, and `server_left_at` that at which the server gave a silent
    one up. heard(up, kind, raw) is called behind each frame that was passed on, and not behind the cut. pause: seconds for
    which a silent link stays silent, None for ever."""

    def __init__(self, server, cut=None, heard=None, pause=None):
        self.server, self.cut, self.pause = server, cut, pause
        self.heard = heard or (lambda *_: None)
        self.passed = {UP: [], DOWN: []}
        self.cut_at = self.server_left_at = None
        self._over = threading.Event()
        self._buffers = {UP: bytearray(), DOWN: bytearray()}
        self._half = {UP: 0, DOWN: 0}   # of the first frame there, what has been passed on
        self.failure = None
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.listener.settimeout(PATIENCE)
        self.host = f"plain:127.0.0.1:{self.listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.listener.close()
        self._over.set()
        self._thread.join(PATIENCE)
        if kind is None and self.failure:
            raise self.failure

    def _run(self):
        try:
            near, _ = self.listener.accept()
            with near, Peer.of(self.server) as peer:
                self._relay({UP: (near, peer.sock), DOWN: (peer.sock, near)})
        except (ConnectionError, BrokenPipeError):
            pass   # one of them has gone, and the other will hear of it
        except BaseException as failure:   # raised again by the test
            self.failure = failure

    def _relay(self, ways):
        """Until both sides have ended, or the cut."""
        open_ways = {UP, DOWN}
        if self.cut and self.cut.index < 0:
            return self._end(ways)
        while open_ways:
            sources = {ways[way][0]: way for way in open_ways}
            for source in select.select(list(sources), [], [], PATIENCE)[0]:
                way = sources[source]
                data = source.recv(1 << 18)
                self._buffers[way] += data
                if self._pass_on(way, ways):
                    return self._end(ways)
                if not data:
                    open_ways.discard(way)
                    with contextlib.suppress(OSError):
                        ways[way][1].shutdown(socket.SHUT_WR)

    def _pass_on(self, way, ways):
        """Whole frames; True when the cut has been reached."""
        buffer, sink = self._buffers[way], ways[way][1]
        while (found := first_frame(buffer)) is not None:
            kind, length = found
            here = self.cut and self.cut.up == way and self.cut.index == len(self.passed[way])
            if here and self.cut.where == "middle":
                self._half[way] = length // 2
                sink.sendall(buffer[:length // 2])
                return True
            raw = bytes(buffer[:length])
            del buffer[:length]
            sink.sendall(raw[self._half[way]:])
            self._half[way] = 0
            self.passed[way].append(kind)
            if here:
                return True
            self.heard(way, kind, raw)
        return False

    def _end(self, ways):
        self.cut_at = time.monotonic()
        sockets = [ways[UP][0], ways[DOWN][0]]
        if self.cut.how == "silence":
            return self._stay_silent(ways)
        if self.cut.how == "rst":
            for sock in sockets:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
            return
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _stay_silent(self, ways):
        """Nothing is read and nothing passed on until the server has given up and the client is done, or the pause is
        over."""
        if self.pause is not None:
            time.sleep(self.pause)   # the fault
            self.cut = None
            return self._relay(ways)
        far = select.poll()
        far.register(ways[DOWN][0], select.POLLRDHUP)
        if far.poll(PATIENCE * 1000):
            self.server_left_at = time.monotonic()
        self._over.wait(PATIENCE)
