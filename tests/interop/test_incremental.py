"""Later passes: what changes at the source follows, what people do at the target stays.

First copies are in test_copy.py.
"""
import time
import unittest

import corpus
from case import InteropCase, look, new_message


class Source(InteropCase):
    """The source changes between two copies."""

    def setUp(self):
        super().setUp()
        self.servers()
        self.plant(40, 5)
        self.relays()
        self.copy()
        self.assert_same()
        self.box = self.at_source()

    def copied_since(self):
        """Copies once more; the messages that were put for it."""
        before = time.monotonic()
        self.copy()
        return sum(c.messages for c in self.before_target.commands(before) if c.verb == "APPEND")

    def test_new_mail(self):
        for number in range(5):
            self.box.append(new_message(number, ("INBOX",), ("\\Flagged", "fresh")))
        self.assertEqual(5, self.copied_since())
        self.assert_same()
        self.assert_idle()

    def test_flags_and_keywords(self):
        uids = self.box.search(("INBOX",), "ALL")
        self.box.uid("STORE", uids[0], "+FLAGS", "(\\Flagged $Label1 novel)")
        self.box.uid("STORE", uids[1], "FLAGS", "()")
        self.assertEqual(0, self.copied_since())
        self.assert_same()
        self.assert_idle()

    def test_moves(self):
        uids = self.box.search(("INBOX",), "ALL")[:3]
        self.box.uid("MOVE", ",".join(map(str, uids)), self.box.name(("Archive",)))
        self.copied_since()
        self.assert_same()
        self.assert_idle()

    def test_folder_rename(self):
        self.box.ask("RENAME", self.box.name(("Archive", "2019")), self.box.name(("Archive", "nineteen")))
        self.copied_since()
        report = self.judged(ignore_folders=("Archive/2019",))
        self.assertTrue(report.same, report.text())
        self.assert_idle()

    def test_new_folder_and_subscription(self):
        self.box.create(("Fresh", "below"))
        self.box.append(new_message(1, ("Fresh", "below")))
        self.assertEqual(1, self.copied_since())
        self.assert_same(subscriptions=True)

    def test_subscription_taken_away(self):
        self.box.ask("SUBSCRIBE", self.box.name(("Archive",)))
        self.copy()
        self.assert_same(subscriptions=True)
        self.box.ask("UNSUBSCRIBE", self.box.name(("Archive",)))
        self.assertEqual(0, self.copied_since())
        self.assert_same(subscriptions=True)
        self.assertNotIn(("Archive",), look(self.target).subscribed)
        self.assert_idle()
        theirs = self.at_target()
        theirs.ask("SUBSCRIBE", theirs.name(("Archive",)))
        self.assert_idle()
        self.assertIn(("Archive",), look(self.target).subscribed, "what people subscribe to there stays")

    def remove(self, count):
        uids = ",".join(map(str, self.box.search(("INBOX",), "ALL")[:count]))
        self.box.uid("STORE", uids, "+FLAGS", "(\\Deleted)")
        self.box.uid("EXPUNGE", uids)

    def test_deletion_is_not_carried(self):
        before = look(self.target).count()
        self.remove(3)
        self.copied_since()
        self.assertEqual(before, look(self.target).count())
        self.assert_idle()

    def test_deletion_is_carried_when_asked(self):
        self.remove(3)
        self.copy("--delete")
        self.assert_same()
        self.assert_idle("--delete")

    def test_folder_made_anew(self):
        """Another UIDVALIDITY, the same messages: nothing is doubled."""
        kept = [m for m in look(self.source).folders[("Sent",)]]
        self.box.select(("Sent",))
        rows = {m.uid: self.box.uid("FETCH", m.uid, "(BODY.PEEK[])")[0][1] for m in kept}
        self.box.select(("INBOX",))
        self.box.ask("DELETE", self.box.name(("Sent",)))
        self.box.create(("Sent",))
        for m in kept:
            self.box.append(corpus.Message(("Sent",), rows[m.uid], tuple(m.flags | m.keywords), m.date))
        self.assertEqual(0, self.copied_since())
        self.assert_same()
        self.assert_idle()


class People(InteropCase):
    """People already work in the target between two copies."""

    def setUp(self):
        super().setUp()
        self.servers()
        self.plant(40, 5)
        self.relays()
        self.copy()
        self.box = self.at_target()

    def again(self):
        """One more copy puts nothing; what it told."""
        before = time.monotonic()
        told = self.copy().json
        self.assertEqual([], [str(c) for c in self.before_target.commands(before) if c.verb == "APPEND"])
        self.assertEqual(([], []), (told["missing"], told["doubled"]))
        return told

    def test_moves_stay(self):
        uids = self.box.search(("INBOX",), "ALL")[:3]
        self.box.create(("Mine",))
        self.box.select(("INBOX",))
        self.box.uid("MOVE", ",".join(map(str, uids)), self.box.name(("Mine",)))
        told = self.again()
        self.assertEqual(3, len(look(self.target).folders[("Mine",)]))
        self.assertEqual(40, look(self.target).count())
        self.assertEqual(3, len(told["changedAtTarget"]), told)

    def test_deletions_stay(self):
        uids = ",".join(map(str, self.box.search(("INBOX",), "ALL")[:3]))
        self.box.uid("STORE", uids, "+FLAGS", "(\\Deleted)")
        self.box.uid("EXPUNGE", uids)
        told = self.again()
        self.assertEqual(37, look(self.target).count())
        self.assertEqual(3, len(told["changedAtTarget"]), told)

    def test_flags_merge(self):
        """Only the source's difference is applied to what people set at the target."""
        uid = self.box.search(("INBOX",), "ALL")[0]
        shown = next(m for m in look(self.target).folders[("INBOX",)] if m.uid == uid)
        self.box.uid("STORE", uid, "+FLAGS", "(mine)")
        with corpus.Mailbox(self.source) as source:
            twin = next(m for m in look(self.source).folders[("INBOX",)] if m.sha == shown.sha)
            source.select(("INBOX",))
            source.uid("STORE", twin.uid, "+FLAGS", "(theirs)")
        self.again()
        merged = next(m for m in look(self.target).folders[("INBOX",)] if m.sha == shown.sha)
        self.assertEqual(shown.keywords | {"mine", "theirs"}, merged.keywords)
        self.assertEqual(shown.flags, merged.flags)

    def test_folder_made_anew_is_filled_again(self):
        """Another UIDVALIDITY and nothing in it: no act of a user on what was in it."""
        count = len(look(self.target).folders[("Sent",)])
        self.assertGreater(count, 0)
        self.box.select(("INBOX",))
        self.box.ask("DELETE", self.box.name(("Sent",)))
        self.box.create(("Sent",))
        told = self.copy().json
        self.assertEqual((count, [], []), (told["put"], told["changedAtTarget"], told["missing"]))
        self.assert_same()
        self.assert_idle()

    def test_folder_renamed_stays_so(self):
        count = len(look(self.target).folders[("Sent",)])
        self.box.select(("INBOX",))
        self.box.ask("RENAME", self.box.name(("Sent",)), self.box.name(("Mine",)))
        told = self.again()
        self.assertEqual(40, look(self.target).count())
        self.assertEqual(count, len(told["changedAtTarget"]), told)

    def test_a_folder_gone_from_both_sides_stops_nothing(self):
        for box in (self.at_source(), self.box):
            box.ask("DELETE", box.name(("Archive", "2019")))
        self.assert_new_mail_arrives()

    def test_a_parent_deleted_at_the_target_stops_nothing(self):
        # Dovecot goes on listing what has folders below it, as if it were there.
        self.box.ask("DELETE", self.box.name(("Archive",)))
        self.assert_new_mail_arrives()

    def assert_new_mail_arrives(self):
        for number in (71, 72):
            with corpus.Mailbox(self.source) as source:
                source.append(new_message(number))
            self.copy()
            self.assertEqual(1, len(self.box.search(("INBOX",), "HEADER", "Message-ID", f"new-{number}@")))

    def test_renamed_at_the_source_onto_a_name_that_is_taken(self):
        count = len(look(self.target).folders[("Sent",)])
        self.box.create(("Mine",))
        self.box.append(new_message(1, ("Mine",)))
        with corpus.Mailbox(self.source) as source:
            source.ask("RENAME", source.name(("Sent",)), source.name(("Mine",)))
        self.again()
        there = look(self.target).folders
        self.assertEqual((1, count), (len(there[("Mine",)]), len(there[("Mine (2)",)])))
        self.assert_idle()

    def test_what_a_user_flagged_is_not_removed(self):
        """Of two that go at the source with --delete, the one that was flagged at the target stays."""
        first, second = look(self.target).folders[("INBOX",)][:2]
        self.box.select(("INBOX",))
        self.box.uid("STORE", first.uid, "+FLAGS", "(mine)")
        with corpus.Mailbox(self.source) as source:
            twins = [m.uid for m in look(self.source).folders[("INBOX",)] if m.sha in (first.sha, second.sha)]
            source.select(("INBOX",))
            source.uid("STORE", ",".join(map(str, twins)), "+FLAGS", "(\\Deleted)")
            source.uid("EXPUNGE", ",".join(map(str, twins)))
        told = self.copy("--delete").json
        shas = [m.sha for m in look(self.target).folders[("INBOX",)]]
        self.assertEqual((1, 0), (shas.count(first.sha), shas.count(second.sha)))
        self.assertEqual(1, len(told["changedAtTarget"]), told)
        self.assert_idle("--delete")

    def test_own_mail_stays(self):
        self.box.append(new_message(1))
        self.again()
        self.assertEqual(41, look(self.target).count())


if __name__ == "__main__":
    unittest.main()
