"""The judgement of the demo against itself: it turns red for each way in which a target can be wrong.

Needs no server and no mailferry.
"""
import copy
import unittest

import corpus
import odd
import realistic
import town

USERS = {1: "user0001"}


def claim(kind, message, folder="INBOX", code="X"):
    return {(kind, "user0001", folder, message.uid): {"code": code}}


class Verdict(unittest.TestCase):
    def setUp(self):
        made = realistic.make(1, 20, 3, 3000)
        self.planted = {1: town.as_snapshot(made.messages, ())}
        self.here, self.there = copy.deepcopy(self.planted), copy.deepcopy(self.planted)

    def told(self, claimed=()):
        return town.verdict(USERS, self.planted, self.here, self.there, dict(claimed))

    def inbox(self, side):
        return side[1].folders[("INBOX",)]

    def test_the_same(self):
        self.assertTrue(self.told()["same"])

    def test_lost_silently(self):
        self.inbox(self.there).pop()
        told = self.told()
        self.assertEqual((False, 1), (told["same"], len(told["unlisted"])))

    def test_lost_and_listed(self):
        gone = self.inbox(self.there).pop()
        self.assertTrue(self.told(claim("skipped", gone))["same"])
        self.assertFalse(self.told(claim("rewritten", gone))["same"], "listed as something else")

    def test_listed_and_there(self):
        told = self.told(claim("skipped", self.inbox(self.there)[0]))
        self.assertEqual((False, 1), (told["same"], len(told["unfounded"])))

    def test_doubled(self):
        self.inbox(self.there).append(self.inbox(self.there)[0])
        self.assertFalse(self.told()["same"])

    def test_changed(self):
        for field, value in (("flags", frozenset({"\\draft"})), ("keywords", frozenset({"x"})), ("date", 1), ("sha", "x")):
            with self.subTest(field):
                self.there = copy.deepcopy(self.here)
                changed = self.inbox(self.there)[0]
                setattr(changed, field, value)
                self.assertFalse(self.told()["same"])
                self.assertTrue(self.told(claim("rewritten", changed))["same"])

    def test_line_ends(self):
        changed = self.inbox(self.there)[0]
        listed = claim("rewritten", changed, code="LINE_ENDS_REWRITTEN")
        self.assertFalse(self.told(copy.deepcopy(listed))["same"], "they are as they were")
        changed.size += 1
        self.assertTrue(self.told(copy.deepcopy(listed))["same"])

    def test_the_source_was_changed(self):
        self.inbox(self.here).pop()
        self.inbox(self.there).pop()
        told = self.told()
        self.assertEqual((False, 1), (told["same"], len(told["sourceFaults"])))


class Corpus(unittest.TestCase):
    def test_twelve_mailboxes(self):
        made = {number: town.made_for(number) for number in range(1, town.MAILBOXES + 1)}
        self.assertEqual(len(odd.make(1, 1).messages), len(made[town.ODD].messages), "every oddity")
        twice = [corpus.sha(m.raw) for m in made[town.TWINS].messages]
        self.assertGreater(len(twice), len(set(twice)))


if __name__ == "__main__":
    unittest.main()
