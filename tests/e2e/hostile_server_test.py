"""A server that breaks every rule, against the real rclient: never a false success, never a hang, never a file that was
not asked for, never a byte on the terminal that does more than be read."""
import json
import os
import resource
import signal
import subprocess
import threading
import time
import unittest

import harness
from harness import (PATIENCE, SCALE, client_command, environment, in_parallel, main, memory_of, part_files,
                     random_bytes, rclient, read_file,
                     remove_tree, scratch, snapshot, wait_until, write_file)
from hostile import (BYE, MIB, SOURCE_CHANGED, FakeServer, assert_plain, close, done, drain, entries, entry, error,
                     exit_report, finish, frame, hello, offer, part, ping, post, pulled, pushed, seal, slip, stored, take_push,
                     text, trouble, u8, u16, u64, verdicts, welcome, xxh3_128)

HALLO = b"hallo"
OLD = b"old content"
SOON = 10   # seconds within which a client must have told what is wrong


class HostileServerTest(unittest.TestCase):
    def setUp(self):
        self.base = scratch()
        self.addCleanup(remove_tree, self.base)
        self.here = os.path.join(self.base, "here")
        self.run_dir = os.path.join(self.base, "run")
        self.outside = os.path.join(self.base, "outside")
        for path in (self.here, self.run_dir, self.outside):
            os.mkdir(path)
        write_file(os.path.join(self.outside, "victim"), b"never changed")
        write_file(self.path("file"), OLD)
        write_file(self.path("upload"), HALLO)
        self.tripwire = snapshot(self.outside)
        self.addCleanup(self.check_places)

    def check_places(self):
        self.assertEqual(snapshot(self.outside), self.tripwire)
        self.assertEqual(part_files(self.here), [])
        self.assertEqual(sorted(os.listdir(self.base)), ["here", "outside", "run"])
        self.assertLessEqual(set(os.listdir(self.here)), {"file", "upload", "large"})

    def path(self, name):
        return os.path.join(self.here, name)

    def play(self, script, args, timeout=SOON + PATIENCE, **options):
        """rclient against a server that does `script(peer)` and then reads until the client is gone."""
        def whole(peer):
            script(peer)
            drain(peer)
        with FakeServer(whole, self.run_dir) as fake:
            begun = time.monotonic()
            ran = rclient(args, fake.host, timeout=timeout, cwd=self.here, **options)
            self.took = time.monotonic() - begun
        return ran

    def answer(self, said, args, close=True, **options):
        """The greeting, these bytes at once, and (close) our end of the stream."""
        def script(peer):
            welcome(peer)
            peer.send_if_heard(said)
            if close:
                peer.end_sending()
        return self.play(script, args, **options)

    def answer_push(self, said, args, **options):
        """The greeting, a push of one file taken whole, these bytes, and our end of the stream."""
        def script(peer):
            welcome(peer)
            take_push(peer)
            peer.send_if_heard(said)
            peer.end_sending()
        return self.play(script, args, **options)

    def check_failed(self, ran, *statuses, soon=SOON, sentences=1):
        """One plain sentence (or more), one of these statuses, and soon."""
        self.assertIn(ran.returncode, statuses, ran.stderr)
        self.assertLess(self.took, soon)
        lines = ran.stderr.decode().split("\n")
        self.assertEqual((len(lines), lines[-1]), (1 + sentences, ""), ran.stderr)
        for line in lines[:-1]:
            self.assertTrue(line.startswith("rclient: "), line)
            assert_plain(line)
        return lines[0]

    def check_get_failed(self, ran, *statuses, **expected):
        line = self.check_failed(ran, *statuses, **expected)
        self.assertEqual(read_file(self.path("file")), OLD)
        return line


class Honest(HostileServerTest):
    """The twins: this fake server is believed when it keeps to the rules."""

    def test_exec(self):
        ran = self.answer(frame("stdout", b"out") + frame("stderr", b"err") + exit_report(value=7), ["exec", "true"])
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (7, b"out", b"err"))

    def test_get(self):
        self.assertEqual(self.answer(pulled("file", HALLO), ["get", "file"]).returncode, 0)
        self.assertEqual(read_file(self.path("file")), HALLO)

    def test_get_of_several_frames(self):
        content = random_bytes(2 * MIB + 5, 1)
        self.assertEqual(self.answer(pulled("file", content, piece=1 << 18), ["get", "file"]).returncode, 0)
        self.assertEqual(read_file(self.path("file")), content)

    def test_post(self):
        ran = self.answer_push(pushed("upload"), ["post", "upload"])
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))


VERBS = {"exec": (["exec", "true"], (255,)), "post": (["post", "upload"], (7, 8, 9)),
         "get": (["get", "file"], (7, 8, 9))}


class OtherProtocols(HostileServerTest):
    def each(self, said, word=None):
        for verb, (args, statuses) in VERBS.items():
            for end in (True, False):
                def script(peer, end=end):
                    peer.send_if_heard(said)
                    if end:
                        peer.end_sending()
                with self.subTest(verb=verb, end=end, said=said[:20]):
                    line = self.check_get_failed(self.play(script, args), *statuses)
                    if word:
                        self.assertIn(word, line)

    def test_http(self):
        self.each(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>", "HTTP")

    def test_ssh(self):
        self.each(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "ssh")

    def test_tls_alert(self):
        self.each(b"\x15\x03\x03\x00\x02\x02\x46", "TLS")

    def test_garbage(self):
        for seed in range(5 * SCALE):
            self.each(b"\xf3" + random_bytes(200, seed))
        for said in (b"\0" * 100, b"\n" * 100, b"|", b"\x1b[2J\x1b]0;evil\x07", b"\r\n\r\n", b"220 smtp ready\r\n",
                     b"+OK\r\n"):
            self.each(said)

    def test_nothing_at_all(self):
        for verb, (args, statuses) in VERBS.items():
            with self.subTest(verb=verb):
                self.check_get_failed(self.play(lambda peer: peer.close(), args), *statuses)
                self.check_get_failed(self.play(lambda peer: peer.end_sending(), args), *statuses)

    def test_a_dead_letter_box(self):
        ran = rclient(["exec", "true"], "unix:" + os.path.join(self.run_dir, "nobody"), cwd=self.here)
        self.assertEqual(ran.returncode, 255)


class OutOfOrder(HostileServerTest):
    """Frames that the table does not permit, each with an otherwise fine answer behind it."""

    def test_before_hello(self):
        for said in (frame("stdout", b"early"), exit_report(), done(HALLO), post("file", b"evil"), pulled("file", b"evil"),
                     verdicts(1), pushed(), offer(), ping("x")):
            for verb, (args, statuses) in VERBS.items():
                with self.subTest(verb=verb, said=said):
                    ran = self.play(lambda peer, said=said: peer.send_if_heard(said + hello() + said), args)
                    self.check_get_failed(ran, *statuses)
                    self.assertEqual(ran.stdout, b"")

    def test_answers_to_questions_that_were_not_asked(self):
        answers = {"exec": frame("stdout", b"x") + exit_report(), "post": verdicts(1) + pushed("upload"),
                   "get": pulled("file", b"evil")}
        wrong = {**answers, "hello": hello(), "exec request": frame("exec", b""), "stdin": frame("stdin", b"x"),
                 "data": frame("data", b"x", "0"), "seal": seal(), "done": done(HALLO), "a file": post("file", b"evil"), "get request": frame("get", b"", "/etc/passwd"),
                 "unknown": frame("surprise", b"x"), "stderr": frame("stderr", b"x")}
        for verb, (args, statuses) in VERBS.items():
            for what, said in wrong.items():
                if what == verb or (verb, what) == ("exec", "stderr"):
                    continue
                for close in (True, False):
                    with self.subTest(verb=verb, what=what, close=close):
                        ran = self.answer(said + answers[verb], args, close=close)
                        self.check_get_failed(ran, *statuses)
                        self.assertEqual(ran.stdout, b"")

    def test_unsolicited_answers_behind_the_answer_change_nothing(self):
        """The client has what it asked for; whatever it makes of the rest, it is not output and no file."""
        for behind in (frame("stdout", b"evil") + exit_report(value=1), post("evil", b"evil"), b"\0\0\0"):
            ran = self.answer(exit_report() + behind, ["exec", "true"])
            self.assertIn((ran.returncode, ran.stdout), ((0, b""), (255, b"")))
            ran = self.answer(pulled("file", OLD) + behind, ["get", "file"])
            self.assertIn(ran.returncode, (0, 8, 9))

    def test_two_hellos_and_wrong_versions(self):
        def wrong_version(peer):
            peer.expect("hello")
            peer.send(hello(version=2) + exit_report())
        for verb, (args, statuses) in VERBS.items():
            line = self.check_get_failed(self.play(wrong_version, args), *statuses)
            self.assertIn("2", line)
            self.assertIn("1", line)

    def test_broken_structures(self):
        for verb, said in (
                ("exec", frame("exit", u8(3) + u8(0) * 4 + text(""))),
                           ("exec", frame("exit", u8(0) * 5 + text("") + b"x")),
                ("exec", exit_report(kind=1, value=0)), ("exec", exit_report(kind=1, value=128)),
                ("exec", exit_report(kind=0, sentence="but")), ("exec", exit_report(core=2)),
                           ("exec", frame("exit", b"")),
                ("exec", frame("exit", u8(2) + u8(0) * 2 + u16(1) + u64(2**61))),
                           ("exec", exit_report(kind=2, sentence="x" * 1025)),
                ("post", frame("verdicts", b"")), ("post", frame("verdicts", u64(1) + u8(4))),
                ("post", frame("verdicts", u64(2**61))), ("post", verdicts(3)), ("post", verdicts(1, 1)),
                ("post", stored(2)), ("post", frame("stored", b"", "-1")), ("post", frame("trouble", u64(1))),
                ("get", entries(entry("file", mode=0o10000))), ("get", entries(entry("file", nanoseconds=10**9))),
                ("get", entries(entry("file", kind=5))), ("get", entries(entry("file", target="x"))),
                ("get", entries(entry("file", size=1, occupied=2))), ("get", entries(entry("file", size=2**63))),
                ("get", frame("entries", u64(2**61))), ("get", entries(entry("file")) * 2),
                ("get", pulled("file", b"evil", outcome=3)), ("get", pulled("file", b"evil", mode=0o10000)),
                ("get", pulled("file", b"evil", nanoseconds=10**9)), ("get", finish()[:-1] + b"x"),
                ("exec", frame("error", b"\0")), ("get", frame("error", u16(1) + u8(7) + text(""))),
                ("exec", frame("hello", b""))):
            args, statuses = VERBS[verb]
            with self.subTest(verb=verb, said=said[:60]):
                self.check_get_failed(self.answer(said, args, close=False), *statuses)

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_huge_sizes_are_refused_without_memory(self):
        for size in (2**31, 2**32, 2**63 - 1, 2**63, 10**25):
            for verb, kinds in (("exec", ("stdout", "stderr", "exit", "error")), ("post", ("verdicts", "trouble", "finish", "error")),
                                ("get", ("entries", "part", "close", "trouble", "finish", "error"))):
                for kind in kinds:
                    def script(peer, kind=kind, size=size):
                        welcome(peer)
                        peer.send_if_heard(slip(kind, size, "0" if kind == "part" else "") + b"x" * 65536)
                    with self.subTest(kind=kind, size=size):
                        args, statuses = VERBS[verb]
                        ran = self.play(script, args, preexec_fn=limit_memory)
                        self.check_get_failed(ran, *statuses)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (256 * MIB, 256 * MIB))


class Exits(HostileServerTest):
    def test_nonsense_is_told_as_it_is_or_refused(self):
        for value in (0, 1, 127, 128, 255):
            self.assertEqual(self.answer(exit_report(value=value), ["exec", "true"]).returncode, value)
        for value in (1, 9, 15, 64, 127):
            ran = self.answer(exit_report(kind=1, value=value), ["exec", "true"])
            self.assertIn(ran.returncode, (128 + value, 255))
            self.assertNotEqual(ran.returncode, 0)

    def test_not_started_is_never_success(self):
        for value in (0, 1, 126, 127, 255):
            ran = self.answer(exit_report(kind=2, value=value, code=1, sentence="cannot"), ["exec", "true"])
            self.assertNotEqual(ran.returncode, 0)
            self.check_failed(ran, ran.returncode)

    def test_a_sentence_of_exit_is_escaped(self):
        ran = self.answer(exit_report(kind=2, value=127, code=4, sentence="\x1b[2Jevil\nrclient: fine"),
                          ["exec", "true"])
        self.assertNotIn("\x1b", self.check_failed(ran, 127))

    def test_output_at_the_same_time_as_the_end(self):
        ran = self.answer(frame("stdout", b"x" * MIB) * 8 + exit_report() + BYE, ["exec", "true"])
        self.assertEqual((ran.returncode, len(ran.stdout)), (0, 8 * MIB))


EVIL_TEXTS = ["\x1b[2J\x1b[Hroot@host# ", "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x07",
              "\x1b]8;;http://evil\x1b\\click", "one\ntwo\nrclient: all is well",
              "\r\nrclient: stored", "back\b\b\b\bfront", "\x9b31mred", "\u009b31mred", "\u0085next", "\u202egnp.exe",
              "\u2066x\u2069", "\x7f\x7f",
              "\u200e\u200f", "\0zero", "tab\ttab\x0b\x0c", "\ufeffbom", "plain", "", " " * 1024, "%s%n%x",
              "\\x1b", "\u00fc\u4e2d\U0001f600", "x" * 1024, "\x1b" * 1024, "\n" * 1024]


class Sentences(HostileServerTest):
    """What the server says is shown escaped, on one line, and as the server's."""

    def check_shown(self, ran, statuses, said):
        line = self.check_failed(ran, *statuses)
        self.assertIn(" says: ", line)
        self.assertLess(len(line.encode()), 5 * 1024)
        return line

    def test_errors_with_escapes(self):
        for said in EVIL_TEXTS:
            for raw in (said.encode(), said.encode("utf-8")[:-1] + b"\xff"):
                for closes in (True, False):
                    message = frame("error", u16(3) + u8(closes) + u64(len(raw[:1024])) + raw[:1024])
                    for verb, (args, _) in VERBS.items():
                        with self.subTest(verb=verb, said=said[:20], closes=closes):
                            self.check_shown(self.answer(message, args), (255 if verb == "exec" else 3,), said)

    def test_line_separators_and_the_arabic_letter_mark_are_escaped_too(self):
        for said in ("\u2028line\u2029paragraph", "\u061cmark"):
            with self.subTest(said=said):
                self.check_shown(self.answer(error(3, True, said), ["get", "file"]), (3,), said)

    def test_json_stays_json_and_one_line(self):
        for said in EVIL_TEXTS:
            ran = self.answer(error(3, True, said[:200]), ["--json", "exec", "true"])
            self.assertEqual(ran.stdout.count(b"\n"), 1)
            self.assertEqual(json.loads(ran.stdout)["error"]["from"], "server")
            assert_plain(ran.stdout.decode().rstrip("\n"))

    def test_a_reason_in_a_seal_is_escaped(self):
        for said in EVIL_TEXTS:
            sealed = pulled("file", HALLO, outcome=1, code=SOURCE_CHANGED, reason=said[:300])
            self.check_get_failed(self.answer(sealed, ["get", "file"]), 3, 4)

    def test_a_trouble_and_why_a_job_was_broken_off_are_escaped(self):
        for said in EVIL_TEXTS:
            elsewhere = trouble(said[:300].replace("\0", "") or "x", said[:300]) + finish(failed=1)   # and nothing of the file
            for told, sentences in ((trouble("file", said[:300]) + finish(failed=1), 1),
                                    (finish(complete=0, sentence=said[:300]), 1), (elsewhere, 2)):
                with self.subTest(said=said[:20], told=told[:20]):
                    self.check_get_failed(self.answer(told, ["get", "file"]), 1, 3, sentences=sentences)

    def test_a_refusal_of_the_greeting_is_told(self):
        for verb, (args, _) in VERBS.items():
            ran = self.play(lambda peer: (peer.send(error(3, True, "you are not served")), peer.end_sending()), args)
            self.assertIn("you are not served", self.check_failed(ran, 255 if verb == "exec" else 3))

    def test_unknown_codes_are_still_errors(self):
        for code in (0, 1, 23, 999, 65535):
            self.check_failed(self.answer(error(code, True, "odd"), ["get", "file"]), 3, 4, 5, 6, 7, 8, 9, 124)

    def test_an_error_in_the_middle_of_a_post_is_told_and_not_the_broken_pipe(self):
        write_file(self.path("large"), random_bytes(8 * MIB, 3))
        for closes in (True, False):
            def script(peer, closes=closes):
                welcome(peer)
                peer.expect("push")
                peer.expect("entries")
                peer.send(verdicts(1))
                peer.expect("part")
                peer.send(error(9, closes, "the disk is full"))
                peer.end_sending()
                if closes:
                    peer.close()     # with megabytes unread: a reset
            for _ in range(10):
                ran = self.play(script, ["post", "large"])
                with self.subTest(closes=closes):
                    self.assertIn("the disk is full", self.check_failed(ran, 3))


class Files(HostileServerTest):
    """get stores what was asked for under the name that was asked for, or nothing."""

    def test_the_servers_name_is_never_used(self):
        for name in ("../evil", "../outside/victim", "/tmp/farhand-evil", self.outside + "/victim", "other", ".bashrc",
                     "upload", "..", ".", "a/b", "\n", "\0"[:0] + "x" * 4096, ".ssh/authorized_keys", "~", "-rf",
                     ".farhand-part-x"):
            with self.subTest(name=name):
                self.check_get_failed(self.answer(pulled(name, b"fresh"), ["get", "file"]), 9)
                self.assertEqual(read_file(self.path("upload")), HALLO)
                self.check_places()

    def test_nothing_comes_below_or_instead_of_a_file_that_was_asked_for(self):
        """Of a name that was asked for a server may make a directory, a link or a pipe; nothing else is touched."""
        for listed in (entries(entry("file"), entry("file/inner", size=5)), entries(entry("file/inner", size=5)),
                       entries(entry("other"), entry("file")), entries(entry("file"), entry("upload")),
                       entries(entry("file", kind=3, target="upload"))):
            with self.subTest(listed=listed[:60]):
                self.check_get_failed(self.answer(listed + part(b"fresh") + close(b"fresh") + finish(), ["get", "file"]), 1, 4, 8, 9)
                self.assertEqual(read_file(self.path("upload")), HALLO)

    def test_names_that_were_asked_for_stay_in_their_directory(self):
        for asked in ("../outside/victim", "/etc/victim2", "a/../../outside/victim", "x/../victim3"):
            leaf = os.path.basename(asked)
            ran = self.answer(pulled(leaf, b"evil"), ["get", asked])
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual(read_file(self.path(leaf)), b"evil")
            os.unlink(self.path(leaf))
        for asked in ("..", "a/..", ""):
            ran = self.answer(pulled("file", b"evil"), ["get", asked])
            self.assertIn(ran.returncode, (2, 4), asked)
        for asked in (".", "/", "./"):  # contents, which come as a job and no other way
            ran = self.answer(post("file", b"evil"), ["get", asked])
            self.assertEqual(ran.returncode, 9, asked)

    def test_a_link_at_the_target_is_not_followed(self):
        os.unlink(self.path("file"))
        os.symlink(os.path.join(self.outside, "victim"), self.path("file"))
        self.assertEqual(self.answer(pulled("file", b"fresh"), ["get", "file"]).returncode, 0)
        self.assertFalse(os.path.islink(self.path("file")))

    def test_modes_lose_set_id_bits(self):
        for mode in (0o7777, 0o4755, 0o2755, 0o1777):
            self.assertEqual(self.answer(pulled("file", HALLO, mode=mode), ["get", "file"]).returncode, 0)
            self.assertEqual(os.stat(self.path("file")).st_mode & 0o7000, 0)

    def test_wrong_hash_and_wrong_size(self):
        for sealed in (dict(digest=b"\0" * 16), dict(digest=xxh3_128(b"hallO")), dict(size=4), dict(size=6),
                       dict(size=2**63 - 1), dict(size=0)):
            ran = self.answer(pulled("file", HALLO, **sealed), ["get", "file"])
            # No disk takes a file of 8 EiB.
            self.assertIn("unchanged", self.check_get_failed(ran, *((4, 5) if sealed.get("size") == 2**63 - 1 else (5,))))

    def test_sealed_as_failed_and_given_up(self):
        for outcome, statuses in ((1, (3, 4)), (2, (3, 4, 8))):
            ran = self.answer(pulled("file", HALLO, outcome=outcome, code=SOURCE_CHANGED, reason="it moved"), ["get", "file"])
            self.check_get_failed(ran, *statuses)

    def test_parts_out_of_order(self):
        for offset, status in ((0, 9), (4, 9), (6, 5), (2**63 - 1, 9)):
            ran = self.answer(entries(entry("file", size=6)) + part(HALLO) + part(b"x", offset) + close(HALLO + b"x") + finish(),
                              ["get", "file"])
            self.check_get_failed(ran, status)

    def test_content_that_was_not_asked_for(self):
        for said in (part(HALLO), close(HALLO), entries() + part(HALLO), pulled("file", HALLO) + part(HALLO)):
            self.assertEqual(self.answer(said, ["get", "file"]).returncode, 0 if said.startswith(pulled("file", HALLO)) else 9)
            write_file(self.path("file"), OLD)

    def test_an_entry_that_cannot_fit(self):
        ran = self.answer(entries(entry("file", size=2**63 - 1, occupied=2**63 - 1)) + finish(), ["get", "file"])
        self.assertIn("free", self.check_get_failed(ran, 4))

    def test_several_files_of_which_one_is_bad(self):
        said = (entries(entry("file", size=5), entry("upload", size=5)) + part(HALLO) + close(HALLO, digest=b"\0" * 16) +
                part(b"fresh") + close(b"fresh") + finish())
        ran = self.answer(said, ["get", "file", "upload"])
        self.assertEqual(ran.returncode, 1, ran.stderr)
        self.assertEqual((read_file(self.path("file")), read_file(self.path("upload"))), (OLD, b"fresh"))

    def test_an_end_without_a_word_on_every_file(self):
        for said in (finish(files=1, place="upload"), stored(0) + finish(), finish(failed=1), finish(complete=0)):
            self.check_failed(self.answer_push(said, ["post", "upload"]), 1, 3, 9)

    def test_a_failure_of_the_one_file_is_no_success(self):
        line = self.check_failed(self.answer_push(trouble("upload", "no room") + stored(1) + finish(failed=1, place="upload"),
                                                  ["post", "upload"]), 3)
        self.assertIn("no room", line)

    def test_an_end_before_the_file_was_sent(self):
        """An acknowledgement of what cannot have arrived yet is no success."""
        write_file(self.path("large"), random_bytes(32 * MIB, 5))

        def script(peer):
            welcome(peer)
            peer.expect("push")
            peer.expect("entries")
            peer.send(verdicts(1) + pushed("large"))
        self.check_failed(self.play(script, ["post", "large"]), 8, 9)

    def test_a_sentence_about_stored_paths_is_escaped(self):
        ran = self.answer_push(pushed("\x1b[2J\nevil"), ["-v", "post", "upload"])
        self.assertEqual(ran.returncode, 0, ran.stderr)
        for line in ran.stderr.decode().split("\n"):
            assert_plain(line)


class Cuts(HostileServerTest):
    """The stream ends after every byte of an answer: never success, always in time."""

    def cut_everywhere(self, answer, args, statuses, step=1, first=b"", complete=None):
        """`first` comes before it, whole; the client's part of a push comes between. From `complete` on the file has come
        whole, and may have been stored before the end of the rest was missed."""
        points = [at for at in range(0, len(answer), step)]

        def one(at, index):
            run_dir = os.path.join(self.run_dir, str(index))
            os.makedirs(run_dir, exist_ok=True)

            def script(peer):
                peer.read_past_pings()
                if first:
                    peer.send(first)
                    while (found := peer.read_past_pings()) is not None and found.kind != "finish":
                        pass
                peer.send(answer[:at])
                peer.end_sending()
                drain(peer)
            with FakeServer(script, run_dir) as fake:
                ran = rclient(args, fake.host, cwd=self.here)
            self.assertIn(ran.returncode, statuses, f"cut at {at} of {len(answer)}: {ran.stdout!r} {ran.stderr!r}")
            self.assertEqual(ran.stderr.count(b"\n"), 1, ran.stderr)
            self.assertIn(read_file(self.path("file")), (OLD, HALLO + HALLO) if complete and at >= complete else (OLD,))
            if complete:
                write_file(self.path("file"), OLD)
        in_parallel([lambda at=at: one(at, at) for at in points], 1 if complete else 4)

    def test_exec(self):
        answer = hello() + frame("stdout", b"some output") + exit_report()
        self.cut_everywhere(answer, ["exec", "true"], (255,))

    def test_post(self):
        self.cut_everywhere(hello() + verdicts(1), ["post", "upload"], (8,))
        self.cut_everywhere(pushed("upload"), ["post", "upload"], (8,), first=hello() + verdicts(1))

    def test_get(self):
        answer = hello() + pulled("file", HALLO + HALLO, piece=5)
        self.cut_everywhere(answer, ["get", "file"], (8,), complete=len(answer) - len(finish(files=1, sent=10)))

    def test_get_of_a_large_file(self):
        content = random_bytes(MIB, 6)
        answer = hello() + pulled("file", content, piece=1 << 18)
        self.cut_everywhere(answer[:-len(finish(files=1, sent=MIB))], ["get", "file"], (8,), step=len(answer) // 24)
        self.assertEqual(len(part_files(self.here)), 1, "what has come waits for the next time")
        self.assertEqual(self.answer(answer.removeprefix(hello()), ["get", "file"]).returncode, 0)
        self.assertEqual(read_file(self.path("file")), content)

    def test_json_tells_that_the_end_is_not_known(self):
        for said, started in ((frame("stdout", b"x"), True), (frame("taken", name="0"), True), (b"", None)):
            ran = self.answer(said, ["--json", "exec", "true"])
            told = json.loads(ran.stdout)
            self.assertEqual((ran.returncode, told["exit"], told["started"]), (255, None, started))
            self.assertEqual(told["error"]["code"], "connection_lost")


class Patience(HostileServerTest):
    def gives_up(self, script, latest):
        """Each verb, all at the same time, gives up by itself with its sentence."""
        with FakeServer(script, self.run_dir) as fake:
            def one(verb):
                begun = time.monotonic()
                try:
                    ran = rclient(VERBS[verb][0], fake.host, cwd=self.here, timeout=latest)
                except subprocess.TimeoutExpired:
                    raise AssertionError(f"{verb} still waits after {latest} s") from None
                self.assertIn(ran.returncode, VERBS[verb][1], ran.stderr)
                self.assertGreater(time.monotonic() - begun, 12)
                self.assertEqual(ran.stderr.count(b"\n"), 1, ran.stderr)
            for verb, failure in in_parallel([lambda verb=verb: (verb, caught(one, verb)) for verb in VERBS], 3):
                with self.subTest(verb=verb):
                    if failure:
                        raise failure

    def test_a_server_that_accepts_and_says_nothing(self):
        self.gives_up(drain, 25)

    def test_a_server_that_greets_and_falls_silent(self):
        self.gives_up(lambda peer: (welcome(peer), drain(peer)), 30)

    def test_a_server_that_reads_nothing_of_a_post_leaves_the_client_interruptible(self):
        write_file(self.path("large"), random_bytes(16 * MIB, 7))
        stop = threading.Event()

        def script(peer):
            welcome(peer)
            peer.expect("push")
            peer.expect("entries")
            peer.send(verdicts(1))
            peer.sock.setblocking(False)
            while not stop.wait(1):  # signs of life, and nothing read
                peer.send_if_heard(ping())
        with FakeServer(script, self.run_dir) as fake:
            process = subprocess.Popen(client_command(["post", "large"], fake.host), cwd=self.here, env=environment(),
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                wait_until(lambda: fake.connections == 1, "it connects")
                wait_until(lambda: blocked_in_poll(process.pid), "it waits")
                self.assertIsNone(process.poll())
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, complaint = process.communicate(timeout=SOON)
                self.took = time.monotonic() - begun
                self.assertEqual(process.returncode, 130, complaint)
                self.assertLess(self.took, 5)
            finally:
                stop.set()
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def test_endless_output_can_be_interrupted(self):
        greeted = threading.Event()

        def script(peer):
            welcome(peer)
            greeted.set()
            while True:
                peer.send(frame("stdout", b"x" * MIB))
        with FakeServer(script, self.run_dir) as fake:
            process = subprocess.Popen(client_command(["exec", "true"], fake.host), cwd=self.here, env=environment(),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                wait_until(greeted.is_set, "it has greeted")
                self.assertLess(memory_of(process.pid)["VmHWM"], 64 * MIB)
                process.send_signal(signal.SIGINT)  # for the command, which there is none of here; the next is for us
                wait_until(lambda: (process.send_signal(signal.SIGINT), process.poll() is not None)[1], "it ends", SOON)
                process.communicate()
                # To a shell both are 130: one more may strike while it ends.
                self.assertIn(process.returncode, (130, -signal.SIGINT))
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def caught(function, *args):
    """What it raises, or None."""
    try:
        function(*args)
    except Exception as failure:
        return failure
    return None


def blocked_in_poll(pid):
    try:
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            where = file.read()
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "S" and ("poll" in where or where in ("", "0"))
    except OSError:
        return False


if __name__ == "__main__":
    main()
