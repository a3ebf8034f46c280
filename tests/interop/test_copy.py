"""Copies of one mailbox, real Dovecot to real Dovecot: everything arrives, once, and a repeat is idle.

Limits of servers are in test_limits.py, sign-in and TLS in test_signin.py, later passes in
test_incremental.py, batches in test_batch.py, kills in test_kill.py.
"""
import dataclasses
import re
import shutil
import time
import unittest

import corpus
import judge
import mailferry
import odd
from case import InteropCase, look, new_message


class Whole(InteropCase):
    def test_realistic_mailbox_then_idle(self):
        self.servers()
        self.plant(60, 8)
        self.relays()
        told = self.copy().json
        self.assert_same(subscriptions=True)
        self.assertEqual(("success", 0, "Perfect"), (told["result"], told["exitCode"], told["score"]), told)
        self.assertEqual((60, 60), (told["identified"], told["placed"]), told)
        self.assertIn("migration looks good", told["sentence"])
        self.assert_idle()
        self.assert_only_read()

    def assert_odd(self, told):
        """Only what the target refuses or changes by itself differs, and each of these is told."""
        report = self.judged(subscriptions=True)
        quirks = {m.quirk: self.ident(m) for m in odd.make(1, 1).messages if m.quirk}
        refused = [f for f in report.of("lost") if f.ident != quirks[odd.LONG_KEYWORD]]
        self.assertEqual([("odd heads", "")], [("/".join(f.folder), f.ident) for f in refused], report.text())
        self.assertEqual([quirks[odd.LONE_CR]], [f.ident for f in report.of("changed-bytes")], report.text())
        self.assertEqual(2, len(report.of("changed-date")), report.text())
        keyword = [f.kind for f in report.faults if f.ident == quirks[odd.LONG_KEYWORD]]
        self.assertIn(keyword, (["changed-keywords"], ["lost"]), "the keyword goes, or at worst its message")
        self.assertEqual(5, len(report.faults), report.text())
        self.assertEqual(len(report.of("lost")), len(told["skipped"]), told["skipped"])
        self.assertIn(("odd heads", 0), [(e["folder"], e["size"]) for e in told["skipped"]])
        self.assertTrue(all(e["reason"] and e["code"] for e in told["skipped"]))
        self.assertEqual(([], []), (told["missing"], told["doubled"]))
        # A lone CR at the very end goes, but the server lists the old size: nobody sees that without the body.
        unseen = {quirks[odd.LONE_CR]}
        changed = {f.ident.strip("<>") for f in report.faults if f.kind.startswith("changed-") and f.ident not in unseen}
        self.assertLessEqual(changed, {(e["messageId"] or "").strip("<>") for e in told["rewritten"]})

    def ident(self, message):
        match = re.search(rb"(?im)^message-id: *(\S+)", message.raw)
        return match[1].decode() if match else ""

    def test_odd_corpus(self):
        self.servers()
        self.plant_odd()
        self.assert_odd(self.copy(code=3).json)

    def test_odd_corpus_to_sdbox_by_one_connection(self):
        self.servers(target=("--format", "sdbox"))
        self.plant_odd(big_mb=3)
        self.assert_odd(self.copy("--connections", "1", code=3).json)

    def test_prefix_and_dot_at_the_target(self):
        self.servers(target=("--dot",))
        self.plant(30, 12)
        self.relays()
        self.copy()
        self.assert_same(subscriptions=True)
        self.assert_idle()

    def test_prefix_and_dot_at_the_source(self):
        self.servers(source=("--dot",))
        self.plant(30, 12)
        self.copy()
        self.assert_same(subscriptions=True)

    def test_prefix_that_the_target_does_not_tell(self):
        """No NAMESPACE, all names below INBOX.: found out by a refused CREATE, then from the listing."""
        self.servers(target=("--dot", "--without", "NAMESPACE"))
        self.plant(30, 6)
        self.relays()
        self.copy()
        self.assert_same(subscriptions=True)
        refused = [str(c) for c in self.before_target.commands() if c.verb == "CREATE" and c.answer == "NO"]
        self.assertLessEqual(len(refused), 8, "asked again and again where names begin")
        self.assert_idle()
        with corpus.Mailbox(self.source) as box:
            box.create(("made later",))
            box.append(new_message(1, ("made later",)))
        since = time.monotonic()
        self.copy()
        self.assert_same(subscriptions=True)
        made = [c for c in self.before_target.commands(since) if c.verb == "CREATE"]
        self.assertEqual(["OK"], [c.answer for c in made])

    def test_prefix_that_the_source_does_not_tell(self):
        """What lies below INBOX. there lies beside INBOX at the target."""
        self.servers(source=("--dot", "--without", "NAMESPACE"))
        self.plant(30, 6)
        self.copy()
        self.assert_same(subscriptions=True)

    def test_names_that_the_target_refuses(self):
        """A dot in a name: sdbox has it, Maildir++ cannot; the mail arrives elsewhere and it is told."""
        self.servers(source=("--format", "sdbox"))
        with corpus.Mailbox(self.source) as box:
            for number, path in enumerate([("a.b",), ("a", "b"), ("plain",)]):
                box.create(path)
                box.append(new_message(number, path))
        run = self.copy()
        shown = look(self.target)
        self.assertEqual(3, shown.count(), run.told())
        self.assertEqual(1, len(shown.folders[("a", "b")]), "two folders were merged silently")
        self.assertIn("a.b", run.out + run.err)

    def test_lost_connections(self):
        """A source that ends in the middle of a body, a target that ends in the middle of an APPEND."""
        self.servers()
        self.plant(100, 4, largest=60_000)
        source, target = self.relays()
        source.drop_after(40_000, times=2)
        target.drop_on(lambda c: c.verb == "APPEND", times=2)
        self.copy()
        self.assertEqual([0, 0], [rule.left for rule in source.rules + target.rules], "nothing was lost")
        self.assert_same()
        self.assert_idle()

    def test_messages_on_which_the_source_hangs_up(self):
        """Each time again: all others move in the first run, these are named in each."""
        self.servers()
        self.plant(80, 4)
        poison = [dataclasses.replace(m, raw=m.raw + b"here it dies\r\n")
                  for m in (new_message(1), new_message(2), new_message(3, ("Sent",)))]
        with corpus.Mailbox(self.source) as box:
            for message in poison:
                box.append(message)
        source, _ = self.relays()
        source.drop_within(b"here it dies")
        runs = [self.copy(code=3).json for _ in range(4)]
        named = [(len(run["missing"]), len(run["skipped"])) for run in runs]
        self.assertEqual([(0, 3)] * 4, named)
        self.assertEqual([83] * 4, [run["identified"] for run in runs])
        self.assertEqual([80] * 4, [run["placed"] for run in runs])
        self.assertTrue(all("hang" in n["reason"] or "ends the connection" in n["reason"] for n in runs[-1]["skipped"]))
        self.assertEqual(80, look(self.target).count())

    def test_20_ms_of_round_trip(self):
        self.servers()
        self.plant(60, 4)
        self.relays({"rtt_ms": 20}, {"rtt_ms": 20})
        self.copy()
        self.assert_same()

    def test_maildir_as_source_and_target(self):
        self.servers()
        self.plant(30, 5)
        path = self.town.path("md")
        outwards = [self.ends()[0], mailferry.End(f"maildir:{path}", self.town.secret_file("-"))]
        inwards = [mailferry.End(f"maildir:{path}", self.town.secret_file("-")), self.ends()[1]]
        self.copy(ends=outwards)
        self.copy(ends=inwards)
        self.assert_same()


class FirstContact(InteropCase):
    """The target, or our own books, are not as empty as one would think."""

    def test_target_holds_half_already(self):
        self.servers()
        planted = self.plant(40, 4)
        half = corpus.Corpus("half", planted.messages[::2])
        self.assertEqual([], corpus.plant(self.target_peer, self.target, half).refused)
        self.relays()
        self.copy()
        self.assert_same()
        self.assert_idle()

    def test_lost_ledger(self):
        self.servers()
        self.plant_corpus(corpus.Corpus("twins", [m for m in odd.make(1, 1).messages if m.folder[0] == "twins"] +
                                        [new_message(n) for n in range(20)]))
        self.relays()
        self.copy()
        shutil.rmtree(self.data)
        before = time.monotonic()
        self.copy()
        self.assert_same()
        self.assertEqual([], [str(c) for c in self.before_target.commands(before) if c.verb == "APPEND"])

    def test_two_users_do_not_mix(self):
        self.servers()
        self.plant(20, 3)
        other, beyond = self.source_peer.account(2), self.target_peer.account(2)
        corpus.plant(self.source_peer, other, corpus.Corpus("other", [new_message(n) for n in range(5)]))
        self.copy()
        self.copy(ends=[self.end(other), self.end(beyond)])
        self.assert_same()
        report = judge.compare(look(other), look(beyond))
        self.assertTrue(report.same, report.text())


class Choices(InteropCase):
    """What the command line leaves out, maps and only pretends."""

    def setUp(self):
        super().setUp()
        self.servers()
        self.plant(60, 8)

    def only(self, keep):
        """The target must hold exactly the messages of the source for which KEEP is true."""
        source, target = look(self.source), look(self.target)
        source.folders = {p: [m for m in items if keep(m)] for p, items in source.folders.items()}
        report = judge.compare(source, target)
        faults = [f for f in report.faults if not f.kind.endswith("-folder")]
        self.assertEqual([], [f.detail for f in faults])
        self.assertGreater(target.count(), 0)

    def test_include(self):
        self.copy("--include", "Sent", "--include", "Archive/*")
        self.only(lambda m: m.folder == ("Sent",) or (m.folder[0] == "Archive"))

    def test_exclude(self):
        self.copy("--exclude", "Sent", "--exclude", "Archive/*")
        self.only(lambda m: m.folder != ("Sent",) and m.folder[0] != "Archive")

    def test_map(self):
        self.copy("--map", "Sent=Gesendet/Alt", "--map", "Archive/2019=Old")
        report = self.judged(folder_map={"Sent": "Gesendet/Alt", "Archive/2019": "Old"})
        self.assertTrue(report.same, report.text())

    def test_since_and_before(self):
        self.copy("--since", "2018-06-01", "--before", "2023-06-01")
        first, last, day = 1527811200, 1685577600, 86400
        target = {m.sha for m in look(self.target).messages()}
        for m in look(self.source).messages():
            if first + day < m.date < last - day:
                self.assertIn(m.sha, target, m.name())
            elif not first - day < m.date < last + day:
                self.assertNotIn(m.sha, target, m.name())

    def test_max_size(self):
        told = self.copy("--max-size", "3000", code=(0, 3)).json
        self.only(lambda m: m.size <= 3000)
        if told["skipped"]:
            self.assertTrue(all(e["size"] > 3000 for e in told["skipped"]))

    def test_dry_run(self):
        self.relays()
        told = self.copy("--dry-run").json
        self.assertEqual(60, told["identified"])
        self.assertEqual(0, look(self.target).count())
        self.assertEqual([], [str(c) for c in self.before_target.commands() if c.changes()])

    def test_verify(self):
        arguments = mailferry.verify_arguments(*self.ends(), self.data)
        empty = mailferry.run(*arguments)
        self.assertEqual(3, empty.code, empty.told())
        self.assertEqual(60, len(empty.json["missing"]), "an empty target misses everything")
        self.assertNotIn("looks good", empty.json["sentence"])
        self.copy()
        whole = mailferry.run(*arguments)
        self.assertEqual((0, "success"), (whole.code, whole.json["result"]), whole.told())
        deep = mailferry.run(*arguments, "--deep")
        self.assertEqual((0, []), (deep.code, deep.json["rewritten"]), deep.told())

    def test_verify_names_a_target_folder_that_does_not_open(self):
        """Listed, and closed to the server itself: the others are verified all the same."""
        self.copy()
        inside = self.target_peer.home(self.target) / "Maildir" / ".Archive"
        held = len(look(self.target).folders[("Archive",)])
        mode = inside.stat().st_mode
        inside.chmod(0)
        try:
            told = mailferry.run(*mailferry.verify_arguments(*self.ends(), self.data))
        finally:
            inside.chmod(mode)
        self.assertEqual(3, told.code, told.told())
        named = [(e["folder"], e["code"], e.get("items")) for e in told.json["skipped"]]
        self.assertEqual([("Archive", "FOLDER_UNSEEN", held)], named, told.told())
        self.assertEqual(([], 60 - held), (told.json["missing"], told.json["placed"]), told.told())
        self.assertNotIn("migration looks good", told.json["sentence"])


if __name__ == "__main__":
    unittest.main()
