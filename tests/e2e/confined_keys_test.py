"""AU-19: keys that may not run anything, and every way that was thought of to run something with one all the same, or to
leave its root. Each try is refused or stays within the root, nothing runs, and each refusal is a line of the audit; the
same bytes with a key that may run commands show that the try would have worked."""
import collections
import json
import os
import shutil
import socket
import subprocess
import unittest

import harness
from harness import (MODEL, PATIENCE, PYTHON, as_user, main, needs_root, pids_with_word, read_file, remove_tree, scratch,
                     snapshot, unique_number, wait_until, write_file)
from hostile import (BYE, MIB, STDIN_END, assert_plain, done, error, exec_structure, exec_words, exit_report, frame, get,
                     hello, offer, pair, paired, ping, post, read_done, read_error, read_exit, run_line, run_words, slip, text,
                     texts, u8)
from job_frames import finish, slice_request, stripe
from rights_support import UID, RootsSite, Site, tear_down_canary

FORCED = "what the key is for"
LOADER = "/lib64/ld-linux-x86-64.so.2"

# said: without the greeting. words: what the line of the audit must hold besides the key's name.
Try = collections.namedtuple("Try", "name said words", defaults=[()])


def tearDownModule():
    tear_down_canary()


def ways_to_run(mark, root):
    """Well-formed requests each of which makes the file `mark` where it may run."""
    touch = f"touch {mark}"
    words = {
        "words": ["touch", mark],
        "an absolute program": ["/usr/bin/touch", mark],
        "a program named by climbing": ["../../../../../../usr/bin/touch", mark],
        "a program named through /proc": ["/proc/self/root/usr/bin/touch", mark],
        "a shell": ["sh", "-c", touch],
        "a login shell": ["/bin/sh", "-l", "-c", touch],
        "the directory changed by env": ["env", "-C", "/", "touch", mark],
        "the environment emptied by env": ["env", "-i", "/usr/bin/touch", mark],
        "a session of its own": ["setsid", "-w", "touch", mark],
        "nice": ["nice", "touch", mark],
        "timeout": ["timeout", "60", "touch", mark],
        "xargs": ["xargs", "-a", "/dev/null", "touch", mark],
        "find": ["find", "/dev/null", "-exec", "touch", mark, ";"],
        "a copy": ["cp", "/dev/null", mark],
        "a link": ["ln", "-s", "/dev/null", mark],
        "a directory": ["mkdir", mark],
        "a pipe": ["mkfifo", mark],
        "a write": ["dd", "if=/dev/null", "of=" + mark],
        "an interpreter": [PYTHON, "-c", f"open({mark!r}, 'w')"],
        "a script that lies in the root": ["./script"],
        "a script by its absolute name": [os.path.join(root, "script")],
        "a script by its interpreter": ["sh", "script"],
        "a thousand words": ["touch", *[mark] * 1000],
        "200 KiB of words": ["sh", "-c", touch, "x" * (100 << 10), "y" * (100 << 10)],
    }
    if os.path.exists(LOADER):
        words["the loader"] = [LOADER, "/usr/bin/touch", mark]
    lines = {
        "a line": touch,
        "a line of two": f"true\n{touch}\n",
        "a line that sources a script": ". ./script",
        "a line in the background": f"{touch} &\nwait",
        "a substitution": f"echo $({touch})",
        "a redirection": f": >{mark}",
        "a line with exec": f"exec {touch}",
        "a trap": f"trap '{touch}' EXIT",
    }
    found = {name: run_words(*argv) for name, argv in words.items()}
    found.update({name: run_line(line) for name, line in lines.items()})
    found["a shell's input"] = exec_words("sh") + frame("stdin", touch.encode() + b"\n") + STDIN_END
    found["an interactive shell's input"] = exec_words("sh", "-i") + frame("stdin", touch.encode() + b"\n") + STDIN_END
    found["70 KiB of input behind it"] = exec_words("touch", mark) + frame("stdin", b"x" * 70_000) + STDIN_END
    found["a permitted variable"] = exec_words("touch", mark, environment=["LANG=C", "TERM=xterm"]) + STDIN_END
    found["variables that it does not know"] = exec_words("touch", mark, locale=["LD_PRELOAD=x", "PATH=/tmp"]) + STDIN_END
    return [Try(name, said) for name, said in found.items()]


def ways_as_by_ssh(mark):
    """What sshd would run in the home of its user, by the modes of exec that do as it does."""
    touch = f"touch {mark}"
    modes = {"a line at home": (3, [touch], b""), "a login at home": (4, [], touch.encode() + b"\n"),
             "a subsystem": (5, ["sftp"], b""), "a line at home that looks up": (3, ["cd ..; " + touch], b"")}
    return [Try(name, frame("exec", exec_structure(mode, words)) + (frame("stdin", typed) if typed else b"") + STDIN_END)
            for name, (mode, words, typed) in modes.items()]


def tries_with_variables(mark):
    """Refused to any key: variables that decide what is run."""
    entries = ["LD_PRELOAD=./evil.so", "PATH=.", "ENV=./script", "BASH_ENV=./script", "FARHAND_ORIGINAL_COMMAND=x",
               "SHELL=./script", "HOME=.", "IFS=x", "A=1\nLD_PRELOAD=x", "PYTHONPATH=.", "BASH_FUNC_echo%%=() { touch x; }", "TERM=../x"]
    return [Try("the variable " + entry, exec_words("touch", mark, environment=[entry]) + STDIN_END) for entry in entries]


def malformed_requests(mark):
    """Requests to run something that are none."""
    nothing = texts([]) * 2
    words = texts(["touch", mark])
    return [Try("exec " + name, frame("exec", parcel) + STDIN_END) for name, parcel in {
        "without words": u8(0) + texts([]) + nothing,
        "of another mode": u8(2) + words + nothing,
        "of mode 255": u8(255) + words + nothing,
        "of a line of two words": u8(1) + words + nothing,
        "with something left over": u8(0) + words + nothing + b"\0",
        "cut short": (u8(0) + words + nothing)[:-1],
        "with a zero byte": u8(0) + texts(["touch\0", mark]) + nothing,
        "with a count beyond its end": u8(0) + b"\xff" * 8 + nothing,
        "with a directory of its own": u8(0) + words + nothing + text("/"),
        "of nothing": b""}.items()]


def breaches(mark):
    """What ends the connection. words: what the audit says of it."""
    run = run_words("touch", mark)
    begun = frame("post", b"half", "unfinished")
    tries = [
        Try("input without a command", frame("stdin", b"touch"), ["'stdin'", "'idle'"]),
        Try("an end of input without a command", STDIN_END, ["'stdin'", "'idle'"]),
        Try("an end of input behind a get", get("present") + STDIN_END, ["'stdin'"]),
        Try("exec in the middle of an upload", begun + run, ["'exec'", "'file'"]),
        Try("exec behind the data of an upload", begun + frame("data", b"more", "4") + run, ["'exec'", "'file'"]),
        Try("exec behind an offer", offer("leaf", 5) + run, ["'exec'", "'offered'"]),
        Try("a second hello before exec", hello() + run, ["'hello'"]),
        Try("exec with a name", frame("exec", b"", "touch") + STDIN_END, ["'exec'"]),
        Try("exec over its limit", slip("exec", 4 * MIB + 1), ["'exec'", "limit"]),
        Try("exec of 2^63 bytes", slip("exec", 1 << 63), ["'exec'"]),
        Try("exec inside of an exec", exec_words("touch", mark) + run, ["'exec'"]),
        Try("pairing anew, and exec", pair() + run, ["'pair'"]),
        Try("an upload without a name", frame("post", b"evil"), ["'post'", "name"]),
        Try("a download without a name", slip("get", 0), ["'get'", "name"]),
        Try("a download with a parcel", frame("get", b"x", "present"), ["'get'", "limit"]),
        Try("an upload to a name with a zero byte", slip("post", 4, b"a\0b") + b"evil", ["zero byte"]),
        Try("a download of a name with a zero byte", slip("get", 0, b"present\0"), ["zero byte"]),
        Try("an upload to a name of 4097 bytes", slip("post", 4, b"a" * 4097) + b"evil", ["4096"]),
        Try("an escape that is none", b"get|0|%2e%2e%2foutside\n", ["%2e"]),
        Try("a bare carriage return", b"get|0|present\rexec\n", ["carriage return"]),
        Try("an offer of a leaf that climbs", offer("../evil") + post("directory", b"evil"), ["'offer'"]),
        Try("an offer of a leaf in a directory", offer("a/b") + post("directory", b"evil"), ["'offer'"]),
        Try("an offer of the leaf '..'", offer("..") + post("directory", b"evil"), ["'offer'"]),
    ]
    # Answers, which only a server gives.
    tries += [Try("the server's " + kind, said + run, [f"'{kind}'"]) for kind, said in {
        "stdout": frame("stdout", b"x"), "stderr": frame("stderr", b"x"), "exit": exit_report(), "done": done(b""),
        "paired": paired()}.items()]
    # Words of other protocols, and what this one may come to have one day.
    for kind in ("shell", "pty", "env", "subsystem", "forward", "mkdir", "rmdir", "touch", "write", "append",
                 "chmod", "chown", "link", "symlink", "rename", "delete", "truncate", "lock", "sync", "mount", "run", "exec2",
                 "exec-", "execv", "sudo", "auth-ok", "login", "allow", "reload", "kill"):
        tries.append(Try("the verb " + kind, frame(kind, b"", mark), [f"'{kind}'"]))
    for line in (b"EXEC|0|\n", b"Exec|0|\n", b" exec|0|\n", b"exec |0|\n", b"ex\0ec|0|\n", b"\0exec|0|\n", b"exec\0|0|\n",
                 b"%65xec|0|\n", b"ex%65c|0|\n", b"exec%00|0|\n", b"ex\xffec|0|\n", b"exec|00|\n", b"exec|-1|\n", b"exec|+1|\n",
                 b"exec|0x10|\n", b"exec||\n", b"|0|\n", b"\r\nexec|0|\n", b"exec\n|0|\n", b"exec touch\n", b"\n" + run):
        tries.append(Try(f"the line {line[:12]!r}", line, ["not Farhand's protocol"]))
    return tries


def names_outside(root, site):
    """Names that lead out of the root, to what is no file, or to what is not there."""
    outside = site.server.outside
    return {
        "climbing": "../outside/secret", "climbing from a directory": "directory/../../outside/secret",
        "climbing far": "../" * 40 + "etc/passwd", "climbing twice slashed": "..//outside/secret",
        "absolute": os.path.join(outside, "secret"), "absolute from the root": root + "/../outside/secret",
        "absolute elsewhere": "/etc/passwd", "a new file elsewhere": "/tmp/farhand-evil", "a sibling": root + "-evil",
        "keys of a user": "../.ssh/authorized_keys", "keys of root": "/root/.ssh/authorized_keys",
        "the server's keys": site.keys_path(), "the server's audit": site.audit_path,
        "the server's identity": os.path.join(site.config, "rserver.pem"), "the server's program": harness.RSERVER,
        "a start file": os.path.join(site.home, ".bashrc"), "a table of cron": "/etc/cron.d/evil",
        "a preload": "/etc/ld.so.preload", "a device": "/dev/null", "a device without end": "/dev/zero",
        "shared memory": "/dev/shm/farhand-evil", "memory": "/proc/self/mem",
        "the server's memory": f"/proc/{site.server.pid}/mem",
        "a switch of the kernel": "/proc/sys/kernel/core_pattern", "an environment": "/proc/self/environ",
        "the root of a process": "/proc/self/root/etc/passwd", "the server's root": f"/proc/{site.server.pid}/root/etc/passwd",
        "the root by /proc": f"/proc/{site.server.pid}/root{root}/../outside/secret",
        "a descriptor": "/proc/self/fd/0", "its own program": "/proc/self/exe",
        "a link out": "link-out", "a link to a directory out": "link-out-directory/inner",
        "a new file behind a link out": "link-out-directory/evil", "an absolute link": "link-absolute",
        "a link to the root of the machine": "link-machine/etc/passwd", "a link to its own program": "link-program",
        "a link to a descriptor": "link-descriptor", "a link of links out": "link-chain", "a dangling link out": "link-dangling",
        "through a file": "present/evil", "a pipe": "pipe", "a socket": "socket",
        "a directory": "directory", "the root": ".", "above the root": "..", "a directory that is not there": "missing/evil",
        "a component of 256 bytes": "x" * 256, "a home": "~/evil", "a name that ends in a slash": "present/",
        "a scheme": "file:///etc/passwd",
    }


def harmless_names():
    """Names that mean something elsewhere, and here are names in the root."""
    return [".bashrc", ".profile", "authorized_keys", "keys.toml", "rserver", "sh", "touch", "LD_PRELOAD=x", "~", "-rf", "--help",
            "...", "..evil", "a|b", "exec", "exec|5|", "x\nexec|0|\n", "x\r\nexec|0|\r\n", "..%2Fevil",
            "%2e%2e", "$(touch x)", "`reboot`", "; reboot;", "& reboot", "|reboot", "* ?", "'", '"', "\\",
            "\x1b[2J\x1b]0;evil\x07", "\u202efdp.exe", b"\xff\xfe\x80", " ", "\t", "x" * 255, "con", "nul\n", "C:evil",
            "{\"event\":\"login\"}", "hard", "running", "link-loop"]


class ConfinedTest(unittest.TestCase):
    """One server with four keys: `mover` may get and post, `reader` may get, `fixed` may run one command, `runner` any."""
    make_site = Site

    @classmethod
    def setUpClass(cls):
        cls.site = cls.make_site()
        cls.addClassCleanup(cls.site.close)
        cls.server = cls.site.server
        cls.elsewhere = scratch(UID)
        cls.addClassCleanup(remove_tree, cls.elsewhere)
        cls.mark = os.path.join(cls.elsewhere, "mark-" + unique_number())
        cls.fill_root()
        cls.keys = {"mover": cls.site.paired("--as", "mover", "--allow", "get,post"),
                    "reader": cls.site.paired("--as", "reader", "--allow", "get"),
                    "runner": cls.site.paired("--as", "runner", "--allow", "exec"),
                    "fixed": cls.site.paired("--as", "fixed", "--allow", "exec")}
        wait_until(lambda: len(cls.site.audit("end")) == len(cls.keys), "the pairings are written down")
        reloads = len(cls.site.audit("reload"))
        cls.site.write_keys(cls.site.read_keys().replace("[fixed]\n", f'[fixed]\ncommand = ["echo", "{FORCED}"]\n'))
        wait_until(lambda: len(cls.site.audit("reload")) > reloads, "the fixed command counts")
        cls.heard = 0

    @classmethod
    def fill_root(cls):
        path = cls.server.path
        write_file(path("present"), b"present", uid=UID)
        write_file(path("script"), f"#!/bin/sh\n: >{cls.mark}\n".encode(), 0o755, UID)
        os.mkdir(path("directory"))
        os.chown(path("directory"), UID, UID)
        os.mkfifo(path("pipe"))
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path("socket"))
        for name, target in {"link-out": "../outside/secret", "link-out-directory": "../outside/directory",
                             "link-absolute": "/etc/passwd", "link-machine": "/proc/self/root", "link-program": "/proc/self/exe",
                             "link-descriptor": "/proc/self/fd/0", "link-chain": "link-out",
                             "link-dangling": "../outside/created"}.items():
            os.symlink(target, path(name))

    def setUp(self):
        self.pid = self.server.pid
        self.root = self.root_now()
        self.lines_since()
        self.addCleanup(self.check_whole)

    def check_whole(self):
        self.site.sane()
        self.assertEqual((self.server.pid, self.server.process.poll()), (self.pid, None))
        self.assertEqual(self.site.audit("crash"), [])
        self.check_nothing_happened("all of it")

    def check_nothing_happened(self, name):
        self.check_outside(name)
        self.assertEqual(self.root_now(), self.root, f"{name}: in the root")

    def check_outside(self, name):
        self.assertEqual(os.listdir(self.elsewhere), [], f"{name}: it has run")
        self.assertEqual(pids_with_word(self.mark), [], f"{name}: it runs")
        self.assertEqual(snapshot(self.server.outside), self.server.tripwires, f"{name}: outside of the root")

    def root_now(self):
        """Without the times of directories: what is refused in its middle may have had a part file."""
        return {path: seen if seen[4] is not None else seen[:3] for path, seen in snapshot(self.server.root).items()}

    # --- the audit

    def lines_since(self):
        """Whole lines that are new."""
        with open(self.site.audit_path, "rb") as file:
            file.seek(type(self).heard)
            fresh = file.read()
        fresh = fresh[:fresh.rfind(b"\n") + 1]
        type(self).heard += len(fresh)
        return [json.loads(line) for line in fresh.splitlines()]

    def lines_of(self, key, until):
        """The new lines of this key's, once until(lines) holds."""
        lines = []

        def enough():
            lines.extend(line for line in self.lines_since() if line.get("who") == f"key '{key}'")
            return until(lines)
        wait_until(enough, f"the audit has the try: {lines}")
        return lines

    @staticmethod
    def has_ended(lines, sessions=1):
        """Every test waits for the ends of all its sessions, so that they are not taken for those of the next. The end of
        one may stand behind what the one after it does: they write side by side."""
        return sum(line["event"] == "end" for line in lines) >= sessions

    # --- tries

    def refused(self, key, verb, tries):
        """On one connection: each is answered with an error, written down once, and harms nothing; it goes on."""
        with self.keys[key].peer() as peer:
            peer.send(hello())
            peer.expect("hello")
            for each in tries:
                with self.subTest(key=key, way=each.name):
                    peer.send(each.said + ping("on"))
                    answers = []
                    while (answer := peer.read_past_pings()) is not None and answer.kind != "pong":
                        answers.append(answer)
                    self.assertIsNotNone(answer, f"the connection ended: {answers}")
                    self.assertEqual([found.kind for found in answers], ["error"])
                    failure = read_error(answers[0])
                    self.assertFalse(failure.closes)
                    lines = self.lines_of(key, lambda lines, verb=verb: any(line["event"] == verb for line in lines))
                    lines = [line for line in lines if line["event"] not in ("login", "connection")]
                    self.assertEqual([line["event"] for line in lines], [verb])
                    self.assertTrue(lines[0]["error"], lines)
                    for word in each.words:
                        self.assertIn(word, json.dumps(lines[0]))
                    self.check_nothing_happened(each.name)
            peer.send(BYE)
            peer.expect("bye")
        self.lines_of(key, self.has_ended)

    def ended(self, key, tries, greeting=hello()):
        """On a connection each: it ends with an error, and the audit says who, what, and why."""
        for each in tries:
            with self.subTest(key=key, way=each.name), self.keys[key].peer() as peer:
                frames = peer.ask(greeting + each.said)
                self.assertTrue({found.kind for found in frames} <= {"hello", "error", "ping", "offer", "post", "seal"}, frames)
                failure = read_error(frames[-1])
                self.assertTrue(failure.closes, failure)
                lines = self.lines_of(key, self.has_ended)
                told = json.dumps([line for line in lines if "reason" in line or "error" in line or "broken-off" in line])
                for word in each.words:
                    self.assertIn(word, told.replace("\\\\", "\\"))
                self.check_nothing_happened(each.name)


class Running(ConfinedTest):
    def test_no_way_to_run_something_is_open_to_a_key_that_may_not(self):
        tries = [*ways_to_run(self.mark, self.server.root), *ways_as_by_ssh(self.mark), *tries_with_variables(self.mark),
                 *malformed_requests(self.mark)]
        self.assertGreaterEqual(len(tries), 50)
        for key in ("mover", "reader"):
            self.refused(key, "exec", [Try(each.name, each.said, ["'exec'", key]) for each in tries])

    def test_the_twin_may_and_every_way_works(self):
        for each in ways_to_run(self.mark, self.server.root):
            with self.subTest(way=each.name), self.keys["runner"].peer() as peer:
                frames = peer.ask(hello() + each.said + BYE)
                self.assertEqual([found.kind for found in frames[-2:]], ["exit", "bye"], frames)
                self.assertEqual(read_exit(frames[-2]).kind, 0, frames)
                self.assertEqual(os.listdir(self.elsewhere), [os.path.basename(self.mark)], frames)
                remove_tree(self.mark) if os.path.isdir(self.mark) else os.unlink(self.mark)

    def test_a_fixed_command_is_all_that_its_key_runs(self):
        for each in [*ways_to_run(self.mark, self.server.root), *ways_as_by_ssh(self.mark)]:
            with self.subTest(way=each.name), self.keys["fixed"].peer() as peer:
                frames = peer.ask(hello() + each.said + BYE)
                if "KiB of words" in each.name:   # does not fit into the variable that tells the command of it
                    lines = self.lines_of("fixed", self.has_ended)
                    self.assertTrue(any("not-started" in line for line in lines), lines)
                    continue
                out = b"".join(found.parcel for found in frames if found.kind == "stdout")
                self.assertEqual(out, FORCED.encode() + b"\n")
                lines = self.lines_of("fixed", self.has_ended)
                self.assertEqual([line["ran"] for line in lines if line["event"] == "exec"], [["echo", FORCED]])
                self.check_nothing_happened(each.name)
        self.refused("fixed", "exec", tries_with_variables(self.mark))
        self.ended("fixed", [Try(each.name, each.said, ["broken-off"]) for each in malformed_requests(self.mark)])

    def test_no_breach_of_the_protocol_runs_anything(self):
        for key in ("mover", "reader"):
            self.ended(key, [each for each in breaches(self.mark)
                             if key == "mover" or not each.said.startswith((b"post", b"offer"))])

    def test_a_key_that_may_only_read_or_only_run_creates_nothing(self):
        paths = ["new", "present", "script", "directory", "directory/new", "../outside/victim", "/tmp/farhand-evil", "pipe"]
        said = {"a file": lambda path: post(path, b"evil"), "nothing": lambda path: post(path, b""),
                "an offer": lambda path: offer("new", 4) + post(path, b"evil"), "3 MiB": lambda path: post(path, b"x" * 3 * MIB),
                "a withdrawn file": lambda path: post(path, b"", outcome=2)}
        said["a stripe"] = lambda path: stripe("stripe", path) + finish()
        tries = [Try(f"{name} to {path}", make(path), ["'post'"]) for path in paths for name, make in said.items()]
        for key in ("reader", "fixed"):
            self.refused(key, "post", tries)
        self.refused("fixed", "get", [Try(f"get {path}", said, ["'get'"]) for path in paths
                                      for said in (get(path), slice_request(path) + finish())])

    def test_the_real_client_is_told_whichever_way_it_asks(self):
        client = self.keys["mover"]
        script = write_file(os.path.join(client.home, "mine"), f"#!/bin/sh\n: >{self.mark}\n".encode(), 0o755, UID)
        self.assertEqual(client.there("post", script).returncode, 0)
        self.lines_of("mover", self.has_ended)
        ways = [["exec", "touch " + self.mark], ["exec", "--", "touch", self.mark], ["exec", "./mine"], ["exec", "--", "./mine"],
                ["--json", "exec", "./mine"], ["exec", "--env", "LD_PRELOAD=./mine", "--", "true"]]
        for way in ways:
            with self.subTest(way=way):
                done = client.there(*way)
                self.assertEqual(done.returncode, 255)
                self.assertIn(b"'exec'", done.stdout + done.stderr)
                lines = self.lines_of("mover", self.has_ended)
                self.assertEqual([line["event"] for line in lines if "error" in line], ["exec"])
        done = client.there("--keep-going", input=f"touch {self.mark}\n./mine\nq\n".encode())
        self.assertEqual(done.stderr.count(b"'exec'"), 2, done.stderr)
        # Refused what it asked, it goes on over a connection of its own.
        lines = self.lines_of("mover", lambda lines: self.has_ended(lines, 2))
        self.assertEqual([line["event"] for line in lines if "error" in line], ["exec", "exec"])
        os.unlink(self.server.path("mine"))

    def test_a_request_before_the_greeting_is_not_begun_and_written_down(self):
        run = run_words("touch", self.mark)
        self.ended("mover", [Try("exec first", run + hello() + run, ["'exec'", "'greeting'"]),
                             Try("a line first", run_line("touch " + self.mark), ["'exec'", "'greeting'"]),
                             Try("input first", STDIN_END, ["'stdin'", "'greeting'"])], b"")

    def test_nothing_is_read_behind_a_goodbye(self):
        for goodbye in (BYE, error()):
            with self.keys["mover"].peer() as peer:
                frames = peer.ask(hello() + get("present") + goodbye + run_words("touch", self.mark) + post("ran", b"evil"))
            self.assertNotIn("exit", [found.kind for found in frames])
            lines = self.lines_of("mover", self.has_ended)
            self.assertEqual([line["event"] for line in lines], ["login", "get", "end"])
            self.check_nothing_happened("behind a goodbye")


class Pipelined(ConfinedTest):
    def test_what_is_refused_between_what_is_permitted_is_refused_all_the_same(self):
        run = run_words("touch", self.mark)
        large = post("large", os.urandom(3 * MIB))
        cases = {"behind a download": (get("present") + run, 1), "between downloads": (get("present") + run + get("present"), 1),
                 "behind an upload": (large + run, 1), "behind a refused upload": (post("../evil", b"x") + run, 1),
                 "behind a refused download": (get("../outside/secret") + run, 1), "a hundred": (run * 100, 100),
                 "a hundred among downloads": ((run + get("present")) * 100, 100),
                 "in the bytes of an upload": (post("large", run) + get("large") + run, 1),
                 "with its input behind a download": (exec_words("sh") + STDIN_END + get("present") + run, 2)}
        for name, (said, count) in cases.items():
            with self.subTest(name=name), self.keys["mover"].peer() as peer:
                frames = peer.ask(hello() + said + BYE)
                self.assertEqual(frames[-1].kind, "bye")
                self.assertFalse({"exit", "stdout", "stderr"} & {found.kind for found in frames})
                lines = self.lines_of("mover", self.has_ended)
                tried = [line for line in lines if line["event"] == "exec"]
                self.assertEqual(len(tried), count)
                self.assertTrue(all("'exec'" in line["error"] for line in tried), tried)
                if os.path.exists(self.server.path("large")):
                    os.unlink(self.server.path("large"))
                self.check_nothing_happened(name)


class Leaving(ConfinedTest):
    def test_no_download_leaves_the_root(self):
        tries = [Try(name + way, said) for name, path in names_outside(self.server.root, self.site).items()
                 for way, said in (("", get(path)), (", a slice of it", slice_request(path) + finish()))]
        for key in ("mover", "reader"):
            self.refused(key, "get", tries)

    def test_no_upload_leaves_the_root_or_takes_the_place_of_what_is_no_file(self):
        tries = []
        for name, path in names_outside(self.server.root, self.site).items():
            tries += [Try(name, post(path, b"evil")), Try(name + ", empty", post(path, b""))]
            if name not in ("a directory", "the root"):   # where a stripe may go
                tries.append(Try(name + ", a stripe", stripe("evil", path) + finish()))
        tries += [Try(name + ", by its leaf", offer(leaf) + post(where, b"evil")) for name, where, leaf in (
            ("a directory above", "..", "evil"), ("a directory elsewhere", "/tmp", "farhand-evil"),
            ("a link to a directory out", "link-out-directory", "evil"), ("a link out", ".", "link-out"),
            ("a dangling link out", ".", "link-dangling"), ("a pipe", ".", "pipe"), ("a directory", ".", "directory"),
            ("keys of a user", "../.ssh", "authorized_keys"), ("memory", "/proc/self", "mem"))]
        self.refused("mover", "post", tries)

    def test_no_name_in_the_root_does_more_than_name_a_file(self):
        """The twin, and the most that a confined key can do: a file of that very name, with nothing set on it."""
        os.link(os.path.join(self.server.outside, "victim"), self.server.path("hard"))
        os.symlink("link-loop", self.server.path("link-loop"))
        running = self.start_a_program_in_the_root()
        script = f"#!/bin/sh\n: >{self.mark}\n".encode()
        with self.keys["mover"].peer() as peer:
            peer.send(hello())
            peer.expect("hello")
            for name in harmless_names():
                raw = os.fsencode(name)
                with self.subTest(name=raw):
                    peer.send(post(name, script, mode=0o6755) + get(name))
                    self.assertEqual(read_done(peer.expect("done")).path, raw)
                    while (found := peer.read_past_pings()).kind != "seal":
                        self.assertIn(found.kind, ("offer", "post"))
                    path = os.path.join(os.fsencode(self.server.root), raw)
                    self.assertEqual((os.lstat(path).st_mode, read_file(path)), (0o100755, script))
                    os.unlink(path)
                    lines = self.lines_of("mover", lambda lines: any(line["event"] == "get" for line in lines))
                    lines = [line for line in lines if "path" in line]
                    self.assertEqual([line["event"] for line in lines], ["post", "get"])
                    for line in lines:
                        assert_plain(line["path"])
                    self.check_outside(raw)
            peer.send(BYE)
            peer.expect("bye")
        self.lines_of("mover", self.has_ended)
        self.assertIsNone(running.poll(), "the program whose name was taken runs on")

    def start_a_program_in_the_root(self):
        """Its file is no longer there by name when the test is over."""
        shutil.copy(shutil.which("sleep"), self.server.path("running"))
        program = subprocess.Popen(as_user(UID, [self.server.path("running"), unique_number()]))
        self.addCleanup(program.wait, PATIENCE)
        self.addCleanup(program.kill)
        wait_until(lambda: os.readlink(f"/proc/{program.pid}/exe") == self.server.path("running"), "it runs")
        return program


# ----------------------------------------------------------------------------------------------------------------------
# The same at root's own server, which has its model by itself

def at_roots(test):
    return unittest.skipIf(MODEL, "told once is enough")(needs_root(test))


@at_roots
class RunningAtRoots(Running):
    make_site = RootsSite


@at_roots
class PipelinedAtRoots(Pipelined):
    make_site = RootsSite


@at_roots
class LeavingAtRoots(Leaving):
    make_site = RootsSite


if __name__ == "__main__":
    main()
