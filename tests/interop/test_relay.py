"""The relay and the corpora against a real Dovecot: what they claim to see, hold, lose and plant, they do.

No program under test.
"""
import socket
import time
import unittest

import corpus
import odd
import realistic
from case import look, new_message
from imapwatch import ClientStream, Command, ServerStream
from peer import Town
from relay import Relay


SOON = 60                                          # seconds that even a busy machine does not need


def soon(true):
    """Until TRUE() is; returns whether it is."""
    end = time.monotonic() + SOON
    while not (told := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(told)


class Watching(unittest.TestCase):
    def test_any_cut_of_the_stream_tells_the_same(self):
        sent = (b"a1 LOGIN u {3+}\r\npwd\r\na2 APPEND x (\\Seen) {5+}\r\na4 X\n {4+}\r\n\r\n\r\n\r\n"
                b"a3 UID STORE 1 FLAGS ()\r\na4 AUTHENTICATE PLAIN\r\nAGEAYg==\r\na5 UID FETCH 1:* (BODY.PEEK[])\r\n")
        for step in (1, 3, 7, len(sent)):
            seen = []
            stream = ClientStream(1, seen.append)
            out = b"".join(piece for at in range(0, len(sent), step) for piece, *_ in stream.feed(sent[at:at + step]))
            self.assertEqual(sent, out)
            self.assertEqual(["LOGIN", "APPEND", "STORE", "AUTHENTICATE", "FETCH"], [c.verb for c in seen])
            self.assertEqual(2, seen[1].messages)
            self.assertEqual("", seen[0].text)
            self.assertTrue(seen[4].fetches_body())

    def test_answers_hide_in_no_literal(self):
        stream = ServerStream()
        data = b"* 1 FETCH (BODY[] {10}\r\na9 OK no\r\n)\r\na1 OK done\r\n+ go\r\na2 NO [LIMIT] x\r\n"
        found = [answer for at in range(0, len(data), 4) for answer in stream.feed(data[at:at + 4])]
        self.assertEqual([(b"a1", "OK"), (b"a2", "NO")], found)

    def test_what_is_a_body(self):
        body = lambda text: Command(1, b"", "FETCH", text, 0).fetches_body()
        for text in ("1 BODY[]", "1 (BODY.PEEK[]<0.100>)", "1 RFC822", "1 (UID BODY.PEEK[TEXT])", "1 BODY[1.2]",
                     "1 BINARY.PEEK[1]", "1 RFC822.TEXT"):
            self.assertTrue(body(text), text)
        for text in ("1 FLAGS", "1 (RFC822.SIZE)", "1 BODY.PEEK[HEADER.FIELDS (DATE)]", "1 BODYSTRUCTURE", "1 RFC822.HEADER",
                     "1 BODY[1.MIME]"):
            self.assertFalse(body(text), text)


class Relaying(unittest.TestCase):
    def setUp(self):
        self.town = self.enterContext(Town())
        self.account = self.town.dovecot().account()

    def relay(self, **options):
        return self.enterContext(Relay(self.account.port, **options))

    def talk(self, relay, text):
        """A raw client that has signed in and sent TEXT."""
        end = socket.create_connection(("127.0.0.1", relay.port), timeout=10)
        end.sendall(f"a LOGIN {self.account.user} {self.account.password}\r\n".encode() + text)
        return end

    def appends_of_the_dead(self, relay, count):
        """A client sends so many messages and is gone before any of them is passed on."""
        relay.catch()
        message = new_message(1).raw
        end = self.enterContext(self.talk(relay, b"b APPEND INBOX {%d+}\r\n%s\r\n" % (len(message), message) * count))
        end.shutdown(socket.SHUT_WR)               # closing it could lose what the relay has not read yet
        self.assertTrue(relay.wait_for(lambda log: sum(c.sent > 0 for c in log if c.verb == "APPEND") == count
                                       and all(link.gone for link in relay.links), SOON))

    def count(self):
        return look(self.account).count()

    def test_passes_on_unchanged_and_sees_commands(self):
        relay = self.relay()
        with corpus.Mailbox(self.account.at(relay.port)) as box:
            box.append(new_message(1))
            box.search(("INBOX",), "ALL")
        self.assertEqual(1, self.count())
        append = next(c for c in relay.commands() if c.verb == "APPEND")
        self.assertEqual(("OK", 1), (append.answer, append.messages))
        self.assertTrue(append.began <= append.sent <= append.answered)
        self.assertTrue(relay.wait_quiet())

    def test_round_trip_time(self):
        for rtt, many in ((100, 5), (0, 100)):
            times = []
            with corpus.Mailbox(self.account.at(self.relay(rtt_ms=rtt).port)) as box:
                for _ in range(many):
                    began = time.monotonic()
                    box.imap.noop()
                    times.append(time.monotonic() - began)
            if rtt:
                self.assertGreaterEqual(min(times), 0.0999)
            else:
                self.assertLess(min(times), 0.05, "of many at least one, however busy the machine is")

    def test_unanswered_while_answers_are_delayed(self):
        relay = self.relay(answer_delay_ms=600_000)
        message = new_message(1).raw
        with self.talk(relay, b"b APPEND INBOX {%d+}\r\n%s\r\n" % (len(message), message)) as end:
            self.assertTrue(soon(lambda: self.count() == 1))
            self.assertEqual(1, len(relay.unanswered()))               # it is there, and its client does not know
            relay.hurry.set()
            self.assertTrue(relay.wait_for(lambda log: any(c.answer == "OK" and c.verb == "APPEND" for c in log), SOON))
            end.sendall(b"c LOGOUT\r\n")
        self.assertEqual([], relay.unanswered())

    def test_lands_after_its_client_is_gone(self):
        relay = self.relay(slow_append_ms=10, land_after_s=600)
        self.appends_of_the_dead(relay, 3)
        self.assertEqual((0, 0), (self.count(), relay.landed))
        relay.hurry.set()
        self.assertTrue(relay.wait_quiet())
        self.assertEqual((3, 3, 0), (self.count(), relay.landed, relay.lost))
        self.assertTrue(all(not c.answered for c in relay.commands() if c.verb == "APPEND"))

    def test_lands_no_sooner_than_told(self):
        relay = self.relay(slow_append_ms=10, land_after_s=0.5)
        self.appends_of_the_dead(relay, 3)
        self.assertTrue(relay.wait_quiet())
        self.assertEqual(3, self.count())
        self.assertGreaterEqual(min(landing.at - landing.gone for landing in relay.landings), 0.5)

    def test_loses_what_the_dead_sent(self):
        relay = self.relay(slow_append_ms=10, lose_share=1)
        self.appends_of_the_dead(relay, 5)
        self.assertTrue(relay.wait_quiet())
        self.assertEqual((0, 0, 5), (self.count(), relay.landed, relay.lost))

    def test_catches_until_its_client_is_gone(self):
        """Also more than a slow server would take: all that its client sends is read, and passed on at its end."""
        relay = self.relay(slow_append_ms=1)
        raw = new_message(1).raw + b"x" * 70 * 3000
        relay.catch()
        end = self.enterContext(self.talk(relay, b"b APPEND INBOX {%d+}\r\n%s\r\n" % (len(raw), raw) * 4))
        self.assertTrue(relay.wait_for(lambda log: sum(c.sent > 0 for c in log if c.verb == "APPEND") == 4, SOON))
        relay.release()                            # the caught ones stay so
        self.assertEqual((1, 4, 0), (len(relay.caught), len(relay.unanswered()), self.count()))
        with corpus.Mailbox(self.account.at(relay.port)) as box:
            box.append(new_message(2))
        end.shutdown(socket.SHUT_WR)
        self.assertTrue(relay.wait_quiet())
        self.assertEqual((5, 4), (self.count(), relay.landed))

    def test_drops(self):
        relay = self.relay()
        relay.drop_on(lambda c: c.verb == "APPEND")
        for expected in (True, False):             # once, then no more
            try:
                with corpus.Mailbox(self.account.at(relay.port)) as box:
                    box.append(new_message(1))
                dropped = False
            except (OSError, corpus.imaplib.IMAP4.abort):
                dropped = True
            self.assertEqual(expected, dropped)
        self.assertEqual(1, self.count())


class Corpora(unittest.TestCase):
    """The servers show what was planted: a comparison proves no more than that."""

    def setUp(self):
        self.town = self.enterContext(Town())
        self.peer = self.town.dovecot()

    def test_odd_on_disk_and_by_append(self):
        for number, way, refused in ((1, "maildir", 0), (2, "append", 4)):
            with self.subTest(way):
                made, account = odd.make(1, 30), self.peer.account(number)
                planted = corpus.plant(self.peer, account, made, way)
                self.assertEqual(refused, len(planted.refused), planted.refused)
                shown = look(account)
                self.assertEqual([], planted.shortfall(shown))
                self.assertEqual({m.folder for m in made.messages} | set(made.empty_folders) | {("INBOX",)}, set(shown.folders))
                self.assertEqual(set(shown.folders) - {("INBOX",)}, shown.subscribed - {("INBOX",)})
                self.assertEqual(len(planted.messages), shown.count())
                words = {len(m.keywords) for m in shown.folders[("keywords",)]}
                self.assertIn(40, words)

    def test_the_same_for_the_same_seed(self):
        for make in (lambda seed: realistic.make(seed, 50, 8), lambda seed: odd.make(seed, 1)):
            raws = [[m.raw for m in make(seed).messages] for seed in (1, 1, 2)]
            self.assertEqual(raws[0], raws[1])
            self.assertNotEqual(raws[0], raws[2])

    def test_a_shortfall_is_named(self):
        account, made = self.peer.account(), realistic.make(1, 10, 2, 3000)
        planted = corpus.plant(self.peer, account, made)
        planted.messages.append(new_message(1))
        self.assertEqual(2, len(planted.shortfall(look(account))))


if __name__ == "__main__":
    unittest.main()
