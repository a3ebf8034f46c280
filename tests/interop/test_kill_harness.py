"""The kill test against copiers that are wrong on purpose: it must turn red for each, and name the fault.

A verdict counts only when what brings the fault to light has happened: each test names it (`needs`).
And green for a copier that is right. mbsync, killed as often, shows what a foreign program does.
"""
import unittest

import copiers
from kill import KillTest, Options
from peer import Town


class Harness(unittest.TestCase):
    def killed(self, mode, **options):
        """The result of a small kill test of a copier of bad_copier.py."""
        given = {"kills": 5, "mid_append": 4, "held": 2, "slow_append_ms": 10, "messages": 100, "folders": 4, "limit_s": 300,
                 "feed": 40, "lose_share": 0}
        town = self.enterContext(Town())
        make = copiers.mbsync if mode == "mbsync" else lambda *ends: copiers.bad(*ends, mode)
        result = KillTest(town, make, Options(**given | options)).run()
        print(f"\n{result.histogram()}\n{result.summary()}")
        self.assertEqual([], result.missing, f"inconclusive: {result.text()}")
        return result

    def assert_red(self, mode, kind, **options):
        result = self.killed(mode, **options)
        self.assertFalse(result.is_green, f"{mode} must not pass")
        self.assertTrue(result.report.of(kind), f"{kind} was not named: {result.text()}")
        self.assertIn("RED", result.summary())

    def test_blind_retry_doubles(self):
        self.assert_red("blind-retry", "doubled", needs=("landed",))

    def test_cursor_first_loses(self):
        self.assert_red("cursor-first", "lost", lose_share=1, needs=("lost",))

    def test_no_grace_doubles_what_lands_late(self):
        self.assert_red("no-grace", "doubled", land_after_s=3, needs=("landed after the next run had put",))

    def test_merging_equal_messages_loses(self):
        self.assert_red("merge-equal", "lost", kills=2, mid_append=1, held=1)

    def test_a_copier_that_reads_all_is_not_idle(self):
        """Nobody kills it, so no mail is lost or doubled; it fails where a run with nothing to do must be quiet."""
        def make(town, source, target):
            copier = copiers.bad(town, source, target, "no-grace")
            copier.is_quiet = copier.opens_read_only = True
            return copier
        result = KillTest(self.enterContext(Town()), make, Options(kills=0, mid_append=0, messages=30, folders=3)).run()
        self.assertTrue(result.report.same, result.text())
        self.assertIn("a run with nothing to do did", result.text())

    def test_sound_passes(self):
        result = self.killed("sound", kills=4, mid_append=3, land_after_s=2.5, needs=("landed after the next run had read",))
        self.assertTrue(result.is_green, result.text())

    def test_what_never_happens_is_inconclusive(self):
        """Nothing lands, so a copier without a grace is not found out: that is neither green nor red."""
        options = Options(kills=1, mid_append=1, held=1, messages=30, folders=3, lose_share=1, needs=("landed",), limit_s=4)
        result = KillTest(self.enterContext(Town()), lambda *ends: copiers.bad(*ends, "no-grace"), options).run()
        self.assertEqual(("INCONCLUSIVE", ["landed"], []), (result.verdict, result.missing[-1:], result.problems), result.text())
        self.assertFalse(result.is_green)

    def test_a_foreign_program_is_judged(self):
        """mbsync asks its target what arrived, once and without a grace: late arrivals are doubled, nothing is lost."""
        result = self.killed("mbsync", slow_append_ms=1, messages=300)
        found = result.report.counts()
        self.assertLessEqual(found.keys(), {"doubled", "changed-flags"}, result.text())   # flags: of a doubled one
        self.assertEqual(result.is_green, not found, result.text())

    def test_moments_are_told_apart(self):
        """Kills at random moments fall in different places, and the histogram says where."""
        result = self.killed("blind-retry", kills=8, mid_append=2, held=1, needs=("killed outside an APPEND",))
        self.assertGreaterEqual(len(result.moments), 2, result.histogram())
        self.assertEqual(result.kills, sum(n for name, n in result.moments.items() if not name.startswith("no kill")))


if __name__ == "__main__":
    unittest.main()
