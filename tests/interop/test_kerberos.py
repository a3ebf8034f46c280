"""Kerberos against software that others wrote: MIT's KDC, and GSSAPI in a web server.

Each refusal has its code at the step `auth`; the KDC itself is asked how many wrong passwords it counted.
"""
import json
import unittest

import mailferry
from peer import Town, free_ports
from realm import PASSWORD, REALM, Realm

ACCOUNTS = (("expired", "-pwexpire yesterday"), ("locked", "-allow_tix"), ("over", "-expire yesterday"),
            ("open", "-requires_preauth"), ("short", "-e aes128-cts-hmac-sha1-96:normal"),
            ("foreign", "-e camellia256-cts-cmac:normal"))
ROW = "ews-signs-in"


class Kerberos(unittest.TestCase):
    """One realm and one web server for each test."""

    maxDiff = None

    def setUp(self):
        mailferry.binary()
        self.town = self.enterContext(Town())

    def realm(self, *options, accounts=(), ahead=""):
        self.at = self.enterContext(Realm(self.town.path("realm"), accounts, ahead))
        self.web = self.at.web(*options)
        return self.at

    def ask(self, user="svc", *more, password=PASSWORD, auth="kerberos", kdc=None, name=None):
        """Tests an endpoint; (exit code, the row of the sign-in, the whole answer)."""
        run = mailferry.run(
            "endpoint", "test", "--type", "exchange-remote", "--remote-server", "localhost", "--port", self.web,
            "--ca-file", self.at.folder / "ca.pem", "--auth", auth, "--username", name or f"{user}@{REALM}",
            "--kdc", kdc or f"127.0.0.1:{self.at.port}", "--password-file", self.town.secret_file(password),
            "--data-dir", self.town.path("data"), "-o", "json", *more)
        self.assertNotIn(password, run.out + run.err, "a password was printed")
        told = json.loads(run.out)
        return run.code, next(row for row in told["steps"] if row["id"] == ROW), told

    def assert_fails(self, code, *arguments, **named):
        exit_code, row, told = self.ask(*arguments, **named)
        self.assertEqual((23, "fail", code), (exit_code, row["outcome"], row["code"]), row)
        self.assertEqual([ROW], [r["id"] for r in told["steps"] if r["outcome"] == "fail"])
        self.assertTrue(row["cause"] and row["fix"], row)
        return row

    def assert_signs_in(self, *arguments, **named):
        exit_code, row, told = self.ask(*arguments, **named)
        self.assertEqual((0, "pass"), (exit_code, row["outcome"]), row)
        self.assertIn("by Kerberos", row["evidence"])
        self.assertIn("which the server proved to read", row["evidence"])
        return told

    def test_the_account_signs_in_and_the_server_proves_itself(self):
        realm = self.realm()
        told = self.assert_signs_in("svc", "--mailbox", "anna@example.org")
        self.assertEqual("Success", told["result"])
        self.assertEqual(1, realm.said("web").count("signed in: svc@"), "one connection, one sign-in")
        self.assert_signs_in(name=f"{REALM}\\svc")
        self.assert_signs_in(name="svc", *("svc", "--realm", REALM.lower()))
        self.assert_signs_in(auth="negotiate")
        self.assert_signs_in(auth="auto")
        self.assertEqual(0, realm.failures("svc"))

    def test_a_server_that_wants_a_ticket_with_each_question(self):
        realm = self.realm("--each")
        self.assert_signs_in("svc", "--mailbox", "anna@example.org")
        self.assertEqual(4, realm.said("web").count("signed in: svc@"))

    def test_a_wrong_password_is_tried_once_by_whatever_name(self):
        realm = self.realm()
        for tried, auth in enumerate(("kerberos", "negotiate", "auto"), 1):
            self.assert_fails("KERBEROS_WRONG_PASSWORD", password="not-it-4711", auth=auth)
            self.assertEqual(tried, realm.failures("svc"))

    def test_accounts_that_may_not(self):
        realm = self.realm(accounts=ACCOUNTS)
        for user, code in (("expired", "KERBEROS_PASSWORD_EXPIRED"), ("locked", "KERBEROS_ACCOUNT_REVOKED"),
                           ("over", "KERBEROS_ACCOUNT_REVOKED"), ("open", "KERBEROS_NO_PREAUTH"),
                           ("short", "KERBEROS_ENCRYPTION"), ("foreign", "KERBEROS_ENCRYPTION")):
            with self.subTest(user):
                self.assert_fails(code, user)
                self.assertEqual(0, realm.failures(user))
        self.assert_fails("KERBEROS_UNKNOWN_ACCOUNT", "nobody")

    def test_names_of_the_service(self):
        self.realm()
        row = self.assert_fails("KERBEROS_SPN_UNKNOWN", "svc", "--spn", "HTTP/balancer")
        self.assertIn("setspn -Q HTTP/balancer", " ".join(row["fix"]))
        row = self.assert_fails("KERBEROS_OTHER_REALM", "svc", "--spn", "HTTP/mail.other.test")
        self.assertIn("OTHER.TEST", row["cause"])
        # Inside Negotiate this server knows no NTLM: the reason is the one of Kerberos.
        self.assert_fails("KERBEROS_SPN_UNKNOWN", "svc", "--spn", "HTTP/balancer", auth="negotiate")

    def test_a_server_with_another_key(self):
        realm = self.realm()
        realm.admin("cpw -randkey HTTP/localhost")
        self.assert_fails("KERBEROS_TICKET_REFUSED")

    def test_a_server_that_proves_nothing(self):
        self.realm("--wrong-proof")
        self.assert_fails("KERBEROS_SERVER_UNPROVEN")

    def test_no_kdc(self):
        realm = self.realm()
        self.assert_fails("KERBEROS_KDC_UNREACHABLE", kdc=f"127.0.0.1:{free_ports(1)}")
        self.assert_fails("KERBEROS_KDC_NO_ANSWER", kdc=f"127.0.0.1:{self.web}")
        self.assert_fails("KERBEROS_NO_REALM", name="svc")
        self.assertEqual(0, realm.failures("svc"))

    def test_clocks_that_are_apart(self):
        self.realm(ahead="+20m")
        code, row, _ = self.ask()
        self.assertEqual((0, "warn", "KERBEROS_CLOCK_SKEW"), (code, row["outcome"], row["code"]), row)
        self.assertRegex(row["cause"], r"(19|20) min \d+ s behind that of 127\.0\.0\.1")
        self.assertEqual("pass", row["native"])


if __name__ == "__main__":
    unittest.main()
