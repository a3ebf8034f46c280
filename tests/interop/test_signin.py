"""Ways in: TLS in all forms, wrong certificates, passwords, one sign-in for all mailboxes.

Each failure has its published exit code; none of them changes anything or prints a secret.
"""
import hashlib
import ssl
import unittest

import mailferry
from case import InteropCase, look


class Certificates(InteropCase):
    def setUp(self):
        super().setUp()
        self.servers()
        self.plant(8, 2)

    def tls_ends(self, security, *options):
        return [self.end(a, *options, url=a.url(security)) for a in (self.source, self.target)]

    def fingerprint(self, account):
        text = ssl.get_server_certificate(("127.0.0.1", account.tls_port))
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest().upper()
        return ":".join(digest[i:i + 2] for i in range(0, len(digest), 2))

    def test_tls_with_own_ca(self):
        ends = [self.end(a, ("ca-file", a.ca), url=a.url("ssl")) for a in (self.source, self.target)]
        self.copy(ends=ends)
        self.assert_same()

    def test_starttls_with_own_ca(self):
        ends = [self.end(a, ("ca-file", a.ca), url=a.url("tls")) for a in (self.source, self.target)]
        self.copy(ends=ends)
        self.assert_same()

    def test_one_ca_for_both(self):
        both = self.town.path("ca")
        both.write_text("".join(open(a.ca).read() for a in (self.source, self.target)))
        self.copy("--ca-file", both, ends=self.tls_ends("ssl"))
        self.assert_same()

    def test_fingerprint(self):
        ends = [self.end(a, ("fingerprint", self.fingerprint(a)), url=a.url("ssl")) for a in (self.source, self.target)]
        self.copy(ends=ends)
        self.assert_same()

    def test_wrong_fingerprint(self):
        wrong = self.end(self.source, ("fingerprint", self.fingerprint(self.target)), url=self.source.url("ssl"))
        error = self.copy(ends=[wrong, self.ends()[1]], code=22).json["error"]
        self.assertEqual("SOURCE_FINGERPRINT_DIFFERS", error["code"])
        for account in (self.source, self.target):     # the one that is shown, and the one that is wanted
            self.assertIn(self.fingerprint(account).replace(":", "").lower(), error["message"])

    def test_unknown_ca_at_the_source(self):
        self.copy(ends=[self.tls_ends("ssl")[0], self.ends()[1]], code=22)

    def test_wrong_ca_at_the_target(self):
        for security in ("ssl", "tls"):
            with self.subTest(security):
                wrong = self.end(self.target, ("ca-file", self.source.ca), url=self.target.url(security))
                self.copy(ends=[self.ends()[0], wrong], code=32)
        self.assertEqual(0, look(self.target).count())


class Passwords(InteropCase):
    def setUp(self):
        super().setUp()
        self.servers()
        self.plant(8, 2)
        self.relays()

    def tries(self, relay):
        return [c for c in relay.commands() if c.verb in ("LOGIN", "AUTHENTICATE")]

    def test_wrong_at_the_source(self):
        wrong = self.end(self.source, url=self.source.url("none", self.before_source.port), password="not-it-4711")
        run = self.copy(ends=[wrong, self.ends()[1]], code=23)
        self.assertNotIn("not-it-4711", run.out + run.err)
        self.assertLessEqual(len(self.tries(self.before_source)), 2, "once, and once with another mechanism")

    def test_wrong_at_the_target(self):
        wrong = self.end(self.target, url=self.target.url("none", self.before_target.port), password="not-it-4711")
        self.copy(ends=[self.ends()[0], wrong], code=33)
        self.assertLessEqual(len(self.tries(self.before_target)), 2)

    def test_nobody_listens(self):
        self.before_target.close()
        self.copy(ends=self.ends(), code=31)

    def test_a_password_in_the_account_is_refused(self):
        inside = self.source.url("none").replace("@", ":secret-4711@")
        run = self.copy(ends=[self.end(self.source, url=inside), self.ends()[1]], code=2)
        self.assertNotIn("secret-4711", run.out + run.err)

    def admin(self, peer, account, style):
        name, password = peer.master
        return self.end(account, ("admin", name), ("admin-style", style), password=password)

    def test_master_user(self):
        for style in ("dovecot", "authzid"):
            with self.subTest(style):
                self.copy(ends=[self.admin(self.source_peer, self.source, style),
                                self.admin(self.target_peer, self.target, style)])
                self.assert_same()

    def test_password_without_a_line_end(self):
        path = self.town.path("bare")
        path.write_text(self.source.password)
        path.chmod(0o600)
        self.copy(ends=[mailferry.End(self.source.url("none"), path), self.ends()[1]])
        self.assert_same()


if __name__ == "__main__":
    unittest.main()
