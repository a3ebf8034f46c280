"""Are two IMAP accounts the same? Names every difference.

For each folder it compares the multisets of (SHA-256 of the message with line ends normalised to
CRLF, flags without \\Recent, keywords in lower case, INTERNALDATE to the second). It deliberately
reads the servers alone (snapshot.py) and believes no report of the program under test.

  judge.py SOURCE TARGET --source-password-file F --target-password-file F [options]

Accounts: imap://USER@HOST:PORT (plain) or imaps://USER@HOST:PORT (with --ca-file). Exit status:
0 the same, 1 different, 2 could not look.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import sys
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from snapshot import CannotLook, Snapshot, read, show

KINDS = ("lost", "doubled", "misplaced", "extra", "changed-bytes", "changed-flags", "changed-keywords",
         "changed-date", "missing-folder", "extra-folder", "missing-subscription", "extra-subscription")


@dataclass(frozen=True)
class Fault:
    kind: str
    folder: tuple
    detail: str
    ident: str = ""
    subject: str = ""


@dataclass
class Report:
    source: Snapshot
    target: Snapshot
    faults: list

    @property
    def same(self):
        return not self.faults

    def of(self, kind):
        return [f for f in self.faults if f.kind == kind]

    def counts(self):
        return dict(collections.Counter(f.kind for f in self.faults))

    def text(self, limit=20):
        """For people: the counts, then each fault by kind."""
        lines = [f"messages {self.source.count()} and {self.target.count()}, "
                 f"folders {len(self.source.folders)} and {len(self.target.folders)}: "
                 + ("the same" if self.same else "DIFFERENT")]
        for kind in KINDS:
            rows = self.of(kind)
            lines += [f"{kind}: {len(rows)}"] if rows else []
            lines += [f"   {ascii(f.detail)[1:-1]}" for f in rows[:limit]]
        return "\n".join(lines)

    def as_json(self):
        sides = (self.source, self.target)
        return {"same": self.same, "messages": [s.count() for s in sides], "folders": [len(s.folders) for s in sides],
                "counts": self.counts(), "notes": [s.notes for s in sides],
                "faults": [{"kind": f.kind, "folder": show(f.folder), "detail": f.detail} for f in self.faults]}


# ------------------------------------------------------------------ comparing

def pair_up(left, right):
    """Of equal bytes: pairs those that agree most; returns (unpaired left, unpaired right, pairs)."""
    pairs, left, right = [], list(left), list(right)
    alike = (lambda a, b: (a.flags, a.keywords, a.date) == (b.flags, b.keywords, b.date),
             lambda a, b: a.date == b.date,
             lambda a, b: (a.flags, a.keywords) == (b.flags, b.keywords), lambda a, b: True)
    for same in alike:
        for a in list(left):
            b = next((b for b in right if same(a, b)), None)
            if b is not None:
                pairs.append((a, b))
                left.remove(a)
                right.remove(b)
    return left, right, pairs


def by_sha(items):
    found = collections.defaultdict(list)
    for item in items:
        found[item.sha].append(item)
    return found


class Comparison:
    """One run of the judgement over two snapshots."""

    def __init__(self, source, target, options):
        self.source, self.target, self.options, self.faults = source, target, options, []
        self.lost, self.extra = [], []

    def fault(self, kind, item, detail):
        self.faults.append(Fault(kind, item.folder, detail, item.ident, item.subject))

    def folders(self):
        kept = lambda side: {p for p in side if show(p) not in self.options["ignore_folders"]}
        source, target = kept(self.source), kept(self.target)
        for path in sorted(source - target):
            self.faults.append(Fault("missing-folder", path, f"{show(path)} ({len(self.source[path])} messages)"))
        for path in sorted(target - source if not self.options["subset"] else ()):
            self.faults.append(Fault("extra-folder", path, f"{show(path)} ({len(self.target[path])} messages)"))
        for path in sorted(source | target):
            self.one_folder(self.source.get(path, []), self.target.get(path, []))

    def one_folder(self, source, target):
        left, right = by_sha(source), by_sha(target)
        for sha in left.keys() | right.keys():
            lost, extra, pairs = pair_up(left[sha], right[sha])
            self.lost += lost
            for item in extra:
                if not left[sha]:
                    self.extra.append(item)
                elif not self.options["subset"]:
                    self.fault("doubled", item, item.name())
            for a, b in pairs:
                self.one_pair(a, b)

    def one_pair(self, a, b):
        for kind, one, other in (("changed-flags", a.flags, b.flags), ("changed-keywords", a.keywords, b.keywords)):
            if one != other and self.options[kind.removeprefix("changed-")]:
                self.fault(kind, a, f"{a.name()}: ({' '.join(sorted(one))}) became ({' '.join(sorted(other))})")
        if self.options["dates"] and abs(a.date - b.date) > self.options["date_seconds"]:
            self.fault("changed-date", a, f"{a.name()}: {a.date} became {b.date}")

    def leftovers(self):
        """What one side has and the other has not: moved elsewhere, changed, or truly lost or extra."""
        for same, kind in ((lambda a, b: a.sha == b.sha and a.folder != b.folder, "misplaced"),
                           (lambda a, b: a.folder == b.folder and a.ident and a.ident == b.ident, "changed-bytes")):
            for item in list(self.lost):
                twin = next((e for e in self.extra if same(item, e)), None)
                if twin is not None:
                    self.fault(kind, item, f"{item.name()}: became {twin.name()}")
                    self.lost.remove(item)
                    self.extra.remove(twin)
        for item in self.lost:
            self.fault("lost", item, item.name())
        for item in self.extra if not self.options["subset"] else ():
            self.fault("extra", item, item.name())


DEFAULTS = {"dates": True, "date_seconds": 0, "flags": True, "keywords": True, "subset": False,
            "subscriptions": False, "folder_map": {}, "ignore_folders": ()}


def compare(source, target, **options):
    """Judge two snapshots. Options: dates, date_seconds, flags, keywords (False: do not look), subset
    (the target may hold more), subscriptions, folder_map {source path: target path, also for what
    is below}, ignore_folders (names with /)."""
    unknown = options.keys() - DEFAULTS.keys()
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
    options = DEFAULTS | options
    mapping = {tuple(a.split("/")): tuple(b.split("/")) for a, b in options["folder_map"].items()}

    def mapped(path):
        for a, b in mapping.items():
            if path[:len(a)] == a:
                return b + path[len(a):]
        return path
    folders = collections.defaultdict(list)
    for path, items in source.folders.items():
        folders[mapped(path)] += [dataclasses.replace(m, folder=mapped(path)) for m in items]
    run = Comparison(folders, target.folders, options)
    run.folders()
    run.leftovers()
    if options["subscriptions"]:
        wanted = {mapped(p) for p in source.subscribed}
        run.faults += [Fault("missing-subscription", p, show(p)) for p in sorted(wanted - target.subscribed)]
        run.faults += [Fault("extra-subscription", p, show(p)) for p in sorted(target.subscribed - wanted)]
    return Report(source, target, run.faults)


# ------------------------------------------------------------------ command

def read_url(url, password_file, ca):
    parts = urlsplit(url)
    with open(password_file) as file:
        password = file.read().removesuffix("\n")
    return read(parts.hostname, parts.port, unquote(parts.username or ""), password, ca=ca,
                security="ssl" if parts.scheme == "imaps" else "none")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--source-password-file", required=True)
    parser.add_argument("--target-password-file", required=True)
    parser.add_argument("--ca-file")
    parser.add_argument("--map", action="append", default=[], metavar="A=B", help="source folder A is B in the target")
    parser.add_argument("--ignore-folder", action="append", default=[], metavar="NAME")
    parser.add_argument("--no-dates", action="store_true")
    parser.add_argument("--no-keywords", action="store_true")
    parser.add_argument("--subset", action="store_true", help="the target may hold more")
    parser.add_argument("--subscriptions", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sides = list(pool.map(read_url, (given.source, given.target),
                                  (given.source_password_file, given.target_password_file), [given.ca_file] * 2))
    except (CannotLook, OSError) as error:
        print(f"judge: {error}", file=sys.stderr)
        return 2
    report = compare(*sides, dates=not given.no_dates, keywords=not given.no_keywords, subset=given.subset,
                     subscriptions=given.subscriptions, ignore_folders=tuple(given.ignore_folder),
                     folder_map=dict(rule.split("=", 1) for rule in given.map))
    print(json.dumps(report.as_json(), indent=1) if given.json else report.text())
    return 0 if report.same else 1


if __name__ == "__main__":
    sys.exit(main())
