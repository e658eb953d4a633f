"""Who may do what: invitations, keys and their rights, and what becomes of sessions whose rights end."""
import itertools
import os
import re
import resource
import signal
import socket
import ssl
import statistics
import time
import unittest

from harness import (PATIENCE, SCALE, check_sentence, in_parallel, main, make_identity, pids_with_word, read_file,
                     unique_number, wait_until, write_file)
from hostile import (BYE, REFUSED, Peer, exec_words, frame, get, hello, offer, ping, post, read_error, run_line,
                     run_words, slip, stolen_certificate, tls_client_context)
from rights_support import UID, UNIFORM, Site, pair_frame, secret_of, tear_down_canary

AT_ONCE = 20
REVOKED_WITHIN = 5


def tearDownModule():
    tear_down_canary()


class SiteTest(unittest.TestCase):
    site_args = ()

    def setUp(self):
        self.site = Site(*self.site_args)
        self.addCleanup(self.site.close)
        self.server = self.site.server
        self.addCleanup(self.site.sane)

    def check(self, done, status=0, out=None):
        self.assertEqual(done.returncode, status, done.stderr)
        if out is not None:
            self.assertEqual(done.stdout, out)
        return done

    def check_uniform(self, frames):
        self.assertEqual([found.kind for found in frames], ["error"], frames)
        failure = read_error(frames[0])
        self.assertEqual((failure.code, failure.closes, failure.message), (REFUSED, True, UNIFORM))


# ----------------------------------------------------------------------------------------------------------------------

class Pairing(SiteTest):
    def test_from_nothing_to_a_remote_command_and_back(self):
        client = self.site.new_client()
        host, code = self.site.invite()
        self.assertEqual(host, self.server.host)
        self.check(client.pair(host, code))
        self.check(client.there("exec", "echo hi"), 0, b"hi\n")
        keys = self.site.keys()["keys"]
        self.assertEqual([key["allow"] for key in keys], [["exec", "get", "post"]])
        self.check(self.site.rserver("revoke", keys[0]["name"]))
        check_sentence(self, client.there("exec", "echo hi"), 255, UNIFORM)
        self.assertEqual(self.site.keys()["keys"], [])
        paired = self.site.audit("paired")
        self.assertEqual([line["pin"] for line in paired], [keys[0]["pin"]])

    def test_a_code_works_once(self):
        host, code = self.site.invite()
        self.check(self.site.new_client().pair(host, code))
        check_sentence(self, self.site.new_client().pair(host, code), 3)
        self.assertEqual(len(self.site.keys()["keys"]), 1)

    def test_of_many_who_use_one_code_at_once_one_is_enrolled(self):
        host, code = self.site.invite()
        clients = [self.site.new_client() for _ in range(8)]
        done = in_parallel([lambda client=client: client.pair(host, code) for client in clients], 8)
        self.assertEqual(sorted(each.returncode for each in done), [0] + [3] * 7)
        self.assertEqual(len(self.site.keys()["keys"]), 1)

    def test_many_codes_at_once_enrol_all(self):
        clients = [(self.site.new_client(), *self.site.invite()) for _ in range(8)]
        for done in in_parallel([lambda c=c: c[0].pair(c[1], c[2]) for c in clients], 8):
            self.check(done)
        self.assertEqual(len(self.site.keys()["keys"]), 8)
        for client, _, _ in clients:
            self.check(client.there("exec", "true"))

    def test_an_expired_code_is_as_good_as_none(self):
        host, code = self.site.invite("--expires", "1s")
        begun = time.time()
        wait_until(lambda: time.time() > begun + 1.1, "the code has expired")
        check_sentence(self, self.site.new_client().pair(host, code), 3)
        self.assertEqual(self.site.keys()["keys"], [])

    def test_the_first_login_right_after_the_answer_succeeds(self):
        for _ in range(10 * SCALE):
            self.check(self.site.paired().there("exec", "true"))

    def test_a_key_that_pairs_again_has_the_new_rights_under_its_name(self):
        client = self.site.paired("--allow", "get", "--as", "ann")
        host, code = self.site.invite("--allow", "exec")
        self.check(client.pair(host, code, alias="again"))
        keys = self.site.keys()["keys"]
        self.assertEqual([(key["name"], key["allow"]) for key in keys], [("ann", ["exec"])])

    def test_an_invitation_outlives_a_restart_of_the_server(self):
        _, code = self.site.invite()
        self.server.stop()
        self.server.start()
        self.server.client_args[-1] = self.site.pin()
        client = self.site.new_client()
        self.check(client.pair(self.server.host, code))
        self.check(client.there("exec", "true"))

    def test_clients_of_one_name_get_names_of_their_own(self):
        for _ in range(3):
            self.site.paired()
        names = [key["name"] for key in self.site.keys()["keys"]]
        self.assertEqual(len(set(names)), 3)

    def test_a_hostile_name_writes_no_table(self):
        client = self.site.paired("--as", "first")
        _, code = self.site.invite("--allow", "get")
        with client.peer() as peer:
            frames = peer.ask(pair_frame(secret_of(code), 'x"\n[evil]\npin = "' + "1" * 64 + '"'))
            self.assertEqual([found.kind for found in frames], ["paired"])
        keys = self.site.keys()
        self.assertEqual(([key["name"] for key in keys["keys"]], keys["problems"]), (["first"], []))

    def test_no_secret_stands_anywhere(self):
        """AU-17: neither the code nor its secret in the log, the audit, the configuration, or a command line."""
        client = self.site.new_client()
        host, code = self.site.invite()
        secret = secret_of(code)
        shapes = [code.encode(), code.lower().encode(), secret, secret.hex().encode()]
        self.check(client.pair(host, code))
        check_sentence(self, self.site.new_client().pair(host, code), 3)
        places = {"log": self.server.log().encode(), "audit": read_file(self.site.audit_path),
                  "cmdline": read_file(f"/proc/{self.server.pid}/cmdline"),
                  "environ": read_file(f"/proc/{self.server.pid}/environ")}
        for where, _, names in os.walk(self.site.config):
            for name in names:
                places[os.path.join(where, name)] = name.encode() + read_file(os.path.join(where, name))
        for place, content in places.items():
            for shape in shapes:
                self.assertNotIn(shape, content, place)


class Refusals(SiteTest):
    """AU-11: before login everybody who is refused reads the same, and waits as long."""

    def setUp(self):
        super().setUp()
        self.expired = self.site.paired("--as", "expired")
        self.elsewhere = self.site.paired("--as", "elsewhere")
        self.other_user = self.site.paired("--as", "other-user")
        self.stranger = make_identity(self.site.home, "stranger", uid=UID)
        keys = self.site.read_keys()
        keys = re.sub(r"(\[expired\]\n)", r"\1expires = 2020-01-01T00:00:00Z\n", keys)
        keys = re.sub(r"(\[elsewhere\]\n)", r'\1source = ["192.0.2.0/24"]' "\n", keys)
        keys = re.sub(r"(\[other-user\]\n)", r'\1user = "root"' "\n", keys)
        self.site.write_keys(keys)
        self.used = self.site.invite()[1]
        self.check(self.site.new_client().pair(self.server.host, self.used))

    def test_all_of_them_read_the_same_and_nothing_is_done(self):
        deeds = run_words("touch", "ran") + post("ran", b"evil") + BYE
        identities = {"expired": self.expired.identity(), "elsewhere": self.elsewhere.identity(),
                      "other user": self.other_user.identity(), "stranger": self.stranger}
        for name, identity in identities.items():
            for said in (hello() + deeds, b"", b"\0" * 1000, hello(version=9), pair_frame(b"x" * 16) + deeds,
                         pair_frame(secret_of(self.used)), pair_frame(b"short"), frame("hello", b"x" * 4096), BYE,
                         pair_frame(b"x" * 16, version=2), slip("pair", 1 << 40), hello() + pair_frame(b"x" * 16)):
                with self.subTest(name=name, said=said[:20]), self.peer(identity) as peer:
                    self.check_uniform(peer.ask(said))
        self.assertFalse(os.path.exists(self.server.path("ran")))
        reasons = " ".join(line["reason"] for line in self.site.audit("refusal"))
        for word in ("expired", "from there", "'root'"):
            self.assertIn(word, reasons)

    def peer(self, identity):
        return Peer.of(self.server, context=tls_client_context(identity))

    def seconds_of(self, identity, said):
        with self.peer(identity) as peer:
            raw = socket.socket(fileno=os.dup(peer.sock.fileno()))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms of ours would hide all of theirs
            raw.close()
            begun = time.perf_counter()
            peer.send(said)
            peer.expect("error")
            return time.perf_counter() - begun

    def test_all_of_them_wait_as_long(self):
        """Alternated tries, compared by rank: a delay that is there each time stands out of any noise."""
        expired, elsewhere = self.expired.identity(), self.elsewhere.identity()
        kinds = {"not enrolled": (self.stranger, hello()), "expired": (expired, hello()),
                 "elsewhere": (elsewhere, hello()), "wrong code": (self.stranger, pair_frame(b"x" * 16)),
                 "used code": (self.stranger, pair_frame(secret_of(self.used))),
                 "malformed": (self.stranger, frame("hello", b"x" * 100))}
        times = {name: [] for name in kinds}
        for _ in range(60 * SCALE):
            for name, (identity, said) in kinds.items():
                times[name].append(self.seconds_of(identity, said))
        for one, other in itertools.combinations(kinds, 2):
            later = sum(a > b for a in times[one] for b in times[other]) / len(times[one]) / len(times[other])
            apart = abs(statistics.median(times[one]) - statistics.median(times[other]))
            self.assertFalse(apart > 0.001 and not 0.1 < later < 0.9, (one, other, later, apart))

    def test_the_certificate_of_an_enrolled_key_without_its_key_is_refused_below(self):
        """AU-01: not a byte of application data is heard."""
        honest = self.site.paired("--as", "honest")
        self.check(honest.there("exec", "true"))
        thief = stolen_certificate(self.site.home, honest.identity())
        with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)):
            with Peer.of(self.server, context=tls_client_context(thief)) as peer:
                peer.send(hello() + run_words("touch", "ran"))
                self.assertEqual(peer.read_bytes(AT_ONCE), b"")
                raise ConnectionError(peer.ended)
        self.assertFalse(os.path.exists(self.server.path("ran")))


# ----------------------------------------------------------------------------------------------------------------------

class Rights(SiteTest):
    REQUESTS = {"exec": [run_words("touch", "ran"), run_line("touch ran"), exec_words("touch", "ran") + frame("stdin", b"x" * 70_000) + frame("stdin")],
                "post": [post("ran", b"evil"), post("ran", b""), offer("ran", 4) + post("ran", b"evil"),
                         offer("leaf") + post(".", b"x" * 3_000_000)],
                "get": [get("readable"), get("."), get("missing")]}

    def setUp(self):
        super().setUp()
        write_file(self.server.path("readable"), b"readable", uid=UID)

    def add_to(self, name, entries):
        keys = self.site.read_keys()
        self.site.write_keys(keys.replace(f"[{name}]\n", f"[{name}]\n{entries}\n"))

    def test_every_verb_under_every_right(self):
        """AU-19: refused before any side effect, by name; the connection lives, and the audit has each try."""
        for right in self.REQUESTS:
            client = self.site.paired("--allow", right, "--as", f"only-{right}")
            for verb, requests in self.REQUESTS.items():
                if verb == right:
                    continue
                for request in requests:
                    with self.subTest(right=right, verb=verb), client.peer() as peer:
                        tries = len(self.site.audit(verb))
                        peer.send(hello() + request + ping("on"))
                        peer.expect("hello")
                        failure = read_error(peer.expect("error"))
                        self.assertEqual((failure.code, failure.closes), (REFUSED, False))
                        self.assertIn(f"'{verb}'", failure.message)
                        self.assertIn(f"only-{right}", failure.message)
                        self.assertEqual(peer.expect("pong").name, b"on")
                        wait_until(lambda: len(self.site.audit(verb)) == tries + 1, "the try is in the audit")
                        self.assertIn("error", self.site.audit(verb)[-1])
            self.assertEqual(sorted(os.listdir(self.server.root)), ["readable"])

    def test_the_honest_twins(self):
        client = self.site.paired("--allow", "exec")
        self.check(client.there("exec", "cat readable"), 0, b"readable")
        client = self.site.paired("--allow", "get")
        self.check(client.there("get", "readable", "--to", "mine"))
        client = self.site.paired("--allow", "post")
        write_file(os.path.join(client.home, "sent"), b"sent", uid=UID)
        self.check(client.there("post", "sent"))
        self.assertEqual(read_file(self.server.path("sent")), b"sent")

    def test_a_refused_request_between_two_permitted_ones_concerns_itself_alone(self):
        client = self.site.paired("--allow", "get")
        with client.peer() as peer:
            frames = peer.ask(hello() + get("readable") + run_words("touch", "ran") + post("ran", b"x") +
                              get("readable") + BYE)
            kinds = [found.kind for found in frames if found.kind not in ("offer", "ping")]
            self.assertEqual(kinds, ["hello", "post", "seal", "error", "error", "post", "seal", "bye"])

    def test_a_root_of_its_own_is_all_that_a_key_reaches(self):
        inner = self.server.path("inner")
        os.mkdir(inner)
        os.chown(inner, UID, UID)
        client = self.site.paired("--root", inner)
        self.check(client.there("exec", "pwd"), 0, inner.encode() + b"\n")
        write_file(os.path.join(client.home, "sent"), b"sent", uid=UID)
        self.check(client.there("post", "sent"))
        self.assertEqual(read_file(os.path.join(inner, "sent")), b"sent")
        for path in ("../readable", self.server.path("readable")):
            check_sentence(self, client.there("get", path), 3)

    def test_two_clients_with_roots_of_their_own_never_meet(self):
        """CO-05: one process, two roots, at the same time."""
        clients = []
        for name in ("a", "b"):
            root = self.server.path(name)
            os.mkdir(root)
            os.chown(root, UID, UID)
            clients.append((name, root, self.site.paired("--root", root, "--as", name)))

        def work(name, root, client, number):
            path = os.path.join(client.home, f"file{number}")
            write_file(path, name.encode() * 1000, uid=UID)
            self.check(client.there("post", path))
            self.check(client.there("exec", "pwd; umask"), 0, f"{root}\n0022\n".encode())
            self.check(client.there("get", f"file{number}", "--to", f"back{number}"))
            self.assertEqual(read_file(os.path.join(client.home, f"back{number}")), name.encode() * 1000)

        in_parallel([lambda c=c, n=n: work(*c, n) for n in range(10 * SCALE) for c in clients], 8)
        for name, root, _ in clients:
            for file in os.listdir(root):
                self.assertEqual(read_file(os.path.join(root, file)), name.encode() * 1000)

    def test_a_fixed_command_runs_whatever_is_asked_for(self):
        client = self.site.paired("--as", "fixed", "--allow", "exec")
        self.add_to("fixed", 'command = ["sh", "-c", "printf %s \\"$FARHAND_ORIGINAL_COMMAND\\"; printenv EVIL"]')
        wait_until(lambda: client.there("exec", "id").stdout == b"id", "the new rights count")
        self.check(client.there("exec", "touch ran; id"), 1, b"touch ran; id")
        self.check(client.there("exec", "--", "touch", "ran", "a b", "$(touch ran)", "x\nEVIL=1"), 1)
        self.assertFalse(os.path.exists(self.server.path("ran")))
        wait_until(lambda: [line["ran"][0] for line in self.site.audit("exec")][-2:] == ["sh", "sh"], "it is in the audit")

    def test_patterns_say_which_commands(self):
        client = self.site.paired("--as", "some", "--allow", "exec")
        self.add_to("some", 'argv = [["echo", "*"]]')
        wait_until(lambda: client.there("exec", "--", "id").returncode == 255, "the new rights count")
        self.check(client.there("exec", "--", "echo", "hi; id"), 0, b"hi; id\n")
        for words in (["--", "touch", "ran"], ["echo hi; touch ran"], ["--", "echo", "a", "b"], ["--", "echo"],
                      ["--", "/bin/echo", "x"], ["--", "sh", "-c", "echo x"]):
            check_sentence(self, client.there("exec", *words), 255, "certain commands")
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_no_more_sessions_than_a_key_may_have(self):
        client = self.site.paired("--as", "two")
        self.add_to("two", "max-sessions = 2")
        wait_until(lambda: b"2 sessions" in self.site.rserver("keys").stdout, "it is written")
        wait_until(lambda: len(self.site.audit("reload")) >= 3, "the new rights count")
        with client.peer() as one, client.peer() as two, client.peer() as three:
            for peer in (one, two):
                peer.send(hello())
                peer.expect("hello")
            three.send(hello())
            self.assertIn("2 sessions", read_error(three.expect("error")).message)
            wait_until(lambda: [line["who"] for line in self.site.audit("limit")] == ["key 'two'"], "it is in the audit")
        wait_until(lambda: client.there("exec", "true").returncode == 0, "places are given back")

    def test_no_more_requests_than_a_key_may_make(self):
        client = self.site.paired("--as", "slow")
        self.add_to("slow", 'rate = "3/h"')
        wait_until(lambda: len(self.site.audit("reload")) >= 3, "the new rights count")
        for _ in range(3):
            self.check(client.there("exec", "true"))
        check_sentence(self, client.there("exec", "true"), 255, "3/h")

    def test_a_misspelt_entry_refuses_that_key_and_no_other(self):
        """AU-13, on the running server."""
        careful, other = self.site.paired("--as", "careful"), self.site.paired("--as", "other")
        self.add_to("careful", 'comand = ["true"]')
        wait_until(lambda: "comand" in self.server.log(), "it is told")
        check_sentence(self, careful.there("exec", "id"), 255, UNIFORM)
        self.check(other.there("exec", "true"))
        checked = self.site.rserver("check-config")
        self.check(checked, 1, b"")
        self.assertRegex(checked.stderr.decode(), r"keys\.toml:\d+:1: the key 'careful' is refused: .*comand")
        self.add_to("careful", "")
        self.site.write_keys(self.site.read_keys().replace('comand = ["true"]\n', ""))
        wait_until(lambda: careful.there("exec", "true").returncode == 0, "it is mended")
        self.check(self.site.rserver("check-config"), 0)


# ----------------------------------------------------------------------------------------------------------------------

class Ends(SiteTest):
    """AU-15: a session does not outlive its rights."""

    def start_long_command(self, client):
        word = unique_number()
        running = client.start("exec", f"echo up; exec sleep {word}")
        self.addCleanup(running.communicate)
        self.addCleanup(running.kill)
        self.assertEqual(running.stdout.readline(), b"up\n")
        return running, word

    def check_ended(self, running, word, *sentence):
        begun = time.monotonic()
        _, err = running.communicate(timeout=PATIENCE)
        self.assertLess(time.monotonic() - begun, REVOKED_WITHIN)
        self.assertEqual(running.returncode, 255)
        for part in sentence:
            self.assertIn(part, err.decode())
        wait_until(lambda: not pids_with_word(word), "the command is gone", REVOKED_WITHIN)

    def test_a_revoked_keys_running_command_ends_and_others_go_on(self):
        ann, bob = self.site.paired("--as", "ann"), self.site.paired("--as", "bob")
        hers, his = self.start_long_command(ann), self.start_long_command(bob)
        self.check(self.site.rserver("revoke", "ann"))
        self.check_ended(*hers, "'ann' has been revoked")
        self.assertIsNone(his[0].poll())
        self.assertTrue(pids_with_word(his[1]))
        wait_until(lambda: ("key 'ann'", "the key 'ann' has been revoked") in
                   [(line["who"], line["reason"]) for line in self.site.audit("end")], "her end is in the audit")

    def test_a_command_that_ignores_every_polite_signal_ends_as_well(self):
        client = self.site.paired("--as", "ann")
        word = unique_number()
        running = client.start("exec", f"trap '' HUP TERM INT; echo up; while :; do sleep {word}; done")
        self.addCleanup(running.communicate)
        self.assertEqual(running.stdout.readline(), b"up\n")
        self.check(self.site.rserver("revoke", "ann"))
        self.check_ended(running, word, "revoked")

    def test_an_idle_session_hears_why_and_ends(self):
        client = self.site.paired("--as", "ann")
        with client.peer() as peer:
            peer.send(hello())
            peer.expect("hello")
            self.check(self.site.rserver("revoke", "ann"))
            failure = read_error(peer.expect("error", REVOKED_WITHIN))
            self.assertEqual((failure.closes, failure.message), (True, "the key 'ann' has been revoked"))
            self.assertIsNone(peer.read_past_pings(AT_ONCE))

    def test_an_upload_under_way_leaves_no_file(self):
        client = self.site.paired("--as", "ann")
        with client.peer() as peer:
            peer.send(hello() + frame("post", b"x" * 1000, "half"))
            peer.expect("hello")
            self.check(self.site.rserver("revoke", "ann"))
            self.assertIn("revoked", read_error(peer.expect("error", REVOKED_WITHIN)).message)
        self.assertFalse(os.path.exists(self.server.path("half")))

    def test_changed_rights_end_a_session_and_a_new_one_has_them(self):
        client = self.site.paired("--as", "ann")
        running = self.start_long_command(client)
        self.site.write_keys(self.site.read_keys().replace('"exec", ', ""))
        self.check_ended(*running, "other rights")
        check_sentence(self, client.there("exec", "true"), 255, "'exec'")

    def test_a_session_ends_when_its_key_expires(self):
        client = self.site.paired("--as", "ann")
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        self.site.write_keys(self.site.read_keys().replace("[ann]\n", f"[ann]\nexpires = {when}\n"))
        wait_until(lambda: len(self.site.audit("reload")) >= 3, "the new rights count")
        running, word = self.start_long_command(client)
        _, err = running.communicate(timeout=PATIENCE)
        self.assertIn(b"expired", err)
        wait_until(lambda: not pids_with_word(word), "the command is gone", REVOKED_WITHIN)
        check_sentence(self, client.there("exec", "true"), 255, UNIFORM)

    def test_remarks_and_order_concern_nobody(self):
        client = self.site.paired("--as", "ann")
        running, _ = self.start_long_command(client)
        reloads = len(self.site.audit("reload"))
        self.site.write_keys("# a remark\n" + self.site.read_keys() + "\n# another\n")
        wait_until(lambda: len(self.site.audit("reload")) > reloads, "it has been read")
        self.check(client.there("exec", "true"))
        self.assertIsNone(running.poll())


class Reloads(SiteTest):
    def test_a_broken_file_keeps_the_old_rights_and_says_so(self):
        client = self.site.paired("--as", "ann")
        good = self.site.read_keys()
        self.site.write_keys(good + "\n[half\n")
        wait_until(lambda: "the rights stay as they were" in self.server.log(), "it is told")
        self.check(client.there("exec", "true"))
        self.assertRegex(self.site.audit("reload")[-1]["broken"], r"keys\.toml:\d+:\d+: ")
        self.check(self.site.rserver("check-config"), 2)
        self.check(self.site.rserver("revoke", "ann"), 2)
        self.assertEqual(self.site.read_keys(), good + "\n[half\n")
        self.site.write_keys(good)
        self.check(self.site.rserver("revoke", "ann"))

    def test_a_file_that_others_may_write_keeps_the_old_rights(self):
        client = self.site.paired("--as", "ann")
        os.chmod(self.site.keys_path(), 0o666)
        wait_until(lambda: "chmod" in self.server.log(), "it is told")
        self.check(client.there("exec", "true"))

    def test_sighup_reads_the_keys_again_and_begins_a_new_audit_file(self):
        client = self.site.paired("--as", "ann")
        os.rename(self.site.audit_path, self.site.audit_path + ".1")
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(self.site.audit_path) and self.site.audit("reload"), "it is read again")
        self.check(client.there("exec", "true"))
        wait_until(lambda: self.site.audit("exec"), "the command is in the new file")

    def test_reloads_while_many_work(self):
        clients = [self.site.paired() for _ in range(4)]
        good = self.site.read_keys()

        def edit(number):
            self.site.write_keys(f"# {number}\n" + good)
            self.server.process.send_signal(signal.SIGHUP)

        jobs = [lambda c=c: self.check(c.there("exec", "true")) for _ in range(10 * SCALE) for c in clients]
        in_parallel([*jobs, *[lambda n=n: edit(n) for n in range(20)]][::-1], 6)


# ----------------------------------------------------------------------------------------------------------------------

class Commands(SiteTest):
    def refused(self, *args, status=2):
        done = self.site.rserver(*args)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith("rserver: "), lines[0])
        return lines[0]

    def test_whatever_is_odd_is_refused_at_the_invitation(self):
        self.assertIn("'exce'", self.refused("invite", "--allow", "exce"))
        self.refused("invite", "--allow", "")
        self.refused("invite", "--allow", "exec,")
        self.assertIn("/nonexistent", self.refused("invite", "--root", "/nonexistent"))
        self.assertIn("not a directory", self.refused("invite", "--root", "/etc/passwd"))
        self.assertIn("nobody-at-all", self.refused("invite", "--user", "nobody-at-all"))
        self.refused("invite", "--user", "root")
        self.refused("invite", "--expires", "soon")
        self.refused("invite", "--expires", "8d")
        self.refused("invite", "--as", "-x")
        self.refused("invite", "--host", "plain:127.0.0.1:1")
        self.site.paired("--as", "ann")
        self.assertIn("'ann'", self.refused("invite", "--as", "ann"))
        self.assertEqual(os.listdir(os.path.join(self.site.config, "invites")), [])

    def test_the_line_to_paste_stands_alone_on_standard_output(self):
        done = self.site.rserver("invite", "--root", self.server.root)
        self.assertEqual(done.stdout.count(b"\n"), 1)
        self.assertIn(b"works once, until ", done.stderr)
        self.assertIn(self.server.root.encode(), done.stderr)
        self.assertEqual(self.site.invite("--host", "host.example")[0],
                         "host.example:" + self.server.host.rpartition(":")[2])
        self.assertEqual(self.site.invite("--host", "host.example:7")[0], "host.example:7")

    def test_without_a_server_an_invitation_takes_a_host(self):
        self.server.stop()
        try:
            self.assertIn("--host", self.refused("invite"))
            host, code = self.site.invite("--host", "127.0.0.1:9")
            self.assertEqual(host, "127.0.0.1:9")
        finally:
            self.server.start()
            self.server.client_args[-1] = self.site.pin()
        client = self.site.new_client()
        self.check(client.pair(self.server.host, code))

    def test_a_killed_server_is_not_taken_for_a_running_one(self):
        self.server.kill()
        try:
            self.assertIn("--host", self.refused("invite"))
        finally:
            self.server.start()

    def test_keys_and_revoke(self):
        self.assertIn(b"rserver invite", self.site.rserver("keys").stderr)
        self.assertIn("'ann'", self.refused("revoke", "ann", status=1))
        self.site.paired("--as", "ann", "--allow", "get")
        listed = self.check(self.site.rserver("keys")).stdout.decode()
        self.assertRegex(listed, r"^ann  sha256:[0-9a-f]{64}  get  for ever\n$")
        self.check(self.site.rserver("revoke", listed.split()[1]))
        self.assertEqual(self.site.rserver("keys").stdout, b"")

    def test_an_unsafe_directory_is_refused_with_the_chmod_that_mends_it(self):
        os.chmod(self.site.config, 0o777)
        for args in (("invite",), ("keys",), ("revoke", "x"), ("check-config",)):
            done = self.site.rserver(*args)
            self.assertNotEqual(done.returncode, 0, args)
            self.assertIn(b"chmod", done.stderr)
        os.chmod(self.site.config, 0o700)
        self.check(self.site.rserver("keys"))


class FewDescriptors(SiteTest):
    """64 in all; the threads of strangers take them from the keys."""

    def setUp(self):
        self.site = Site("--model", "thread", limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        self.addCleanup(self.site.close)
        self.server = self.site.server

    # The change is told once only, and was once missed for good.
    def test_a_revocation_counts_that_comes_when_strangers_hold_all_of_them(self):
        client = self.site.paired("--as", "ann")
        self.check(client.there("exec", "true"))
        host, port = self.server.host.rsplit(":", 1)
        strangers = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(200)]
        self.addCleanup(lambda: [stranger.close() for stranger in strangers])
        wait_until(lambda: self.server.fds() >= 64, "the descriptors run out", 5)
        self.site.write_keys("")   # as an editor does it, for which there is one event
        for stranger in strangers:
            stranger.close()
        wait_until(lambda: UNIFORM.encode() in client.there("exec", "true").stderr, "the revocation counts", REVOKED_WITHIN)


if __name__ == "__main__":
    main()
