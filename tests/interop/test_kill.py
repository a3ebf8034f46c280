"""SIGKILL of the real program against real servers: a short form for every run; the long form is kill.py.

`LongKills` runs only when asked for (run.py --long).
"""
import dataclasses
import os
import subprocess
import time
import unittest

import copiers
import kill
import mailferry
from case import InteropCase


class ShortKills(InteropCase):
    def check(self, options):
        result = kill.KillTest(self.town, copiers.product, options).run()
        print("\n" + result.text())
        self.assertTrue(result.is_green, result.text())

    def test_short(self):
        self.check(kill.short(kill.Options(seed=7)))


@unittest.skipUnless(os.environ.get("INTEROP_LONG"), "long: 50 kills each (run.py --long)")
class LongKills(ShortKills):
    test_short = None

    def test_fifty_kills(self):
        self.check(kill.Options(kills=50, mid_append=30))

    def test_fifty_kills_slow_appends(self):
        self.check(kill.Options(kills=50, mid_append=30, slow_append_ms=10, seed=2))

    def test_fifty_kills_that_land_3_s_later(self):
        self.check(kill.Options(kills=50, mid_append=30, slow_append_ms=10, land_after_s=3, seed=3,
                                needs=("landed after the next run had read",)))

    def test_fifty_kills_with_late_answers(self):
        self.check(kill.Options(kills=50, mid_append=30, slow_append_ms=0, answer_delay_ms=30, seed=4))


class TwoStarts(InteropCase):
    def test_one_works_the_other_says_so(self):
        """Two starts of the same copy: exit 0 and 6, and nothing doubled. Neither can finish before the other has ended."""
        said = self.start_both([], [])
        self.assertEqual([0, 6], sorted(code for code, _ in said), said)

    def test_another_copy_into_the_same_mailbox_waits_for_its_turn(self):
        """The same mailbox by another name of its server and with another mapping: two ledgers, one target."""
        said = self.start_both([], ["--map", "Sent=Elsewhere"], "localhost")
        self.assertEqual([0, 6], sorted(code for code, _ in said), said)
        self.assertTrue(any("into the same mailbox is running" in told for code, told in said if code == 6), said)

    def start_both(self, one, other, host="127.0.0.1"):
        """Exit codes and standard error of two copies with these arguments; the second may name another host."""
        self.servers()
        self.plant(30, 4)
        self.relays(target={"slow_append_ms": 600_000})
        ends = self.ends()
        there = [dataclasses.replace(end, url=end.url.replace("127.0.0.1", host)) for end in ends]
        commands = [[mailferry.binary(), *mailferry.copy_arguments(*these, self.data, *more)]
                    for these, more in ((ends, one), (there, other))]
        both = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=mailferry.environment()) for command in commands]
        try:
            end = time.monotonic() + 60
            while all(child.poll() is None for child in both) and time.monotonic() < end:
                time.sleep(0.02)
            self.before_target.hurry.set()
            said = [child.communicate(timeout=120) for child in both]
        finally:
            for child in both:
                if child.poll() is None:
                    child.kill()
                    child.communicate()
        codes = [child.returncode for child in both]
        if 0 in codes and commands[codes.index(0)][-1] != "Sent=Elsewhere":
            self.assert_same()
            self.assert_idle()
        return [(code, err.decode()) for code, (_, err) in zip(codes, said)]


if __name__ == "__main__":
    unittest.main()
