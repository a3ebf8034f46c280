"""The town of the demo: twelve mailboxes that live, and an independent reading of where they arrived.

  town.py plant  SOURCE TARGET STATE              fills the source's twelve mailboxes
  town.py more   SOURCE TARGET STATE              a day at work: new mail, flags, moves, deletions
  town.py judge  SOURCE TARGET STATE LISTED       is the target what was planted, less what is listed?

SOURCE and TARGET are folders with a `peer.json`; STATE is a file of ours. LISTED is what the program
under test says is not as it was: a JSON array of items, each with user, kind, folder and uid. It is only
ever compared with what the servers show: a difference that is not listed and a listed one that is none
are both faults. Answers with one JSON object; exit status 0 as it should be, 1 not, 2 could not look.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import pathlib
import pickle
import re
import sys

import corpus
import judge
import odd
import realistic
import snapshot
from peer import Peer

MAILBOXES, ODD, TWINS = 12, 11, 12                 # the eleventh is odd, the twelfth has everything twice
LARGEST_MB = 12
READERS = 4
LOST, CHANGED = ("lost",), ("changed-bytes", "changed-flags", "changed-keywords", "changed-date")


def made_for(number):
    """What the mailbox of this number holds in the beginning."""
    if number == ODD:
        return odd.make(1, LARGEST_MB)
    if number == TWINS:
        return twins()
    return realistic.make(number, 80 + 12 * number, 6 + number, 90_000)


def twins():
    """Equal messages in one folder and in several, and different ones that look alike."""
    plain = realistic.make(TWINS, 60, 8, 20_000)
    again = [m for m in plain.messages if m.folder == ("INBOX",)]
    elsewhere = [dataclasses.replace(m, folder=("Archive", "Copies"), flags=("\\Seen",)) for m in again]
    maker = odd.Maker(TWINS)
    odd.twins(maker)
    return corpus.Corpus("twins", plain.messages + again + again[:5] + elsewhere + maker.made)


# ------------------------------------------------------------------ the state of the town

def peer(folder):
    """The server described in FOLDER."""
    facts = json.loads((pathlib.Path(folder) / "peer.json").read_text())
    return Peer(facts["server"], folder, facts)


def look(account):
    return snapshot.read("127.0.0.1", account.port, account.user, account.password)


def look_at_all(server):
    """The readings of all mailboxes, by number."""
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        return dict(enumerate(pool.map(look, server.accounts), 1))


def uid_of(fault):
    return int(re.search(r" UID (\d+) ", fault.detail)[1]) if " UID " in fault.detail else 0


def as_snapshot(messages, folders):
    """What a server would show that has these messages; UIDs count from 1 over all folders."""
    shown = {path: [] for path in [("INBOX",), *folders]}
    for uid, m in enumerate(messages, 1):
        words = {flag.lower() for flag in m.flags}
        ident = re.search(rb"(?im)^message-id:[ \t]*(\S[^\r\n]*)", m.raw)
        shown.setdefault(m.folder, []).append(snapshot.Message(
            m.folder, uid, len(m.raw), frozenset(w for w in words if w[0] == "\\"),
            frozenset(w for w in words if w[0] != "\\"), m.date or 0, corpus.sha(m.raw),
            ident[1][:100].decode("latin-1").strip() if ident else ""))
    return snapshot.Snapshot(shown, set())


# ------------------------------------------------------------------ plant

def plant(source, target, state):
    """Fills the source; fails if it does not show what was planted, but for messages that no server keeps as they are."""
    readings, told = {}, {"messages": 0, "bytes": 0, "folders": 0, "notPlanted": [], "keptDifferently": []}
    on_disk = source.kind == "dovecot"
    for number, account in enumerate(source.accounts, 1):
        wanted = made_for(number)
        if not on_disk:                            # a server in memory takes by APPEND what Dovecot holds on disk only
            wanted.messages = [dataclasses.replace(m, only="") for m in wanted.messages]
        planted = corpus.plant(source, account, wanted, "maildir" if on_disk else "append")
        told["notPlanted"] += [f"{account.user}: {what}: {why}" for what, why in planted.refused]
        shown = look(account)
        differing = judge.compare(as_snapshot(planted.messages, wanted.empty_folders), shown).faults
        for fault in differing:
            odd_one = planted.messages[uid_of(fault) - 1] if uid_of(fault) else None
            excused = odd_one is not None and (odd_one.quirk or odd_one.date is None)
            if not excused and fault.kind != "extra-folder":
                raise snapshot.CannotLook(f"{account.user}: planted, but not shown: {fault.kind} {fault.detail}")
            told["keptDifferently"] += [f"{account.user}: {'/'.join(fault.folder)}: {odd_one.quirk}"] \
                if fault.kind in (*LOST, *CHANGED) and odd_one.quirk else []
        readings[number] = shown
    empty = {number: look(account).count() for number, account in enumerate(target.accounts, 1)}
    if any(empty.values()):
        raise snapshot.CannotLook(f"the target is not empty: {empty}")
    state.write_bytes(pickle.dumps(readings))
    return told | size_of(readings)


def size_of(readings):
    everything = [m for shown in readings.values() for m in shown.messages()]
    return {"mailboxes": len(readings), "messages": len(everything), "bytes": sum(m.size for m in everything),
            "folders": sum(len(shown.folders) for shown in readings.values())}


# ------------------------------------------------------------------ more

def more(source, target, state):
    """Ordinary people at work in the ten ordinary mailboxes; what they do is done to the expectation too."""
    readings, told = pickle.loads(state.read_bytes()), collections.Counter()
    for number, account in enumerate(source.accounts, 1):
        if number in (ODD, TWINS):
            continue
        with corpus.Mailbox(account) as box:
            told.update(day_at_work(box, readings[number], number))
    state.write_bytes(pickle.dumps(readings))
    return dict(told)


def day_at_work(box, shown, number):
    """Edits mailbox and expectation alike; what was done, counted."""
    inbox, archive, sent = (shown.folders[path] for path in (("INBOX",), ("Archive",), ("Sent",)))
    news = realistic.make(1000 + number, 4, 1, 9000).messages
    for message in news:
        box.append(message)
    flagged, moved, removed = inbox[:2], inbox[2:4], sent[-1:]
    uids = lambda items: ",".join(str(m.uid) for m in items)
    box.select(("INBOX",))
    box.uid("STORE", uids(flagged), "+FLAGS", "(\\Flagged Follow-up)")
    box.uid("MOVE", uids(moved), box.name(("Archive",)))
    box.select(("Sent",))
    box.uid("STORE", uids(removed), "+FLAGS", "(\\Deleted)")
    box.uid("EXPUNGE", uids(removed))
    for m in flagged:
        m.flags, m.keywords = m.flags | {"\\flagged"}, m.keywords | {"follow-up"}
    archive += [dataclasses.replace(m, folder=("Archive",), uid=0) for m in moved]
    inbox[:] = [m for m in inbox if m not in moved] + as_snapshot(news, ()).folders[("INBOX",)]
    sent[:] = [m for m in sent if m not in removed]
    return {"new": len(news), "flagged": len(flagged), "moved": len(moved), "removed": len(removed)}


# ------------------------------------------------------------------ judge

def judged(source, target, state, listed):
    """The verdict over the servers as they are now."""
    users = {number: account.user for number, account in enumerate(source.accounts, 1)}
    return verdict(users, pickle.loads(state.read_bytes()), look_at_all(source), look_at_all(target), claims(listed))


def verdict(users, planted, here, there, claimed):
    """What was planted is at the source, and what is at the source is at the target but for exactly what is claimed."""
    told = {"sourceFaults": [], "differences": [], "unlisted": [], "unfounded": []}
    for number, name in users.items():
        told["sourceFaults"] += [f"{name}: {f.kind}: {f.detail}" for f in judge.compare(planted[number], here[number]).faults]
        for fault in judge.compare(here[number], there[number]).faults:
            wanted = "skipped" if fault.kind in LOST else "rewritten" if fault.kind in CHANGED else None
            entry = claimed.get((wanted, name, "/".join(fault.folder), uid_of(fault)))
            told["differences" if entry else "unlisted"].append(f"{name}: {fault.kind}: {fault.detail}")
            if entry:
                entry["seen"] = True
    numbers = {name: number for number, name in users.items()}
    for (kind, name, folder, uid), entry in claimed.items():
        if entry.get("code") == "LINE_ENDS_REWRITTEN" and name in numbers and not entry.get("seen"):
            entry["seen"] = line_ends_differ(here[numbers[name]], there[numbers[name]], tuple(folder.split("/")), uid)
        if kind in ("skipped", "missing", "doubled", "rewritten") and not entry.get("seen"):
            told["unfounded"].append(f"{name}: {kind}: {folder} UID {uid}")
    return told | size_of(there) | {"same": not (told["sourceFaults"] or told["unlisted"] or told["unfounded"])}


def line_ends_differ(here, there, folder, uid):
    """The judge takes all line ends for one; the sizes tell them apart."""
    item = next((m for m in here.folders.get(folder, ()) if m.uid == uid), None)
    return item is not None and any(m.sha == item.sha and m.size != item.size for m in there.folders.get(folder, ()))


def claims(file):
    """What the program says is not as it was: by kind, user, folder and UID."""
    return {(item["kind"], item["user"].split("@")[0], item["folder"], int(item["uid"] or 0)): dict(item)
            for item in json.loads(file.read_text())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["plant", "more", "judge"])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("listed", type=pathlib.Path, nargs="?", help="only to judge")
    given = parser.parse_args()
    source, target = peer(given.source), peer(given.target)
    try:
        if given.verb == "judge":
            told = judged(source, target, given.state, given.listed)
        else:
            told = (plant if given.verb == "plant" else more)(source, target, given.state)
    except (snapshot.CannotLook, corpus.Refused, OSError) as error:
        print(f"town: {error}", file=sys.stderr)
        return 2
    print(json.dumps(told, ensure_ascii=False))
    return 0 if told.get("same", True) else 1


if __name__ == "__main__":
    sys.exit(main())
