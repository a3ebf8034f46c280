"""Mailboxes to migrate: what is planted, and how it gets into a server.

A `Corpus` is a list of messages and empty folders, the same for the same seed (realistic.py, odd.py
make them). `plant` writes it into an account, straight into a Maildir++ or by APPEND, and returns
what was planted, so that a test can check (`shortfall`) that the server shows as much: a comparison
proves no more than the source shows. It never talks to the program under test.

  corpus.py realistic|odd HOST:PORT USER PASSWORD-FILE [--seed N] [--messages N] [--folders N]
"""
import argparse
import base64
import collections
import hashlib
import imaplib
import json
import re
import sys
import time
from dataclasses import dataclass, field

import maildir

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass
class Message:
    folder: tuple                                  # the path; ("INBOX",) is the inbox
    raw: bytes
    flags: tuple = ()                              # system flags and keywords
    date: int | None = None                        # INTERNALDATE; None: the server's own
    zone: int = 0                                  # minutes east, as APPEND tells it
    quirk: str = ""                                # what is odd, when servers may not keep it as it is
    only: str = ""                                 # "maildir" or "append": the one way it can be planted


@dataclass
class Corpus:
    name: str
    messages: list
    empty_folders: list = field(default_factory=list)


@dataclass
class Planted:
    """What is on the server now, if the server kept its word."""
    messages: list = field(default_factory=list)
    refused: list = field(default_factory=list)    # (what, why): never silently

    def per_folder(self):
        return collections.Counter(m.folder for m in self.messages)

    def shortfall(self, snapshot):
        """What the server does not show as it was planted, as texts; messages with a quirk by count only."""
        missing = [f"{'/'.join(folder)}: planted {count}, shown {len(snapshot.folders.get(folder, []))}"
                   for folder, count in sorted(self.per_folder().items())
                   if len(snapshot.folders.get(folder, [])) < count]
        shown = collections.Counter((m.folder, m.sha) for m in snapshot.messages())
        wanted = collections.Counter((m.folder, sha(m.raw)) for m in self.messages if not m.quirk)
        return missing + [f"{'/'.join(folder)}: {count} message(s) {digest[:12]} not shown as planted"
                          for (folder, digest), count in (wanted - shown).items()]


def sha(raw):
    """As the judge counts it: line ends normalised."""
    return hashlib.sha256(re.sub(rb"\r?\n", b"\r\n", raw)).hexdigest()


# ------------------------------------------------------------------ dates and names

def zone_text(zone):
    return f"{'-' if zone < 0 else '+'}{abs(zone) // 60:02}{abs(zone) % 60:02}"


def internal_date(epoch, zone=0):
    t = time.gmtime(epoch + zone * 60)
    return f'"{t.tm_mday:2}-{MONTHS[t.tm_mon - 1]}-{t.tm_year:04} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} {zone_text(zone)}"'


def header_date(epoch, zone=0):
    t = time.gmtime(epoch + zone * 60)
    day = "Mon Tue Wed Thu Fri Sat Sun".split()[t.tm_wday]
    return f"{day}, {t.tm_mday} {MONTHS[t.tm_mon - 1]} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} {zone_text(zone)}"


def to_mutf7(name):
    """A folder name as IMAP and Maildir++ write it (RFC 3501 §5.1.3)."""
    def shift(match):
        code = base64.b64encode(match[0].encode("utf-16-be")).decode()
        return "&" + code.rstrip("=").replace("/", ",") + "-"
    return re.sub(r"[^\x20-\x7e]+", shift, name.replace("&", "&-"))


# ------------------------------------------------------------------ a client to plant and edit with

class Mailbox:
    """One account, edited as its user would: by path, with raw bytes (imaplib alone would change line ends)."""

    def __init__(self, account, user=None, password=None):
        self.imap = imaplib.IMAP4("127.0.0.1", account.port, timeout=120)
        self.imap.login(user or account.user, password or account.password)
        self.prefix, self.separator = "", "/"
        match = re.match(rb'\(\("([^"]*)" "(\\?.)"', self.imap.namespace()[1][0] or b"")
        if match:
            self.prefix, self.separator = match[1].decode(), match[2][-1:].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.imap.logout()
        except (OSError, imaplib.IMAP4.error):
            pass

    def name(self, path):
        """PATH as a quoted IMAP string."""
        raw = self.separator.join(map(to_mutf7, path))
        raw = raw if path[0] == "INBOX" and (len(path) == 1 or self.prefix == "") else self.prefix + raw
        return '"' + raw.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def ask(self, verb, *arguments):
        """One command; raises with the server's words when it is refused."""
        return accepted(verb, *self.imap._simple_command(verb, *arguments))

    def append(self, message):
        """The bytes as they are, in one go where the server takes a literal unasked."""
        date = [] if message.date is None else [internal_date(message.date, message.zone)]
        arguments = [self.name(message.folder), f"({' '.join(message.flags)})", *date]
        if "LITERAL+" not in self.imap.capabilities:
            self.imap.literal = message.raw
            return self.ask("APPEND", *arguments)
        tag = self.imap._new_tag()
        head = f" APPEND {' '.join(arguments)} {{{len(message.raw)}+}}\r\n".encode()
        self.imap.send(tag + head + message.raw + b"\r\n")
        return accepted("APPEND", *self.imap._command_complete("APPEND", tag))

    def create(self, path):
        self.ask("CREATE", self.name(path))
        self.ask("SUBSCRIBE", self.name(path))

    def exists(self, path):
        return any(self.imap.list('""', self.name(path))[1])

    def ensure(self, path):
        if path != ("INBOX",) and not self.exists(path):
            self.create(path)

    def select(self, path):
        return int(accepted(f"SELECT {path}", *self.imap.select(self.name(path)))[0])

    def search(self, path, *criteria):
        """UIDs in PATH, which stays selected."""
        self.select(path)
        return [int(n) for n in self.imap.uid("SEARCH", *criteria)[1][0].split()]

    def uid(self, *command):
        return accepted(f"UID {command[0]}", *self.imap.uid(*map(str, command)))


def accepted(what, code, said):
    if code != "OK":
        raise Refused(f"{what}: {said[0].decode(errors='replace')}")
    return said


class Refused(Exception):
    """The server said NO or BAD; the text is what it said."""


# ------------------------------------------------------------------ planting

def plant(peer, account, corpus, way="append"):
    """Write CORPUS into ACCOUNT. WAY "maildir": to disk first, what a Maildir cannot hold by APPEND."""
    planted, rest = Planted(), corpus.messages
    if way == "maildir":
        rest = maildir.write(peer.home(account) / "Maildir", corpus, peer.owner(), planted)
    else:
        planted.refused += [(m.quirk, "a Maildir alone can hold it") for m in rest if m.only == "maildir"]
        rest = [m for m in rest if m.only != "maildir"]
    append(account, Corpus(corpus.name, rest, corpus.empty_folders if way == "append" else []), planted)
    return planted


def append(account, corpus, planted):
    with Mailbox(account) as box:
        ready = {}
        for path in [*corpus.empty_folders, *(m.folder for m in corpus.messages)]:
            if path not in ready:
                ready[path] = made(box, path, planted)
        for message in corpus.messages:
            if not ready[message.folder]:
                continue
            try:
                box.append(message)
                planted.messages.append(message)
            except Refused as error:
                planted.refused.append((message.quirk or "/".join(message.folder), str(error)))


def made(box, path, planted):
    try:
        if any(box.separator in part for part in path):
            raise Refused("the server's separator is in the name")
        box.ensure(path)
        return True
    except Refused as error:
        planted.refused.append(("/".join(path), str(error)))
        return False


def main():
    import odd
    import realistic
    from peer import Account
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["realistic", "odd"])
    parser.add_argument("server", metavar="HOST:PORT")
    parser.add_argument("user")
    parser.add_argument("password_file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--folders", type=int, default=12)
    given = parser.parse_args()
    with open(given.password_file) as file:
        password = file.read().removesuffix("\n")
    account = Account(given.user, password, "", int(given.server.rpartition(":")[2]), 0)
    corpus = odd.make(given.seed) if given.kind == "odd" else realistic.make(given.seed, given.messages, given.folders)
    planted = plant(None, account, corpus)
    print(json.dumps({"messages": len(planted.messages), "folders": len(planted.per_folder()),
                      "refused": planted.refused}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
