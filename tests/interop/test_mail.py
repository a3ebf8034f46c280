"""Notices by mail as a foreign server (aiosmtpd) and Python's email package see them.

Needs a Python that has aiosmtpd (MAILFERRY_AIOSMTPD names it, else the one that runs the tests or Debian's;
skipped, loudly, without).
"""
import base64
import contextlib
import email
import email.policy
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from peer import missing
from served import SECONDS, Served

PASSWORD = "canary-mail-password"
HERE = pathlib.Path(__file__).parent


def python():
    """A Python with aiosmtpd."""
    def has(program):
        return subprocess.run([program, "-c", "import aiosmtpd"], capture_output=True, check=False).returncode == 0
    named = os.environ.get("MAILFERRY_AIOSMTPD")
    found = named or next((program for program in (sys.executable, "/usr/bin/python3") if has(program)), None)
    if not found:
        raise missing("aiosmtpd", "no module of this Python or Debian's, and MAILFERRY_AIOSMTPD names no Python that has it")
    return found


class Postbox:
    """The server as a process of its own; what it took."""

    def __init__(self, case, *flags):
        self.told, self.more = [], threading.Condition()
        self.child = subprocess.Popen([python(), "-B", HERE / "postbox.py", case.folder, *flags], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        case.addCleanup(self.child.stdout.close)
        case.addCleanup(self.child.wait, 20)
        case.addCleanup(self.child.terminate)
        self.port = str(json.loads(self.child.stdout.readline())["port"])
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            with self.more:
                self.told.append(json.loads(line))
                self.more.notify_all()

    def mails(self):
        return [(said, email.message_from_bytes(base64.b64decode(said["mail"]), policy=email.policy.default))
                for said in self.told if "mail" in said]

    def wait_for(self, fits, seconds=60):
        with self.more:
            if not self.more.wait_for(lambda: fits(self.mails()), seconds):
                raise AssertionError(f"only {[mail['Subject'] for _, mail in self.mails()]}, {len(self.told)} told")
            return self.mails()


class Mail(Served):
    def setUp(self):
        python()
        super().setUp()
        (self.folder / "secret").write_text(PASSWORD + "\n")
        self.ferry("account", "new", "anna", "--role", "administrator", "--password-file", "password")

    def certificate(self):
        """ca.pem, and cert.pem with key.pem for localhost."""
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                "-subj", "/CN=Test authority")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "asked.pem", "-subj", "/CN=localhost")
        (self.folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "asked.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", "cert.pem", "-days", "2", "-extfile", "extensions")

    def channel(self, box, *flags):
        return json.loads(self.ferry(
            "notify", "add", "people", "--type", "mail", "--smtp-server", "localhost", "--port", box.port,
            "--from", "ferry@example.org", "--to", "ops@example.org", *flags, "-o", "json"))

    def wave(self, name, count=1, *flags):
        """A batch whose mailboxes are not there: all of them fail for one reason."""
        rows = "".join(f"u{n}@example.org\n" for n in range(count))
        (self.folder / "users.csv").write_text("EmailAddress\n" + rows)
        for end in ("old", "new"):
            (self.folder / end).mkdir()
            self.ferry("endpoint", "new", end, "--type", "maildir", "--path", str(self.folder / end / "{user}"))
        return self.ferry("batch", "new", name, "--source", "old", "--target", "new", "--csv", "users.csv",
                          "--start-after", "now", *flags)

    def channel_at(self, host):
        """Another channel, with a server that is not ours."""
        self.ferry("notify", "add", "link", "--type", "mail", "--smtp-server", host, "--security", "none",
                   "--from", "ferry@example.org", "--to", "ops@example.org", "--events", "test")

    def ferry_fails(self, *words):
        with self.assertRaises(subprocess.CalledProcessError):
            self.ferry(*words)

    def deliveries(self, channel="people"):
        return json.loads(self.ferry("notify", "deliveries", channel, "-o", "json"))

    def ended(self, channel, delivery_id, seconds=30):
        """A delivery once it waits no longer, or has been tried."""
        until = time.monotonic() + seconds
        while True:
            now = next(each for each in self.deliveries(channel) if each["id"] == delivery_id)
            if now["attempts"] or time.monotonic() > until:
                return now
            time.sleep(0.3)

    def trial(self, channel="people"):
        return self.ended(channel, json.loads(self.ferry("notify", "test", channel, "-o", "json"))["id"])

    def test_a_batch_is_one_mail_signed_in_secured_and_again_until_it_is_taken(self):
        self.certificate()
        box = Postbox(self, "--starttls", "--user", f"ferry:{PASSWORD}", "--only", "PLAIN", "--answers", "451,451")
        made = self.channel(box, "--username", "ferry", "--password-file", "secret", "--ca-file", "ca.pem",
                            "--ehlo", "ferry.example.org")
        self.assertEqual(f"smtp://localhost:{box.port}", made["site"])
        self.wave("Wave-02-Sales", 260, "--notify", "anna@example.org,OPS@example.org")
        self.service("--allow-loopback", "-v")

        def taken(mails):
            return [(said, mail) for said, mail in mails if said["answer"].startswith("250")]
        box.wait_for(taken, SECONDS)
        time.sleep(8)                              # nothing more comes of it
        mails = box.mails()
        self.assertEqual(3, len(mails), [(said["answer"], mail["Subject"]) for said, mail in mails])
        self.assertEqual(1, len({mail["Message-ID"] for _, mail in mails}), "a second try is known by its id")
        said, mail = mails[-1]
        self.assertTrue(said["tls"])
        self.assertEqual(("ferry", "ferry@example.org", "ferry.example.org"), (said["user"], said["sender"], said["hello"]))
        self.assertEqual(["ops@example.org", "anna@example.org"], said["to"], "whom the batch names too, each once")
        self.assertRegex(mail["Subject"], r"^\[mailferry\] Wave-02-Sales: \w[\w ]* - 0 of 260, 260 failed$")
        self.assertEqual("auto-generated", mail["Auto-Submitted"])
        for kind in ("plain", "html"):
            text = mail.get_body((kind,)).get_content()
            self.assertIn("260", text)
            self.assertNotIn("u7@example.org", text, "no mailbox is named there")
        files = {part.get_filename(): part for part in mail.iter_attachments()}
        self.assertEqual({"users.csv", "skipped.csv"}, set(files))
        self.assertEqual({"text/csv"}, {part.get_content_type() for part in files.values()})
        self.assertEqual(261, len(files["users.csv"].get_content().strip().splitlines()))
        listed = self.deliveries()
        self.assertIn(("done", 3), {(each["state"], each["attempts"]) for each in listed}, listed)
        self.assertIn("MAIL_LATER", {each["lastErrorCode"] for each in listed})
        seen = json.dumps(listed) + self.ferry("notify", "list", "-o", "json") + self.ferry("audit", "list", "-o", "json")
        seen += (self.folder / "log").read_text()
        self.assertIn("a notice was sent", seen)
        self.assertNotIn(PASSWORD, seen)
        self.assertNotIn(base64.b64encode(PASSWORD.encode()).decode(), seen)
        self.assertNotIn("anna@example.org", (self.folder / "log").read_text())

    def test_what_no_second_try_mends_is_given_up_with_what_to_do(self):
        self.certificate()
        box = Postbox(self, "--tls", "--user", "ferry:another-password", "--only", "LOGIN")
        self.channel(box, "--security", "tls", "--username", "ferry", "--password-file", "secret")
        self.service("--allow-loopback", "-v")
        untrusted = self.trial()
        self.assertEqual(("waiting", "MAIL_TLS"), (untrusted["state"], untrusted["lastErrorCode"]), untrusted)
        self.ferry("notify", "set", "people", "--ca-file", "ca.pem", "--password-file", "secret")
        refused = self.trial()
        self.assertEqual(("givenUp", 1), (refused["state"], refused["attempts"]), refused)
        self.assertEqual("MAIL_SIGN_IN_REFUSED", refused["lastErrorCode"])
        self.assertNotIn(PASSWORD, json.dumps(refused))
        (self.folder / "secret").write_text("another-password\n")
        self.ferry("notify", "set", "people", "--password-file", "secret", "--to", "ops@example.org,nobody@example.org,"
                   "later@example.org")
        taken = self.trial()
        self.assertEqual(["later@example.org"], taken["to"], "who was refused for now is owed it")

        def own(mails):
            return [(said, mail) for said, mail in mails if taken["id"] in mail["Message-ID"]]
        first, second = own(box.wait_for(lambda mails: len(own(mails)) == 2))
        self.assertEqual((["ops@example.org"], ["later@example.org"]), (first[0]["to"], second[0]["to"]))
        self.assertNotIn(PASSWORD, (self.folder / "log").read_text())

    def test_a_name_of_a_batch_begins_no_header_and_nobody_is_told_without_a_channel(self):
        made = self.wave("Büro & <b> Söhne", 3, "--notify", "anna@example.org")
        self.assertIn("no channel of mail", made)
        box = Postbox(self)
        self.channel(box, "--security", "none", "--events", "*,user.failed")
        self.service("--allow-loopback", "-v")

        def about(mails, words):
            return [(said, mail) for said, mail in mails if words in mail["Subject"]]
        mails = box.wait_for(lambda mails: about(mails, "0 of 3, 3 failed") and about(mails, "mailbox"), SECONDS)
        said, mail = about(mails, "0 of 3, 3 failed")[0]
        self.assertIn("Büro & <b> Söhne", mail["Subject"])
        self.assertNotIn("<b>", mail.get_body(("html",)).get_content())
        self.assertEqual(["ops@example.org", "anna@example.org"], said["to"])
        for _, mail in about(mails, "mailbox"):
            self.assertRegex(mail["Subject"], r"failed \(\w+\)$")
            self.assertNotIn("@example.org", mail.get_body(("plain",)).get_content(), "mailboxes are counted, not named")

    def test_an_audit_trail_that_was_changed_is_told_once(self):
        box = Postbox(self)
        self.channel(box, "--security", "none")
        self.channel_at("169.254.7.7")
        self.service("--allow-loopback", "-v")
        link = self.trial("link")
        self.assertEqual(("givenUp", "MAIL_NOT_ALLOWED"), (link["state"], link["lastErrorCode"]), link)
        with contextlib.closing(sqlite3.connect(next((self.folder / "data").glob("*.db")), timeout=30)) as store, store:
            store.execute("UPDATE audit SET body = ? WHERE no = 1", (b'{"at":"2026-01-01T00:00:00Z","actor":"x","action":"x",'
                                                                     b'"subject":"x","change":null}',))
        for _ in range(2):
            self.ferry_fails("audit", "verify")
        mails = box.wait_for(bool)
        time.sleep(8)                              # nothing more comes of it
        self.assertEqual(["[mailferry] The audit trail was changed: entry 1 does not fit, or is missing"],
                         [mail["Subject"] for _, mail in box.mails()], mails)


if __name__ == "__main__":
    unittest.main()
