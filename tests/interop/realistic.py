"""A realistic mailbox, the same for the same seed: years of dates, flags, keywords, attachments.

Every message is well formed and comes through any server unchanged; oddities are in odd.py.
"""
import base64
import math
import quopri
import random

from corpus import Corpus, Message, header_date

BEGIN, END = 1451606400, 1767225600                # 2016-01-01 … 2026-01-01
ZONES = (0, 60, 120, -300, -480, 330)
WORDS = """offer meeting project invoice customer delivery machine contract report budget travel summer winter
engine office window garden answer question Müller Straße Größe café naïve número łódka 東京 письмо please attached
regards tomorrow yesterday quarter agreement deadline review draft version release server the a of and to in is""".split()
NAMES = "Anna Björn Chiara Dmitri Eva François Gül Hiro Ines Jörg Kasia Liam Mei Noor Olga Pál".split()
FOLDERS = [("INBOX",), ("Sent",), ("Archive",), ("Archive", "2019"), ("Archive", "2020"), ("Archive", "2021"),
           ("Drafts",), ("Trash",), ("Projects", "Alpha"), ("Projects", "Beta"), ("Projects", "Beta", "Änderungen"),
           ("Customers", "Müller & Söhne"), ("Customers", "東京"), ("Newsletters",), ("Invoices",), ("Family",)]
KEYWORDS = ("$Forwarded", "$Label1", "$Label2", "NonJunk", "Project-X")


def make(seed, messages=300, folders=12, largest=60_000):
    """MESSAGES spread over FOLDERS, of 1 kB to LARGEST bytes, most of them small."""
    rng = random.Random(seed)
    paths = [FOLDERS[n] if n < len(FOLDERS) else ("Lists", f"list-{n:04}") for n in range(folders)]
    made = [one(rng, number, paths[number % folders] if number < folders else
                rng.choices(paths, weights=[8] + [2] * (folders - 1))[0], largest) for number in range(messages)]
    return Corpus("realistic", made)


def one(rng, number, folder, largest):
    size = int(1000 * math.exp(rng.random() ** 1.5 * math.log(max(2, largest / 1000))))
    epoch, zone = rng.randrange(BEGIN, END), rng.choice(ZONES)
    flags = [f for f, chance in (("\\Seen", .8), ("\\Answered", .15), ("\\Flagged", .05)) if rng.random() < chance]
    flags += ["\\Draft"] if folder[-1] == "Drafts" else []
    flags += rng.sample(KEYWORDS, rng.randint(1, 2)) if rng.random() < .2 else []
    raw = head(rng, number, epoch, zone) + body(rng, size)
    return Message(folder, raw, tuple(flags), epoch + rng.randint(1, 90), zone)


def encoded(text):
    return text if text.isascii() else f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def head(rng, number, epoch, zone):
    lines = [f"Return-Path: <{number}@example.org>",
             f"Received: from mx.example.net (mx.example.net [192.0.2.{number % 250}])",
             f"\tby mail.example.org with ESMTPS id {rng.getrandbits(40):x}; {header_date(epoch + 2)}",
             f"From: {encoded(rng.choice(NAMES))} <{number % 97}@example.net>",
             f"To: {encoded(rng.choice(NAMES))} <user@example.org>",
             f"Subject: {encoded(' '.join(rng.choices(WORDS, k=rng.randint(2, 6))))}",
             f"Date: {header_date(epoch, zone)}",
             f"Message-ID: <{number}.{rng.getrandbits(48):012x}@example.org>", "MIME-Version: 1.0"]
    return "\r\n".join(lines).encode() + b"\r\n"


def text(rng, size):
    lines = []
    while sum(map(len, lines)) < size:
        lines.append(" ".join(rng.choices(WORDS, k=9)) + "\n")
    return "".join(lines).encode()


def part(kind, encoding, content, *more):
    lines = [f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content.replace(b"\n", b"\r\n")


def plain(rng, size):
    return part("text/plain; charset=utf-8", "quoted-printable", quopri.encodestring(text(rng, size)))


def html(rng, size):
    return part("text/html; charset=utf-8", "8bit", b"<html><body><p>\n" + text(rng, size) + b"</p></body></html>\n")


def attachment(rng, size):
    return part('application/pdf; name="Angebot.pdf"', "base64", base64.encodebytes(rng.randbytes(size * 3 // 4)),
                'Content-Disposition: attachment; filename="Angebot.pdf"')


def multi(rng, kind, *parts):
    bound = f"=_{rng.getrandbits(64):016x}"
    inner = b"".join(b"--" + bound.encode() + b"\r\n" + p + b"\r\n" for p in parts)
    return f'Content-Type: multipart/{kind}; boundary="{bound}"\r\n\r\n'.encode() + inner + f"--{bound}--\r\n".encode()


def body(rng, size):
    kind = rng.random()
    if size < 4000 or kind < 0.4:
        return plain(rng, min(size, 12_000))
    if kind < 0.6:
        return multi(rng, "alternative", plain(rng, min(size, 12_000) // 3), html(rng, min(size, 12_000) // 2))
    return multi(rng, "mixed", multi(rng, "alternative", plain(rng, 600), html(rng, 900)), attachment(rng, size))
