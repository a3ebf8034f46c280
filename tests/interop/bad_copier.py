"""Little copiers that are wrong on purpose, one fault each, to prove that the kill test finds it.

  bad_copier.py MODE STATE-DIR SOURCE-PORT USER PASSWORD-FILE TARGET-PORT USER PASSWORD-FILE

blind-retry   the cursor follows the answer: what was put and not answered is put again, unseen
cursor-first  the cursor goes ahead of the message: what was not put yet is never put
no-grace      looks at the target before it puts, but only once: what lands later is doubled
merge-equal   equal messages count as one
sound         looks twice, a grace apart, and counts: none of these faults (and slow, and reads all)
They copy nothing but messages, flags and dates, and are no model for anything.
"""
import collections
import hashlib
import pathlib
import sys
import time

import corpus
import snapshot
from peer import Account

GRACE_S, LOOKS = 4.0, 20


def folders(account):
    shown = snapshot.read("127.0.0.1", account.port, account.user, account.password)
    return {path: items for path, items in shown.folders.items()}


def body(box, uid):
    rows = box.uid("FETCH", uid, "(BODY.PEEK[])")
    return next(literal for text, literal in snapshot.fetch_answers(rows) if b"BODY[]" in text) or b""


def put(box, item, raw):
    box.append(corpus.Message(item.folder, raw, tuple(item.flags | item.keywords), item.date))


def by_cursor(mode, source, target, state):
    """blind-retry and cursor-first: UIDs upwards, one file a folder for the last one."""
    with corpus.Mailbox(source) as reader, corpus.Mailbox(target) as writer:
        for path, items in folders(source).items():
            writer.ensure(path)
            file = state / hashlib.sha256("/".join(path).encode()).hexdigest()[:16]
            last = int(file.read_text() or 0) if file.exists() else 0
            reader.select(path)
            for item in sorted(items, key=lambda i: i.uid):
                if item.uid <= last:
                    continue
                raw = body(reader, item.uid)
                if mode == "cursor-first":
                    file.write_text(str(item.uid))
                put(writer, item, raw)
                file.write_text(str(item.uid))


def counted(account, merge):
    shown = collections.Counter(m.sha for items in folders(account).values() for m in items) if merge else \
        collections.Counter((m.folder, m.sha) for items in folders(account).values() for m in items)
    return shown


def settled(target, mode):
    """What the target shows: once, or until two looks a grace apart agree."""
    shown = counted(target, mode == "merge-equal")
    for _ in range(LOOKS if mode == "sound" else 0):
        time.sleep(GRACE_S)
        shown, before = counted(target, False), shown
        if shown == before:
            break
    return shown


def by_count(mode, source, target):
    with corpus.Mailbox(source) as reader, corpus.Mailbox(target) as writer:
        there = settled(target, mode)
        for path, items in folders(source).items():
            writer.ensure(path)
            reader.select(path)
            for item in items:
                key = item.sha if mode == "merge-equal" else (path, item.sha)
                if there[key] > 0:
                    there[key] -= mode != "merge-equal"
                else:
                    put(writer, item, body(reader, item.uid))
                    there[key] += mode == "merge-equal"
        same_flags(source, target, writer)


def same_flags(source, target, writer):
    wanted, shown = folders(source), folders(target)
    for path, items in wanted.items():
        mine = collections.defaultdict(list)
        for item in shown.get(path, []):
            mine[item.sha].append(item)
        writer.select(path)
        for item in items:
            twins = mine[item.sha]
            if not twins:
                continue                           # merged away
            twin = next((t for t in twins if t.flags == item.flags and t.keywords == item.keywords), twins[0])
            twins.remove(twin)
            if (twin.flags, twin.keywords) != (item.flags, item.keywords):
                writer.uid("STORE", twin.uid, "FLAGS.SILENT", f"({' '.join(item.flags | item.keywords)})")


def account(port, user, password_file):
    text = pathlib.Path(password_file).read_text().removesuffix("\n")
    return Account(user, text, "", int(port), 0)


def main():
    mode, state, *ends = sys.argv[1:]
    source, target = account(*ends[:3]), account(*ends[3:])
    if mode in ("blind-retry", "cursor-first"):
        by_cursor(mode, source, target, pathlib.Path(state))
    elif mode in ("no-grace", "merge-equal", "sound"):
        by_count(mode, source, target)
    else:
        sys.exit(f"no such mode: {mode}")


if __name__ == "__main__":
    main()
