"""Pairing as a person does it: an invitation there, a code carried here; and everything that must not come of it."""
import json
import os
import re
import shutil
import signal
import subprocess
import termios
import unittest

from harness import (NOBODY, PATIENCE, SCALE, Server, Terminal, _openssl, as_user, assert_sane, check_sentence,
                     client_command, environment, main, make_identity, rclient, read_file, remove_tree, run_rserver, scratch,
                     wait_until, write_file)
from hostile import FakeServer, Peer, drain, pair, paired, read_error, tls_client_context, tls_server_context

UID = NOBODY if os.geteuid() == 0 else os.geteuid()
UNIFORM = "this server does not serve you: your user or key is not enrolled here"
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{80}")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def code_for(pin, secret=bytes(16)):
    """A code as rserver prints it, for a server of the test's own; pin as text."""
    data = bytes.fromhex(pin.removeprefix("sha256:")) + secret
    number = int.from_bytes(data + crc(data).to_bytes(2, "big"), "big")
    return "".join(CROCKFORD[number >> 5 * at & 31] for at in range(79, -1, -1))


def decode(code):
    number = 0
    for letter in code:
        number = number << 5 | CROCKFORD.index(letter)
    data = number.to_bytes(50, "big")
    return "sha256:" + data[:32].hex(), data[32:48]


class PairingTest(unittest.TestCase):
    """A server with an identity of its own, which knows nobody yet, and a client's home."""

    def setUp(self):
        self.here = scratch(UID)
        self.addCleanup(remove_tree, self.here)
        self.home = os.path.join(self.here, "home")
        os.mkdir(self.home)
        os.chown(self.home, UID, UID)
        self.server = Server(listen=["127.0.0.1:0"], uid=UID)
        self.addCleanup(self.server.cleanup)

    def config(self, *names):
        return os.path.join(self.home, ".config", "farhand", *names)

    def client(self, args, **options):
        options.setdefault("env", {"HOME": self.home})
        return rclient(args, uid=UID, cwd=self.here, **options)

    def invite(self, *args, server=None):
        server = server or self.server
        ran = run_rserver(["invite", *args], uid=UID, env={"HOME": os.path.join(server.scratch, "home")})
        self.assertEqual(ran.returncode, 0, ran.stderr)
        line = ran.stdout.decode().splitlines()[0]
        return CODE.search(line)[0]

    def pair(self, *args, code=None):
        return self.client(["pair", self.server.host, code or self.invite(), *args])

    def keys(self):
        path = os.path.join(self.server.scratch, "home", ".config", "farhand", "keys.toml")
        return read_file(path).decode() if os.path.exists(path) else ""

    def sane(self):
        assert_sane(self.server, canary=False)


class ByHand(PairingTest):
    def test_four_commands_from_nothing_to_a_remote_ls(self):
        write_file(self.server.path("hello.txt"), b"x", 0o644, UID)
        ran = run_rserver(["invite", "--allow", "exec,get,post"], uid=UID,
                          env={"HOME": os.path.join(self.server.scratch, "home")})
        line = ran.stdout.decode().strip()
        self.assertRegex(line, r"^rclient pair \S+ [0-9A-Z]{80}$")
        ran = self.client([*line.split()[1:], "--as", "web"])
        self.assertEqual((ran.returncode, ran.stdout), (0, b""), ran.stderr)
        self.assertIn(b'as web; try:  rclient -H web exec "ls"', ran.stderr)
        ran = self.client(["-H", "web", "exec", "ls"])
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, b"hello.txt\n", b""))
        # By its address, too, and through the environment.
        self.assertEqual(self.client(["-H", self.server.host, "exec", "true"]).returncode, 0)
        ran = self.client(["exec", "true"], env={"HOME": self.home, "RCLIENT_HOST": "web"})
        self.assertEqual(ran.returncode, 0)
        self.sane()

    def test_what_is_kept_is_kept_for_its_owner(self):
        self.assertEqual(self.pair().returncode, 0)
        for name in ("hosts.toml", "rclient.pem"):
            status = os.stat(self.config(name))
            self.assertEqual((status.st_mode & 0o7777, status.st_uid), (0o600, UID))
        self.assertEqual(os.stat(self.config()).st_mode & 0o7777, 0o700)
        self.assertNotIn(b"PRIVATE", read_file(self.config("hosts.toml")))

    def test_the_code_may_come_on_standard_input(self):
        code = self.invite()
        ran = self.client(["pair", self.server.host, "--as", "web"], input=f" {code.lower()} \r\nmore\n".encode())
        self.assertEqual(ran.returncode, 0, ran.stderr)
        check_sentence(self, self.client(["pair", self.server.host]), 2, "pairing code")

    def test_lists_and_json(self):
        ran = self.client(["hosts"])
        self.assertEqual((ran.returncode, ran.stdout), (0, b""))
        self.assertIn(b"rclient pair", ran.stderr)
        code = self.invite("--allow", "get")
        ran = self.client(["pair", self.server.host, code, "--as", "web", "--json"])
        told = json.loads(ran.stdout)
        pin, _ = decode(code)
        self.assertEqual((told["status"], told["alias"], told["host"], told["pin"], told["allow"]),
                         (0, "web", self.server.host, pin, ["get"]))
        ran = self.client(["hosts"])
        self.assertEqual(ran.stdout.decode().split(), ["web", self.server.host, pin])
        self.assertEqual(json.loads(self.client(["hosts", "--json"]).stdout)["hosts"][0]["pin"], pin)
        check_sentence(self, self.client(["-H", "web", "exec", "true"]), 255, "says")

    def test_forget(self):
        self.assertEqual(self.pair("--as", "web").returncode, 0)
        self.assertEqual(self.client(["forget", "web"]).returncode, 0)
        check_sentence(self, self.client(["-H", "web", "get", "x"]), 2, "not known")
        check_sentence(self, self.client(["-H", self.server.host, "get", "x"]), 2, "not known")
        check_sentence(self, self.client(["forget", "web"]), 4, "no host 'web'")

    def test_two_clients_at_one_server_and_two_servers_at_one_client(self):
        other_home = os.path.join(self.here, "other")
        os.mkdir(other_home)
        os.chown(other_home, UID, UID)
        self.assertEqual(self.pair("--as", "web").returncode, 0)
        ran = self.client(["pair", self.server.host, self.invite(), "--as", "web"], env={"HOME": other_home})
        self.assertEqual(ran.returncode, 0, ran.stderr)
        with Server(listen=["127.0.0.1:0"], uid=UID) as second:
            ran = self.client(["pair", second.host, self.invite(server=second), "--as", "db"])
            self.assertEqual(ran.returncode, 0, ran.stderr)
            for alias, server in (("web", self.server), ("db", second)):
                self.assertEqual(self.client(["-H", alias, "exec", "pwd"]).stdout.decode().strip(), server.root)
        self.assertEqual(self.client(["-H", "web", "exec", "true"], env={"HOME": other_home}).returncode, 0)


class OnATerminal(PairingTest):
    def start(self):
        shell = Terminal(as_user(UID, client_command(["pair", self.server.host, "--as", "web"])),
                         env={"HOME": self.home})
        self.addCleanup(shell.close)
        shell.expect(rb"pairing code \(it is not shown\): ")
        wait_until(lambda: not shell.settings()[3] & termios.ECHO, "the terminal is silent")
        return shell

    def test_the_code_is_asked_for_and_not_shown(self):
        code = self.invite()
        shell = self.start()
        shell.send(code.encode() + b"\n")
        shown = shell.expect(rb"try:  rclient -H web")
        self.assertEqual(shell.wait(), 0)
        self.assertNotIn(code[:8].encode(), shown + shell.seen)
        self.assertEqual(shell.settings(), shell.before)

    def test_the_terminal_is_as_before_after_every_signal(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130)):
            shell = self.start()
            shell.process.send_signal(number)
            self.assertEqual(shell.wait(), status)
            self.assertEqual(shell.settings(), shell.before)
        shell = self.start()
        shell.send(b"\x03")
        self.assertEqual(shell.wait(), 130)
        self.assertEqual(shell.settings(), shell.before)

    def test_the_end_of_input_is_a_sentence(self):
        shell = self.start()
        shell.send(b"\x04")
        self.assertEqual(shell.wait(), 2)
        self.assertEqual(shell.settings(), shell.before)


class Refused(PairingTest):
    def test_a_code_works_once(self):
        code = self.invite()
        self.assertEqual(self.pair("--as", "web", code=code).returncode, 0)
        check_sentence(self, self.pair("--as", "again", code=code), 3, UNIFORM)
        other = os.path.join(self.here, "thief")
        os.mkdir(other)
        os.chown(other, UID, UID)
        ran = self.client(["pair", self.server.host, code], env={"HOME": other})
        check_sentence(self, ran, 3, UNIFORM)
        self.assertFalse(os.path.exists(os.path.join(other, ".config/farhand/hosts.toml")))
        self.assertEqual(self.keys().count("pin ="), 1)

    def test_of_twenty_at_once_one_gets_in(self):
        code = self.invite()
        homes = []
        for n in range(20):
            home = os.path.join(self.here, f"home{n}")
            os.mkdir(home)
            os.chown(home, UID, UID)
            homes.append(home)
        started = [subprocess.Popen(client_command(["pair", self.server.host, code, "--as", "web"], uid=UID),
                                    env=environment({"HOME": home}), stdin=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE) for home in homes]
        ended = [process.communicate(timeout=PATIENCE) and process.returncode for process in started]
        self.assertEqual(ended.count(0), 1, ended)
        self.assertEqual(self.keys().count("pin ="), 1)

    def test_a_damaged_code_is_told_before_anything_is_connected(self):
        code = self.invite()
        for wrong in (code[:-1], code + "0", ("0" if code[0] != "0" else "2") + code[1:], "x", "!" * 80):
            ran = self.pair("--as", "web", code=wrong)
            check_sentence(self, ran, 2, "no pairing code")
            self.assertNotIn(code[8:40], ran.stderr.decode())
        self.assertNotIn("connection", self.server.log())

    def test_a_guessed_secret_is_the_uniform_refusal(self):
        pin, _ = decode(self.invite())
        check_sentence(self, self.pair("--as", "web", code=code_for(pin, os.urandom(16))), 3, UNIFORM)
        self.assertEqual(self.keys().count("pin ="), 0)

    def test_strangers_who_say_anything_but_a_valid_pair_enrol_nobody(self):
        pin, secret = decode(self.invite())
        stranger = make_identity(self.here, "stranger", uid=UID)
        message = pair(secret)
        said = [message[:length] for length in range(0, len(message), 7)]
        at = message.index(secret) * 8
        for bit in [*range(0, at, 13), *range(at, at + 128, 5)]:
            flipped = bytearray(message if bit >= at else pair(bytes(16)))
            flipped[bit // 8] ^= 1 << bit % 8
            said.append(bytes(flipped))
        said += [pair(bytes(16)), pair(secret, version=2), pair(secret, name="x" * 129), pair(secret, name="a\0b")]
        before = self.keys()
        for words in said:
            with Peer.of(self.server, context=tls_client_context(stranger)) as peer:
                peer.send_if_heard(words)
                peer.end_sending()
                for found in peer.read_all(PATIENCE):
                    self.assertEqual((found.kind, read_error(found).closes), ("error", True), words)
        self.assertEqual(self.keys(), before)
        self.sane()

    def test_the_code_is_nowhere_to_be_read(self):
        code = self.invite()
        self.assertEqual(self.pair("--as", "web", code=code).returncode, 0)
        _, secret = decode(code)
        for where, _, names in [*os.walk(self.server.scratch), *os.walk(self.home)]:
            for name in names:
                content = read_file(os.path.join(where, name))
                for form in (code.encode(), secret, secret.hex().encode()):
                    self.assertNotIn(form, content, os.path.join(where, name))

    def test_the_code_vanishes_from_the_list_of_processes(self):
        with FakeServer(drain, raw=True) as fake:
            pin = "sha256:" + "ab" * 32
            process = subprocess.Popen(client_command(["pair", fake.host, code_for(pin), "--as", "web"], uid=UID),
                                       env=environment({"HOME": self.home}), stderr=subprocess.PIPE)
            self.addCleanup(process.stderr.close)
            self.addCleanup(process.wait, PATIENCE)
            self.addCleanup(process.kill)
            wait_until(lambda: fake.connections > 0, "it has connected")
            self.assertNotIn(code_for(pin).encode()[:20], read_file(f"/proc/{process.pid}/cmdline"))
            self.assertIn(b"pair", read_file(f"/proc/{process.pid}/cmdline"))


class Strangers(PairingTest):
    """AU-02: first contact, and a server whose key is not the one that is known."""

    def test_first_contact_is_refused_and_nothing_is_sent(self):
        other = make_identity(self.here, "other", uid=UID)
        with FakeServer(drain, context=tls_server_context(other)) as fake:
            for args in (["exec", "true"], ["get", "x"], []):
                ran = self.client(["-H", fake.host, *args])
                check_sentence(self, ran, 255 if args[:1] == ["exec"] else 2, "rserver invite", "rclient pair")
            self.assertEqual(fake.connections, 0)

    def change_key(self):
        os.unlink(os.path.join(self.server.scratch, "home", ".config", "farhand", "rserver.pem"))
        host = self.server.host
        self.server.stop()
        self.server._addresses = ["--listen", host]
        self.server.start()
        self.assertEqual(self.server.host, host)

    def test_a_changed_key_is_a_hard_stop_until_it_is_paired_with_again(self):
        code = self.invite()
        self.assertEqual(self.pair("--as", "web", code=code).returncode, 0)
        old, _ = decode(code)
        self.change_key()
        code = self.invite()
        new, _ = decode(code)
        for verb, status in ((["exec", "touch ran"], 255), (["get", "x"], 6), ([], 6)):
            check_sentence(self, self.client(["-H", "web", *verb]), status, old, new, "rserver invite", "--replace")
        self.assertFalse(os.path.exists(self.server.path("ran")))
        check_sentence(self, self.pair("--as", "web", code=code), 6, old, new, "--replace")
        ran = self.pair("--as", "web", "--replace", code=code)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.client(["-H", "web", "exec", "true"]).returncode, 0)

    def test_a_server_in_the_place_of_the_one_in_the_code_hears_no_secret(self):
        pin, _ = decode(self.invite())
        other = make_identity(self.here, "other", uid=UID)
        with FakeServer(drain, context=tls_server_context(other)) as fake:
            ran = self.client(["pair", fake.host, code_for(pin), "--as", "web"])
            check_sentence(self, ran, 6, pin, other.pin)
        self.assertEqual(fake.application, 0)
        self.assertFalse(os.path.exists(self.config("hosts.toml")))

    def test_the_holder_of_the_key_may_say_what_it_likes(self):
        own = make_identity(self.here, "own", uid=UID)
        for said in (b"", b"bye|0|\n", paired() + paired(), paired("x\x1b[2J", ["\x1b]0;evil\x07"]), b"hello|0|\n", b"\xff"):
            def script(peer, said=said):
                peer.expect("pair")
                peer.send_if_heard(said)
                peer.end_sending()
                drain(peer)
            with FakeServer(script, context=tls_server_context(own)) as fake:
                ran = self.client(["pair", fake.host, code_for(own.pin), "--as", "web", "--replace"])
                self.assertIn(ran.returncode, (0, 8, 9), ran.stderr)
                check_sentence(self, ran, ran.returncode)
                self.assertEqual(ran.returncode == 0, said.startswith(b"paired"), said)


class Files(PairingTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.pair("--as", "web").returncode, 0)

    def test_unsafe_files_are_refused_with_the_way_to_mend_them(self):
        for name, verb in (("hosts.toml", "hosts"), ("rclient.pem", "get")):
            args = ["hosts"] if verb == "hosts" else ["-H", "web", "get", "x"]
            os.chmod(self.config(name), 0o644)
            check_sentence(self, self.client(args), 4, self.config(name), "chmod 600")
            os.chmod(self.config(name), 0o600)
        os.chmod(self.config(), 0o770)
        check_sentence(self, self.client(["hosts"]), 4, self.config(), "chmod go-w")
        os.chmod(self.config(), 0o700)
        self.assertEqual(self.client(["-H", "web", "exec", "true"]).returncode, 0)

    def test_a_pipe_or_link_in_their_place_blocks_nobody(self):
        for name, args in (("hosts.toml", ["hosts"]), ("rclient.pem", ["-H", "web", "get", "x"])):
            path = self.config(name)
            kept = read_file(path)
            os.unlink(path)
            os.mkfifo(path, 0o600)
            os.chown(path, UID, UID)
            check_sentence(self, self.client(args, timeout=20), 4, path)
            os.unlink(path)
            os.symlink("/etc/passwd", path)
            check_sentence(self, self.client(args, timeout=20), 4, path, "symbolic link")
            os.unlink(path)
            write_file(path, kept, 0o600, UID)

    def test_a_mistake_in_one_host_leaves_the_others(self):
        text = read_file(self.config("hosts.toml"))
        write_file(self.config("hosts.toml"), text + b"[bad]\nhost = 'h'\npni = 'x'\n# mine\n", 0o600, UID)
        self.assertEqual(self.client(["-H", "web", "exec", "true"]).returncode, 0)
        check_sentence(self, self.client(["-H", "bad", "get", "x"]), 2, "'pni'", "line ")
        self.assertEqual(self.client(["hosts"]).returncode, 1)
        self.assertEqual(self.client(["forget", "bad"]).returncode, 0)
        self.assertEqual(read_file(self.config("hosts.toml")), text + b"# mine\n")

    @unittest.skipUnless(shutil.which("strace"), "takes strace")
    @unittest.skipIf(os.environ.get("FARHAND_SANITIZE"), "LeakSanitizer ends a process that is traced")
    def test_kill_at_every_system_call_leaves_old_or_new(self):
        """Pairing again under another alias, and forgetting: the first host is there throughout."""
        old = read_file(self.config("hosts.toml"))
        calls = "%file,fsync,write,fchmod,flock,openat"
        for verb in ("pair", "forget"):
            for count in range(1, 400, 1 if SCALE > 1 else 3):
                write_file(self.config("hosts.toml"), old, 0o600, UID)
                args = ["pair", self.server.host, self.invite(), "--as", "new"] if verb == "pair" else ["forget", "web"]
                ran = subprocess.run(as_user(UID, ["strace", "-f", "-o", "/dev/null", "-e", "trace=" + calls, "-e",
                                                   f"inject={calls}:signal=KILL:when={count}",
                                                   *client_command(args)]), env=environment({"HOME": self.home}),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     timeout=PATIENCE)
                listed = self.client(["hosts", "--json"])
                self.assertEqual(listed.returncode, 0, (count, listed.stderr))
                aliases = [host["alias"] for host in json.loads(listed.stdout)["hosts"]]
                self.assertIn(aliases, (["web"], ["new", "web"]) if verb == "pair" else ([], ["web"]), count)
                if ran.returncode == 0:
                    break
            else:
                self.fail(f"{verb} never came to its end")
        self.assertEqual([name for name in os.listdir(self.config()) if name.endswith(".new")], [])


class ByCa(unittest.TestCase):
    """Trust by a CA and a name, for those who run their own."""

    @classmethod
    def setUpClass(cls):
        cls.here = scratch(UID)
        cls.addClassCleanup(remove_tree, cls.here)
        cls.ca = make_identity(cls.here, "ca", uid=UID)
        cls.good = cls.issue("good", "DNS:localhost,IP:127.0.0.1")
        cls.elsewhere = cls.issue("elsewhere", "DNS:elsewhere")
        cls.client_key = make_identity(cls.here, "me", uid=UID)

    @classmethod
    def issue(cls, name, names):
        made = make_identity(cls.here, name, uid=UID)
        request = _openssl("req", "-new", "-key", made.key, "-subj", f"/CN={name}")
        extension = write_file(os.path.join(cls.here, name + ".ext"), f"subjectAltName={names}\n".encode())
        request = write_file(os.path.join(cls.here, name + ".csr"), request)
        _openssl("x509", "-req", "-in", request, "-CA", cls.ca.cert, "-CAkey", cls.ca.key, "-CAcreateserial", "-days",
                 "2", "-extfile", extension, "-out", made.cert)
        return made

    def ask(self, shown, *args, alias=None):
        with Server(*shown.args(), "--tls-client-pin", self.client_key.pin, listen=["127.0.0.1:0"], uid=UID) as server:
            return rclient([*self.client_key.args(), *args, "exec", "echo in"], alias or server.host, uid=UID,
                           env={"HOME": self.here})

    def test_the_name_in_the_certificate_decides(self):
        self.assertEqual(self.ask(self.good, "--ca", self.ca.cert).stdout, b"in\n")
        self.assertEqual(self.ask(self.elsewhere, "--ca", self.ca.cert, "--verify-name", "elsewhere").stdout, b"in\n")
        check_sentence(self, self.ask(self.elsewhere, "--ca", self.ca.cert), 255, "mismatch")
        check_sentence(self, self.ask(self.good, "--ca", self.ca.cert, "--verify-name", "elsewhere"), 255, "mismatch")

    def test_another_ca_or_none_vouches_for_nobody(self):
        check_sentence(self, self.ask(self.good, "--ca", self.client_key.cert), 255, "certificate")
        check_sentence(self, self.ask(self.client_key, "--ca", self.ca.cert), 255, "certificate")

    def test_hosts_toml_can_say_so(self):
        config = os.path.join(self.here, ".config", "farhand")
        with Server(*self.good.args(), "--tls-client-pin", self.client_key.pin, listen=["127.0.0.1:0"],
                    uid=UID) as server:
            os.makedirs(config, 0o700)
            for path in (os.path.dirname(config), config):
                os.chown(path, UID, UID)
            write_file(os.path.join(config, "hosts.toml"),
                       f"[db]\nhost = '{server.host}'\nca = '{self.ca.cert}'\nverify-name = 'localhost'\n".encode(),
                       0o600, UID)
            ran = rclient([*self.client_key.args(), "exec", "echo in"], "db", uid=UID, env={"HOME": self.here})
            self.assertEqual((ran.returncode, ran.stdout), (0, b"in\n"), ran.stderr)


if __name__ == "__main__":
    main()
