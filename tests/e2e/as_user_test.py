"""rclient --as USER: whom a session may be, and that it is just him then. Each refusal stands beside an honest use."""
import json
import os
import pwd
import subprocess
import unittest

from harness import (NOBODY, Server, Terminal, assert_sane, client_command, main, needs_root, rclient, read_file, remove_tree,
                     run_rserver, scratch, wait_until, write_file)
from hostile import BYE, Peer, closing_error, frame, hello, read_error, text, texts, tls_client_context, u16
from process_model_test import DAEMON, LOOK, RootTest
from rights_support import UNIFORM, Site, tear_down_canary
from root_split_test import identity_of, stranger

USER_REFUSED, PROTOCOL = 23, 16
STRUCTURE = u16(1) + text("hostile 1") + texts(())


def tearDownModule():
    tear_down_canary()


def unread_of(peer):
    """Bytes on their way over a TCP connection of this machine, or unread at its other end."""
    ours = f":{peer.sock.raw.getsockname()[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:
        ends = [line.split() for line in file][1:]
    under_way = [int(end[4].partition(":")[0], 16) for end in ends if end[1].endswith(ours)]
    arrived = [int(end[4].partition(":")[2], 16) for end in ends if end[2].endswith(ours)]
    return sum(under_way + arrived)


def record(done):
    return json.loads(done.stdout)


@needs_root
class OverTheNetwork(RootTest):
    def invited(self, *args):
        return self.server.paired("--user", "daemon", "--as-users", "www-data,games", "--as", "ann", *args)

    def events(self, name):
        return [line for line in map(json.loads, self.server.audit().splitlines()) if line["event"] == name]

    def refused(self, env, *args):
        """The JSON error of a login that is refused."""
        done = self.run_as(env, "--json", *args)
        error = record(done)["error"] or record(done)["files"][0]["error"]
        self.assertEqual((error["code"], error["from"]), ("user_refused", "server"), error)
        self.assertEqual(done.returncode, 255 if "exec" in args else 3)
        return error["message"]

    def test_a_session_is_wholly_the_user_it_asked_to_be(self):
        env = self.invited()
        account = pwd.getpwnam("www-data")
        done = self.run_as(env, "exec", "--as", "www-data", LOOK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_powerless(done.stdout.decode(), account.pw_uid)
        self.assertNotIn(b"IS ROOT AGAIN", done.stdout)
        groups = subprocess.run(["id", "-G", "www-data"], capture_output=True, check=True).stdout
        line = 'id -G; id -gn; echo "$HOME:$USER:$LOGNAME:$SHELL"'
        done = self.run_as(env, "exec", "--as", "www-data", line)
        self.assertEqual(done.stdout, groups + f"www-data\n{account.pw_dir}:www-data:www-data:{account.pw_shell}\n".encode())
        self.assertEqual(self.run_as(env, "exec", "id -un").stdout, b"daemon\n", "the honest twin, who asks for nobody")
        self.assertEqual(self.run_as(env, "--as", "daemon", "exec", "id -un").stdout, b"daemon\n", "or for himself")
        logins = self.events("login")
        self.assertEqual([(line.get("as"), line["who"]) for line in logins],
                         [("www-data", "key 'ann'")] * 2 + [(None, "key 'ann'"), ("daemon", "key 'ann'")])
        self.assertEqual({line["uid"] for line in logins if line.get("as") == "www-data"}, {account.pw_uid})

    def test_files_and_the_prompt_are_the_asked_users(self):
        env = self.invited()
        here = scratch()
        self.addCleanup(remove_tree, here)
        local = write_file(os.path.join(here, "file"), b"hello\n")
        uid = pwd.getpwnam("www-data").pw_uid
        self.assertEqual(self.run_as(env, "post", "--as", "www-data", local).returncode, 0)
        self.assertEqual(os.stat(self.server.path("file")).st_uid, uid)
        self.assertEqual(self.run_as(env, "post", local, "--to", "own").returncode, 0)
        self.assertEqual(os.stat(self.server.path("own")).st_uid, DAEMON)
        secret = write_file(self.server.path("secret"), b"only www-data's\n", mode=0o600, uid=uid)
        self.assertEqual(self.run_as(env, "get", "secret", "--to", local).returncode, 3)
        self.assertEqual(self.run_as(env, "get", "--as", "www-data", "secret", "--to", local).returncode, 0)
        self.assertEqual(read_file(local), read_file(secret))
        done = self.run_as(env, "--as", "games", input=b"id -un\nid -un\n")
        self.assertEqual(done.stdout, b"games\ngames\n", done.stderr)

    def test_a_key_that_may_only_transfer_is_confined_as_the_asked_user(self):
        env = self.invited("--allow", "get,post")
        here = scratch()
        self.addCleanup(remove_tree, here)
        local = write_file(os.path.join(here, "file"), os.urandom(3_000_000))
        self.assertEqual(self.run_as(env, "post", "--as", "games", local).returncode, 0)
        self.assertEqual(os.stat(self.server.path("file")).st_uid, pwd.getpwnam("games").pw_uid)
        self.assertEqual(read_file(self.server.path("file")), read_file(local))
        self.assertEqual(self.run_as(env, "exec", "--as", "games", "id").returncode, 255)

    def test_anybody_else_is_refused_in_words_that_tell_nothing_of_him(self):
        env = self.invited()
        said = {self.refused(env, "exec", "--as", user, "id").replace(user, "X") for user in ("root", "bin", "never-heard-of")}
        self.assertEqual(len(said), 1, said)
        self.assertIn("leave the user out (--as, or ssh's -l or USER@HOST), or have that user listed", said.pop())
        by_ssh = {rclient(["ssh", *words, "id"], env=env).stderr for words in (["-l", "root", "there"], ["root@there"])}
        self.assertIn(b"leave the user out (--as, or ssh's -l or USER@HOST)", by_ssh.pop())
        self.assertEqual(by_ssh, set())  # it was one
        self.refused(env, "post", "--as", "root", "/etc/hostname")
        self.refused(env, "get", "--as", "bin", "file")
        wait_until(lambda: len(self.events("end")) >= 8, "their ends are written down")
        self.assertEqual([(line["as"], line["who"]) for line in self.events("refusal")],
                         [(user, "key 'ann'") for user in ("root", "bin", "never-heard-of", "root", "root", "root", "bin")])
        self.assertEqual(self.events("login") + self.events("exec-begins") + self.events("penalty"), [])
        self.assertEqual(self.run_as(env, "exec", "--as", "games", "id -un").stdout, b"games\n")

    def test_root_is_a_user_of_a_key_only_where_it_is_written(self):
        env = self.invited()
        self.refused(env, "exec", "--as", "root", "id")
        env = self.server.paired("--user", "daemon", "--as-users", "root")
        self.assertEqual(self.run_as(env, "exec", "--as", "root", "id -u").stdout, b"0\n")
        self.assertEqual(self.run_as(env, "exec", "id -u").stdout, b"1\n")

    def test_who_is_struck_off_the_list_is_out_within_5_s_and_the_key_is_not(self):
        env = self.invited()
        running = self.start(env, "exec", "--as", "games", "echo up; cat")
        self.assertEqual(running.stdout.readline(), b"up\n")
        keys = os.path.join(self.server.config, "keys.toml")
        edited = read_file(keys).replace(b'"www-data", "games"', b'"www-data"')
        with open(os.open(keys + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(edited)
        os.rename(keys + ".new", keys)
        self.assertEqual(running.wait(5), 255)
        self.refused(env, "exec", "--as", "games", "id")
        self.assertEqual(self.run_as(env, "exec", "--as", "www-data", "id -un").stdout, b"www-data\n")

    def test_sessions_count_by_key_whoever_they_are(self):
        env = self.invited()
        keys = os.path.join(self.server.config, "keys.toml")
        with open(os.open(keys + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(read_file(keys) + b"max-sessions = 1\n")
        os.rename(keys + ".new", keys)
        wait_until(lambda: any(line["keys"] == 1 for line in self.events("reload")[1:]), "the limit is read")
        running = self.start(env, "exec", "--as", "games", "echo up; cat")
        self.assertEqual(running.stdout.readline(), b"up\n")
        self.assertEqual(record(self.run_as(env, "--json", "exec", "--as", "www-data", "id"))["error"]["code"], "busy")
        running.stdin.close()
        self.assertEqual(running.wait(30), 0)

    def test_names_that_are_none_are_a_breach_and_no_name_at_all(self):
        peer_of = identity_of(self.invited())
        slips = (frame("hello", STRUCTURE, b"games\nroot"), frame("hello", STRUCTURE, b"-games"),
                 frame("hello", STRUCTURE, b"a" * 256), frame("hello", STRUCTURE, b"games "),
                 b"hello|%d|games\0root\n" % len(STRUCTURE) + STRUCTURE, b"hello|0|" + b"a" * (1 << 20) + b"\n")
        for said in slips:
            with Peer.of(self.server, context=tls_client_context(peer_of)) as peer:
                failure = closing_error(peer.ask(said))
            self.assertEqual(failure.code, PROTOCOL, said[:80])
        self.assertEqual(self.events("login"), [])
        with Peer.of(self.server, context=tls_client_context(peer_of)) as peer:
            frames = peer.ask(hello(user="games") + BYE)
        self.assertEqual([found.kind for found in frames], ["hello", "bye"])

    def test_a_name_that_comes_in_pieces_is_waited_for(self):
        identity = identity_of(self.invited())
        with Peer.of(self.server, context=tls_client_context(identity)) as peer:
            for piece in (b"h", b"ello|", b"%d|" % len(STRUCTURE), b"ga", b"mes", b"\n"):
                peer.send(piece)
                wait_until(lambda: unread_of(peer) == 0, "the gate has read it, and goes on or waits for more")
            wait_until(lambda: self.server.workers(pwd.getpwnam("games").pw_uid), "he is a worker before more is said")
            self.assertEqual([found.kind for found in peer.ask(STRUCTURE + BYE)], ["hello", "bye"])

    def test_a_stranger_hears_what_every_stranger_hears(self):
        self.invited()
        unknown = stranger(self)
        for user in ("", "games", "root", "never-heard-of"):
            with Peer.of(self.server, context=tls_client_context(unknown)) as peer:
                failure = read_error(peer.ask(hello(user=user))[-1])
            self.assertEqual((failure.code, failure.message), (3, UNIFORM))


@needs_root
class OverTheUnixSocket(RootTest):
    args = ("--allow-user", "daemon")

    def setUp(self):
        self.home = scratch()
        self.addCleanup(remove_tree, self.home)
        self.listen = ("unix:" + os.path.join(self.home, "socket"),)
        super().setUp()
        self.host = self.server.hosts[0]

    def test_root_may_be_anybody_and_others_only_themselves(self):
        self.assertEqual(rclient(["exec", "--as", "games", "id -un; echo $HOME"], self.host).stdout, b"games\n/usr/games\n")
        self.check_powerless(rclient(["exec", "--as", "games", LOOK], self.host).stdout.decode(), pwd.getpwnam("games").pw_uid)
        self.assertEqual(rclient(["exec", "--as", "daemon", "id -un"], self.host, uid=DAEMON).stdout, b"daemon\n")
        self.assertEqual(rclient(["exec", "id -un"], self.host, uid=DAEMON).stdout, b"daemon\n")
        sentences = set()
        for user in ("root", "games", "never-heard-of"):
            done = rclient(["--json", "exec", "--as", user, "id"], self.host, uid=DAEMON)
            self.assertEqual((done.returncode, record(done)["error"]["code"]), (255, "user_refused"))
            sentences.add(record(done)["error"]["message"].replace(repr(user), "X"))
        self.assertEqual(len(sentences), 1, sentences)

    def test_the_shell_of_a_login_is_the_asked_users(self):
        for args, keys, status, shown in ((["shell", "--as", "games"], b"", 1, rb"not available"),  # games' is nologin(8)
                                          (["shell"], b"echo =$LOGNAME=; exit 7\r", 7, rb"=root=")):
            local = Terminal(client_command(args, self.host))
            self.addCleanup(local.close)
            local.send(keys)
            local.expect(shown)
            self.assertEqual(local.wait(), status)

    def test_root_is_told_that_there_is_no_such_user(self):
        error = record(rclient(["--json", "exec", "--as", "never-heard-of", "id"], self.host))["error"]
        self.assertEqual(error["code"], "user_refused")
        self.assertIn("there is no user 'never-heard-of'", error["message"])

    def test_whoever_is_not_served_is_not_served_as_somebody_else(self):
        for user in ("nobody", "daemon", "root"):
            done = rclient(["exec", "--as", user, "id"], self.host, uid=NOBODY)
            self.assertEqual((done.returncode, done.stdout), (255, b""))
            self.assertIn(UNIFORM, done.stderr.decode())


class WhereTheServerCanBeNobodyElse(unittest.TestCase):
    """A server of an ordinary user's, and root's in threads."""

    def check(self, host, own, **options):
        self.assertEqual(rclient(["exec", "--as", own, "id -un"], host, **options).stdout.decode(), own + "\n")
        for user in ("games", "never-heard-of"):
            done = rclient(["--json", "exec", "--as", user, "id"], host, **options)
            error = record(done)["error"]
            self.assertEqual((done.returncode, error["code"], record(done)["started"]), (255, "user_refused", False))
            self.assertIn(f"this server is the user '{own}' and can be nobody else, so not '{user}'", error["message"])
            self.assertIn("--model process", error["message"])

    def test_only_the_own_user_may_be_asked_for(self):
        own = pwd.getpwuid(NOBODY if os.geteuid() == 0 else os.geteuid()).pw_name
        uid = pwd.getpwnam(own).pw_uid
        for model in ("thread", "process"):
            with Server("--model", model, uid=uid) as server:
                self.check(server.host, own, uid=uid)
                assert_sane(server)

    @needs_root
    def test_root_in_threads_is_root_alone(self):
        with Server("--model", "thread") as server:
            self.check(server.host, "root")

    def test_a_key_that_lists_users_is_no_less_good_and_may_be_none_of_them(self):
        site = Site("--model", "thread")
        self.addCleanup(site.close)
        client = site.paired("--allow", "exec")
        site.write_keys(site.read_keys() + 'as = ["daemon"]\n')
        wait_until(lambda: site.audit("reload")[2:], "the list is read")
        self.assertEqual(client.there("exec", "id -u").returncode, 0)
        done = client.there("--json", "exec", "--as", "daemon", "id")
        self.assertEqual(record(done)["error"]["code"], "user_refused")
        self.assertEqual([line["as"] for line in site.audit("refusal")], ["daemon"])


class TheCommandLines(unittest.TestCase):
    def setUp(self):
        self.config = scratch()
        self.addCleanup(remove_tree, self.config)
        os.chmod(self.config, 0o700)

    def rserver(self, *args):
        return run_rserver(list(args), env={"FARHAND_CONFIG_DIR": self.config})

    def keys(self, entry):
        write_file(os.path.join(self.config, "keys.toml"), f'[ann]\npin = "sha256:{"ab" * 32}"\n{entry}\n'.encode(), 0o600)

    def test_keys_lists_them_and_check_config_knows_their_places(self):
        self.keys('user = "daemon"\nas = ["games", "root"]')
        self.assertIn(b"as games root", self.rserver("keys").stdout)
        self.assertEqual(record(self.rserver("keys", "--json"))["keys"][0]["as"], ["games", "root"])
        self.assertEqual(self.rserver("check-config").returncode, 0)
        for entry, place, what in (('as = ["games", "nbody"]', ":3:16:", "no user 'nbody'"), ('as = "games"', ":3:6:", "list"),
                                   ('as = []', ":3:6:", "empty"), ('as = ["ga mes"]', ":3:7:", "no name")):
            self.keys(entry)
            done = self.rserver("check-config")
            self.assertEqual(done.returncode, 1)
            self.assertIn(place, done.stderr.decode())
            self.assertIn(what, done.stderr.decode())

    @needs_root
    def test_an_invitation_names_users_that_there_are(self):
        where = ("--host", "h:1", "--user", "daemon")
        done = self.rserver("invite", *where, "--as-users", "games,www-data")
        self.assertIn(b"as 'daemon', or when asked as 'games', or when asked as 'www-data'", done.stderr)
        for users in ("games,nbody", "games,", ",", "games www-data"):
            done = self.rserver("invite", *where, "--as-users", users)
            self.assertEqual((done.returncode, done.stdout), (2, b""), users)

    def test_a_name_that_is_none_is_told_before_anybody_is_asked(self):
        for name in ("", "a b", "a\nb", "x" * 256):
            done = rclient(["exec", "--as", name, "id"], "unix:/nowhere")
            self.assertEqual(done.returncode, 255)
            self.assertIn(b"no user's name", done.stderr)


if __name__ == "__main__":
    main()
