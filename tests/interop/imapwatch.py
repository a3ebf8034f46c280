"""Follows both directions of a plain IMAP connection: which commands began, which are answered.

Pure bookkeeping on bytes: no sockets, no threads, no opinion. Secrets of LOGIN and AUTHENTICATE are
not kept. It needs to see plain text (no TLS, no COMPRESS).
"""
import re
import time
from dataclasses import dataclass

LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n$")
CHANGES = {"APPEND", "REPLACE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "STORE", "COPY", "MOVE",
           "EXPUNGE", "SETMETADATA", "SETACL", "DELETEACL", "CLOSE"}
BODY = re.compile(r"BODY(?:\.PEEK)?\[(?!HEADER|[0-9.]*MIME)|\bRFC822(?![.\w])|RFC822\.TEXT|BINARY(?:\.PEEK)?\[", re.I)


@dataclass(eq=False)
class Command:
    """One command as the wire showed it."""
    connection: int
    tag: bytes
    verb: str                                      # in capitals; of UID STORE it is STORE
    text: str                                      # the arguments without literals; nothing for a sign-in
    began: float
    messages: int = 0                              # APPEND: literals begun
    sent: float = 0.0                              # when its last byte was read from the client; 0: not yet
    answered: float = 0.0                          # when its tagged answer was passed on; 0: not yet
    answer: str = ""                               # OK, NO or BAD

    def is_open(self, at):
        return self.began <= at and not 0 < self.answered <= at

    def changes(self):
        return self.verb in CHANGES

    def fetches_body(self):
        return self.verb == "FETCH" and bool(BODY.search(self.text))

    def __str__(self):
        return f"{self.verb} {self.text[:120]}".strip()


class ClientStream:
    """What the client sends: cut into pieces, each a line or a part of a literal."""

    def __init__(self, connection, on_begin):
        self.connection, self.on_begin = connection, on_begin
        self.line, self.literal, self.command = b"", 0, None

    def feed(self, data):
        """Yields (bytes, the APPEND whose literal begins after them or None, the APPEND they complete or None)."""
        at = 0
        while at < len(data):
            if self.literal:
                part = data[at:at + self.literal]
                self.literal -= len(part)
                at += len(part)
                yield part, None, None
                continue
            end = data.find(b"\n", at) + 1
            self.line += data[at:end or len(data)]
            at = end or len(data)
            if end:
                line, self.line = self.line, b""
                yield line, *self.one_line(line)

    def rest(self):
        """What was begun and never became a line."""
        line, self.line = self.line, b""
        return line

    def one_line(self, line):
        literal = LITERAL.search(line)
        begun = False
        if self.command is None:
            self.command = self.begin(line)
            begun = self.command is not None
        elif self.command.verb not in ("LOGIN", "AUTHENTICATE"):
            self.command.text += line.decode("latin-1").rstrip()
        command = self.command
        if literal:
            self.literal = int(literal[1])
            if command and command.verb == "APPEND":
                command.messages += 1
        else:
            if command:
                command.sent = time.monotonic()
            self.command = None
        if begun:
            self.on_begin(command)
        append = command if command and command.verb == "APPEND" else None
        return (append, None) if literal else (None, append)

    def begin(self, line):
        words = line.strip().split(None, 2)
        if len(words) < 2:
            return None                            # SASL data, DONE: belongs to a command already told
        verb, rest = words[1].upper(), words[2] if len(words) > 2 else b""
        if verb == b"UID" and rest:
            verb, _, rest = rest.partition(b" ")
            verb = verb.upper()
        text = "" if verb in (b"LOGIN", b"AUTHENTICATE") else rest.decode("latin-1")
        return Command(self.connection, words[0], verb.decode("latin-1"), text, time.monotonic())


class ServerStream:
    """What the server sends: finds the tagged answers between lines and literals."""

    def __init__(self):
        self.line, self.literal = b"", 0

    def feed(self, data):
        """The (tag, OK|NO|BAD) that DATA completes."""
        found, at = [], 0
        while at < len(data):
            if self.literal:
                skip = min(self.literal, len(data) - at)
                self.literal -= skip
                at += skip
                continue
            end = data.find(b"\n", at) + 1
            self.line += data[at:end or len(data)]
            at = end or len(data)
            if end:
                line, self.line = self.line, b""
                literal = LITERAL.search(line)
                self.literal = int(literal[1]) if literal else 0
                words = line.split(None, 2)
                if not line.startswith((b"*", b"+")) and len(words) > 1 and words[1] in (b"OK", b"NO", b"BAD"):
                    found.append((words[0], words[1].decode()))
        return found
