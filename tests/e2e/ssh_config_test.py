"""rclient ssh with files of ssh's configuration: what they say of a host is what OpenSSH says of it, and leads where it should."""
import os
import pwd
import random
import shutil
import subprocess
import unittest

from harness import PATIENCE, RCLIENT, SEED, assert_sane, environment, in_parallel, main, needs_root, remove_tree, scratch, write_file
from process_model_test import RootsServer
from rights_support import UID, Site, tear_down_canary

OWN = pwd.getpwuid(os.geteuid()).pw_name


def tearDownModule():
    tear_down_canary()


def in_home(home, *argv, env=()):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, cwd=home,
                          env=environment({"HOME": home, "FARHAND_CONFIG_DIR": os.path.join(home, "farhand"), **dict(env)}))


def shown(done):
    """hostname (in whichever letters), port and user as -G prints them; nothing where the file was refused. A port that nobody named has no number."""
    if done.returncode != 0:
        return None
    lines = dict(line.partition(" ")[::2] for line in done.stdout.decode().splitlines())
    return lines["hostname"].lower(), {"22": "none", "9922": "none"}.get(lines["port"], lines["port"]), lines["user"]


class Generator:
    """Configurations that try every part of the grammar; `dice` decides."""

    hosts = ("web", "web1", "WEB", "db.example.org", "db", "10.0.0.5", "a-b_c", "x")
    patterns = ("*", "web", "web?", "w*b", "*.example.org", "db*", "10.0.0.*", "??", "*e*", "x", "WEB", "***b*", "")
    users = ("alice", "bob", OWN)

    def __init__(self, dice, home):
        self.dice = dice
        self.home = home
        self.files = 0

    def chance(self, of):
        return self.dice.randrange(of) == 0

    def word(self, word):
        quotes = {0: '"{}"', 1: "'{}'"}.get(self.dice.randrange(12), "{}")
        return quotes.format(word)

    def keyword(self, name):
        return self.dice.choice((name, name.lower(), name.upper(), name))

    def between(self):
        return self.dice.choice((" ", " ", "\t", "=", " = ", "  ", " =", "= "))

    def pattern(self):
        return ("!" if self.chance(4) else "") + self.dice.choice(self.patterns[:-1])

    def host(self):
        return "Host" + self.between() + " ".join(self.word(self.pattern()) for _ in range(self.dice.randrange(1, 4)))

    def criterion(self):
        name = self.dice.choice(("host", "originalhost", "user", "localuser", "host", "HOST"))
        of = self.users if "user" in name else self.patterns[:-1]
        wanted = ",".join(("!" if self.chance(5) else "") + self.dice.choice((*of, "*")) for _ in range(self.dice.randrange(1, 4)))
        wanted = f'"{wanted}"' if self.chance(5) else wanted
        return ("!" if self.chance(5) else "") + name + self.dice.choice((" ", " ", "=", "\t")) + wanted

    def match(self):
        if self.chance(5):
            return "Match " + self.dice.choice(("all", "!all", "final all", "all # all", "host web all", "final", "!final host *"))
        return "Match " + " ".join(self.criterion() for _ in range(self.dice.randrange(1, 4)))

    def value(self):
        name, values = self.dice.choice((
            ("HostName", (*self.hosts, "%h.example.net", "x%%y", "a%%b")), ("Port", ("1", "2222", "65535", "022")),
            ("User", self.users), ("IdentityFile", ("~/.ssh/id", "'~/a key'")), ("ForwardAgent", ("yes",)), ("Compression", ("yes",)),
            ("ServerAliveInterval", ("60",)), ("SendEnv", ("LANG LC_*",)), ("ProxyJump", ("none",)), ("ControlMaster", ("auto",)),
            ("ControlPath", ("~/.ssh/%r@%h:%p", '"a path"')), ("ControlPersist", ("10m", "yes")), ("StrictHostKeyChecking", ("accept-new",)),
            ("SetEnv", ('A="x y" B=z',)), ("LogLevel", ("ERROR",)), ("IgnoreUnknown", ("Nope*,Other", "!NopeX,N*"))))
        value = self.dice.choice(values)
        return self.keyword(name) + self.between() + (self.word(value) if value.isalnum() else value)

    def include(self, depth):
        self.files += 1
        name = f"part{self.files}"
        write_file(os.path.join(self.home, ".ssh", name), self.text(depth + 1).encode(), 0o600)
        where = self.dice.choice((name, f"~/.ssh/{name}", os.path.join(self.home, ".ssh", name), f"{name} no-such-file", f"{name}*"))
        return "Include " + where

    def odd(self):
        return self.dice.choice(('Port "22', "Nope 1", "NopeX 1", "User", "Host ''", "Match host", "Match nothing x", "Match all host web", "Match",
                                 "Port 1 # one", "User alice #", "#Port 3", "HostName a\\ b", "User \\\"q\\\"", "  ", "= Port = 4", '"Port" 4',
                                 "Match host web #user bob", "Match user alice # 'x", "User x\r", 'P"o"rt 5', "Include", "Include ''", "HostName a#b"))

    def odd_value(self):
        """Only where it counts: in a block of other hosts OpenSSH judges values too, and we do not."""
        return self.dice.choice(("Port abc", "Port 0", "User a b", "HostName %x", "HostName a%", "HostName ''", "Port == 4", '"Port" = 4'))

    def line(self, depth):
        kind = self.dice.randrange(14)
        if kind < 3:
            return self.host()
        if kind < 5:
            return self.match()
        if kind == 5 and depth < 2 and self.files < 6:
            return self.include(depth)
        return self.dice.choice(("", "# a 'comment")) if kind == 6 else self.odd() if self.chance(25) else self.value()

    def text(self, depth=0):
        first = [self.odd_value()] if depth == 0 and self.chance(12) else []
        lines = (self.dice.choice(("", "", "  ", "\t")) + self.line(depth) for _ in range(self.dice.randrange(1, 16)))
        return "".join(line + self.dice.choice(("\n", "\n", " \n", "\r\n")) for line in [*first, *lines])


@unittest.skipUnless(shutil.which("ssh"), "not installed: ssh")
class AsOpenSSH(unittest.TestCase):
    """`ssh -G` and ours, asked the same."""

    def setUp(self):
        self.home = scratch()
        self.addCleanup(remove_tree, self.home)

    def difference(self, number):
        """A generated file, or why it means two things; whether it was taken."""
        dice = random.Random(f"{SEED} {number}")
        home = os.path.join(self.home, str(number))
        os.makedirs(os.path.join(home, ".ssh"))
        generator = Generator(dice, home)
        text = generator.text()
        file = write_file(os.path.join(home, "config"), text.encode())
        words = ["-G", "-F", file, *dice.choice(([], [], ["-p", "77"], ["-l", "alice"], ["-oHostName=%h.x"], ["-oPort=5", "-o", "user=bob"])),
                 dice.choice(generator.hosts)]
        theirs, ours = in_home(home, "ssh", *words), in_home(home, RCLIENT, "ssh", *words)
        if shown(theirs) != shown(ours):
            return f"number {number}: {words}\n{text}\nssh: {shown(theirs)} {theirs.stderr}\nours: {shown(ours)} {ours.stderr}"
        return shown(ours) is not None

    def test_a_host_is_what_openssh_makes_of_it(self):
        count = int(os.environ.get("FARHAND_TEST_CONFIGURATIONS", 60))
        found = in_parallel([lambda number=number: self.difference(number) for number in range(count)], 4)
        differences = [each for each in found if isinstance(each, str)]
        self.assertEqual(differences, [], "\n".join(differences[:3]))
        self.assertGreater(sum(found), count // 4, "most of them mean something")


@needs_root
class WhereItLeads(unittest.TestCase):
    """A server of root's, and root's client, which has paired with it as `there`. The user's own file stands in the home of the test."""

    own = "root"

    @classmethod
    def setUpClass(cls):
        cls.server = RootsServer(listen=["127.0.0.1:0"])
        cls.addClassCleanup(cls.server.cleanup)
        cls.env = cls.server.paired("--allow", "exec", "--user", "root")
        cls.port = cls.server.host.rpartition(":")[2]
        cls.home = os.path.dirname(cls.env["FARHAND_CONFIG_DIR"])
        cls.env["HOME"] = cls.home
        os.mkdir(os.path.join(cls.home, ".ssh"))

    def setUp(self):
        self.addCleanup(lambda: assert_sane(self.server, canary=False))
        self.settle("")

    def settle(self, text):
        write_file(os.path.join(self.home, "config", "client.toml"), text.encode(), 0o600)

    def config(self, text, name=".ssh/config", mode=0o600):
        return write_file(os.path.join(self.home, name), text.encode(), mode)

    def ssh(self, *words, out=b"", status=0, err=()):
        done = in_home(self.home, RCLIENT, "ssh", *words, env=self.env)
        self.assertEqual((done.returncode, done.stdout), (status, out), done.stderr)
        for part in err:
            self.assertIn(part, done.stderr.decode())
        if status == 255:
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_a_host_of_the_file_is_reached_by_its_address_and_known_by_it(self):
        file = self.config(f"Host web\n HostName 127.0.0.1\n Port {self.port}\n User {self.own}\n IdentityFile x\n", "named")
        self.ssh("-F", file, "web", "id -un", out=self.own.encode() + b"\n")
        self.ssh("-v", "web", "-F", file, "true", err=["identityfile", "line 5"])
        self.ssh("web", "true", status=255, err=["'web:9922' is not known"])
        self.ssh("-F", file, "-p", "1", "web", "true", status=255, err=["'127.0.0.1:1' (by ", f"while there is known at port {self.port}) is not known"])

    def test_which_file_is_read_is_settled_once_and_the_command_line_may_say_another(self):
        own = self.config(f"Host web\n HostName 127.0.0.1\n Port {self.port}\n")
        other = self.config("Include config\nHost web\n User games\n", "other")
        self.ssh("web", "true", status=255)
        self.settle('ssh-config = "yes"\n')
        self.ssh("web", "echo here", out=b"here\n")
        self.ssh("-F", "none", "web", "true", status=255, err=["is not known"])
        self.ssh("-F", other, "web", "true", status=255, err=["'games'", "the user is from", "line 3"])
        self.settle(f'ssh-config = "{other}"\n')
        self.ssh("-l", self.own, "web", "echo here", out=b"here\n")
        self.settle('ssh-config = "/nowhere"\n')
        self.ssh("there", "true", status=255, err=["'/nowhere' cannot be read"])
        self.settle('ssh-config = "yes"\n')
        os.chmod(own, 0o666)
        self.ssh("web", "true", status=255, err=["can be written to by others"])
        os.unlink(own)
        self.ssh("there", "echo here", out=b"here\n")

    def test_an_alias_is_where_it_was_paired_whatever_the_file_says_for_sshd(self):
        file = self.config("Host *\n HostName sshd.invalid\n Port 22\n BatchMode yes\nHost there\n SetEnv LANG=C.UTF-8\n", "sshds")
        self.ssh("-F", file, "there", "echo $LANG", out=b"C.UTF-8\n")
        self.ssh("-v", "-F", file, "there", "true", err=["hosts.toml knows there, so the address", "sshds' line 3"])
        self.ssh("-F", file, f"127.0.0.1:{self.port}", "echo here", out=b"here\n")
        self.ssh("-F", file, "127.0.0.1", "true", status=255, err=["'sshd.invalid:22'", "sshds' line 3"])
        shown = in_home(self.home, RCLIENT, "ssh", "-G", "-F", file, "there", env=self.env).stdout.decode()
        self.assertIn(f"hostname 127.0.0.1\nport {self.port}\n", shown)
        self.assertIn("batchmode yes\n", shown)

    def test_what_cannot_be_done_is_refused_by_file_and_line(self):
        file = self.config("Host there\n ProxyJump bastion\nHost other\n Nope 1\n", "jumps")
        self.ssh("-F", file, "there", "true", status=255, err=["jumps' line 2: proxyjump does not work here"])
        self.ssh("-F", file, "third", "true", status=255, err=["jumps: line 4: Bad configuration option: nope"])
        self.ssh("-F", "/nowhere", "there", "true", status=255, err=["'/nowhere' cannot be read"])

    def test_a_pipe_that_the_command_line_names_is_read(self):
        line = f'exec "$0" ssh -F <(printf "Host web\\nHostName 127.0.0.1\\nPort {self.port}\\n") web echo here'
        done = in_home(self.home, "bash", "-c", line, RCLIENT, env=self.env)
        self.assertEqual((done.returncode, done.stdout), (0, b"here\n"), done.stderr)


class WhoOneIsThere(unittest.TestCase):
    def test_whoever_the_server_is_may_be_asked_for(self):
        site = Site()
        self.addCleanup(site.close)
        own = pwd.getpwuid(UID).pw_name
        mine = site.paired("--allow", "exec")
        for words in (["-l", own, "there"], [f"{own}@there"], ["-oUser=" + own, "there"]):
            done = mine.run("ssh", *words, "true")
            self.assertNotEqual(done.returncode, 255, done.stderr)  # his shell may say no: nobody's does
        self.assertEqual({line["as"] for line in site.audit("login")}, {own})
        self.assertEqual(mine.run("ssh", "-l", "games", "there", "true").returncode, 255)


if __name__ == "__main__":
    main()
