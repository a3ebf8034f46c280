"""Everything that breaks copies, the same for the same seed: one message or folder per oddity.

Where servers do not keep a message as it is, its `quirk` names why; what only a disk takes (APPEND
would be refused) says so in `only`. Well-formed, ordinary mail is in realistic.py.
"""
import random

from corpus import Corpus, Message, header_date

T0 = 1_700_000_000
ZONES = (0, 60, 120, -300, 330, 345, 765, 840, -570)
EMPTY, FUTURE, LONE_CR, NUL, LONG_KEYWORD, EPOCH = (
    "0-byte", "future INTERNALDATE", "lone CR at the end", "NUL", "60-character keyword", "INTERNALDATE 0")
FOLDERS = [("R&D",), ("Übergröße",), ("東京",), ("письма",), ("😀 emoji 👩‍👩‍👧",), ('quote " inside',), ("back\\slash",),
           ("100%",), ("a*b",), (" leading",), ("trailing ",), ("two  spaces",), ("&AOQ-",), ("a,b;c",),
           ("(brackets) {3}",), ("[Gmail]", "Sent"), ("inbox-like",), ("INBOX", "below"), ("CaSe",), ("case",),
           ("cafe\u0301",), ("caf\u00e9",), ("#hash",), ("-dash",), ("L" * 210,), ("ü" * 60,), ("Sent",), ("Sent Items",),
           ("Gesendete Elemente",), ("NIL",), ("1", "2", "3"), tuple(f"level{n}" for n in range(1, 16)),
           ("only", "the child", "exists")]
EMPTY_FOLDERS = [("empty",), ("empty", "below"), ("Ordner leer",)]


class Maker:
    """Collects messages; every one made by `mail` has a subject, a date and an id of its own."""

    def __init__(self, seed):
        self.rng, self.made, self.number, self.tag = random.Random(seed), [], 0, f"{seed}"

    def mail(self, subject, body=b"Hello.\r\n", *, head=(), drop=()):
        self.number += 1
        lines = {"From": "Anna <anna@example.net>", "To": "user@example.org", "Subject": subject,
                 "Date": header_date(T0 + self.number * 3600, 60), "Message-ID": f"<odd-{self.tag}-{self.number}@example.org>"}
        kept = [f"{key}: {value}".encode() for key, value in lines.items() if key not in drop]
        return b"\r\n".join([*kept, *head]) + b"\r\n\r\n" + body

    def put(self, folder, raw, flags=("\\Seen",), date="ordinary", **more):
        path = folder if isinstance(folder, tuple) else (folder,)
        when = T0 + len(self.made) * 60 if date == "ordinary" else date
        self.made.append(Message(path, raw, tuple(flags), when, **more))


def heads(m):
    f, mail = "odd heads", m.mail
    for raw in (b"From: J\xf6rg <j@example.net>\r\nSubject: raw Latin-1 \xe4\xf6\xfc\r\n\r\nlatin-1 \xdf\r\n",
                "From: Jörg <j@example.net>\r\nSubject: raw UTF-8 äöü 東京 😀\r\n\r\nutf-8 ß\r\n".encode(),
                b"Subject: invalid UTF-8 \xc3\x28 \xff\xfe\r\n\r\nx\r\n",
                b"just text, no head at all\r\nsecond line\r\n", b"\r\nan empty head, then a body\r\n",
                b"Subject: head without the empty line", b"Subject: head only\r\n\r\n",
                b"Subject: last line has no end\r\n\r\nno end", b"\r\n", b"X",
                b"From anna@example.net Mon Jan  1 00:00:00 2024\r\nSubject: an mbox line first\r\n\r\nFrom here\r\n>From there\r\n",
                b"Subject: a head line\r\nnot a header line\r\nX-After: yes\r\n\r\nbody\r\n",
                mail("a subject of 20,000 characters: " + "long " * 4000),
                mail("a header line of 200,000 characters", head=[b"X-Long: " + b"y" * 200_000]),
                mail("2,000 header lines", head=[b"X-N%d: v" % n for n in range(2000)]),
                mail("1,000 recipients", head=[b"Cc: " + b",\r\n ".join(b"u%d@example.org" % n for n in range(1000))]),
                mail("two of each", head=[b"Subject: second", b"Message-ID: <second@example.org>", b"From: b@example.net"]),
                mail("folded oddly", head=[b"X-Fold: a\r\n\t\r\n \t b", b"Empty:", b"X-Space :x"]),
                mail("=?utf-8?Q?broken_encoded_word", head=[b"X-Enc: =?no-such-charset?B?####?="]),
                mail("no From", drop=("From",)), mail("no Message-ID", drop=("Message-ID",)),
                mail("empty Message-ID", drop=("Message-ID",), head=[b"Message-ID: "]),
                mail("odd Message-ID", drop=("Message-ID",), head=[b'Message-ID: <a b"c)(d\\@x> (comment)']),
                mail("long Message-ID", drop=("Message-ID",), head=[b"Message-ID: <" + b"m" * 3000 + b"@x>"]),
                mail("control characters \x01\x07\x1b\x7f")):
        m.put(f, raw)
    m.put(f, b"", quirk=EMPTY, only="maildir")
    m.put(f, b"Subject: NUL in\0the head\r\n\r\nx\r\n", quirk=NUL, only="maildir")


def dates(m):
    for value in (None, b"", b"yesterday", b"Mon, 32 Foo 2024 25:61:61 +9999", b"1 Jan 70 00:00:00 GMT",
                  b"Thu, 1 Jan 1970 00:00:00 +0000", b"Fri, 31 Dec 9999 23:59:59 -1200", b"Sat, 1 Jan 1000 00:00:00 +0000",
                  b"Tue, 19 Jan 2038 03:14:08 +0000", b"2024-02-29T12:00:00Z", b"Thu, 29 Feb 2024 12:00:00 EST",
                  b"Thu, 29 Feb 2024 12:00:00", b"Thu, 29 Feb 2024 12:00:00 +0530 (IST)"):
        m.put("odd dates", m.mail(f"Date: {value}", drop=("Date",), head=[] if value is None else [b"Date: " + value]))
    for epoch in (1, 86400, 946684799, 951782400, 1709164800):
        m.put("internal dates", m.mail(f"INTERNALDATE {epoch}"), date=epoch)
    m.put("internal dates", m.mail("INTERNALDATE 0"), date=0, quirk=EPOCH)
    for epoch in (2147483646, 4102444800):         # APPEND would make now of it, a disk keeps it
        m.put("internal dates", m.mail(f"INTERNALDATE {epoch}"), date=epoch, quirk=FUTURE)
    for zone in ZONES:
        m.put("internal dates", m.mail(f"zone {zone}"), date=1711846800, zone=zone)
    m.put("internal dates", m.mail("no INTERNALDATE given"), date=None)


def bodies(m, big_mb):
    f, mail = "odd bodies", m.mail
    for raw in (mail("bare LF").replace(b"\r\n", b"\n"), mail("mixed ends", b"a\nb\r\nc\rd\ne\n\r\n"),
                mail("lines of 10,000", (b"z" * 10_000 + b"\r\n") * 20), mail("one line of 3,000,000", b"z" * 3_000_000),
                mail("all bytes", bytes(b for b in range(1, 256) if b not in (10, 13)) * 4 + b"\r\n"),
                mail("dots", b".\r\n..\r\n.x\r\n"), mail("looks like IMAP", b"t1 OK done\r\n* BYE\r\n{100}\r\n)\r\n"),
                mail("20,000 empty lines", b"\r\n" * 20_000), mail("spaces at the ends", b"a  \t\r\n  b \r\n\x0c\r\n"),
                mail("8bit said to be 7bit", "ÄÖÜ €\r\n".encode(), head=[b"Content-Transfer-Encoding: 7bit"])):
        m.put(f, raw)
    m.put(f, mail("NULs", b"a\0b\0\0c\r\n"), quirk=NUL, only="maildir")
    m.put(f, mail("ends with CR", b"text\r"), quirk=LONE_CR)
    for size in (8191, 8192, 8193, 65535, 65536, 65537, 131072):
        raw = mail(f"exactly {size} bytes", b"")
        m.put(f, raw + b"s" * (size - len(raw)))
    m.put(f, mail(f"{big_mb} MB", (b"m" * 76 + b"\r\n") * (big_mb * 1_000_000 // 78)))


def structures(m):
    f, mail = "odd structures", m.mail
    nested = mail("the innermost")
    for depth in range(20):
        nested = mail(f"nested {depth + 1} deep", nested, head=[b"Content-Type: message/rfc822"])
    deep = b"Content-Type: text/plain\r\n\r\nleaf\r\n"
    for n in range(100):
        deep = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n" % (n, n, deep, n)
    mixed = b"Content-Type: multipart/mixed; boundary=x"
    for raw in (nested, b"Subject: multipart 100 deep\r\n" + deep,
                mail("multipart without boundary", b"--x\r\n\r\na\r\n", head=[b"Content-Type: multipart/mixed"]),
                mail("multipart never closed", b"--x\r\n\r\na\r\n", head=[mixed]),
                mail("3,000 parts", b"--x\r\n\r\np\r\n" * 3000 + b"--x--\r\n", head=[mixed]),
                mail("bad base64", b"!!!!====\r\nAAA\r\n", head=[b"Content-Transfer-Encoding: base64"]),
                mail("file name", b"x\r\n", head=[b'Content-Disposition: attachment; filename="../../etc/x\\"; a"']),
                mail("content type", b"x\r\n", head=[b"Content-Type: ;;;=/"])):
        m.put(f, raw)


def twins(m):
    same = m.mail("identical, twice in one folder and once in another")
    for flags in (("\\Seen",), ("\\Seen",), ()):
        m.put("twins", same, flags, date=T0)
    m.put(("twins", "other folder"), same, ("\\Flagged",), date=T0)
    for n in range(4):
        m.put("twins", m.mail(f"same Message-ID, body {n}", b"body %d\r\n" % n, drop=("Message-ID",),
                              head=[b"Message-ID: <same@example.org>"]))
    for body in (b"AAAA\r\n", b"BBBB\r\n"):
        m.put("twins", b"Subject: same head and size, another body\r\nMessage-ID: <twin@example.org>\r\n"
                       b"Date: Thu, 29 Feb 2024 12:00:00 +0000\r\n\r\n" + body, date=1709208000)


def flags(m):
    names = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
    for n in range(32):
        m.put("flags", m.mail(f"flags {n:05b}"), [name for bit, name in enumerate(names) if n >> bit & 1])
    for n in range(40):
        m.put("keywords", m.mail(f"keyword {n}"), ("\\Seen", f"kw{n:02}"))
    m.put("keywords", m.mail("40 keywords"), [f"kw{n:02}" for n in range(40)])
    for word in ("$Forwarded", "$MDNSent", "$Junk", "NonJunk", "under_score-dash.dot", "3digits", "ends!"):
        m.put("more keywords", m.mail(f"keyword {word}"), (word,))
    m.put("more keywords", m.mail("keyword of 60"), ("a" * 60,), quirk=LONG_KEYWORD, only="maildir")


def folders(m):
    for path in FOLDERS:
        for n in range(2):
            m.put(path, m.mail(f"in {'/'.join(path)} {n}"[:160].encode("ascii", "replace").decode()))
    for n in range(120):
        m.put("many small", m.mail(f"small {n}", b"x" * n + b"\r\n"), () if n % 3 else ("\\Seen",))


def make(seed=1, big_mb=30):
    """All oddities; BIG_MB is the size of the largest message."""
    m = Maker(seed)
    for section in (heads, dates, structures, twins, flags, folders):
        section(m)
    bodies(m, big_mb)
    return Corpus("odd", m.made, EMPTY_FOLDERS)
