"""Writes a corpus straight into a Maildir++, as Dovecot keeps it: the way past a server's own checks.

Flags are in the file names, keywords in `dovecot-keywords` (26 a folder), INTERNALDATE is the file's
time, subscriptions have their file. It deliberately writes no index and gives no sizes in names.
"""
import os
import time

import corpus as corpora

LETTERS = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}
NAME_BYTES, KEYWORDS = 250, 26


def folder_name(path):
    """The directory of a folder; None if Maildir++ cannot have such a name."""
    if path == ("INBOX",):
        return ""
    name = "." + ".".join(map(corpora.to_mutf7, path))
    fits = len(name) <= NAME_BYTES and not any("." in part or "/" in part for part in path)
    return name if fits else None


class Folder:
    """One directory, made on first use."""

    def __init__(self, root, name):
        self.at, self.keywords, self.count = root / name, {}, 0
        for sub in ("cur", "new", "tmp"):
            (self.at / sub).mkdir(parents=True, exist_ok=True)
        if name:
            (self.at / "maildirfolder").touch()

    def letters(self, flags):
        """The info letters, or None when a keyword too many makes it a job for the server."""
        words = [f for f in flags if f not in LETTERS]
        new = [w for w in words if w not in self.keywords]
        if len(self.keywords) + len(new) > KEYWORDS:
            return None
        for word in new:
            self.keywords[word] = len(self.keywords)
        return "".join(sorted([LETTERS[f] for f in flags if f in LETTERS] +
                              [chr(97 + self.keywords[w]) for w in words]))

    def add(self, message, letters):
        when = int(time.time()) if message.date is None else message.date
        self.count += 1
        file = self.at / "cur" / f"{max(when, 0)}.M{self.count:06}P1.planted:2,{letters}"
        raw = message.raw if b"\r\r\n" in message.raw else message.raw.replace(b"\r\n", b"\n")
        file.write_bytes(raw)
        os.utime(file, (when, when))


def write(root, corpus, owner, planted):
    """Put what fits below ROOT and into PLANTED; returns the messages that do not fit."""
    folders, rest = {}, []
    for path in [("INBOX",), *corpus.empty_folders, *(m.folder for m in corpus.messages)]:
        name = folder_name(path)
        if path not in folders and name is not None:
            folders[path] = Folder(root, name)
    for message in corpus.messages:
        folder = folders.get(message.folder)
        letters = folder.letters(message.flags) if folder and message.only != "append" else None
        if letters is None:
            rest.append(message)
        else:
            folder.add(message, letters)
            planted.messages.append(message)
    for folder in folders.values():
        if folder.keywords:
            lines = [f"{number} {word}\n" for word, number in folder.keywords.items()]
            (folder.at / "dovecot-keywords").write_text("".join(lines))
    separator = "/"                                # Maildir++ on disk has dots; subscriptions have the server's separator
    names = [separator.join(map(corpora.to_mutf7, path)) for path in folders if path != ("INBOX",)]
    subscribed = root / "subscriptions"
    subscribed.write_text("V\t2\n\n" + "".join("\t".join(n.split(separator)) + "\n" for n in names))
    give(root, owner)
    return rest


def give(root, owner):
    """To the server's user: everything below ROOT, and the home around it."""
    os.chown(root.parent, *owner)
    for folder, _, files in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, *owner)
