"""A server with keys of its own and clients that pair with it, for tests of who may do what."""
import json
import os
import pwd
import re
import subprocess
import tempfile

from harness import (NOBODY, Identity, Server, assert_sane, client_command, environment, make_identity, rclient,
                     remove_tree, run_rserver, scratch)
from hostile import Peer, frame, text, tls_client_context, u16

UID = NOBODY if os.geteuid() == 0 else os.geteuid()
UNIFORM = "this server does not serve you: your user or key is not enrolled here"


class Canary:
    """A static key, for looking after the server; made once."""
    directory = scratch(UID)
    identity = make_identity(directory, "canary", uid=UID)


class Site:
    """rserver on a port of loopback with an audit file, and the directory of its keys."""

    uid = UID
    canary_args = ("--tls-client-pin", Canary.identity.pin)

    def __init__(self, *args, listen=("127.0.0.1:0",), audit=None, **options):
        self.home = scratch(self.uid)
        os.chmod(self.home, 0o700)
        self.config = os.path.join(self.home, ".config", "farhand")
        self.audit_path = audit or os.path.join(self.home, "audit")
        self.env = {"HOME": self.home, "XDG_CONFIG_HOME": None, "FARHAND_CONFIG_DIR": None if self.uid else self.config}
        self.server = Server("--audit", self.audit_path, *self.canary_args, *args, listen=list(listen), uid=self.uid,
                             env=self.env, **options)
        self.server.client_args = [*Canary.identity.args(), "--tls-server-pin", self.pin()]
        self.clients = []

    def close(self):
        self.server.cleanup()
        remove_tree(self.home)
        for client in self.clients:
            remove_tree(client.home)

    def pin(self):
        with open(os.path.join(self.config, "listening")) as file:
            return file.read().splitlines()[1]

    def rserver(self, *args, **options):
        return run_rserver(list(args), uid=self.uid, env=self.env, **options)

    def invite(self, *args):
        """(HOST, CODE)."""
        done = self.rserver("invite", *args)
        assert done.returncode == 0, done.stderr
        match = re.fullmatch(rb"rclient pair (\S+) ([0-9A-Za-z-]+)\n", done.stdout)
        assert match, done.stdout
        return match[1].decode(), match[2].decode()

    def new_client(self):
        client = Client(self)
        self.clients.append(client)
        return client

    def paired(self, *args):
        """A client that has been invited so and has come."""
        client = self.new_client()
        done = client.pair(*self.invite(*args))
        assert done.returncode == 0, done.stderr
        return client

    def keys(self):
        done = self.rserver("keys", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def keys_path(self):
        return os.path.join(self.config, "keys.toml")

    def read_keys(self):
        with open(self.keys_path()) as file:
            return file.read()

    def write_keys(self, content):
        """As an editor does it."""
        descriptor, fresh = tempfile.mkstemp(dir=self.config)
        with open(descriptor, "w") as file:
            file.write(content)
        if os.geteuid() == 0:
            os.chown(fresh, self.uid, self.uid)
        os.rename(fresh, self.keys_path())

    def audit(self, event=None):
        with open(self.audit_path) as file:
            lines = [json.loads(line) for line in file.read().splitlines()]
        return [line for line in lines if event in (None, line["event"])]

    def sane(self):
        assert_sane(self.server)


class RootsSite(Site):
    """root's own, with a monitor, a gate and a worker for each connection. It serves a directory of an ordinary user's,
    and keys that are for this user."""

    uid = 0
    canary_args = ()   # there is no key for root

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        os.chown(self.server.root, UID, UID)

    def invite(self, *args):
        return super().invite("--user", pwd.getpwuid(UID).pw_name, *args)

    def sane(self):
        assert_sane(self.server, canary=False)


class Client:
    """rclient with a configuration of its own."""

    def __init__(self, site):
        self.site = site
        self.home = scratch(UID)
        os.chmod(self.home, 0o700)
        self.env = {"FARHAND_CONFIG_DIR": os.path.join(self.home, "config"), "HOME": self.home}

    def run(self, *args, host=None, **options):
        options.setdefault("cwd", self.home)
        return rclient(list(args), host, uid=UID, env=self.env, **options)

    def pair(self, host, code, *args, alias="there"):
        return self.run("pair", host, code, "--as", alias, *args)

    def there(self, *args, **options):
        return self.run(*args, host="there", **options)

    def start(self, *args, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(client_command(list(args), "there", UID), env=environment(self.env), cwd=self.home,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def identity(self):
        pem = os.path.join(self.home, "config", "rclient.pem")
        return Identity(pem, pem, None)

    def peer(self):
        """A bare conversation with this client's key."""
        return Peer.of(self.site.server, context=tls_client_context(self.identity()))


def pair_frame(secret, name="hostile@test", version=1):
    return frame("pair", u16(version) + text("hostile 1") + secret + text(name))


def secret_of(code):
    """The 16 secret bytes of a pairing code."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for character in code.upper().replace("-", ""):
        number = number * 32 + alphabet.index(character)
    return number.to_bytes(50, "big")[32:48]


def tear_down_canary():
    remove_tree(Canary.directory)
