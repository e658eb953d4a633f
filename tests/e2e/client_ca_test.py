"""--client-ca: keys known by the subject that a CA vouches for. Whoever lacks any part of that is a stranger like any other:
the same words, nothing done, and a line of the audit."""
import os
import re
import ssl
import unittest

from harness import (Identity, Server, _openssl, assert_sane, check_sentence, main, make_identity, rclient, read_file,
                     remove_tree, scratch, wait_until, write_file)
from hostile import (BYE, REFUSED, Peer, hello, post, read_error, read_exit, run_words, stolen_certificate, tls_client_context)
from rights_support import UID, UNIFORM, Site, tear_down_canary

NOW = ("20200101000000Z", "20491231000000Z")
DEEDS = hello() + run_words("touch", "ran") + post("ran", b"evil") + BYE
CLIENTS = "extendedKeyUsage=clientAuth"


def tearDownModule():
    tear_down_canary()
    remove_tree(Authority.directory)


class Authority:
    """A CA, with a directory of its own below one that all share."""
    directory = scratch(UID)

    def __init__(self, folder, subject="/CN=authority", above=None, extensions="basicConstraints=critical,CA:TRUE"):
        self.here = os.path.join(self.directory, folder)
        os.mkdir(self.here)
        for file, content in (("database", b""), ("serial", b"01\n")):
            write_file(os.path.join(self.here, file), content)
        self.config = write_file(os.path.join(self.here, "config"), (
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.here}/database\nnew_certs_dir={self.here}\nserial={self.here}/serial\n"
            "policy=p\ndefault_md=sha256\nunique_subject=no\n"
            "[p]\ncommonName=optional\norganizationName=optional\n").encode())
        if above:
            self.identity = above.issue(folder, subject, extensions=extensions)
        else:
            self.identity = make_identity(self.here, "ca")
            _openssl("req", "-x509", "-new", "-key", self.identity.key, "-subj", subject, "-days", "30", "-addext",
                     "keyUsage=keyCertSign", "-out", self.identity.cert)
        os.chmod(self.here, 0o755)

    def issue(self, name, subject="/CN=ann", valid=NOW, extensions=CLIENTS):
        made = make_identity(self.here, name, uid=UID)
        request, extra = (os.path.join(self.here, f"{name}.{kind}") for kind in ("csr", "ext"))
        _openssl("req", "-new", "-key", made.key, "-subj", subject, "-out", request)
        write_file(extra, extensions.encode() + b"\n")
        _openssl("ca", "-batch", "-preserveDN", "-config", self.config, "-cert", self.identity.cert, "-keyfile", self.identity.key, "-in",
                 request, "-extfile", extra, "-startdate", valid[0], "-enddate", valid[1], "-notext", "-out", made.cert)
        os.chmod(made.cert, 0o644)
        return made


def with_chain(directory, shown, *behind):
    """The same key, with more certificates behind its own."""
    chain = write_file(os.path.join(directory, f"chain-{os.path.basename(shown.cert)}"),
                       b"".join(read_file(each.cert) for each in (shown, *behind)))
    return Identity(chain, shown.key, shown.pin)


class ClientCa(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = Authority("ca")
        cls.site = Site("--client-ca", cls.ca.identity.cert)
        cls.addClassCleanup(cls.site.close)
        cls.server = cls.site.server
        reloads = len(cls.site.audit("reload"))
        cls.site.write_keys('[ann]\nsubject = "CN=ann"\nallow = ["exec", "post"]\n\n'
                            '[bob]\nsubject = "CN=bob,O=Example"\nallow = ["get"]\n')
        os.chmod(cls.site.keys_path(), 0o600)
        wait_until(lambda: len(cls.site.audit("reload")) > reloads, "the subjects count")
        cls.good = cls.ca.issue("ann")

    def setUp(self):
        self.pid = self.server.pid
        self.addCleanup(self.check_server)

    def check_server(self):
        self.assertFalse(os.path.exists(self.server.path("ran")), "something was done for somebody who may not")
        self.site.sane()
        self.assertEqual(self.server.pid, self.pid)

    def peer(self, identity):
        return Peer.of(self.server, context=tls_client_context(identity))

    def admitted(self, identity, who="ann"):
        logins = len(self.site.audit("login"))
        with self.peer(identity) as peer:
            frames = peer.ask(hello() + BYE)
        self.assertEqual([found.kind for found in frames], ["hello", "bye"], frames)
        wait_until(lambda: len(self.site.audit("login")) > logins, "the login is in the audit")
        self.assertEqual(self.site.audit("login")[-1]["who"], f"key '{who}'")

    def refused(self, identity):
        refusals = len(self.site.audit("refusal"))
        with self.peer(identity) as peer:
            frames = peer.ask(DEEDS)
        self.assertEqual([found.kind for found in frames], ["error"], frames)
        failure = read_error(frames[0])
        self.assertEqual((failure.code, failure.closes, failure.message), (REFUSED, True, UNIFORM))
        wait_until(lambda: len(self.site.audit("refusal")) == refusals + 1, "the refusal is in the audit")
        line = self.site.audit("refusal")[-1]
        self.assertEqual(line["reason"], "the key is not enrolled")
        self.assertRegex(line["who"], "key sha256:[0-9a-f]{64}$")

    def test_the_twin_is_whoever_the_ca_vouches_for_with_whatever_key(self):
        with self.peer(self.good) as peer:
            self.assertEqual(read_exit(peer.ask(hello() + run_words("true") + BYE)[1]).value, 0)
        self.admitted(self.good)
        self.admitted(self.ca.issue("renewed"))
        self.admitted(self.ca.issue("for-everything", extensions="keyUsage=digitalSignature"))
        self.admitted(self.ca.issue("bob", "/O=Example/CN=bob"), "bob")
        ran = rclient([*self.good.args(), "--tls-server-pin", self.site.pin(), "exec", "echo in"], self.server.host, uid=UID)
        self.assertEqual((ran.returncode, ran.stdout), (0, b"in\n"), ran.stderr)

    def test_an_expired_certificate_and_one_that_is_not_valid_yet(self):
        self.refused(self.ca.issue("expired", valid=("20000101000000Z", "20010101000000Z")))
        self.refused(self.ca.issue("early", valid=("20490101000000Z", "20491231000000Z")))

    def test_another_ca_whatever_it_calls_itself(self):
        self.refused(Authority("stranger", "/CN=stranger").issue("ann"))
        namesake = Authority("namesake")
        self.refused(namesake.issue("ann"))
        self.refused(with_chain(namesake.here, namesake.issue("ann2"), namesake.identity))
        self.refused(with_chain(namesake.here, namesake.issue("ann3"), self.ca.identity))

    def test_a_subject_that_stands_in_nobodys_entry(self):
        for number, subject in enumerate(("/CN=anna", "/CN=an", "/CN=Ann", "/CN=ann ", "/CN=ann\\,O=x", "/O=ann", "/O=x/CN=ann",
                                          "/CN=ann/O=x", "/CN=ann/CN=ann", "/CN=x/CN=ann", "/CN=ann+O=x", "/CN=ann\\+O=x", "/CN=bob",
                                          "/CN=bob/O=Example", "/O=example/CN=bob", "/CN=*", "/CN=CN=ann")):
            with self.subTest(subject=subject):
                self.refused(self.ca.issue(f"subject{number}", subject))

    def test_a_name_that_stands_anywhere_but_in_the_subject(self):
        self.refused(self.ca.issue("by-alternative", "/CN=x", extensions="subjectAltName=DNS:ann,dirName:d\n[d]\nCN=ann"))

    def test_a_certificate_for_servers_and_one_that_vouches_for_itself(self):
        self.refused(self.ca.issue("for-servers", extensions="extendedKeyUsage=serverAuth"))
        own = make_identity(self.ca.here, "own")
        _openssl("req", "-x509", "-new", "-key", own.key, "-subj", "/CN=ann", "-days", "30", "-out", own.cert)
        self.refused(own)

    def test_a_good_certificate_that_is_not_ones_own(self):
        own = make_identity(self.ca.here, "thiefs-own")
        self.refused(with_chain(self.ca.here, own, self.good))
        thief = stolen_certificate(self.ca.here, self.good)
        with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)):
            with self.peer(thief) as peer:
                peer.send(DEEDS)
                self.assertEqual(peer.read_bytes(), b"")
                raise ConnectionError(peer.ended)

    def test_who_is_vouched_for_vouches_for_nobody(self):
        entitled = Authority("entitled", "/CN=entitled", above=self.ca)
        self.admitted(with_chain(entitled.here, entitled.issue("ann"), entitled.identity))
        self.refused(entitled.issue("ann2"))   # without the certificate in between nobody can tell
        pretender = Authority("pretender", "/CN=ann", above=self.ca, extensions="basicConstraints=CA:FALSE")
        self.admitted(pretender.identity)
        self.refused(with_chain(pretender.here, pretender.issue("ann"), pretender.identity))

    def test_without_the_ca_the_same_certificate_is_a_strangers(self):
        with Server("--tls-client-pin", self.ca.identity.pin, listen=["127.0.0.1:0"], uid=UID,
                    env={"HOME": self.site.home, "XDG_CONFIG_HOME": None}) as server:
            done = rclient([*self.good.args(), "--tls-server-pin", self.site.pin(), "exec", "touch ran"], server.host, uid=UID)
            check_sentence(self, done, 255, UNIFORM)
            assert_sane(server, canary=False)

    def test_an_entry_that_is_taken_away_takes_its_subject_along(self):
        carol = self.ca.issue("carol", "/CN=carol")
        keys = self.site.read_keys()
        self.refused(carol)
        self.site.write_keys(keys + '\n[carol]\nsubject = "CN=carol"\nallow = ["get"]\n')
        wait_until(lambda: re.search("keys: 3", self.server.log()), "it is read")
        self.admitted(carol, "carol")
        with self.peer(carol) as peer:
            peer.send(hello())
            peer.expect("hello")
            self.assertEqual(self.site.rserver("revoke", "carol").returncode, 0)
            self.assertIn("'carol' has been revoked", read_error(peer.expect("error")).message)
        self.refused(carol)


if __name__ == "__main__":
    main()
