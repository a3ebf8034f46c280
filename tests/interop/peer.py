"""Real mail servers for the interop tests: starts, describes and stops them.

All servers come from one command (environment MAILFERRY_PEER, default `cargo xtask peer`), called
only in `ask_peer`. A `Town` owns one folder in memory and everything started in it, and ends
all of it, by pid, however its block is left; the process waits for that at its end. It knows no migration and reads no mail.
"""
import atexit
import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from dataclasses import dataclass
from urllib.parse import quote

HOST = "127.0.0.1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
UP_SECONDS, DOWN_SECONDS = 600, 60                 # `up` may have to build the task runner first


class PeerFailed(Exception):
    """A server that should have started did not; the text says why."""


@dataclass(frozen=True)
class Account:
    """One mailbox on a server, and the ways in."""
    user: str
    password: str
    email: str
    port: int                                      # plain and STARTTLS
    tls_port: int
    ca: str = ""

    def url(self, security="none", port=None, user=None):
        """As the product's command line takes it: security none, tls (STARTTLS) or ssl."""
        name = quote(user or self.user, safe="")
        if security == "ssl":
            return f"imaps://{name}@{HOST}:{port or self.tls_port}"
        return f"imap://{name}@{HOST}:{port or self.port}?security={security}"

    def at(self, port):
        """The same account, reached through a relay."""
        return Account(self.user, self.password, self.email, port, self.tls_port, self.ca)


class Peer:
    """A running server."""

    def __init__(self, kind, folder, description):
        self.kind, self.folder, self.facts = kind, folder, description
        self.accounts = [Account(a["user"], a["password"], a.get("email", ""), description["imap"],
                                 description["imaps"], description.get("ca", ""))
                         for a in description["accounts"]]

    def account(self, number=1):
        return self.accounts[number - 1]

    @property
    def master(self):
        """(name, password) of the one sign-in for all mailboxes."""
        one = self.facts.get("master") or self.facts["admin"]
        return one["user"], one["password"]

    def store(self):
        """The folder with every user's mail."""
        return pathlib.Path(self.facts.get("store") or self.facts.get("mail") or os.path.join(self.folder, "mail"))

    def home(self, account):
        """Where the server keeps the account's mail: `Maildir` is in it, when it keeps Maildirs."""
        return self.store() / account.user

    def owner(self):
        """uid and gid that the files of the mail store must have."""
        told = self.facts.get("owner") or self.facts.get("mail_owner")
        if told:
            uid, gid = told.split(":")
            return int(uid), int(gid)
        info = self.store().stat()
        return info.st_uid, info.st_gid

    def doveadm(self, *arguments):
        """Administration of a Dovecot; returns what it printed."""
        config = self.facts.get("config") or os.path.join(self.folder, "dovecot.conf")
        done = subprocess.run(["doveadm", "-c", config, *arguments], capture_output=True, timeout=60)
        if done.returncode:
            raise PeerFailed(f"doveadm {' '.join(arguments)}: {done.stderr.decode(errors='replace')[-400:]}")
        return done.stdout.decode(errors="replace")

    def stop(self):
        try:
            ask_peer(self.kind, "down", self.folder, seconds=DOWN_SECONDS)
        except PeerFailed:
            end_process(self.facts.get("pid"), self.folder)


def ask_peer(*words, seconds=UP_SECONDS):
    """The one place that runs the peer command; returns its standard output."""
    command = shlex.split(os.environ.get("MAILFERRY_PEER", "cargo xtask peer"))
    # files, not pipes: a daemon that keeps a pipe open would keep us waiting
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run([*command, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=err, cwd=ROOT, timeout=seconds)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PeerFailed(f"{command[0]}: {error}") from None
        out.seek(0), err.seek(0)
        said, noise = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if done.returncode:
        raise PeerFailed(f"peer {' '.join(map(str, words[:2]))}: {(noise or said).strip()[-800:]}")
    return said


def is_required(name):
    """Peers named in MAILFERRY_REQUIRE_PEERS fail a test when missing; others skip it, loudly."""
    return name in os.environ.get("MAILFERRY_REQUIRE_PEERS", "").replace(",", " ").split()


def missing(name, reason):
    """The exception for a peer that is not there."""
    return PeerFailed(f"{name} is required and missing: {reason}") if is_required(name) \
        else unittest.SkipTest(f"{name} is missing: {reason}")


def end_process(pid, marker):
    """End a process that is surely ours: its command line or working folder names MARKER."""
    if not pid:
        return
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(100):
            try:
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                if str(marker).encode() not in command:
                    return
                os.kill(pid, sig)
            except (ProcessLookupError, FileNotFoundError):
                return
            time.sleep(0.05)


GIVEN, GIVING = set(), threading.Lock()            # ports given out before, perhaps not in use yet


def free_ports(count):
    """The first of COUNT adjacent free ports, below the range that outgoing connections use."""
    rng = random.Random()
    for _ in range(300):
        first = rng.randrange(20_000, 32_000)
        ports = set(range(first, first + count))
        with GIVING:
            if ports & GIVEN:
                continue
            GIVEN.update(ports)
        with contextlib.ExitStack() as stack:
            try:
                for port in ports:
                    s = stack.enter_context(socket.socket())
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind((HOST, port))
                return first
            except OSError:
                continue
    raise PeerFailed("no free ports")


class Town(contextlib.ExitStack):
    """A folder in memory with servers; leaving it ends all of them and removes the folder.

    Ending takes its second, for which nobody has to wait but the end of the process.
    """

    def __enter__(self):
        super().__enter__()
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mf-", dir=base))
        self.folder.chmod(0o755)                   # servers run as other users and pass through it
        self.count, self.peers = itertools.count(1), []
        self.callback(lambda: threading.Thread(target=self.end).start())
        atexit.register(self.end)                  # when it was never left
        self.callback(atexit.unregister, self.end)
        return self

    def end(self):
        for peer in self.peers:
            peer.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        """A path in the town that was not given out before."""
        return self.folder / f"{name}{next(self.count)}"

    def secret_file(self, text):
        """A password in a file that only we can read."""
        path = self.path("secret")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
        return path

    def dovecot(self, *options):
        """A Dovecot with the options of the peer command, such as "--dot" or "--quota", "1M"."""
        if not shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin"):
            raise missing("dovecot", "the program is not installed")
        return self.start("dovecot", options)

    def dovecots(self, *options):
        """One Dovecot for each tuple of options, started at the same time."""
        with concurrent.futures.ThreadPoolExecutor(len(options)) as pool:
            return list(pool.map(lambda each: self.dovecot(*each), options))

    def cyrus(self, *options):
        try:
            return self.start("cyrus", options)
        except PeerFailed as error:
            raise missing("cyrus", str(error)) from None

    def start(self, kind, options):
        folder = self.path(kind[0])
        try:
            said = ask_peer(kind, "up", folder, free_ports(3), *options)
            peer = Peer(kind, str(folder), json.loads(said[said.index("{"):]))
        except (ValueError, KeyError, PeerFailed) as error:
            with contextlib.suppress(PeerFailed):  # what came up half
                ask_peer(kind, "down", folder, seconds=DOWN_SECONDS)
            raise error if isinstance(error, PeerFailed) else \
                PeerFailed(f"peer {kind} up gave no description that we know: {error!r}") from None
        self.peers.append(peer)
        return peer
