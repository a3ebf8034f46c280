"""The base of the product's interop tests: servers, a planted source, a copy, a judgement.

A test gets fresh servers on fresh ports in a folder of its own; all of it ends with the test. What is
right is said by the judge and by the relays, never by the program under test alone.
"""
import time
import unittest

import corpus
import judge
import mailferry
import odd
import realistic
import snapshot
from kill import unquiet
from peer import Town
from relay import Relay


def look(account):
    return snapshot.read("127.0.0.1", account.port, account.user, account.password)


class InteropCase(unittest.TestCase):
    """One test: `self.town` is its world."""

    maxDiff = None

    def setUp(self):
        mailferry.binary()                         # no program: skip before a server starts
        self.town = self.enterContext(Town())
        self.data = self.town.path("data")

    # --- the world

    def servers(self, source=(), target=()):
        """A source and a target Dovecot with the options given; sets source, target (accounts)."""
        self.source_peer, self.target_peer = self.town.dovecots(source, target)
        self.source, self.target = self.source_peer.account(), self.target_peer.account()

    def plant(self, messages=40, folders=5, seed=1, largest=12_000):
        """A small realistic mailbox at the source; checks that the source shows it."""
        return self.plant_corpus(realistic.make(seed, messages, folders, largest))

    def plant_odd(self, big_mb=30):
        return self.plant_corpus(odd.make(1, big_mb), "maildir")

    def plant_corpus(self, made, way="append"):
        planted = corpus.plant(self.source_peer, self.source, made, way)
        self.assertEqual([], planted.refused)
        self.assertEqual([], planted.shortfall(look(self.source)))
        return planted

    def relays(self, source=None, target=None):
        """Relays before both servers; returns them."""
        self.before_source = self.town.enter_context(Relay(self.source.port, **(source or {})))
        self.before_target = self.town.enter_context(Relay(self.target.port, **(target or {})))
        return self.before_source, self.before_target

    # --- the program

    def end(self, account, *options, url=None, password=None):
        """One side as the command line takes it; options are (name, value) pairs."""
        return mailferry.End(url or account.url("none"), self.town.secret_file(password or account.password), options)

    def ends(self):
        """Both sides, through the relays where there are some."""
        through = [(self.source, getattr(self, "before_source", None)), (self.target, getattr(self, "before_target", None))]
        return [self.end(a, url=a.url("none", relay.port if relay else None)) for a, relay in through]

    def copy(self, *more, code=0, ends=None, data=None):
        """Run the copy; its exit code must be CODE (or one of them)."""
        run = mailferry.run(*mailferry.copy_arguments(*(ends or self.ends()), data or self.data, *more))
        codes = code if isinstance(code, tuple) else (code,)
        self.assertIn(run.code, codes, run.told())
        self.no_secrets(run)
        return run

    def no_secrets(self, run):
        for account in (self.source, self.target):
            self.assertNotIn(account.password, run.out + run.err, "a password was printed")

    # --- the judgement

    def judged(self, **options):
        return judge.compare(look(self.source), look(self.target), **options)

    def assert_same(self, **options):
        report = self.judged(**options)
        self.assertTrue(report.same, report.text())
        return report

    def assert_idle(self, *more):
        """One more copy changes nothing and fetches no body, as the relays see it."""
        before = time.monotonic()
        run = self.copy(*more)
        self.assertEqual([], unquiet(self.before_source, self.before_target, before))
        return run

    def assert_only_read(self):
        wrong = [str(c) for c in self.before_source.commands() if c.changes() or c.verb == "SELECT"]
        self.assertEqual([], wrong, "the source was not only read")

    # --- people at work

    def at_source(self):
        return self.enterContext(corpus.Mailbox(self.source))

    def at_target(self):
        return self.enterContext(corpus.Mailbox(self.target))


def new_message(number, folder=("INBOX",), flags=(), date=1_700_000_000):
    """A message that is in no corpus."""
    raw = (f"From: a@example.net\r\nTo: user@example.org\r\nSubject: new {number}\r\n"
           f"Date: {corpus.header_date(date)}\r\nMessage-ID: <new-{number}@example.org>\r\n\r\nnew {number}\r\n")
    return corpus.Message(folder, raw.encode(), flags, date)
