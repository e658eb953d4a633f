"""PR-11: which variables reach a command. What a client sends is an allow-list of exact names with plain values, and what
its key lists; each hostile case has the nearest honest one beside it."""
import os
import unittest

from harness import Server, ServerTest, check_sentence, main, wait_until
from hostile import BYE, REFUSED, STDIN_END, exec_words, hello, ping, read_error, read_exit
from rights_support import Site, tear_down_canary

REFUSED_HERE = 255
ACCOUNT = {"PATH", "HOME", "USER", "LOGNAME", "SHELL"}
SERVER_LOCALE = {name: None for name in ("LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "LC_COLLATE",
                                         "LC_NUMERIC", "LC_MONETARY", "TZ", "LANGUAGE")}

# What is sent, and the honest twin: the same value under a name that is permitted, or a plain value of the same name.
CASES = {
    "LD_PRELOAD": ("LD_PRELOAD=x.so", "LANG=x.so"),
    "BASH_ENV": ("BASH_ENV=x", "TERM=x"),
    "a function of bash": ("BASH_FUNC_x%%=() { touch ran; }", "LC_TIME=C"),
    "IFS": ("IFS=a", "TERM=a"),
    "PATH": ("PATH=.", "LC_CTYPE=."),
    "GCONV_PATH": ("GCONV_PATH=.", "LC_COLLATE=."),
    "PYTHONPATH": ("PYTHONPATH=x", "LC_MESSAGES=x"),
    "PYTHONSTARTUP": ("PYTHONSTARTUP=x", "LC_NUMERIC=x"),
    "LANGX": ("LANGX=C", "LANG=C"),
    "LC_EVIL": ("LC_EVIL=C", "LC_MONETARY=C"),
    "TERM leads away": ("TERM=../x", "TERM=xterm-256color"),
    "TZ leads away": ("TZ=../../etc/passwd", "TZ=Asia/Taipei"),
    "TZ names a file": ("TZ=:/etc/passwd", "TZ=UTC"),
    "a second line": ("LANG=C\nLD_PRELOAD=x", "LANG=C"),
    "a name with an equals sign": ("LANG==C", "LANG=C"),
    "the request of a fixed command": ("FARHAND_ORIGINAL_COMMAND=x", "LANG=x"),
}


def tearDownModule():
    tear_down_canary()


def entries(out):
    """`env -0`: {name: value}; a name that stands twice is a failure."""
    seen = {}
    for entry in out.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        name, _, value = entry.partition("=")
        assert name not in seen, f"{name} stands twice in {out!r}"
        seen[name] = value
    return seen


def named(entry):
    name, _, value = entry.partition("=")
    return {name: value}


class OfAKey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.client_ = cls.site.paired("--allow", "exec", "--as", "plain")
        cls.listed = cls.site.paired("--allow", "exec", "--as", "listed")
        keys = cls.site.read_keys()
        cls.site.write_keys(keys.replace("[listed]\n", '[listed]\nenv = ["DEPLOY_STAGE", "TERM"]\n'))
        wait_until(lambda: cls.listed.there("exec", "--env", "DEPLOY_STAGE=1", "true").returncode == 0, "the new rights count")

    def tearDown(self):
        self.assertFalse(os.path.exists(self.site.server.path("ran")))
        self.site.sane()

    def over_the_wire(self, environment=(), locale=(), client=None):
        """What a command has of what a bare client sends, without what every command gets."""
        with (client or self.client_).peer() as peer:
            frames = peer.ask(hello() + exec_words("env", "-0", environment=environment, locale=locale) + STDIN_END + BYE)
        self.assertEqual(read_exit(frames[-2]).value, 0)
        seen = entries(b"".join(found.parcel for found in frames if found.kind == "stdout"))
        self.assertLessEqual(ACCOUNT, set(seen))
        server = {name: os.environ[name] for name in SERVER_LOCALE if name in os.environ}
        return {name: value for name, value in seen.items() if name not in ACCOUNT and server.get(name) != value}

    def test_what_a_client_sends_by_itself_reaches_the_command_if_it_is_on_the_list_and_else_vanishes(self):
        for what, (hostile, twin) in CASES.items():
            with self.subTest(what=what):
                self.assertEqual(self.over_the_wire(locale=[hostile]), {})
                self.assertEqual(self.over_the_wire(locale=[twin, hostile]), named(twin))

    def test_what_was_asked_for_and_is_not_on_the_list_refuses_the_command_and_names_the_variable(self):
        for what, (hostile, twin) in CASES.items():
            with self.subTest(what=what), self.client_.peer() as peer:
                peer.send(hello() + exec_words("touch", "ran", environment=["TZ=UTC", hostile]) + STDIN_END + ping("on"))
                peer.expect("hello")
                failure = read_error(peer.expect("error"))
                self.assertEqual((failure.code, failure.closes), (REFUSED, False))
                self.assertIn(hostile.partition("=")[0], failure.message)
                peer.expect("pong")   # the connection lives on
                self.assertEqual(self.over_the_wire(environment=[twin]), named(twin))

    def test_the_real_client_is_told_which_variable(self):
        for what, (hostile, twin) in CASES.items():
            with self.subTest(what=what):
                ran = self.client_.there("exec", "--env", hostile, "touch ran")
                if hostile.partition("=")[0] == twin.partition("=")[0]:
                    check_sentence(self, ran, REFUSED_HERE, "this value")
                else:
                    check_sentence(self, ran, REFUSED_HERE, "keys.toml")
                ran = self.client_.there("exec", "--env", twin, "--", "env", "-0")
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertLessEqual(named(twin).items(), entries(ran.stdout).items())

    def test_a_client_sends_its_language_and_zone_and_nothing_else_of_what_it_has(self):
        hostile = {"BASH_ENV": "x", "IFS": "a", "PYTHONPATH": "x", "LANGX": "C", "LC_EVIL": "C", "TERM": "xterm",
                   "GCONV_PATH": "/nowhere", "SECRET": "s"}
        env = {**SERVER_LOCALE, **hostile, "LANG": "C.UTF-8", "LC_TIME": "C", "TZ": "Asia/Taipei"}
        client = self.client_
        client.env, before = {**client.env, **env}, client.env
        try:
            ran = client.there("exec", "--", "env", "-0")
        finally:
            client.env = before
        self.assertEqual(ran.returncode, 0, ran.stderr)
        seen = entries(ran.stdout)
        self.assertEqual({name: seen[name] for name in seen if name not in ACCOUNT},
                         {"LANG": "C.UTF-8", "LC_TIME": "C", "TZ": "Asia/Taipei"})

    def test_what_a_key_lists_takes_any_value_and_the_rest_stays_refused(self):
        for value in ("", "a b", "../x", "a\nLD_PRELOAD=x", "=", "é", "x" * 4000):
            ran = self.listed.there("exec", "--env", f"DEPLOY_STAGE={value}", "--", "env", "-0")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            seen = entries(ran.stdout)
            self.assertEqual(seen["DEPLOY_STAGE"], value)
            self.assertNotIn("LD_PRELOAD", seen)
        for entry in ("DEPLOY_STAGEX=1", "LD_PRELOAD=x", "TERM=../x"):
            self.assertEqual(self.listed.there("exec", "--env", entry, "touch ran").returncode, REFUSED_HERE)
        check_sentence(self, self.client_.there("exec", "--env", "DEPLOY_STAGE=1", "touch ran"), REFUSED_HERE, "'DEPLOY_STAGE'",
                       "'plain'")

    def test_a_key_cannot_list_what_decides_what_runs(self):
        keys = self.site.read_keys()
        try:
            for name in ("LD_PRELOAD", "BASH_ENV", "PATH", "GCONV_PATH", "PYTHONPATH", "LC_*", "IFS"):
                self.site.write_keys(keys.replace('"DEPLOY_STAGE"', f'"{name}"'))
                ran = self.site.rserver("check-config")
                self.assertNotEqual(ran.returncode, 0, name)
                self.assertIn(name.encode(), ran.stdout + ran.stderr)
        finally:
            self.site.write_keys(keys)
        wait_until(lambda: self.listed.there("exec", "--env", "DEPLOY_STAGE=1", "true").returncode == 0, "the rights are back")

    def test_the_audit_has_names_and_no_values(self):
        self.assertEqual(self.listed.there("exec", "--env", "DEPLOY_STAGE=hush", "true").returncode, 0)
        wait_until(lambda: self.site.audit("exec")[-1].get("environment") == ["DEPLOY_STAGE"], "the line is there")
        with open(self.site.audit_path) as file:
            self.assertNotIn("hush", file.read())
        self.assertNotIn("hush", self.site.server.log())

    def test_of_a_name_twice_the_last_counts(self):
        ran = self.client_.there("exec", "--env", "LANG=a", "--env", "LANG=b", "--", "env", "-0")
        self.assertEqual(entries(ran.stdout)["LANG"], "b")
        self.assertEqual(self.over_the_wire(environment=["TERM=asked"], locale=["TERM=a", "TERM=sent"]), {"TERM": "asked"})


class OfTheOwnUser(ServerTest):
    def test_it_may_set_whatever_is_a_name(self):
        env = {"FROM_HERE": "two\nlines"}
        ran = self.client(["exec", "--env", "PATH=/x:/y", "--env", "FROM_HERE", "--env=EMPTY=", "--env", "LD_LIBRARY_PATH=/x",
                           "--", "env", "-0"], env=env)
        self.check(ran)
        seen = entries(ran.stdout)
        self.assertEqual([seen[name] for name in ("PATH", "FROM_HERE", "EMPTY", "LD_LIBRARY_PATH")],
                         ["/x:/y", "two\nlines", "", "/x"])

    def test_it_may_not_set_what_is_none(self):
        for entry in ("BASH_FUNC_x%%=() { touch ran; }", "A B=1", "1A=1", "A\n=1"):
            self.check_sentence(self.client(["exec", "--env", entry, "touch ran"]), 255, "no name")
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_a_variable_that_is_not_set_here_is_a_usage_error(self):
        self.check_sentence(self.client(["exec", "--env", "NOT_SET_HERE", "true"]), 255, "is not set here")

    def test_without_a_word_the_command_has_the_languages_of_the_server_or_of_the_client(self):
        with Server(env={**SERVER_LOCALE, "LC_ALL": "C.UTF-8", "TZ": "Asia/Taipei", "LD_DEBUG_OUTPUT": "x"}) as server:
            for of_client, expected in (({}, {"LC_ALL": "C.UTF-8", "TZ": "Asia/Taipei"}),
                                        ({"LANG": "C"}, {"LANG": "C", "TZ": "Asia/Taipei"}),
                                        ({"TZ": "UTC"}, {"LC_ALL": "C.UTF-8", "TZ": "UTC"})):
                ran = server.client(["exec", "--", "env", "-0"], env={**SERVER_LOCALE, **of_client})
                seen = entries(ran.stdout)
                self.assertEqual({name: seen[name] for name in seen if name not in ACCOUNT}, expected)


if __name__ == "__main__":
    main()
