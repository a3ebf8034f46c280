"""Several workers on one PostgreSQL, of which one after the other is killed in the middle of its work.

Afterwards source and target are the same for every mailbox, as the judge reads both servers: nothing is lost or doubled. The
source tells whose mailboxes are open at the same time, and that is never more than the limit of the endpoint allows.
`LongWorkers` runs only when asked for (run.py --long).
"""
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import corpus
import judge
import mailferry
import realistic
from case import InteropCase, look, new_message
from peer import PeerFailed, ask_peer, missing

PUT_TIMEOUT = 5                                    # seconds; a dead worker's mailboxes are taken over after twice that and a minute
SECONDS = 600


class Workers(InteropCase):
    users, messages, workers, kills, limit = 6, 60, 3, 2, 3

    def setUp(self):
        super().setUp()
        self.servers(("--users", str(self.users)), ("--users", str(self.users)))
        try:
            folder = self.town.path("pg")
            said = ask_peer("postgres", "up", folder)
        except PeerFailed as error:
            raise missing("postgres", str(error)) from None
        self.addCleanup(ask_peer, "postgres", "down", folder)
        self.database = json.loads(said[said.index("{"):])["url"]
        self.variables = mailferry.environment() | {"MAILFERRY_DATABASE_URL": self.database}
        for number, account in enumerate(self.source_peer.accounts, 1):
            made = realistic.make(number, self.messages, 4, 30_000)
            self.assertEqual([], corpus.plant(self.source_peer, account, made).refused)
        self.children = []
        self.addCleanup(self.end_all)

    def ferry(self, *words, code=0):
        ran = subprocess.run([mailferry.binary(), *map(str, words), "--data-dir", self.data], env=self.variables,
                             capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(code, ran.returncode, f"{words}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
        return ran.stdout

    def batch(self):
        return json.loads(self.ferry("batch", "show", "wave", "-o", "json"))

    def worker(self):
        # All share one data folder here: its master key, and a spool that no two have in common.
        child = subprocess.Popen([mailferry.binary(), "worker", "--allow-loopback", "--bwlimit", "150K", "--put-timeout", str(PUT_TIMEOUT),
                                  "--data-dir", self.data], env=self.variables, stdout=subprocess.DEVNULL,
                                 stderr=open(self.data / "worker.log", "ab"))
        self.children.append(child)
        return child

    def end_all(self):
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            child.wait(60)

    def wait_for(self, status):
        end = time.monotonic() + SECONDS
        while (batch := self.batch())["status"] != status:
            if time.monotonic() > end:
                users = self.ferry("user", "list", "-o", "json")
                log = (self.data / "worker.log").read_text()[-3000:]
                self.fail(f"not {status}: {json.dumps(batch)}\n{users[:4000]}\n{log}")
            time.sleep(0.5)

    def make_batch(self):
        for name, peer in (("old", self.source_peer), ("new", self.target_peer)):
            user, password = peer.master
            self.ferry("endpoint", "new", name, "--type", "imap", "--remote-server", "127.0.0.1", "--port", peer.account().port,
                       "--security", "none", "--username", user, "--password-file", self.town.secret_file(password),
                       "--admin-style", "dovecot", "--max-concurrent-migrations", self.limit,
                       "--max-concurrent-incremental-syncs", self.limit)
        rows = "".join(f"{s.email},{s.user},{t.email},{t.user}\n"
                       for s, t in zip(self.source_peer.accounts, self.target_peer.accounts))
        csv = self.town.path("users.csv")
        csv.write_text("EmailAddress,UserName,TargetAddress,TargetUserName\n" + rows)
        self.ferry("batch", "new", "wave", "--source", "old", "--target", "new", "--csv", csv)

    def test_workers_that_are_killed_lose_and_double_nothing(self):
        self.make_batch()
        running = [self.worker() for _ in range(self.workers)]
        self.command("start")
        crowd = Crowd(self.source_peer)
        self.addCleanup(crowd.end)
        rng, fell = random.Random(self.kills), []
        for _ in range(self.kills):
            moved = self.batch()["itemsSynced"]
            end = time.monotonic() + 120
            while self.batch()["itemsSynced"] < moved + 20 and time.monotonic() < end:
                time.sleep(0.2)
            victim = rng.randrange(len(running))
            running[victim].kill()
            running[victim].wait(60)
            fell.append(self.batch()["itemsSynced"])
            running[victim] = self.worker()
        print(f"\n{self.kills} workers were killed when so many items were placed: {fell}")
        self.wait_for("Synced")
        for number, account in enumerate(self.source_peer.accounts, 1):
            with corpus.Mailbox(account) as box:
                box.append(new_message(number))
        self.command("complete")
        self.wait_for("Completed")
        self.assertLessEqual(crowd.end(), self.limit, "more mailboxes were open at the source than its limit allows")
        self.assertGreater(crowd.most, 1, "nobody was seen: the count says nothing")
        for source, target in zip(self.source_peer.accounts, self.target_peer.accounts):
            report = judge.compare(look(source), look(target))
            self.assertTrue(report.same, report.text())
        self.ferry("audit", "verify")

    def command(self, verb):
        """Through a service that only listens: without one the command would work itself."""
        with Listening(self) as url:
            token = self.ferry("token", "new", f"t{verb}", "--account", "anna").strip()
            ran = subprocess.run([mailferry.binary(), "batch", verb, "wave", "--server", url],
                                 env=mailferry.environment() | {"MAILFERRY_TOKEN": token}, capture_output=True,
                                 text=True, timeout=60)
            self.assertEqual(0, ran.returncode, ran.stdout + ran.stderr)


class Crowd:
    """Counts whose mailboxes are open at a Dovecot at the same time, as it tells itself."""

    def __init__(self, peer):
        self.peer, self.most, self.over = peer, 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.over.wait(0.2):
            rows = self.peer.doveadm("-f", "tab", "who", "-1").splitlines()[1:]
            self.most = max(self.most, len({row.split("\t")[0] for row in rows}))

    def end(self):
        self.over.set()
        self.thread.join(60)
        return self.most


class Listening:
    """A service without a worker, for as long as its block takes."""

    def __init__(self, case):
        self.case = case

    def __enter__(self):
        case = self.case
        if not getattr(case, "anna", False):
            case.ferry("account", "new", "anna", "--role", "administrator", "--password-file",
                       case.town.secret_file("correct horse battery"))
            case.anna = True
        self.child = subprocess.Popen([mailferry.binary(), "serve", "--no-worker", "--no-tls", "--listen", "127.0.0.1:0",
                                       "-o", "jsonl", "--data-dir", case.data], env=case.variables,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return json.loads(self.child.stdout.readline())["url"]

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(60)
        self.child.stdout.close()


@unittest.skipUnless(os.environ.get("INTEROP_LONG"), "long: many mailboxes, five kills (run.py --long)")
class LongWorkers(Workers):
    users, messages, kills, limit = int(os.environ.get("ENDURANCE_USERS", "100")), 40, 5, 6


if __name__ == "__main__":
    unittest.main()
