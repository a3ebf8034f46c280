"""Many mailboxes through the running service, while everything goes wrong that may: nothing is lost, doubled or above a limit.

The service, or its workers on PostgreSQL, are killed and started again five times; the source turns connections away and is
slow; the limit is raised and lowered; a disk is full and freed again; the administrator's password changes in the middle.
Afterwards the target is counted against what was planted, by Message-ID, size and digest. A door before the source counts
whose mailboxes are open at the same time. The long form (run.py --long) goes by ENDURANCE_USERS and ENDURANCE_SECONDS.
"""
import base64
import collections
import concurrent.futures
import csv
import dataclasses
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

import corpus
import judge
import mailferry
import realistic
import snapshot
import test_unattended
from case import InteropCase, look, new_message
from peer import PeerFailed, ask_peer, missing

SECONDS = 400                                      # for anything that is waited for
BRIEF = 0.1                                        # seconds in which the door may lag behind what it counts
FOLLOWS = 5                                        # seconds in which a changed limit has to hold
NO_LIMIT = resource.RLIM_INFINITY
ROTATED = "canary-rotated"


def mailbox(number):
    """A small mailbox of 20 to 60 messages: duplicates, the same head with another body, here and there large bodies."""
    rng = random.Random(number)
    made = realistic.make(number, rng.randint(16, 46), 4, 12_000).messages
    made += [dataclasses.replace(message) for message in made[::10]]
    made += [dataclasses.replace(message, raw=message.raw + b"another end\r\n") for message in made[5:7]]
    if number % 7 == 1:
        made += [large(number, size) for size in (300_000, 600_000)]
    return corpus.Corpus("endurance", made)


def large(number, size):
    small = new_message(1_000_000 + number * 1000 + size // 1000)
    line = b"0123456789" * 7 + b"\r\n"
    return dataclasses.replace(small, raw=small.raw + line * (size // len(line)))


def counted(messages):
    """How often each (Message-ID, size, digest) is there; MESSAGES as a server shows them."""
    return collections.Counter((m.ident, m.size, m.sha) for m in messages)


def as_shown(message):
    """A planted message as a server would show it."""
    item = snapshot.Message(message.folder, 0, len(message.raw), frozenset(), frozenset(), 0)
    snapshot.digest(item, message.raw, [], ())
    return item


class Endurance(test_unattended.Unattended):
    """One service with the store inside it."""

    users, seconds, limit, raised, lowered = 10, 30, 3, 5, 2
    processes = 1                                  # that move mail
    test_nothing_is_lost_and_the_story_is_told = None

    def setUp(self):
        InteropCase.setUp(self)
        few = ("--users", str(self.users))
        self.servers(few, few)
        self.planted = {}
        for number, account in enumerate(self.source_peer.accounts, 1):
            planted = corpus.plant(self.source_peer, account, mailbox(number), "maildir")
            self.assertEqual([], planted.refused)
            self.planted[account.user] = [as_shown(message) for message in planted.messages]
        self.items = sum(map(len, self.planted.values()))
        self.rate = sum(m.size for items in self.planted.values() for m in items) // self.seconds // self.processes
        self.door = self.town.enter_context(Door(self.source.port))
        self.log = self.town.path("log")
        self.child = self.token = None
        self.variables, self.killed = mailferry.environment(), []
        self.addCleanup(self.kill)

    # --- the service

    def cli(self, *words):
        ran = subprocess.run([mailferry.binary(), *map(str, words), "--data-dir", self.data], env=self.variables,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(0, ran.returncode, f"{words}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
        return ran.stdout.strip()

    def serve_words(self):
        return ["--bwlimit", str(self.rate)]

    def start(self):
        self.child = subprocess.Popen(
            [mailferry.binary(), "serve", "--no-tls", "--listen", "127.0.0.1:0", "-o", "jsonl", "-v", *self.serve_words(),
             "--data-dir", self.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.variables)
        threading.Thread(target=self.keep_log, args=[self.child.stderr], daemon=True).start()
        self.url = json.loads(self.child.stdout.readline())["url"]

    def wait(self, what, done, seconds=SECONDS):
        return super().wait(what, done, seconds)

    def wave(self):
        return self.ask("GET", "/batches/wave")

    def reached(self):
        """How far it is, for people; a full disk keeps the service from telling."""
        try:
            wave = self.wave()
        except self.failureException as said:
            if "STORE_DISK_FAILS" not in str(said):
                raise
            return "disk full"
        return f"{wave['itemsSynced']}/{self.items} {wave['status']}"

    def wait_share(self, share):
        """Until this SHARE of all messages is placed, and work goes on."""
        def is_reached():
            wave = self.wave()
            return wave["status"] == "Synced" or (wave["status"] == "Syncing" and wave["itemsSynced"] >= share * self.items
                                                  and self.door.open)
        self.wait(f"{share} of {self.items} messages", is_reached)

    def kill_in_the_middle(self):
        """What moves mail dies without a word, and begins again."""
        self.killed.append(self.reached())
        self.kill()
        self.start()

    # --- what happens

    def set_limit(self, number):
        """A raised limit may be used at once; a lowered one holds for whoever comes after the seconds it has to be followed in."""
        if number >= self.door.allowed:
            self.door.allow(number)
        self.ask("PATCH", "/endpoints/old", {"maxConcurrentMigrations": number, "maxConcurrentIncrementalSyncs": number})
        if number < self.door.allowed:
            time.sleep(FOLLOWS)
            self.door.allow(number)

    def source_throttles(self):
        before = self.door.refused
        self.door.throttle(True)
        self.wait("somebody is turned away", lambda: self.door.refused > before)
        time.sleep(FOLLOWS)
        self.door.throttle(False)

    def disk_is_full(self):
        """For what moves mail; returns once it is noticed."""
        said = self.log.stat().st_size
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (4096, NO_LIMIT))
        self.wait("a full disk is told", lambda: "the store is out of order" in self.log.read_text()[said:])

    def disk_is_freed(self):
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))
        self.wait("it is well again", self.is_well)

    def password_is_changed(self):
        user, _ = self.source_peer.master
        masters = pathlib.Path(self.source_peer.folder) / "masters"
        masters.write_text(f"{user}:{{PLAIN}}{ROTATED}\n")
        os.utime(masters, (time.time() + 2, time.time() + 2))
        self.door.drop_some(1.0)                   # who is signed in would stay so
        self.wait("it waits", lambda: self.batch() == "Waiting")
        self.assertEqual("NeedsToConnect", self.ask("GET", "/endpoints/old")["status"])

    def begin(self):
        self.data.mkdir(mode=0o700)
        self.cli("account", "new", "anna", "--role", "administrator", "--password-file", self.town.secret_file("correct horse"))
        self.token = self.cli("token", "new", "endurance", "--account", "anna")
        self.start()
        for name, peer, port in (("old", self.source_peer, self.door.port), ("new", self.target_peer, self.target.port)):
            user, password = peer.master
            self.ask("POST", "/endpoints", {
                "name": name, "type": "imap", "secrets": {"password": password}, "settings": {
                    "remote-server": "127.0.0.1", "port": str(port), "security": "none", "username": user,
                    "admin-style": "dovecot"}})
        self.ask("PATCH", "/endpoints/new", {"maxConcurrentMigrations": 50, "maxConcurrentIncrementalSyncs": 50})
        self.set_limit(self.limit)
        rows = "".join(f"{s.email},{s.user},{t.email},{t.user}\n"
                       for s, t in zip(self.source_peer.accounts, self.target_peer.accounts))
        self.ask("POST", "/batches", {"name": "wave", "source": "old", "target": "new",
                                      "csv": "EmailAddress,UserName,TargetAddress,TargetUserName\n" + rows})
        self.ask("POST", "/batches/wave/start", {})

    def test_all_that_goes_wrong(self):
        began = time.monotonic()
        self.begin()
        self.wait_share(0.06)
        self.kill_in_the_middle()
        self.wait_share(0.15)
        self.source_throttles()
        self.set_limit(self.raised)
        self.wait_share(0.3)
        self.kill_in_the_middle()
        self.wait_share(0.4)
        self.set_limit(self.lowered)
        self.disk_is_full()
        self.kill_in_the_middle()
        self.set_limit(self.limit)
        self.wait_share(0.5)
        self.disk_is_full()
        self.disk_is_freed()
        self.wait_share(0.6)
        self.password_is_changed()
        self.kill_in_the_middle()
        self.ask("PATCH", "/endpoints/old", {"secrets": {"password": ROTATED}})
        self.wait_share(0.75)
        self.kill_in_the_middle()
        self.wait("Synced", lambda: self.batch() == "Synced", SECONDS + 4 * self.seconds)
        synced = time.monotonic()
        self.complete()
        self.end_service()
        print(f"\n{self.users} mailboxes, {self.items} messages: synced after {synced - began:.0f} s, completed after "
              f"{time.monotonic() - began:.0f} s; killed at {', '.join(self.killed)}; {self.door.told()}")
        self.targets_are_right()
        self.assertEqual([], self.door.over, "more mailboxes were open at the source than its limit allows\n" + self.door.seen())
        self.assertGreater(self.door.most, 1, "nobody was seen: the count says nothing")
        self.reports_are_right()
        self.story_is_told()

    def complete(self):
        for number, account in enumerate(self.source_peer.accounts, 1):
            message = new_message(number)
            with corpus.Mailbox(account) as box:
                box.append(message)
            self.planted[account.user].append(as_shown(message))
        self.ask("POST", "/batches/wave/complete", {})
        self.wait("Completed", lambda: self.batch() == "Completed", SECONDS + self.seconds)

    def end_service(self):
        self.assertEqual(0, self.kill(signal.SIGTERM))

    # --- afterwards

    def targets_are_right(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [text for text in pool.map(self.fault, self.source_peer.accounts, self.target_peer.accounts) if text]
        self.assertEqual([], wrong[:5], f"{len(wrong)} of {self.users} mailboxes are wrong")

    def fault(self, source, target):
        """What is wrong with one target, or nothing."""
        there = look(target)
        wanted, found = counted(self.planted[source.user]), counted(there.messages())
        lost, more = wanted - found, found - wanted
        if lost or more:
            return f"{source.user}: lost {sum(lost.values())} {list(lost)[:3]}, too many {sum(more.values())} {list(more)[:3]}"
        report = judge.compare(look(source), there)
        return "" if report.same else f"{source.user}: {report.text()}"

    def reports_are_right(self):
        folder = self.town.path("reports")
        self.cli("report", "new", "wave", "--format", "csv", "--into", folder)
        with open(folder / "wave-users.csv", encoding="utf-8-sig", newline="") as file:
            rows = {row["EmailAddress"]: row for row in csv.DictReader(file)}
        told = {email: (row["Status"], row["ItemsTotal"], row["ItemsSynced"], row["ItemsSkipped"]) for email, row in rows.items()}
        wanted = {account.email: ("Completed", *[str(len(self.planted[account.user]))] * 2, "0")
                  for account in self.source_peer.accounts}
        wrong = {email: (told.get(email), row) for email, row in wanted.items() if told.get(email) != row}
        self.assertEqual({}, dict(list(wrong.items())[:8]), f"{len(wrong)} rows of users.csv: (told, wanted)")
        self.assertEqual(len(wanted), len(told))

    def story(self):
        entries = json.loads(self.cli("audit", "list", "--limit", "all", "-o", "json"))
        told = [(e["action"], json.loads(e["change"] if (e["change"] or "").startswith("{") else "{}"))
                for e in sorted(entries, key=lambda e: e["no"])]
        return [f"{action} {change.get('after', '')}".strip() if action == "batch.status" else action for action, change in told]

    wanted_story = ["service.start", "endpoint.new", "endpoint.new", "batch.new", "batch.start", "service.start", "endpoint.set",
                    "service.start", "endpoint.set", "service.start", "endpoint.set", "endpoint.needs-to-connect",
                    "batch.status Waiting", "service.start", "endpoint.set", "service.start", "batch.status Synced",
                    "batch.complete", "batch.status Completed"]

    def story_is_told(self):
        story = self.story()
        rest = iter(story)
        self.assertEqual([], [word for word in self.wanted_story if word not in rest], f"in this order: {story}")
        self.assertEqual(1, story.count("endpoint.needs-to-connect"), "told once")
        self.assertEqual(1, story.count("service.stop"), "kills are no end in order")
        self.cli("audit", "verify")


class EnduranceOfWorkers(Endurance):
    """A service that only listens, and three workers, on PostgreSQL."""

    processes, put_timeout = 3, 5                  # seconds; a dead worker's mailboxes are taken over after twice that and a minute

    def setUp(self):
        super().setUp()
        self.workers, self.rng = {}, random.Random(5)
        folder = self.town.path("pg")
        try:
            said = ask_peer("postgres", "up", folder)
        except PeerFailed as error:
            raise missing("postgres", str(error)) from None
        self.addCleanup(ask_peer, "postgres", "down", folder)
        self.variables = self.variables | {"MAILFERRY_DATABASE_URL": json.loads(said[said.index("{"):])["url"]}
        self.addCleanup(self.end_all)

    def serve_words(self):
        return ["--no-worker"]

    def worker(self, number):
        # All share one data folder here: its master key, and a spool that no two have in common.
        with open(f"{self.log}-worker{number}", "ab") as log:
            self.workers[number] = subprocess.Popen(
                [mailferry.binary(), "worker", "--allow-loopback", "-v", "--bwlimit", str(self.rate), "--put-timeout",
                 str(self.put_timeout), "--data-dir", self.data], env=self.variables, stdout=subprocess.DEVNULL, stderr=log)

    def end_all(self):
        self.kill()
        for child in self.workers.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.workers.values():
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(60)

    def begin(self):
        super().begin()
        for number in range(self.processes):
            self.worker(number)

    def kill_in_the_middle(self):
        """A worker dies, and each second time the service too."""
        number = self.rng.randrange(self.processes)
        self.killed.append(f"{self.reached()} (worker {number})")
        self.workers[number].kill()
        self.workers[number].wait(60)
        if len(self.killed) % 2 == 0:
            self.kill()
            self.start()
        self.worker(number)

    def disk_is_full(self):
        """For one of the workers: its store is elsewhere, its spool is not."""
        self.full = self.rng.randrange(self.processes)
        resource.prlimit(self.workers[self.full].pid, resource.RLIMIT_FSIZE, (4096, NO_LIMIT))
        time.sleep(FOLLOWS)

    def disk_is_freed(self):
        resource.prlimit(self.workers[self.full].pid, resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))

    def end_service(self):
        self.end_all()

    wanted_story = ["service.start", "endpoint.new", "endpoint.new", "batch.new", "batch.start", "endpoint.set", "service.start",
                    "endpoint.set", "endpoint.needs-to-connect", "batch.status Waiting", "service.start", "endpoint.set",
                    "batch.status Synced", "batch.complete", "batch.status Completed"]

    def story_is_told(self):
        story = self.story()
        rest = iter(story)
        self.assertEqual([], [word for word in self.wanted_story if word not in rest], f"in this order: {story}")
        self.assertEqual(1, story.count("endpoint.needs-to-connect"), "told once")
        self.cli("audit", "verify")


class Door:
    """A way to an IMAP server through which it is seen whose mailboxes are open, and which can be shut for a while.

    It listens on a port of its own (`port`) and passes on to TARGET. `over` has each time somebody came while as many mailboxes
    were open as are allowed, unless it was over soon: what logs out is seen a moment longer. A lowered limit drains: whose
    mailbox was open then holds its slot until it ends, and may come back at once when its connections were cut.
    """

    def __init__(self, target):
        self.target, self.lock = target, threading.Lock()
        self.open, self.links = collections.Counter(), set()
        self.allowed, self.draining, self.over, self.brief = 0, set(), [], 0
        self.away = {}                             # since when nobody is in a mailbox that was open
        self.above = None                          # since when too many are open, and who came then
        self.most = self.most_connections = self.sign_ins = self.refused = self.dropped = 0
        self.throttling = False
        self.events = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.drop_some(1.0)

    def note(self, what):
        """Under the lock."""
        self.events.append(f"{time.strftime('%H:%M:%S')} {time.monotonic() % 60:.2f} {what}: {dict(self.open)} open, "
                           f"{self.allowed} allowed, {sorted(self.draining)} draining")

    def seen(self):
        return "\n".join(self.events)

    def told(self):
        return (f"at most {self.most} mailboxes and {self.most_connections} connections open at once, {self.sign_ins} sign-ins, "
                f"{self.brief} times too many for a moment, {self.refused} turned away, {self.dropped} dropped")

    def allow(self, number):
        with self.lock:
            self.draining = self.held() | set(self.open) if number < self.allowed else self.held()
            self.allowed = number
            self.note(f"allow {number}")
            self.below()

    def throttle(self, on):
        """From now on nobody comes in, half of who is inside is sent away, the rest is slow; or all is well again."""
        self.throttling = on
        if on:
            self.drop_some(0.5)

    def drop_some(self, share):
        with self.lock:
            some = sorted(self.links, key=id)
            some = some[:max(1, round(len(some) * share))]
            self.dropped += len(some)
        for link in some:
            link.end()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.throttling:
                self.refused += 1
                try:
                    client.sendall(b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n")
                except OSError:
                    pass
                client.close()
                continue
            threading.Thread(target=Guest(self, client).run, daemon=True).start()

    def came(self, name):
        with self.lock:
            self.draining = self.held()
            self.away.pop(name, None)
            self.sign_ins += 1
            self.open[name] += 1
            self.note(f"{name} came")
            number = len(self.open)
            self.most, self.most_connections = max(self.most, number), max(self.most_connections, self.open.total())
            if number > self.allowed and self.open[name] == 1 and name not in self.draining and not self.above:
                self.above = time.monotonic(), f"{name} at {time.strftime('%H:%M:%S')}: {number} open, {self.allowed} allowed"

    def left(self, name):
        with self.lock:
            self.open[name] -= 1
            if not self.open[name]:
                del self.open[name]
                self.away[name] = time.monotonic()
            self.note(f"{name} left")
            self.below()

    def held(self):
        """Those that drain and were not away for so long that they must have ended."""
        now = time.monotonic()
        return {name for name in self.draining if name in self.open or now - self.away.get(name, 0) < FOLLOWS}

    def below(self):
        """Notes for how long too many were open, once it is over."""
        if self.above and len(self.open) <= self.allowed:
            (since, who), self.above = self.above, None
            lasted = time.monotonic() - since
            self.brief += lasted <= BRIEF
            if lasted > BRIEF:
                self.over.append(f"{who}, for {lasted:.2f} s")


class Guest:
    """One connection through the door, watched until it is signed in."""

    def __init__(self, door, client):
        self.door, self.client, self.server = door, client, None
        self.tag = self.name = self.inside = None

    def run(self):
        try:
            self.server = socket.create_connection(("127.0.0.1", self.door.target), timeout=10)
            self.server.settimeout(None)
            with self.door.lock:
                self.door.links.add(self)
            back = threading.Thread(target=self.pass_on, args=[self.server, self.client, self.answered], daemon=True)
            back.start()
            self.pass_on(self.client, self.server, self.asked)
            back.join()
        except OSError:
            pass
        finally:
            if self.inside:
                self.door.left(self.inside)
            with self.door.lock:
                self.door.links.discard(self)
            for end in (self.client, self.server):
                if end:
                    end.close()

    def pass_on(self, source, target, seen):
        try:
            while data := source.recv(1 << 16):
                if not self.inside:
                    seen(data)
                if self.door.throttling and source is self.server:
                    time.sleep(0.2)
                target.sendall(data)
        except OSError:
            pass
        self.end()

    def end(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except (OSError, AttributeError):
                pass

    def asked(self, data):
        """Who wants to sign in: `USER*ADMINISTRATOR` as LOGIN or AUTHENTICATE PLAIN tells it."""
        for line in data.split(b"\r\n"):
            words = line.split()
            if len(words) > 1 and words[1].upper() in (b"LOGIN", b"AUTHENTICATE"):
                self.tag = words[0]
                self.name = words[2].strip(b'"') if words[1].upper() == b"LOGIN" and len(words) > 2 else None
                words = words[3:]
            if self.tag and not self.name and len(words) == 1 and re.fullmatch(rb"[A-Za-z0-9+/]{8,}=*", words[0]):
                self.name = (base64.b64decode(words[0]).split(b"\0") + [b""])[1]

    def answered(self, data):
        if self.tag and re.search(rb"(?m)^" + re.escape(self.tag) + rb" OK", data):
            self.inside = (self.name or b"?").partition(b"*")[0].decode(errors="replace")
            self.door.came(self.inside)


LONG = unittest.skipUnless(os.environ.get("INTEROP_LONG"), "long: many mailboxes (run.py --long)")


class Sizes:
    """How much the long forms do."""

    users, seconds = int(os.environ.get("ENDURANCE_USERS", "500")), int(os.environ.get("ENDURANCE_SECONDS", "240"))
    limit, raised, lowered = 10, 20, 4


@LONG
class LongEndurance(Sizes, Endurance):
    """Many mailboxes, one service."""


@LONG
class LongEnduranceOfWorkers(Sizes, EnduranceOfWorkers):
    """Many mailboxes, three workers."""


if __name__ == "__main__":
    unittest.main()
