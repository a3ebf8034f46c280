"""What servers lack, refuse or limit: absent capabilities, quotas, sizes, connections; Cyrus, the strict one.

Dovecot still obeys what it does not announce, so the relay checks that it is not used either.
"""
import re
import unittest

import corpus
import judge
import odd
from case import InteropCase, look, new_message

USES = {                                           # capability -> what a command that uses it looks like
    "UIDPLUS": lambda c: c.verb == "EXPUNGE" and bool(c.text),
    "MULTIAPPEND": lambda c: c.verb == "APPEND" and c.messages > 1,
    "LITERAL+": lambda c: bool(re.search(r"\{\d+\+\}", c.text)),
    "CONDSTORE": lambda c: bool(re.search(r"CHANGEDSINCE|UNCHANGEDSINCE|CONDSTORE|MODSEQ", c.text, re.I)),
    "QRESYNC": lambda c: "QRESYNC" in c.text.upper(),
    "LIST-STATUS": lambda c: c.verb == "LIST" and "STATUS" in c.text.upper(),
    "LIST-EXTENDED": lambda c: c.verb == "LIST" and "RETURN" in c.text.upper(),
    "SPECIAL-USE": lambda c: c.verb == "LIST" and "SPECIAL-USE" in c.text.upper(),
    "NAMESPACE": lambda c: c.verb == "NAMESPACE",
    "MOVE": lambda c: c.verb == "MOVE",
    "ENABLE": lambda c: c.verb == "ENABLE",
    "ESEARCH": lambda c: c.verb == "SEARCH" and "RETURN" in c.text.upper(),
    "ID": lambda c: c.verb == "ID",
    "BINARY": lambda c: "BINARY" in c.text.upper(),
}


class Absent(InteropCase):
    """Each capability taken away on both sides: slower, and the same result."""

    def without(self, *names):
        taken = ("--without", ",".join(names))
        self.servers(taken, taken)
        self.plant(30, 5)
        self.relays()
        self.copy()
        self.assert_same()
        with corpus.Mailbox(self.source) as box:
            box.append(new_message(1))
            box.uid("STORE", box.search(("INBOX",), "ALL")[0], "+FLAGS", "(\\Flagged other)")
            box.uid("MOVE", box.search(("INBOX",), "ALL")[1], box.name(("Sent",)))
        self.copy()
        report = self.judged()
        if "UIDPLUS" in names:                     # without it nothing is expunged: a move leaves a marked copy
            report.faults = [f for f in report.faults if f.kind not in ("extra", "doubled")]
        self.assertTrue(report.same, report.text())
        self.assert_idle()
        for relay in (self.before_source, self.before_target):
            used = [(name, str(c)) for c in relay.commands() for name in names if name in USES and USES[name](c)]
            self.assertEqual([], used, "not announced, and used")

    def test_without_condstore(self):
        self.without("CONDSTORE", "QRESYNC")

    def test_without_any(self):
        self.without(*USES, "SASL-IR", "OBJECTID", "UNSELECT", "IDLE", "STATUS=SIZE", "SAVEDATE", "SEARCHRES")


def add_case(name):
    def test(self):
        self.without(name)
    method = "test_without_" + re.sub(r"\W", "_", name.lower()).replace("literal_", "literal_plus")
    setattr(Absent, method, test)


for one in ("UIDPLUS", "QRESYNC", "MULTIAPPEND", "LITERAL+", "SPECIAL-USE", "NAMESPACE", "LIST-STATUS",
            "LIST-EXTENDED", "MOVE", "ENABLE", "ESEARCH", "ID", "SASL-IR"):
    add_case(one)


class Limits(InteropCase):
    def test_full_target_stops_the_puts(self):
        self.servers(target=("--quota", "200K"))
        self.plant(200, 3, largest=12_000)
        self.relays()
        run = self.copy(code=36)
        refused = [c for c in self.before_target.commands() if c.verb == "APPEND" and c.answer == "NO"]
        self.assertLessEqual(len(refused), 12, "puts went on into a full mailbox")
        report = judge.compare(look(self.target), look(self.source), subset=True)
        self.assertTrue(report.same, report.text())
        self.assertNotEqual("success", run.json["result"])

    def test_message_too_large_for_the_target(self):
        self.servers(target=("--max-message", "100K"))
        self.plant(20, 3)
        big = [corpus.Message(("Sent",), new_message(n).raw + b"x" * 70 * 3000, (), 1_600_000_000) for n in (1, 2)]
        corpus.plant(self.source_peer, self.source, corpus.Corpus("big", big))
        told = self.copy(code=3).json
        self.assertEqual(["new-1@example.org", "new-2@example.org"],
                         sorted(e["messageId"].strip("<>") for e in told["skipped"]))
        report = self.judged()
        self.assertEqual({"lost": 2}, report.counts(), report.text())

    def test_two_connections_at_the_target(self):
        self.servers(target=("--user-connections", "2"))
        self.plant(60, 6)
        self.copy()
        self.assert_same()

    def test_two_connections_at_the_source(self):
        self.servers(source=("--user-connections", "2"))
        self.plant(60, 6)
        self.copy("--connections", "4")
        self.assert_same()

    def test_bandwidth_limit_is_kept_and_changes_nothing_else(self):
        """Small messages, one that goes out as a whole, one that streams: never faster than the limit allows."""
        self.servers()
        self.plant(10, 2)
        big = [corpus.Message(("INBOX",), new_message(n).raw + (b"x" * 70 + b"\r\n") * lines, (), 1_600_000_000)
               for n, lines in ((1, 30_000), (2, 130_000))]
        corpus.plant(self.source_peer, self.source, corpus.Corpus("big", big))
        told = self.copy("--bwlimit", "2M").json
        self.assert_same()
        due = told["bytes"] / (2 << 20)
        self.assertGreater(due, 5)
        self.assertGreater(told["movedMs"] / 1000, due - 1.5, "more than a second's worth at full speed")


class Cyrus(InteropCase):
    """The second opinion: refuses malformed mail, makes real parents."""

    def servers_with_cyrus(self):
        self.source_peer, self.target_peer = self.town.dovecot(), self.town.cyrus()
        self.source, self.target = self.source_peer.account(), self.target_peer.account()

    def test_realistic_mailbox(self):
        self.servers_with_cyrus()
        self.plant(40, 12)
        self.relays()
        self.copy()
        report = self.judged()
        faults = [f.detail for f in report.faults if f.kind != "extra-folder"]
        self.assertEqual([], faults)
        self.assert_idle()

    def test_repairs_are_told(self):
        """Bare LF stays away (the source shows CRLF); NULs, heads without a colon and 0-byte mail are the cases."""
        self.servers_with_cyrus()
        wanted = [m for m in odd.make(1, 1).messages if m.folder[0] in ("odd heads", "odd bodies", "odd dates")]
        self.plant_corpus(corpus.Corpus("odd", wanted), "maildir")
        told = self.copy(code=(0, 3)).json
        self.assertEqual(([], []), (told["missing"], told["doubled"]))
        report = self.judged()
        differing = {f.ident.strip("<>") for f in report.faults if f.kind in ("lost", "changed-bytes") and f.ident}
        named = {(e["messageId"] or "").strip("<>") for e in told["skipped"] + told["rewritten"]}
        self.assertLessEqual(differing, named)
        self.assertEqual(len(report.of("lost")) - len(report.of("extra")), len(told["skipped"]), report.text())

    def test_lost_ledger_and_mail_that_the_target_has_in_another_form(self):
        """What it rewrote, and what was put under a repair, is known again: nothing is put twice."""
        self.servers_with_cyrus()
        wanted = [m for m in odd.make(1, 1).messages if m.folder[0] in ("odd heads", "odd bodies")]
        self.plant_corpus(corpus.Corpus("odd", wanted), "maildir")
        self.copy("--grace", "0", code=(0, 3))
        before = len(list(look(self.target).messages()))
        for n in range(2):
            self.copy("--grace", "0", code=(0, 3), data=self.town.path(f"other{n}"))
            self.assertEqual(before, len(list(look(self.target).messages())), f"start {n} with an empty ledger")

    def test_as_source(self):
        self.source_peer, self.target_peer = self.town.cyrus(), self.town.dovecot()
        self.source, self.target = self.source_peer.account(), self.target_peer.account()
        self.plant(30, 5)
        self.copy()
        self.assert_same()


if __name__ == "__main__":
    unittest.main()
