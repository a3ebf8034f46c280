"""The main job end to end: endpoints, a CSV, a batch that goes Created → Syncing → Synced → Completed.

One mailbox without a batch is in test_copy.py.
"""
import json
import unittest

import corpus
import judge
import mailferry
import realistic
from case import InteropCase, look, new_message


class Batch(InteropCase):
    def setUp(self):
        super().setUp()
        self.servers(("--users", "3"), ("--users", "3"))
        for number, account in enumerate(self.source_peer.accounts, 1):
            made = realistic.make(number, 15, 4, 8000)
            self.assertEqual([], corpus.plant(self.source_peer, account, made).refused)

    def ferry(self, *words, code=0):
        run = mailferry.run(*words, "--data-dir", self.data, "-o", "json")
        self.assertEqual(code, run.code, f"{words}\n{run.told()}")
        for account in self.source_peer.accounts:
            self.assertNotIn(account.password, run.out + run.err, "a password was printed")
        return run

    def endpoint(self, name, peer, *more):
        self.ferry("endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1",
                   "--port", peer.account().port, "--security", "none", *more)

    def endpoints(self, admin):
        for name, peer in (("old", self.source_peer), ("new", self.target_peer)):
            user, password = peer.master
            self.endpoint(name, peer, *(("--username", user, "--password-file", self.town.secret_file(password),
                                         "--admin-style", "dovecot") if admin else ()))

    def csv(self, header, rows):
        path = self.town.path("users")
        path.write_text("\ufeff" + header + "\r\n" + "".join(",".join(row) + "\r\n" for row in rows), encoding="utf-8")
        path.chmod(0o600)
        return path

    def all_same(self):
        for source, target in zip(self.source_peer.accounts, self.target_peer.accounts):
            report = judge.compare(look(source), look(target))
            self.assertTrue(report.same, report.text())

    def statuses(self, *words):
        """Every value of a field called status in what a command printed."""
        found = []

        def walk(value):
            if isinstance(value, dict):
                found.extend(str(v) for k, v in value.items() if k.lower() == "status")
            for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
                walk(inner)
        text = self.ferry(*words).out
        walk(json.loads(text))
        return found

    def through(self, csv):
        """From Created to Completed, with work going on at the source in between."""
        self.ferry("batch", "new", "wave1", "--source", "old", "--target", "new", "--csv", csv)
        self.assertIn("Created", self.statuses("batch", "show", "wave1"))
        self.ferry("batch", "start", "wave1", "--wait=synced")
        self.assertIn("Synced", self.statuses("batch", "show", "wave1"))
        self.all_same()
        with corpus.Mailbox(self.source) as box:
            box.append(new_message(1))
            box.uid("STORE", box.search(("INBOX",), "ALL")[0], "+FLAGS", "(\\Flagged)")
        self.ferry("batch", "complete", "wave1", "--wait=completed")
        self.assertIn("Completed", self.statuses("batch", "show", "wave1"))
        self.all_same()

    def test_password_for_each_user(self):
        self.endpoints(admin=False)
        rows = [(s.email, s.user, s.password, t.email, t.user, t.password)
                for s, t in zip(self.source_peer.accounts, self.target_peer.accounts)]
        self.through(self.csv("EmailAddress,UserName,Password,TargetAddress,TargetUserName,TargetPassword", rows))

    def test_one_admin_for_all(self):
        self.endpoints(admin=True)
        rows = [(s.email, s.user, t.email, t.user) for s, t in zip(self.source_peer.accounts, self.target_peer.accounts)]
        self.through(self.csv("EmailAddress,UserName,TargetAddress,TargetUserName", rows))
        self.assertEqual(3, len(self.statuses("user", "list")))

    def test_a_scan_counts_what_is_there_and_changes_nothing(self):
        self.endpoints(admin=True)
        csv = self.csv("EmailAddress,UserName,Department", [(s.email, s.user, "Sales") for s in self.source_peer.accounts])
        before = [look(account) for account in self.source_peer.accounts + self.target_peer.accounts]
        told = self.ferry("scan", "start", "--source", "old", "--target", "new", "--csv", csv).json
        after = [look(account) for account in self.source_peer.accounts + self.target_peer.accounts]
        for one, other in zip(before, after):
            report = judge.compare(one, other)
            self.assertTrue(report.same, report.text())
        self.assertEqual((3, 0, "Done"), (told["total"]["assessed"], told["total"]["failed"], told["state"]))
        self.assertEqual([15] * 3, [row["found"]["mail"]["items"] for row in told["results"]])
        self.assertEqual([None] * 3, [row["found"]["preview"]["unknown"] for row in told["results"]])
        self.assertGreater(told["total"]["largest"]["size"], 0)

    def test_endpoint_test(self):
        self.endpoints(admin=True)
        told = self.ferry("endpoint", "test", "old").json
        self.assertEqual([], [s for s in told["steps"] if s["outcome"] == "fail"])
        rows = {s["id"]: s["outcome"] for s in told["steps"]}
        asked = ["imap-signs-in", "imap-may-open", "imap-inbox-opens"]
        self.assertEqual(["pass", "warn", "not-run"], [rows[row] for row in asked], "master, no mailbox")
        for style in ("dovecot", "authzid"):
            self.endpoint(f"boss-{style}", self.source_peer, "--username", self.source_peer.master[0], "--password-file",
                          self.town.secret_file("not-it"), "--admin-style", style)
            for side, code in (("source", 23), ("target", 33)):
                told = self.ferry("endpoint", "test", f"boss-{style}", "--as", side, code=code).json
                self.assertEqual(["auth"], [s["step"] for s in told["steps"] if s["outcome"] == "fail"])
        self.endpoint("wrong", self.source_peer, "--username", "user0001", "--password-file",
                      self.town.secret_file("not-it"))
        failed = [s["step"] for s in self.ferry("endpoint", "test", "wrong", code=23).json["steps"] if s["outcome"] == "fail"]
        self.assertEqual(["auth"], failed)
        self.assertIn("NeedsToConnect", self.statuses("endpoint", "show", "wrong"))

    def test_a_wrong_account_of_all_stops_only_who_shares_it(self):
        self.endpoints(admin=False)
        self.endpoint("wrong", self.source_peer, "--username", "user0001", "--password-file",
                      self.town.secret_file("not-it"))
        rows = [(s.email, s.user, s.password if s.user == "user0003" else "") for s in self.source_peer.accounts]
        csv = self.csv("EmailAddress,UserName,Password", rows)
        told = json.loads(self.ferry("endpoint", "test", "wrong", "--csv", csv, code=23).out)
        self.assertEqual(["fail", "not-run", "pass"], [row["outcome"] for row in told])

    def test_one_wrong_password_among_three(self):
        """Two mailboxes move, the third says why not."""
        self.endpoints(admin=False)
        rows = [(s.email, s.user, s.password if s.user != "user0002" else "not-it", t.email, t.user, t.password)
                for s, t in zip(self.source_peer.accounts, self.target_peer.accounts)]
        csv = self.csv("EmailAddress,UserName,Password,TargetAddress,TargetUserName,TargetPassword", rows)
        self.ferry("batch", "new", "wave1", "--source", "old", "--target", "new", "--csv", csv)
        self.ferry("batch", "start", "wave1", "--wait=synced", code=3)
        for number in (0, 2):
            report = judge.compare(look(self.source_peer.accounts[number]), look(self.target_peer.accounts[number]))
            self.assertTrue(report.same, report.text())
        self.assertEqual(0, look(self.target_peer.accounts[1]).count())


if __name__ == "__main__":
    unittest.main()
