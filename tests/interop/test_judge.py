"""The judge against itself: two equal accounts are the same, and every planted fault is named.

Real Dovecots, no program under test. A judge that misses a fault kind makes every other test worthless.
"""
import subprocess
import sys
import unittest

import corpus
import judge
import realistic
import snapshot
from case import look, new_message
from copiers import HERE
from peer import Town


def remove(box, path, uid):
    box.select(path)
    box.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
    box.uid("EXPUNGE", uid)


class Judge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Town())
        cls.peers = cls.town.dovecot("--users", "20"), cls.town.dovecot("--users", "20", "--dot")
        cls.number = 0

    def setUp(self):
        """Two accounts with the same content, one behind prefix and dot."""
        type(self).number += 1
        self.a, self.b = (peer.account(self.number) for peer in self.peers)
        made = realistic.make(3, 24, 5, 4000)
        made.messages.append(corpus.Message(("INBOX",), b"no head at all\r\n", (), 1_600_000_000))
        for peer, account in zip(self.peers, (self.a, self.b)):
            self.assertEqual([], corpus.plant(peer, account, made).refused)
        self.box = self.enterContext(corpus.Mailbox(self.b))
        self.first = self.box.search(("INBOX",), "ALL")[0]

    def found(self, **options):
        return judge.compare(look(self.a), look(self.b), **options)

    def assert_named(self, *kinds, **options):
        """Exactly these faults, and each text names folder and message."""
        report = self.found(**options)
        self.assertEqual(sorted(kinds), sorted(f.kind for f in report.faults), report.text())
        self.assertIn(kinds[0], report.text())
        self.assertFalse(report.same)
        return report

    def raw(self, path=("INBOX",), uid=None):
        self.box.select(path)
        return self.box.uid("FETCH", uid or self.first, "(BODY.PEEK[])")[0][1]

    def message(self, **changed):
        shown = next(m for m in look(self.b).folders[("INBOX",)] if m.uid == self.first)
        given = {"folder": ("INBOX",), "raw": self.raw(), "flags": tuple(shown.flags | shown.keywords), "date": shown.date}
        return corpus.Message(**given | changed)

    def replace(self, **changed):
        message = self.message(**changed)
        self.box.append(message)
        remove(self.box, ("INBOX",), self.first)

    def test_the_same(self):
        report = self.found(subscriptions=True)
        self.assertTrue(report.same, report.text())
        self.assertEqual((25, 25), (report.source.count(), report.target.count()))

    def test_lost(self):
        ident = self.message().raw.split(b"Message-ID: <")[1].split(b">")[0].decode()
        remove(self.box, ("INBOX",), self.first)
        self.assertIn(ident, self.assert_named("lost").faults[0].detail)

    def test_lost_without_a_head(self):
        uid = self.box.search(("INBOX",), "ALL")[-1]
        remove(self.box, ("INBOX",), uid)
        self.assert_named("lost")

    def test_doubled(self):
        self.box.append(self.message())
        self.assert_named("doubled")
        self.assertTrue(self.found(subset=True).same)

    def test_misplaced(self):
        self.box.select(("INBOX",))
        self.box.uid("MOVE", self.first, self.box.name(("Sent",)))
        self.assertIn("Sent", self.assert_named("misplaced").faults[0].detail)

    def test_extra(self):
        self.box.append(new_message(1))
        self.assert_named("extra")
        self.assertTrue(self.found(subset=True).same)

    def test_one_flipped_byte(self):
        raw = bytearray(self.raw())
        raw[-10] ^= 1
        self.replace(raw=bytes(raw))
        self.assert_named("changed-bytes")

    def test_cut_short(self):
        self.replace(raw=self.raw()[:-3])
        self.assert_named("changed-bytes")

    def test_flag(self):
        self.box.select(("INBOX",))
        self.box.uid("STORE", self.first, "+FLAGS", "(\\Deleted)")
        self.assert_named("changed-flags")

    def test_keyword(self):
        self.box.select(("INBOX",))
        self.box.uid("STORE", self.first, "+FLAGS", "(planted)")
        self.assert_named("changed-keywords")
        self.assertTrue(self.found(keywords=False).same)

    def test_date(self):
        self.replace(date=self.message().date + 1)
        self.assert_named("changed-date")
        self.assertTrue(self.found(dates=False).same)
        self.assertTrue(self.found(date_seconds=1).same)

    def test_missing_folder(self):
        self.box.select(("INBOX",))
        path = ("Archive", "2019")
        count = len(look(self.a).folders[path])
        self.box.ask("DELETE", self.box.name(path))
        self.assert_named("missing-folder", *["lost"] * count)

    def test_extra_folder(self):
        self.box.create(("Planted",))
        self.assert_named("extra-folder")
        self.assert_named("extra-folder", "extra-subscription", subscriptions=True)
        self.assertTrue(self.found(ignore_folders=("Planted",)).same)

    def test_subscription(self):
        self.box.ask("UNSUBSCRIBE", self.box.name(("Sent",)))
        self.assertTrue(self.found().same)
        self.assert_named("missing-subscription", subscriptions=True)

    def test_folder_map(self):
        self.box.ask("RENAME", self.box.name(("Archive",)), self.box.name(("Old",)))
        self.assertFalse(self.found().same)
        self.assertTrue(self.found(folder_map={"Archive": "Old"}).same)

    def test_twins_are_counted(self):
        """Two equal messages here, one there: lost, although its bytes are there."""
        with corpus.Mailbox(self.a) as box:
            box.append(self.message())
        self.assert_named("lost")

    def test_unreadable_is_not_the_same(self):
        with self.assertRaises(snapshot.CannotLook):
            snapshot.read("127.0.0.1", self.a.port, self.a.user, "not-it")

    def test_command(self):
        keys = [self.town.secret_file(a.password) for a in (self.a, self.b)]
        command = [sys.executable, "-B", HERE / "judge.py", self.a.url("none"), self.b.url("none"),
                   "--source-password-file", keys[0], "--target-password-file", keys[1], "--json"]
        run = lambda: subprocess.run(command, capture_output=True, timeout=60)
        self.assertEqual(0, run().returncode, run().stderr)
        remove(self.box, ("INBOX",), self.first)
        done = run()
        self.assertEqual(1, done.returncode)
        self.assertIn(b'"lost": 1', done.stdout)
        command[-2] = self.town.secret_file("not-it")
        self.assertEqual(2, run().returncode)


if __name__ == "__main__":
    unittest.main()
