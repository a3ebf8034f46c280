"""A migration through the service that nobody looks after: what goes wrong meanwhile loses nothing and is told.

Killed while it tests an endpoint, limits changed under load, a disk that is full for a while, a password changed at the
source. Afterwards the mailboxes are the same, the audit trail tells the story in its order, and no password stands in
anything that was written. The service is asked over HTTP, as others would.
"""
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

import corpus
import judge
import mailferry
import realistic
from case import InteropCase, look

USERS, MESSAGES = 8, 110
SECONDS = 120                                      # for anything that is waited for
LOOKED_AT = 5                                      # seconds in which a lowered limit is watched
NO_LIMIT = resource.RLIM_INFINITY


class Unattended(InteropCase):
    def setUp(self):
        super().setUp()
        self.servers(("--users", str(USERS)), ("--users", str(USERS)))
        for number, account in enumerate(self.source_peer.accounts, 1):
            made = realistic.make(number, MESSAGES, 4, 20_000)
            self.assertEqual([], corpus.plant(self.source_peer, account, made).refused)
        self.log = self.town.path("log")
        self.child = self.token = None
        self.addCleanup(self.kill)

    # --- the service

    def cli(self, *words):
        run = mailferry.run(*words, "--data-dir", self.data)
        self.assertEqual(0, run.code, f"{words}\n{run.told()}")
        return run.out.strip()

    def start(self):
        # A pipe: the limit of files would hold for a file, too.
        self.child = subprocess.Popen(
            [mailferry.binary(), "serve", "--no-tls", "--listen", "127.0.0.1:0", "-o", "jsonl", "-vv", "--bwlimit",
             "300K", "--data-dir", self.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=mailferry.environment())
        threading.Thread(target=self.keep_log, args=[self.child.stderr], daemon=True).start()
        self.url = json.loads(self.child.stdout.readline())["url"]
        command = pathlib.Path(f"/proc/{self.child.pid}/cmdline").read_bytes().decode()
        self.assertFalse([s for s in self.secrets() if s in command], "a secret among the processes")

    def keep_log(self, stream):
        with stream, open(self.log, "ab", buffering=0) as log:
            for line in stream:
                log.write(line)

    def kill(self, how=signal.SIGKILL):
        if self.child:
            self.child.send_signal(how)
            code = self.child.wait(SECONDS)
            self.child.stdout.close()
            self.child = None
            return code

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + "/api/v1" + path, method=method, headers={
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            self.fail(f"{method} {path}: {error.code} {error.read().decode()[:500]}")
        except OSError as error:
            self.fail(f"{method} {path}: {error}\n{self.said()}")
        self.assertFalse([s for s in self.secrets() if s.encode() in text], "a secret in an answer")
        return json.loads(text) if text else None

    def wait(self, what, done, seconds=SECONDS):
        end = time.monotonic() + seconds
        while not (found := done()):
            if time.monotonic() > end:
                state = {path: self.ask("GET", path) for path in ("/batches/wave", "/batches/wave/users", "/work")}
                self.fail(f"{what}\n{json.dumps(state, indent=1)[:8000]}\n{self.said()}")
            time.sleep(0.1)
        return found

    def said(self):
        """The last lines of its log, without the answers to our own questions."""
        return "".join(line for line in self.log.read_text().splitlines(True) if "answered" not in line)[-6000:]

    def syncing(self):
        return sum(user["status"] == "Syncing" for user in self.ask("GET", "/batches/wave/users"))

    def batch(self):
        return self.ask("GET", "/batches/wave")["status"]

    def detail(self):
        return self.ask("GET", "/batches/wave")["statusDetail"]

    def secrets(self):
        of_peers = [s for peer in (self.source_peer, self.target_peer) for s in (peer.master[1], peer.account().password)]
        return [*of_peers, "canary-rotated", *([self.token] if self.token else [])]

    # --- what happens

    def set_limit(self, number):
        self.ask("PATCH", "/endpoints/old", {"maxConcurrentMigrations": number, "maxConcurrentIncrementalSyncs": 1})

    def test_nothing_is_lost_and_the_story_is_told(self):
        self.data.mkdir(mode=0o700)
        self.cli("account", "new", "anna", "--role", "administrator", "--password-file", self.town.secret_file("correct horse"))
        self.token = self.cli("token", "new", "unattended", "--account", "anna")
        self.start()
        for name, peer in (("old", self.source_peer), ("new", self.target_peer)):
            user, password = peer.master
            self.ask("POST", "/endpoints", {
                "name": name, "type": "imap", "secrets": {"password": password}, "settings": {
                    "remote-server": "127.0.0.1", "port": str(peer.account().port), "security": "none",
                    "username": user, "admin-style": "dovecot"}})
        rows = "".join(f"{s.email},{s.user},{t.email},{t.user}\n"
                       for s, t in zip(self.source_peer.accounts, self.target_peer.accounts))
        self.set_limit(1)
        self.ask("POST", "/batches", {"name": "wave", "source": "old", "target": "new",
                                      "csv": "EmailAddress,UserName,TargetAddress,TargetUserName\n" + rows})
        self.ask("POST", "/batches/wave/start", {})
        self.limits_change_under_load()
        self.service_is_killed_while_it_tests()
        self.disk_is_full_for_a_while()
        self.password_is_changed_at_the_source()
        self.ask("POST", "/batches/wave/complete", {})
        self.wait("Completed", lambda: self.batch() == "Completed")
        self.assertEqual(0, self.kill(signal.SIGTERM))
        for source, target in zip(self.source_peer.accounts, self.target_peer.accounts):
            report = judge.compare(look(source), look(target))
            self.assertTrue(report.same, report.text())
        self.story_is_told()
        self.nothing_secret_is_written()

    def limits_change_under_load(self):
        self.wait("the first mailbox", lambda: self.syncing() == 1)
        self.set_limit(3)
        began = time.monotonic()
        self.wait("three at once", lambda: self.syncing() == 3)
        print(f"three at once {time.monotonic() - began:.1f} s after the limit was raised")
        self.set_limit(2)
        most = 3
        end = time.monotonic() + LOOKED_AT
        while time.monotonic() < end:
            now = self.syncing()
            self.assertLessEqual(now, most, "lowering drains")
            most = max(2, min(most, now))
            time.sleep(0.1)

    def service_is_killed_while_it_tests(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            order = {"type": "imap", "secrets": {"password": "canary-rotated"}, "settings": {
                "remote-server": "127.0.0.1", "port": str(silent.getsockname()[1]), "security": "none", "username": "x"}}
            test = "/endpoint-tests/" + self.ask("POST", "/endpoint-tests", order)["id"]
            self.wait("a test", lambda: self.ask("GET", test)["state"] == "Running")
            self.kill()
        self.start()
        self.wait("an interrupted test", lambda: self.ask("GET", test)["state"] == "Interrupted")
        self.wait("work goes on", lambda: self.syncing() > 0)

    def disk_is_full_for_a_while(self):
        self.set_limit(1)
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (4096, NO_LIMIT))
        self.wait("a full disk is told", lambda: "the store is out of order" in self.log.read_text())
        self.wait("the service says that it is not well", lambda: not self.is_well())
        self.wait("the batch tells it", self.tells_of_the_store)
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))
        self.wait("work goes on", lambda: self.syncing() > 0 or self.batch() == "Synced")
        self.wait("it is well again", self.is_well)
        self.wait("it is over", lambda: not (self.detail() or "").startswith("StoreOutOfOrder: "))

    def is_well(self):
        try:
            return self.ask("GET", "/health")["status"] == "ok"
        except self.failureException as said:
            if "STORE_" not in str(said):
                raise
            return False

    def tells_of_the_store(self):
        """The batch does; while not even the batch can be read, the answer does."""
        try:
            return (self.detail() or "").startswith("StoreOutOfOrder: ")
        except self.failureException as said:
            if "disk I/O error" not in str(said):
                raise
            return True

    def password_is_changed_at_the_source(self):
        user, _ = self.source_peer.master
        masters = pathlib.Path(self.source_peer.folder) / "masters"
        masters.write_text(f"{user}:{{PLAIN}}canary-rotated\n")
        os.utime(masters, (time.time() + 2, time.time() + 2))
        self.wait("it waits", lambda: self.batch() == "Waiting")
        self.assertEqual("NeedsToConnect", self.ask("GET", "/endpoints/old")["status"])
        users = [u["status"] for u in self.ask("GET", "/batches/wave/users")]
        self.assertNotIn("Failed", users)
        self.set_limit(4)
        self.ask("PATCH", "/endpoints/old", {"secrets": {"password": "canary-rotated"}})
        self.wait("Synced", lambda: self.batch() == "Synced")

    # --- afterwards

    def story_is_told(self):
        entries = json.loads(self.cli("audit", "list", "--limit", "all", "-o", "json"))
        told = [(e["action"], json.loads(e["change"] if (e["change"] or "").startswith("{") else "{}")) for e in sorted(entries, key=lambda e: e["no"])]
        story = [f"{action} {change.get('after', '')}".strip() if action == "batch.status" else action
                 for action, change in told]
        wanted = ["service.start", "endpoint.new", "endpoint.new", "endpoint.set", "batch.new", "batch.start",
                  "endpoint.set", "endpoint.set", "endpoint.test", "service.start", "endpoint.needs-to-connect",
                  "batch.status Waiting", "endpoint.set", "batch.status Synced", "batch.complete",
                  "batch.status Completed", "service.stop"]
        rest = iter(story)
        self.assertEqual([], [word for word in wanted if word not in rest], f"in this order: {story}")
        self.assertEqual(1, story.count("endpoint.needs-to-connect"), "told once")
        self.assertEqual(1, story.count("service.stop"), "the kill is no end in order")
        self.cli("audit", "verify")

    def nothing_secret_is_written(self):
        for file in [self.log, *(f for f in self.data.rglob("*") if f.is_file())]:
            text = file.read_bytes()
            self.assertFalse([s for s in self.secrets() if s.encode() in text], f"a secret in {file.name}")


if __name__ == "__main__":
    unittest.main()
