"""A client that breaks every rule of the frames: refused at once, nothing done, nobody else disturbed."""
import hashlib
import os
import random
import select
import signal
import socket
import ssl
import threading
import time
import unittest

import harness
from harness import (NOBODY, SCALE, SEED, ServerTest, in_parallel, main, memory_of, needs_root, part_files,
                     pids_with_word, random_bytes, read_file, unique_number, wait_until, write_file)
from hostile import (BYE, CANCELLED, INTEGRITY, IS_DIRECTORY, MIB, NOT_FOUND, OUTSIDE_ROOT, PROTOCOL, REFUSED,
                     SOURCE_CHANGED,
                     STATES, STDIN_END, Peer, assert_plain, canary, closing_error, converse, done, error, exec_line,
                     exec_structure, exec_words, exit_report, frame, get, greeted, hello, offer, pair, paired, ping, post,
                     read_done, read_error, read_exit, read_seal, resize, run_line, run_words, seal, slip, table,
                     take_frames, terminal, text, texts, u8, u16, u32, u64, xxh3_128)

AT_ONCE = 4          # seconds: the one that is promised, and what a busy machine takes
MISSING = "./there-is-no-such-program"
HALLO = b"hallo"
CLIENT_ROWS = {row.kind: row for row in table() if row.sender == "client"}
ALL_KINDS = sorted({row.kind for row in table()})

PUSH = frame("push", text("") + bytes(8) + u64(0) + text("") + u64(0))
PULL = frame("pull", texts(["present"]) + bytes(4) + texts([]))
STRETCH = u64(1 << 20) + u64(1 << 20) + u64(0) + u32(0) + u64(0) + u64(1 << 20)
STRIPE = frame("stripe", text("") + u8(0) + text("striped") + STRETCH)
SLICE = frame("slice", text("present") + STRETCH)
FINISH = frame("finish", u8(0) + u16(22) + text("") + bytes(40) + text(""))

# What brings the client's side into each state of the table.
PRELUDES = {
    "greeting": b"",
    "idle": hello(),
    "exec": hello() + exec_words("cat"),
    "offered": hello() + offer("leaf", 5),
    "file": hello() + frame("post", b"half", "unfinished"),
    "push": hello() + PUSH,
    "pull": hello() + PULL,
    "ended": hello() + BYE,
}


def prelude_for(kind):
    """Into a state in which the kind may come; server-only kinds: idle."""
    states = CLIENT_ROWS[kind].states if kind in CLIENT_ROWS else {"idle"}
    return PRELUDES[next(state for state in ("idle", "exec", "offered", "file", "push", "pull", "greeting") if state in states)]


# Each message of a client: what goes before it, itself, and what goes behind it.
GOLDEN = {
    "hello": (b"", hello(features=["later", "never"]), run_words(MISSING, "word") + BYE),
    "exec": (hello(), exec_words(MISSING, "a word", environment=["TZ=UTC"], locale=["LANG=C", "A=1"]), STDIN_END + BYE),
    "stdin": (hello() + exec_words("cat"), frame("stdin", b"in"), STDIN_END + BYE),
    "offer": (hello(), offer("leaf", 5), post("golden", HALLO) + BYE),
    "post": (hello(), frame("post", HALLO, "golden"), seal(HALLO) + BYE),
    "data": (hello() + frame("post", b"hal", "golden"), frame("data", b"lo", "3"), seal(HALLO) + BYE),
    "seal": (hello() + frame("post", HALLO, "golden"), seal(HALLO), BYE),
    "get": (hello(), get("present"), BYE),
    "ping": (hello(), ping("token"), get("present") + BYE),
    "pong": (hello(), frame("pong", name="token"), get("present") + BYE),
    "bye": (hello() + get("present"), BYE, b""),
    "error": (hello(), error(1, True, "enough"), b""),
}


class FramesTest(ServerTest):
    def setUp(self):
        super().setUp()
        write_file(self.server.path("present"), b"is here", 0o644, self.server.uid)
        self.assertEqual(self.conversation(hello() + ping("warm") + BYE)[1].name, b"warm")  # the honest twin of all

    def conversation(self, data, seconds=AT_ONCE):
        return converse(self.server, data, seconds)

    def refused(self, data, what, code=None):
        """It must end in an error that closes, while our side is still open."""
        with Peer.of(self.server) as peer:
            begun = time.monotonic()
            peer.send_if_heard(data)
            frames = peer.read_all(AT_ONCE)
            self.assertLess(time.monotonic() - begun, AT_ONCE, what)
        failure = closing_error(frames)
        self.assertIsNotNone(failure, f"{what}: no error that closes, but {frames}")
        self.assertTrue(failure.message, what)
        assert_plain(failure.message)
        if code is not None:
            self.assertEqual(failure.code, code, f"{what}: {failure}")
        return failure

    def stored(self):
        return {name: read_file(self.server.path(name)) for name in os.listdir(os.fsencode(self.server.root))
                for name in [os.fsdecode(name)] if os.path.isfile(self.server.path(name)) and name != "present"}

    def assert_harmless(self, frames, what):
        """Whatever was answered: no command but those that were asked for, and no content but the golden one."""
        for found in frames:
            if found.kind == "exit":
                report = read_exit(found)
                self.assertTrue(report.kind == 2 or what.startswith("stdin"), f"{what}: ran: {report}")
            elif found.kind == "error":
                assert_plain(read_error(found).message)
            elif found.kind == "done":
                self.assertEqual(read_done(found).digest, xxh3_128(HALLO), what)


class Mutations(FramesTest):
    def setUp(self):
        super().setUp()
        for kind, (before, message, after) in GOLDEN.items():  # honest twins
            frames = self.conversation(before + message + after)
            self.assertIsNone(closing_error(frames), f"{kind}: {frames}")
            self.assert_harmless(frames, kind)

    def tearDown(self):
        # The last of the clients that are gone may still have its part there.
        wait_until(lambda: not part_files(self.server.root), "no part is left")
        for name, content in self.stored().items():
            self.assertEqual(content, HALLO, f"{name!r} holds what was never sent with this hash")
            os.unlink(self.server.path(name))
        super().tearDown()

    def test_every_truncation_ends_at_once(self):
        with canary(self.server):
            for kind, (before, message, _) in GOLDEN.items():
                for length in range(len(message)):
                    self.assert_harmless(self.conversation(before + message[:length]), f"{kind} cut at {length}")

    def test_every_truncation_by_a_client_that_is_gone(self):
        with canary(self.server):
            for kind, (before, message, _) in GOLDEN.items():
                for length in range(len(message)):
                    with Peer.of(self.server) as peer:
                        peer.send(before + message[:length])
        self.assertTrue(self.server.alive())

    def test_every_flipped_bit_is_refused_or_harmless(self):
        slowest = (0, "")
        with canary(self.server):
            for kind, (before, message, after) in GOLDEN.items():
                for bit in range(len(message) * 8):
                    flipped = bytearray(message)
                    flipped[bit // 8] ^= 1 << bit % 8
                    what = f"{kind} bit {bit}: {bytes(flipped)!r}"
                    begun = time.monotonic()
                    self.assert_harmless(self.conversation(before + bytes(flipped) + after), what)
                    slowest = max(slowest, (time.monotonic() - begun, what))
        self.assertLess(slowest[0], AT_ONCE, slowest[1])

    def test_random_garbage_behind_each_message(self):
        source = random.Random(SEED)
        with canary(self.server):
            for kind, (before, message, _) in GOLDEN.items():
                for _ in range(20 * SCALE):
                    garbage = source.randbytes(source.randrange(1, 200))
                    self.assert_harmless(self.conversation(before + message + garbage), f"{kind} and {garbage!r}")


class Sizes(FramesTest):
    def growth(self, before):
        if not harness.MEMORY_COUNTS:
            return 0
        return memory_of(self.server.pid)["VmHWM"] - before["VmHWM"]

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_no_announced_size_over_the_limit_is_ever_allocated(self):
        before = memory_of(self.server.pid)
        with canary(self.server):
            for kind in ALL_KINDS:
                for size in (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64, "9" * 20,
                             "9" * 500):
                    self.refused(prelude_for(kind) + slip(kind, size, "x"), f"{kind} of {size}")
        self.assertLess(self.growth(before), 5 * MIB)  # 1 MiB, and the largest limit

    def test_limits_of_the_table_are_exact(self):
        """One byte over is refused on sight of the slip; at the limit nothing is said against the slip."""
        for kind, row in CLIENT_ROWS.items():
            name = {"path": "x", "offset": "4", "token": "t"}.get(row.name, "")
            failure = self.refused(prelude_for(kind) + slip(kind, row.limit + 1, name), f"{kind} of one byte too many")
            if kind not in ("hello", "pair"):  # strangers are told no more than that
                self.assertIn(str(row.limit), failure.message)
            if row.parcel != "nothing":
                with Peer.of(self.server) as peer:
                    peer.send(prelude_for(kind) + slip(kind, row.limit, name))
                    peer.end_sending()
                    self.assertIsNone(closing_error(peer.read_all(AT_ONCE)), f"{kind} at its limit")

    def test_sizes_that_are_no_numbers(self):
        for size in ("-1", "+1", "01", "00", " 1", "1 ", "0x1", "1e3", "", "1.0", "\u0661"):
            self.refused(hello() + slip("ping", 0).replace(b"|0|", b"|" + size.encode() + b"|"), f"size {size!r}")

    def test_counts_that_the_parcel_cannot_hold(self):
        before = memory_of(self.server.pid)
        with canary(self.server):
            for count in (2**64 - 1, 2**63, 2**61, 2**60, 2**32, 10**9, 2**31, 1000):
                self.refused(hello() + frame("exec", u8(0) + u64(count)), f"{count} words")
                self.refused(hello() + frame("exec", u8(0) + u64(count) + text("touch") + text("ran")),
                             f"{count} words")
                self.refused(hello() + frame("exec", u8(0) + u64(1) + u64(count) + b"touch"), f"a word of {count}")
                self.refused(frame("hello", u16(1) + text("x") + u64(count)), f"{count} features")
                self.refused(frame("hello", u16(1) + u64(count) + b"x"), f"software of {count}")
                self.refused(hello() + frame("offer", u64(count) + u8(0) + u64(0)), f"a leaf of {count}")
        self.assertLess(self.growth(before), 2 * MIB)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_half_a_million_empty_words_are_answered_within_bounds(self):
        before = memory_of(self.server.pid)
        words = frame("exec", u8(0) + u64(500_000) + u64(0) * 500_000 + exec_structure(0, [])[9:])
        frames = self.conversation(hello() + words + STDIN_END + get("present") + BYE, 20)
        self.assertEqual(read_exit(frames[1]).kind, 2)
        self.assertEqual([found.kind for found in frames[2:]], ["offer", "post", "seal", "bye"])
        self.assertLess(self.growth(before), 64 * MIB)

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_a_declared_frame_that_never_comes_holds_only_what_has_come(self):
        before = memory_of(self.server.pid)["VmRSS"]
        peers = [greeted(self.server) for _ in range(20)]
        try:
            for peer in peers:
                peer.send(slip("exec", 4 * MIB) + b"x" * 1000)
                peer.wait_until_read()
            self.assertLess(memory_of(self.server.pid)["VmRSS"] - before, 20 * 256 * 1024 + MIB)
        finally:
            for peer in peers:
                peer.close()


class Structures(FramesTest):
    def test_structures_that_break_a_rule(self):
        good = exec_structure(0, ["touch", "ran"])
        cases = {
            "exec: mode 3": frame("exec", exec_structure(3, ["touch", "ran"])),
            "exec: mode 255": frame("exec", exec_structure(255, ["touch", "ran"])),
            "exec: no words": frame("exec", exec_structure(0, [])),
            "exec: without what follows its words": frame("exec", u8(0) + texts(["touch", "ran"])),
            "exec: a variable without a name": exec_words("touch", "ran", environment=["=1"]),
            "exec: a variable without a value": exec_words("touch", "ran", locale=["LANG"]),
            "exec: a zero byte in a variable": exec_words("touch", "ran", environment=["A=1\0"]),
            "exec: 65 variables": exec_words("touch", "ran", environment=["A=1"] * 65),
            "exec: a variable over 4 KiB": exec_words("touch", "ran", locale=["A=" + "x" * 4095]),
            "exec: a shell line of two words": frame("exec", exec_structure(1, ["touch ran", "x"])),
            "exec: a login with words": frame("exec", exec_structure(2, ["touch ran"])),
            "exec: a zero byte": exec_words("touch", "ran\0x"),
            "exec: a zero byte in a line": exec_line("touch ran\0x"),
            "exec: a zero byte in the directory": exec_words("touch", "ran", directory="a\0"),
            "exec: a directory over 4 KiB": exec_words("touch", "ran", directory="a" * 4097),
            "exec: a timeout beyond all": exec_words("touch", "ran", timeout=2**63),
            "exec: a merge of 2": exec_words("touch", "ran", merge=2),
            "exec: a terminal of type ../x": exec_words("touch", "ran", on=terminal("../x")),
            "exec: a terminal without a type": exec_words("touch", "ran", on=terminal("")),
            "exec: a terminal of 65 letters": exec_words("touch", "ran", on=terminal("x" * 65)),
            "exec: 257 modes": exec_words("touch", "ran", on=terminal("xterm", modes=[(1, 1)] * 257)),
            "exec: no terminal, but its type": exec_words("touch", "ran", on=u8(0) + terminal("xterm")[1:]),
            "exec: one byte too many": frame("exec", good + b"\0"),
            "exec: one byte too few": frame("exec", good[:-1]),
            "exec: empty": frame("exec"),
            "offer: leaf with a slash": offer("a/b"),
            "offer: leaf ..": offer(".."),
            "offer: leaf .": offer("."),
            "offer: leaf with a zero byte": offer("a\0b"),
            "offer: leaf of 256 bytes": offer("x" * 256),
            "offer: a bool of 2": frame("offer", text("") + u8(2) + u64(0)),
            "offer: a bool of 255": frame("offer", text("") + u8(255) + u64(0)),
            "seal: outcome 3": frame("post", b"", "never") + seal(outcome=3),
            "seal: mode 010000": frame("post", b"", "never") + seal(mode=0o10000),
            "seal: nanoseconds 10^9": frame("post", b"", "never") + seal(nanoseconds=10**9),
            "seal: size 2^63": frame("post", b"", "never") + seal(size=2**63),
            "seal: a reason of 1025 bytes": frame("post", b"", "never") + seal(outcome=1, reason="x" * 1025),
            "error: 1025 bytes": frame("error", u16(1) + u8(1) + text("x" * 1025)),
        }
        for what, said in cases.items():
            self.refused(hello() + said, what, PROTOCOL if not what.startswith("error") else None)
        self.assertEqual(self.stored(), {})

    def test_a_hello_that_breaks_a_rule(self):
        for what, said in {
                "software of 65 bytes": hello(software="x" * 65), "a feature of 65 bytes": hello(features=["x" * 65]),
                "65 features": hello(features=[""] * 65), "one byte too many": frame("hello", hello()[9:] + b"\0"),
                "no structure": frame("hello"), "a name": frame("hello", u16(1) + text("") + texts([]), "x")}.items():
            self.refused(said + run_words("touch", "ran"), what)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_unknown_features_and_the_largest_hello_are_taken(self):
        frames = self.conversation(hello(software="x" * 64, features=[f"{n}" for n in range(64)]) + ping("t") + BYE)
        self.assertEqual([found.kind for found in frames], ["hello", "pong", "bye"])

    def test_another_version_is_refused_with_both_numbers(self):
        for version in (0, 2, 7, 65535):
            failure = self.refused(hello(version=version) + run_words("touch", "ran"), f"version {version}")
            if version:  # 'this is a Farhand server...' is for those who did not even speak the protocol
                self.assertIn(str(version), failure.message)
                self.assertIn("1", failure.message)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_unknown_kinds_are_refused_by_name(self):
        for kind in ("hallo", "execute", "x", "a" * 16, "auth-ok", "pty", "post2"):
            failure = self.refused(hello() + frame(kind, b"", ""), kind)
            self.assertIn(kind, failure.message)
        for kind in ("a" * 17, "Exec", "-x", "9x", "", "e x", "exec\0", "\u00e9"):
            self.refused(hello() + frame(kind, b"", ""), repr(kind))

    def test_exit_code_extremes_of_times_are_stored_or_refused_in_words(self):
        for seconds in (-2**63, -1, 2**31, 2**40, 2**63 - 1):
            frames = self.conversation(hello() + post("timed", HALLO, seconds=seconds) + get("present") + BYE)
            self.assertIn(frames[1].kind, ("done", "error"), f"time {seconds}: {frames}")
            self.assertEqual(frames[-1].kind, "bye", f"time {seconds}")
        os.unlink(self.server.path("timed"))


class Names(FramesTest):
    def test_names_that_no_slip_may_have(self):
        for name in (b"a\0b", b"\0", b"%", b"%2", b"%00", b"%0a", b"%0d", b"%41", b"%2f", b"%%", b"a%", b"a%0", b"a\rb",
                     b"x" * 4097, b"%25" * 4097, b"x" * 20000):
            self.refused(hello() + b"get|0|" + name + b"\n", f"name {name[:20]!r} of {len(name)}", PROTOCOL)

    def test_a_name_without_end_is_refused_while_it_comes(self):
        with Peer.of(self.server) as peer:
            peer.send(hello() + b"get|0|")
            peer.send_if_heard(b"x" * 65536)
            self.assertIsNotNone(closing_error(peer.read_all(AT_ONCE)))

    def test_the_longest_names_are_taken(self):
        for name in (b"x" * 4096, b"%" * 4096, b"\n" * 4096, b"a/" * 2047 + b"b"):
            frames = self.conversation(hello() + get(name) + ping("on") + BYE)
            self.assertEqual([found.kind for found in frames], ["hello", "error", "pong", "bye"])
            self.assertFalse(read_error(frames[1]).closes)

    def test_names_that_the_kind_forbids(self):
        for kind, row in CLIENT_ROWS.items():
            bad = {"empty": ["x"], "path": [""], "token": ["t" * 65],
                   "user": ["-x", "a b", "a/b", "a:b", "a\nb", "\u00e4", "a" * 256, "a" * 4096],
                   "offset": ["", "x", "-1", "04", "4 ", "9" * 20, str(2**63)]}[row.name]
            for name in bad:
                self.refused(prelude_for(kind) + slip(kind, 0, name), f"{kind} with the name {name!r}")

    def test_strange_bytes_are_kept_on_disk_and_escaped_in_words_and_log(self):
        names = [b"new\nline", b"tab\there", b"esc\x1b[2J", b"\xff\xfe", b"\x9b31m", b"\xe2\x80\xaeevil", b"bar|bar",
                 b"50%",
                 b"-rf", b"$(touch ran)", b"`id`", b"; touch ran", b" ", b"~", b"\xc0\xaf"]
        for name in names:
            frames = self.conversation(hello() + post(name, HALLO) + get(name) + get(name + b"?") + BYE)
            self.assertEqual(read_done(frames[1]).path, name)
            self.assertEqual(frames[3].parcel, HALLO)
            self.assertNotIn("\x1b", read_error(frames[5]).message)
            self.assertEqual(read_file(os.path.join(os.fsencode(self.server.root), name)), HALLO)
            os.unlink(os.path.join(os.fsencode(self.server.root), name))
        log = self.server.log()
        for line in log.splitlines():
            assert_plain(line)
        self.assertNotIn("\u202e", log)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_nothing_outside_the_root_is_reached_by_any_name(self):
        outside = os.path.relpath(self.server.outside, self.server.root)
        os.makedirs(self.server.path("inner"), exist_ok=True)
        for link, target in (("out", self.server.outside), ("outfile", self.server.outside + "/victim"), ("up", "..")):
            if not os.path.islink(self.server.path(link)):
                os.symlink(target, self.server.path(link))
        names = ["..", "../x", outside + "/victim", "inner/../../outside/victim", self.server.outside + "/victim",
                 "/etc/passwd",
                 "/", "//etc/passwd", "inner/../../x", "./../x", "out/victim", "out/directory/inner",
                 "up/outside/victim",
                 "/proc/self/root/etc/passwd", "inner/../" + outside + "/victim", self.server.root +
                 "/../outside/victim",
                 self.server.root + "x/file", ".", "", "inner/", "inner", "../" * 1000 + "etc/passwd"]
        for name in filter(None, names):
            frames = self.conversation(hello() + get(name) + post(name, b"evil") + offer("leaf") + post(name, b"evil") +
                                       ping("on") + BYE)
            kinds = [found.kind for found in frames]
            self.assertEqual(kinds[:2], ["hello", "error"], f"get {name!r}: {frames}")
            self.assertEqual(kinds[2], "error", f"post {name!r}: {frames}")
            self.assertEqual(kinds[4:], ["pong", "bye"], name)
        self.assertNotIn(b"evil", [content for name, content in self.stored().items() if name != "leaf"])
        for name in ("out", "outfile", "up", "leaf", "inner/leaf"):
            if os.path.lexists(self.server.path(name)):
                os.unlink(self.server.path(name))

    def test_a_link_as_the_target_is_never_followed(self):
        """One that stays inside is replaced, one that leads out is refused."""
        for target, kind in ((self.server.outside + "/victim", "error"), ("present", "done"), ("nowhere", "done")):
            os.symlink(target, self.server.path("link"))
            frames = self.conversation(hello() + post("link", HALLO) + BYE)
            self.assertEqual(frames[1].kind, kind, target)
            if kind == "error":
                self.assertEqual(read_error(frames[1]).code, OUTSIDE_ROOT)
            self.assertEqual(os.path.islink(self.server.path("link")), kind == "error")
            os.unlink(self.server.path("link"))
        self.assertEqual(read_file(self.server.path("present")), b"is here")


class States(FramesTest):
    def message(self, kind, number):
        """A message of this kind that nothing is wrong with but its time; `number` tells its effects apart."""
        return {
            "hello": hello(), "exec": exec_words("touch", f"ran-{number}"), "stdin": frame("stdin", b"x"),
            "offer": offer(f"leaf-{number}", 1), "post": frame("post", b"x", f"stored-{number}"),
            "data": frame("data", b"x", "4"), "seal": seal(b"half"), "get": get("present"),
            "stdout": frame("stdout", b"x"), "stderr": frame("stderr", b"x"), "exit": exit_report(),
            "done": done(b"half", "unfinished"), "error": error(1, True, "enough"), "ping": ping("t"),
            "taken": frame("taken", name="1"), "signal": frame("signal", name="CONT"), "resize": resize(24, 80),
            "pause": frame("pause"), "pong": frame("pong", b"", "t"), "bye": BYE, "pair": pair(), "paired": paired(),
            "push": PUSH, "pull": PULL, "stripe": STRIPE, "slice": SLICE, "list": frame("list", texts(["present"]) + bytes(3) + texts([])), "finish": FINISH,
            "entries": frame("entries", u64(0)), "verdicts": frame("verdicts", u64(0)), "trouble": frame("trouble", u64(0)),
            "part": frame("part", b"x", "0"), "close": frame("close", seal(b"half").split(b"\n", 1)[1]),
            "stored": frame("stored", name="0"), "signature": frame("signature", u32(512) + u64(0) + u64(0)),
            "copy": frame("copy", u64(0) + u64(1), "0"), "packed": frame("packed", u32(1) + b"\x28\xb5\x2f\xfd\0\x58" + b"\x08\0\0x", "0"),
        }[kind]

    def test_every_message_in_every_state(self):
        """Only what the table of the specification permits is accepted; all else ends the connection without effect."""
        number = 0
        with canary(self.server):
            for state in STATES["client"]:
                for kind in ALL_KINDS:
                    number += 1
                    permitted = kind in CLIENT_ROWS and state in CLIENT_ROWS[kind].states
                    said = PRELUDES[state] + self.message(kind, number)
                    with self.subTest(state=state, kind=kind):
                        self.judge(state, kind, number, permitted, said)
        self.assertEqual([name for name in os.listdir(self.server.root) if name.startswith("stored-")], [])

    def judge(self, state, kind, number, permitted, said):
        frames = self.conversation(said)
        failure = closing_error(frames)
        if not permitted:
            if state != "ended":  # there everything has been said
                self.assertIsNotNone(failure, frames)
                self.assertEqual(failure.code, PROTOCOL)
            self.assertFalse(os.path.exists(self.server.path(f"ran-{number}")))
            self.assertFalse(os.path.exists(self.server.path("unfinished")))
        elif kind == "pair":  # here there are no keys
            self.assertEqual(failure.code, REFUSED)
        elif kind in ("part", "packed", "close", "copy", "signature"):  # of no file that was wanted
            self.assertEqual(failure.code, PROTOCOL)
        elif kind not in ("bye", "error"):
            self.assertIsNone(failure)
        if os.path.exists(self.server.path("unfinished")):
            self.assertEqual((state, kind), ("file", "seal"))
            os.unlink(self.server.path("unfinished"))

    def test_what_stands_behind_a_refused_frame_is_never_done(self):
        for state in ("greeting", "idle", "exec", "offered", "file"):
            self.conversation(PRELUDES[state] + done(b"") + run_words("touch", "ran") + post("ran", b"") + BYE)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_nothing_is_done_before_hello(self):
        for said in (run_words("touch", "ran"), run_line("touch ran"), post("ran", b""), get("present"), ping("t"),
                     STDIN_END):
            frames = self.conversation(said + hello() + said + BYE)
            self.assertEqual([found.kind for found in frames], ["error"], said)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_requests_after_bye_are_not_done_and_due_answers_are_given(self):
        frames = self.conversation(hello() + run_line("sleep 0.2; echo due") + BYE + run_words("touch", "ran"))
        self.assertEqual(frames[1].parcel, b"due\n")
        self.assertEqual(read_exit(frames[2]).value, 0)
        self.assertFalse(os.path.exists(self.server.path("ran")))


class Strangers(FramesTest):
    """The bytes of other protocols, on the Unix socket."""

    def openings(self):
        outgoing = ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["farhand/1"])
        tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="marker.example")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        source = random.Random(SEED)
        yield from (b"GET /marker HTTP/1.1\r\nHost: marker.example\r\n\r\n", b"POST /exec?marker HTTP/1.0\r\n\r\n",
                    b"get /marker http/1.1\r\n\r\n", outgoing.read(), b"SSH-2.0-marker_9.9\r\n",
                    b"EHLO marker.example\r\n",
                    b"\0" * 64, b"\xff" * 64, b"\n" * 64, b"|||||marker", b"*1\r\n$6\r\nmarker\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmarker")
        yield from (source.randbytes(64) for _ in range(50 * SCALE))

    def hear(self, opening):
        with Peer.of(self.server) as peer:
            peer.send(opening)
            return peer.read_bytes(AT_ONCE)

    def test_they_are_refused_at_once_and_hear_nothing_of_their_own(self):
        with canary(self.server):
            for opening in self.openings():
                answer = self.hear(opening)
                frames, rest = take_frames(answer)
                self.assertEqual((len(frames), rest), (1, b""), f"{opening!r} -> {answer!r}")
                self.assertTrue(read_error(frames[0]).closes)
                self.assertNotIn(b"marker", answer)
                for at in range(len(opening) - 8):
                    self.assertFalse(len(set(opening[at:at + 8])) > 3 and opening[at:at + 8] in answer, opening)


@needs_root
class StrangersOverTcp(Strangers):
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": NOBODY}


class Pieces(FramesTest):
    """However the bytes are cut and joined, the result is the same."""

    SAID = (hello() + exec_line("cat; echo said; exit 3") + frame("stdin", b"ab") + frame("stdin", b"c") + STDIN_END +
            offer("x", 5) +
            post("pieces", HALLO) + get("present") + ping("t%t\nt") + get("missing") + run_words(MISSING) + BYE)

    @staticmethod
    def told(frames):
        """What was said, without regard to how output was cut, to signs of life, and to what was used."""
        result = []
        for found in frames:
            if found.kind == "ping" and not found.name:
                continue
            if found.kind == "stdout" and result and result[-1][0] == "stdout":
                result[-1] = ("stdout", b"", result[-1][2] + found.parcel)
            elif found.kind == "exit":
                result.append((found.kind, found.name, read_exit(found)[:6]))
            else:
                result.append((found.kind, found.name, found.parcel))
        return result

    def setUp(self):
        super().setUp()
        self.expected = self.told(self.conversation(self.SAID, 20))
        self.assertEqual([kind for kind, _, _ in self.expected],
                         ["hello", "stdout", "exit", "done", "offer", "post", "seal", "pong", "error", "exit", "bye"])
        self.assertEqual(self.expected[1][2], b"abcsaid\n")

    def in_pieces(self, pieces):
        with Peer.of(self.server) as peer:
            for piece in pieces:
                peer.send(piece)
                peer.wait_until_read()
            frames = peer.read_all(20)
        self.assertEqual(self.told(frames), self.expected)

    def test_split_at_every_byte(self):
        in_parallel([lambda at=at: self.in_pieces([self.SAID[:at], self.SAID[at:]]) for at in range(1, len(self.SAID))],
                    6)

    def test_one_byte_at_a_time(self):
        self.in_pieces([self.SAID[at:at + 1] for at in range(len(self.SAID))])

    def test_pieces_of_every_small_size(self):
        for size in range(2, 20):
            self.in_pieces([self.SAID[at:at + size] for at in range(0, len(self.SAID), size)])

    def test_a_parcel_that_looks_like_frames_is_only_bytes(self):
        inner = BYE + run_words("touch", "ran") + error() + post("ran", b"x")
        frames = self.conversation(hello() + exec_words("cat") + frame("stdin", inner) + STDIN_END +
                                   post("inner", inner) +
                                   get("inner") + BYE, 20)
        kinds = [found.kind for found in frames]
        self.assertEqual(kinds[-6:], ["exit", "done", "offer", "post", "seal", "bye"])
        self.assertEqual(b"".join(found.parcel for found in frames if found.kind == "stdout"), inner)
        self.assertEqual(frames[-3].parcel, inner)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_extra_bytes_after_a_frame_are_the_next_frame_or_the_end(self):
        for extra in (b"x", b"\n", b"\0", b"get", b"|0|", HALLO):
            for message in (ping("t"), get("present"), run_words(MISSING), post("extra", HALLO)):
                with Peer.of(self.server) as peer:
                    peer.send(hello() + message + extra + b"\n" + run_words("touch", "ran"))
                    self.assertIsNotNone(closing_error(peer.read_all(AT_ONCE)), extra)
        self.assertFalse(os.path.exists(self.server.path("ran")))


class Pipelines(FramesTest):
    def test_a_thousand_requests_in_one_segment_are_answered_in_order(self):
        names = [f"small-{n}" for n in range(10)]
        for name in names:
            write_file(self.server.path(name), name.encode())
        said = hello() + run_words("true") * 50
        said += b"".join(get(names[n % 10]) + ping(str(n)) for n in range(1000)) + BYE
        frames = [found for found in self.conversation(said, 30) if found.kind != "ping"]
        self.assertEqual([found.kind for found in frames[:51]], ["hello"] + ["exit"] * 50)
        pongs = [int(found.name) for found in frames if found.kind == "pong"]
        self.assertEqual(pongs, sorted(pongs))
        answers = [found for found in frames[51:-1] if found.kind != "pong"]
        self.assertEqual(len(answers), 3000)
        for n in range(1000):
            self.assertEqual([found.kind for found in answers[3 * n:3 * n + 3]], ["offer", "post", "seal"])
            self.assertEqual(answers[3 * n + 1].parcel, names[n % 10].encode())

    def test_every_ping_with_a_token_is_answered(self):
        """The specification says so without exception; a client that pipelines reads all it was sent."""
        frames = self.conversation(hello() + b"".join(get("present") + ping(str(n)) for n in range(1000)) + BYE, 30)
        self.assertEqual([found.name for found in frames if found.kind == "pong"],
                         [str(n).encode() for n in range(1000)])

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_pings_without_end_hold_no_memory(self):
        before = memory_of(self.server.pid)["VmHWM"]
        with Peer.of(self.server) as peer, canary(self.server):
            peer.send(hello())
            peer.sock.setblocking(False)
            flood, sent = ping("x" * 64) * 1000, 0
            while sent < 64 * MIB:  # nothing is read meanwhile: pongs may be left out, memory may not grow
                _, writable, _ = select.select([], [peer.sock], [], AT_ONCE)
                if not writable:
                    break  # it has stopped reading: also a bound
                sent += peer.sock.send(flood[sent % len(flood):])
        self.assertLess(memory_of(self.server.pid)["VmHWM"] - before, 4 * MIB)

    def test_answers_that_nobody_reads_for_a_while_all_arrive(self):
        content = random_bytes(MIB, 1)
        write_file(self.server.path("large"), content)
        count = 64
        with greeted(self.server) as peer, canary(self.server):
            peer.send(get("large") * count + BYE)
            peer.wait_until_read()
            kinds = []
            while (found := peer.read_past_pings(30)) is not None:
                kinds.append(found.kind)
                if found.kind == "seal":
                    self.assertEqual(read_seal(found).digest, xxh3_128(content))
                elif found.kind == "post":
                    self.assertEqual(found.parcel, content)
        self.assertEqual(kinds, ["offer", "post", "seal"] * count + ["bye"])

    def test_both_directions_full_never_dead_lock(self):
        """Requests until nothing more goes out, then reading and sending: every answer comes, in order."""
        write_file(self.server.path("large"), random_bytes(MIB, 2))
        digest = xxh3_128(read_file(self.server.path("large")))
        request = get("large") + ping("p" * 60) * 100
        said = request * 400 + BYE
        with greeted(self.server) as peer:
            peer.sock.setblocking(False)
            at = 0
            while at < len(said) and select.select([], [peer.sock], [], 1)[1]:
                at += peer.sock.send(said[at:at + MIB])
            writer = threading.Thread(target=lambda: peer.send_if_heard(said[at:]), daemon=True)
            peer.sock.settimeout(60)
            writer.start()
            seals = 0
            while (found := peer.read_past_pings(30)) is not None:
                self.assertIn(found.kind, ("offer", "post", "data", "seal", "pong", "bye"))
                if found.kind == "seal":
                    seals += 1
                    self.assertEqual(read_seal(found).digest, digest)
            writer.join(10)
        self.assertEqual(seals, 400)

    def test_input_after_the_end_of_a_command_is_drained(self):
        frames = self.conversation(hello() + exec_words("true") + frame("stdin", b"x" * MIB) * 3 + STDIN_END +
                                   exec_words(MISSING) + frame("stdin", b"x" * MIB) + STDIN_END + get("present") + BYE,
                                   20)
        frames = [found for found in frames if found.kind != "taken"]   # of what it drained before the end
        self.assertEqual([found.kind for found in frames], ["hello", "exit", "exit", "offer", "post", "seal", "bye"])
        self.assertEqual(read_exit(frames[1])[:2], (0, 0))
        self.assertEqual(read_exit(frames[2])[:2], (2, 127))

    def leaves(self, last_words, close=True, seconds=8):
        """Whether the command is ended soon after the client's last words."""
        number = unique_number()
        with greeted(self.server) as peer:
            peer.send(exec_words("sleep", number))
            wait_until(lambda: pids_with_word(number), "the command runs")
            peer.send(last_words)
            if close:
                peer.close()
            try:
                wait_until(lambda: not pids_with_word(number), f"the command ends after {last_words!r}",
                           seconds)
            finally:
                for pid in pids_with_word(number):
                    os.kill(pid, signal.SIGKILL)

    def test_a_client_that_leaves_ends_its_command(self):
        self.leaves(b"")

    def test_a_client_that_leaves_in_the_middle_of_a_frame_ends_its_command(self):
        self.leaves(slip("stdin", 1000) + b"x")
        self.leaves(b"stdi")

    def test_a_breach_of_the_protocol_ends_the_command(self):
        self.leaves(b"\0\0\0", close=False)
        self.leaves(get("present"), close=False)

    def test_an_error_of_the_client_ends_its_command(self):
        """From the client an error is the end of the connection."""
        self.leaves(error())
        self.leaves(error(), close=False)

    def test_bye_without_the_end_of_the_input_ends_its_command_with_the_connection(self):
        self.leaves(BYE)

    def test_a_client_that_has_said_all_and_is_gone_ends_its_command(self):
        """Its answer would still be due, but there is nobody: the next sign of life finds out."""
        self.leaves(STDIN_END + BYE, seconds=15)

    def test_bye_without_the_end_of_the_input_is_the_end_of_the_input(self):
        """Nothing can come after it, so a command must not wait for more."""
        frames = self.conversation(hello() + exec_words("cat") + frame("stdin", b"x") + BYE)
        self.assertIn(frames[-1].kind, ("exit", "bye", "error"))


class Uploads(FramesTest):
    """Whatever is wrong with an upload: a sentence, the old file, no part, and the connection lives on where it may."""

    OLD = b"old content"

    def setUp(self):
        super().setUp()
        write_file(self.server.path("target"), self.OLD)

    def lives_on(self, said, *codes, target="target"):
        """Refused with one of these codes; then the connection serves a get; the old file is whole."""
        frames = self.conversation(hello() + said + get("present") + ping("on") + BYE, 20)
        self.assertEqual([found.kind for found in frames], ["hello", "error", "offer", "post", "seal", "pong", "bye"],
                         frames)
        failure = read_error(frames[1])
        self.assertFalse(failure.closes)
        self.assertIn(failure.code, codes, failure)
        self.assertTrue(failure.message and failure.message.isprintable(), failure)
        self.unchanged(target)
        return failure

    def ends(self, said):
        with Peer.of(self.server) as peer:
            peer.send_if_heard(hello() + said)
            failure = closing_error(peer.read_all(AT_ONCE))
        self.assertIsNotNone(failure)
        self.assertEqual(failure.code, PROTOCOL)
        self.unchanged()

    def unchanged(self, target="target"):
        if target == "target":
            self.assertEqual(read_file(self.server.path("target")), self.OLD)
        wait_until(lambda: not part_files(self.server.root), "no part is left", 5)

    def test_the_honest_twin(self):
        content = random_bytes(3 * MIB + 7, 3)
        frames = self.conversation(hello() + offer("", len(content)) + post("twin", content) + get("twin") + BYE, 20)
        self.assertEqual(frames[1].kind, "done")
        self.assertEqual(read_file(self.server.path("twin")), content)
        received = b"".join(found.parcel for found in frames if found.kind in ("post", "data"))
        self.assertEqual(hashlib.sha256(received).digest(), hashlib.sha256(content).digest())
        os.unlink(self.server.path("twin"))

    def test_wrong_hash(self):
        for bit in (0, 63, 64, 127):
            digest = bytearray(xxh3_128(HALLO))
            digest[bit // 8] ^= 1 << bit % 8
            failure = self.lives_on(frame("post", HALLO, "target") + seal(HALLO, digest=bytes(digest)), INTEGRITY)
            self.assertIn("unchanged", failure.message)

    def test_wrong_size(self):
        for size in (0, 4, 6, 2**63 - 1):
            self.lives_on(frame("post", HALLO, "target") + seal(HALLO, size=size), INTEGRITY)

    def test_more_or_less_than_was_sealed(self):
        self.lives_on(frame("post", HALLO, "target") + frame("data", b"!", "5") + seal(HALLO), INTEGRITY)
        self.lives_on(frame("post", HALLO[:4], "target") + seal(HALLO), INTEGRITY)

    def test_given_up_and_failed(self):
        self.lives_on(frame("post", HALLO, "target") + seal(HALLO, outcome=2), CANCELLED)
        failure = self.lives_on(frame("post", HALLO, "target") + seal(HALLO, outcome=1, code=SOURCE_CHANGED,
                                                                    reason="it moved\x1b[2J\nevil"), SOURCE_CHANGED)
        self.assertIn("it moved", failure.message)

    def test_refused_with_its_body_under_way(self):
        """Two files of 3 MiB each behind a refusal: thrown away, and the connection lives on."""
        content = random_bytes(3 * MIB, 4)
        os.makedirs(self.server.path("folder"), exist_ok=True)
        self.lives_on(post("../target", content), OUTSIDE_ROOT)
        self.lives_on(post("folder", content), IS_DIRECTORY)
        self.lives_on(post("no/such/folder", content), NOT_FOUND)
        self.lives_on(offer("", 2**63 - 1) + post("target", HALLO), 9)

    def test_out_of_order_offsets_end_it(self):
        for offset in (0, 4, 6, 2**63 - 1):
            self.ends(frame("post", HALLO, "target") + frame("data", b"x", str(offset)) + seal(HALLO + b"x"))

    def test_data_and_seal_without_post_end_it(self):
        self.ends(frame("data", b"x", "0"))
        self.ends(seal())
        self.ends(offer() + seal())
        self.ends(offer() + frame("data", b"x", "0"))
        self.ends(post("other", HALLO) + seal(HALLO))
        os.unlink(self.server.path("other"))

    def test_another_request_in_the_middle_ends_it(self):
        for said in (get("present"), run_words("touch", "ran"), post("target", HALLO), offer(), hello()):
            self.ends(frame("post", HALLO, "target") + said)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_left_in_the_middle(self):
        for said in (frame("post", HALLO, "target"), slip("post", MIB, "target") + b"x" * 1000,
                     frame("post", HALLO, "target") + slip("data", MIB, "5") + b"x", offer("", 5),
                     post("target", HALLO)[:-1],
                     frame("post", HALLO, "target") + BYE, frame("post", HALLO, "target") + error(), offer() + BYE):
            self.conversation(hello() + said)
            self.unchanged()

    def test_modes_are_taken_without_set_id_bits(self):
        for mode in (0o7777, 0o4755, 0o2777, 0o1777, 0o000):
            self.conversation(hello() + post("moded", HALLO, mode=mode) + BYE)
            self.assertEqual(os.stat(self.server.path("moded")).st_mode & 0o7777, mode & 0o777 & ~0o022)
            os.unlink(self.server.path("moded"))

    def test_only_regular_files_are_given_and_replaced(self):
        os.mkfifo(self.server.path("fifo"))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.server.path("listening"))
        self.addCleanup(listener.close)
        for name in ("fifo", "listening"):
            frames = self.conversation(hello() + get(name) + post(name, HALLO) + ping("on") + BYE)
            self.assertEqual([found.kind for found in frames], ["hello", "error", "error", "pong", "bye"], name)
            os.unlink(self.server.path(name))


if __name__ == "__main__":
    main()
