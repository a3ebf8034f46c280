"""Drives the lab's IMAP server with Python's imaplib, and with a bare socket where imaplib cannot: a foreign client.

usage: client.py CASE PORT [CA_FILE]. Each case is a function; a failed assertion ends with code 1.
"""
import imaplib
import re
import socket
import ssl
import sys
import time

HOST = "127.0.0.1"
PORT = int(sys.argv[2])
CA = sys.argv[3] if len(sys.argv) > 3 else None
MAIL = b"Subject: one\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n"
DATE = '"01-Feb-2024 10:00:00 +0100"'


class Raw:
    """A socket that sends commands and reads until their tagged answer."""

    def __init__(self, user=None):
        self.sock = socket.create_connection((HOST, PORT), timeout=20)
        self.file = self.sock.makefile("rb")
        self.count = 0
        assert self.file.readline().startswith(b"* OK")
        if user:
            assert self.do(f"LOGIN {user} secret")[-1].startswith("OK")

    def send(self, text):
        self.count += 1
        text = text if isinstance(text, bytes) else text.encode()
        self.sock.sendall(b"t%d " % self.count + text + b"\r\n")
        return f"t{self.count} "

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        while m := re.search(rb"\{(\d+)\}\r\n$", line):
            body = self.file.read(int(m[1]))
            if len(body) < int(m[1]):
                raise EOFError
            line += body + self.file.readline()
        return line.decode("latin-1").rstrip("\r\n")

    def wait(self, tag):
        lines = []
        while True:
            line = self.line()
            if line.startswith(tag):
                return lines + [line[len(tag):]]
            lines.append(line)

    def do(self, text):
        return self.wait(self.send(text))


def sign_in(user="ann", password="secret"):
    client = imaplib.IMAP4(HOST, PORT, timeout=20)
    client.login(user, password)
    return client


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def no(answer, code=""):
    assert answer[0] == "NO" and code in answer[1][0].decode(), answer
    return answer[1][0].decode()


def append(client, body=MAIL, folder="INBOX", flags=r"(\Seen)", date=DATE):
    return client.append(folder, flags, date, body)


# --- every verb

def verbs():
    c = sign_in()
    assert "UIDPLUS" in c.capabilities
    ok(c.noop())
    assert b'(("" "/")) NIL NIL' in ok(c.namespace())[0]
    c.xatom("ID", '("name" "imaplib")')
    ok(c.create("Work"))
    ok(c.create("Work/2024"))
    no(c.create("Work"), "ALREADYEXISTS")
    ok(c.create("W&APw-rde"))
    ok(c.subscribe("Work"))
    names = [line.decode() for line in ok(c.list())]
    assert r'(\HasChildren) "/" Work' in names, names
    assert r'(\HasNoChildren) "/" Work/2024' in names
    assert [n for n in names if "W&APw-rde" in n]
    assert len(ok(c.list('""', "%"))) == 3
    assert b"\\Noselect" in ok(c.list('""', '""'))[0]
    assert [b'() "/" INBOX', b'() "/" Work'] == ok(c.lsub())
    ok(c.unsubscribe("Work"))

    assert b"APPENDUID" in ok(append(c))[0]
    ok(append(c, b"Subject: two\r\nFrom: bob@x\r\n\r\n" + b"x" * 600_000 + b"\r\n", flags=r"(\Flagged $Forwarded)"))
    status = ok(c.status("INBOX", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE)"))[0]
    assert b"MESSAGES 2" in status and b"UIDNEXT 3" in status and b"UNSEEN 1" in status, status
    assert ok(c.select("INBOX")) == [b"2"]
    assert c.response("UIDNEXT")[1] == [b"3"]
    answer = ok(c.fetch("1", "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID BODY.PEEK[])"))
    assert answer[0][1] == MAIL and b'"01-Feb-2024 10:00:00 +0100"' in answer[0][0].replace(b'" 1', b'"01'), answer
    assert b"RFC822.SIZE %d" % len(MAIL) in answer[0][0]
    big = ok(c.uid("FETCH", "2", "(BODY.PEEK[])"))[0][1]
    assert len(big) == 600_031 and big.endswith(b"xx\r\n"), len(big)
    piece = ok(c.uid("FETCH", "2", "(BODY.PEEK[]<9.3>)"))[0]
    assert piece[1] == b"two" and b"BODY[]<9>" in piece[0], piece
    assert ok(c.uid("FETCH", "1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1] == b"Subject: one\r\n\r\n"
    assert ok(c.fetch("2", "(BODY.PEEK[TEXT]<0.2>)"))[0][1] == b"xx"
    assert b"\\Seen" not in ok(c.fetch("2", "(FLAGS)"))[0]
    ok(c.fetch("2", "(BODY[HEADER])"))
    assert b"\\Seen" in ok(c.fetch("2", "(FLAGS)"))[0]

    search = lambda *keys: ok(c.uid("SEARCH", *keys))[0]
    assert search("ALL") == b"1 2"
    assert search("SUBJECT", "two") == b"2"
    assert search("OR", "(SUBJECT one SEEN)", "LARGER", "100000") == b"1 2"
    assert search("NOT", "KEYWORD", "$Forwarded") == b"1"
    assert search("SINCE", "1-Feb-2024", "BEFORE", "2-Feb-2024", "UID", "2:*") == b"2"
    assert search("HEADER", "Message-ID", "<1@x>") == b"1"
    assert search("MODSEQ", "3").startswith(b"2 (MODSEQ"), search("MODSEQ", "3")

    ok(c.uid("STORE", "1", "+FLAGS", r"(\Deleted)"))
    ok(c.uid("STORE", "2", "-FLAGS.SILENT", r"(\Flagged)"))
    assert b"\\Flagged" not in ok(c.fetch("2", "(FLAGS)"))[0]
    ok(c.uid("STORE", "2", "(UNCHANGEDSINCE 1)", "+FLAGS", r"(\Answered)"))
    assert c.response("MODIFIED")[1] == [b"2"]
    ok(c.uid("COPY", "1:2", "Work"))
    assert c.response("COPYUID")[1][0].endswith(b" 1:2 1:2")
    no(c.uid("COPY", "1", "Nowhere"), "TRYCREATE")
    ok(c.uid("MOVE", "2", "Work/2024"))
    assert search("ALL") == b"1"
    ok(c.uid("EXPUNGE", "99"))
    assert search("ALL") == b"1"
    ok(c.uid("EXPUNGE", "1"))
    assert search("ALL") == b""
    ok(c.select("Work"))
    ok(c.expunge())
    assert ok(c.status("Work", "(MESSAGES)"))[0] == b"Work (MESSAGES 1)"
    ok(c.store("1", "+FLAGS", r"(\Deleted)"))
    ok(c.close())
    assert ok(c.status("Work", "(MESSAGES)"))[0] == b"Work (MESSAGES 0)"
    ok(c.select("Work/2024", readonly=True))
    no(c.uid("STORE", "1", "+FLAGS", r"(\Deleted)"))
    ok(c.unselect())
    ok(c.rename("Work", "Play"))
    assert ok(c.status("Play/2024", "(MESSAGES)"))[0] == b"Play/2024 (MESSAGES 1)"
    ok(c.delete("Play"))
    assert r'(\Noselect \HasChildren) "/" Play' in [line.decode() for line in ok(c.list())]
    assert c.getquotaroot("INBOX")[0] == "OK"
    no(c.select("Nowhere"), "NONEXISTENT")
    assert c.logout()[0] == "BYE"


def resync():
    """CONDSTORE, QRESYNC, LIST-STATUS, ESEARCH, MULTIAPPEND, pipelines."""
    r = Raw("ann")
    assert "ENABLED CONDSTORE QRESYNC" in r.do("ENABLE CONDSTORE QRESYNC")[0]
    made = r.do('CREATE "Sent Mail" (USE (\\Sent))')
    assert "MAILBOXID" in made[0], made
    body = MAIL.decode()
    group = f"APPEND INBOX (\\Seen) {{{len(body)}+}}\r\n{body} (\\Draft) {DATE} {{{len(body)}+}}\r\n{body}"
    assert re.search(r"APPENDUID \d+ 1:2\]", r.do(group)[0]), r.do("NOOP")
    tags = [r.send(f"APPEND INBOX {{{len(body)}+}}\r\n{body}") for _ in range(5)]
    assert all(r.wait(tag)[-1].startswith("OK") for tag in tags)
    listed = r.do('LIST "" "*" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES HIGHESTMODSEQ))')
    assert any("\\Subscribed" in line and "INBOX" in line for line in listed), listed
    assert any('\\Sent) "/" "Sent Mail"' in line for line in listed), listed
    assert any(re.match(r"\* STATUS INBOX \(MESSAGES 7 HIGHESTMODSEQ 8\)", line) for line in listed), listed
    opened = r.do("SELECT INBOX (CONDSTORE)")
    validity = re.search(r"UIDVALIDITY (\d+)", "".join(opened))[1]
    assert r.do("UID SEARCH RETURN (MIN MAX COUNT ALL) 3:*")[0].endswith("UID MIN 3 MAX 7 ALL 3:7 COUNT 5")
    r.do("UID STORE 4,5 +FLAGS.SILENT (\\Deleted)")
    gone = r.do("UID EXPUNGE 5")
    assert gone[0] == "* VANISHED 5", gone
    told = r.do("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 8 VANISHED)")
    assert told[0] == "* VANISHED (EARLIER) 5" and len(told) == 3 and "UID 4" in told[1], told
    other = Raw("ann")
    other.do("ENABLE QRESYNC")
    again = other.do(f"SELECT INBOX (QRESYNC ({validity} 8 1:7))")
    assert "* VANISHED (EARLIER) 5" in again and any("UID 4 FLAGS (\\Deleted) MODSEQ" in x for x in again), again
    other.do("UID STORE 1 +FLAGS (Work)")
    r_told = r.do("NOOP")
    assert any("UID 1 FLAGS (\\Seen Work)" in line for line in r_told), r_told
    assert "[CLOSED]" in r.do("EXAMINE INBOX")[0]
    r.sock.sendall(b"x APPEND INBOX {5}\r\n")
    assert r.line().startswith("+")
    r.sock.sendall(b"a: b\n\r\n")
    assert r.wait("x ")[-1].startswith("OK")


def least():
    """What is switched off is neither announced nor obeyed."""
    r = Raw("ann")
    assert r.do("CAPABILITY")[0] == "* CAPABILITY IMAP4rev1", r.do("CAPABILITY")
    for command in ("NAMESPACE", "ENABLE CONDSTORE", "ID NIL", 'LIST "" "*" RETURN (STATUS (MESSAGES))',
                    "STATUS INBOX (HIGHESTMODSEQ)", "GETQUOTAROOT INBOX", "CREATE A (USE (\\Sent))"):
        assert r.do(command)[-1].startswith("BAD"), command
    opened = r.do("SELECT INBOX")
    assert not any("HIGHESTMODSEQ" in line for line in opened), opened
    for command in ("UID MOVE 1 INBOX", "UID EXPUNGE 1", "UNSELECT", "UID SEARCH RETURN (COUNT) ALL",
                    "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", "UID FETCH 1:* (EMAILID)"):
        assert r.do(command)[-1].startswith("BAD"), command
    assert r.do("APPEND INBOX {1+}\r\nx")[-1] == "OK APPEND completed"


# --- signing in

def signin():
    bad = imaplib.IMAP4(HOST, PORT)
    try:
        bad.login("ann", "wrong")
        raise AssertionError("signed in")
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error)
    for user in ("ann", "ann*boss"):
        sign_in(user, "secret" if user == "ann" else "master")
    for mechanism, response in (
            ("PLAIN", b"\0ann\0secret"), ("PLAIN", b"ann\0boss\0master"),
            ("XOAUTH2", b"user=ann\x01auth=Bearer good\x01\x01"),
            ("OAUTHBEARER", b"n,a=ann,\x01host=h\x01port=1\x01auth=Bearer good\x01\x01")):
        c = imaplib.IMAP4(HOST, PORT)
        ok(c.authenticate(mechanism, lambda _, response=response: response))
        ok(c.select("INBOX"))
    said = []
    c = imaplib.IMAP4(HOST, PORT)
    ok(c.authenticate("LOGIN", lambda prompt: said.append(prompt) or [b"ann", b"secret"][len(said) - 1]))
    assert said == [b"Username:", b"Password:"], said
    challenges = []

    def stale(challenge):
        challenges.append(challenge)
        return b"user=ann\x01auth=Bearer stale\x01\x01" if len(challenges) == 1 else b""
    try:
        imaplib.IMAP4(HOST, PORT).authenticate("XOAUTH2", stale)
        raise AssertionError("signed in")
    except imaplib.IMAP4.error:
        assert b"invalid_token" in challenges[1], challenges


def tls():
    context = ssl.create_default_context(cafile=CA)
    c = imaplib.IMAP4_SSL("localhost", PORT, ssl_context=context)
    c.login("ann", "secret")
    ok(append(c, b"A: b\r\n\r\n" + b"z" * 3_000_000))
    ok(c.select())
    assert len(ok(c.fetch("1", "(RFC822)"))[0][1]) == 3_000_008
    c.logout()
    try:
        imaplib.IMAP4_SSL(HOST, PORT, ssl_context=ssl.create_default_context())
        raise AssertionError("trusted")
    except ssl.SSLError:
        pass


def starttls():
    c = imaplib.IMAP4(HOST, PORT)
    assert "STARTTLS" in c.capabilities and "LOGINDISABLED" in c.capabilities, c.capabilities
    try:
        c.login("ann", "secret")
        raise AssertionError("signed in")
    except imaplib.IMAP4.error:
        pass
    c.starttls(ssl.create_default_context(cafile=CA))
    assert "STARTTLS" not in c.capabilities
    c.login("ann", "secret")
    ok(c.select())


# --- namespaces

def inbox_prefix():
    c = sign_in()
    assert b'(("INBOX." "."))' in ok(c.namespace())[0]
    no(c.create("Work"), "NOPERM")
    ok(c.create("INBOX.Work"))
    assert len(ok(c.list())) == 4, c.list()
    no(c.append("Shared.All", "", DATE, MAIL), "NOPERM")


# --- quirks: what each looks like to a client

def read_quirks():
    """FETCH in two answers, chatter, NIL bodies, sizes that lie."""
    r = Raw("ann")
    r.do("SELECT INBOX")
    got = r.do("UID FETCH 1:3 (UID FLAGS RFC822.SIZE BODY.PEEK[])")
    flags = [line for line in got if "RFC822.SIZE" in line]
    bodies = [line for line in got if "BODY[]" in line]
    assert len(flags) == 3 and len(bodies) == 3 and not set(flags) & set(bodies), got
    assert all("UID" in line for line in bodies) and "NIL" in bodies[1] and "NIL" not in bodies[0]
    assert "RFC822.SIZE 1007" in flags[0], flags
    assert "* OK Still here" in got and "* 4 EXISTS" in got and "* 4 EXPUNGE" in got
    assert any(re.match(r"\* \d FETCH \(FLAGS \(", line) for line in got), got


def order_and_refusals():
    r = Raw("ann")
    r.do("SELECT INBOX")
    got = r.do("UID FETCH 1 (UID FLAGS BODY.PEEK[])")[0]
    assert got.index("BODY[]") < got.index("UID 1"), got
    got = r.do("UID FETCH 1:3 (BODY.PEEK[])")
    assert len(got) == 2 and got[-1].startswith("NO [SERVERBUG]"), got


def breaks():
    """The second body breaks off."""
    r = Raw("ann")
    r.do("SELECT INBOX")
    assert r.do("UID FETCH 1 (BODY.PEEK[])")[-1].startswith("OK")
    try:
        r.do("UID FETCH 2 (BODY.PEEK[])")
        raise AssertionError("no break")
    except EOFError:
        pass


def renumbers_ends():
    r = Raw("ann")
    r.do("SELECT INBOX")
    r.do("UID FETCH 1 (FLAGS)")
    tag = r.send("UID FETCH 1 (FLAGS)")
    try:
        lines = r.wait(tag)
        raise AssertionError(lines)
    except EOFError:
        pass


def renumbers_goes_on():
    r = Raw("ann")
    first = "".join(r.do("SELECT INBOX"))
    r.do("UID FETCH 1 (FLAGS)")
    r.do("UID FETCH 1 (FLAGS)")
    assert len(r.do("UID FETCH 1 (FLAGS)")) == 1
    assert r.do("UID SEARCH ALL")[0] == "* SEARCH 4 5 6"
    assert re.search(r"UIDVALIDITY \d+", first)[0] not in "".join(r.do("SELECT INBOX"))


def lies():
    """Five messages, each lied about in another way; the sixth is stored as it is."""
    c = sign_in()
    for i in range(6):
        ok(append(c, b"Subject: %d\r\n\r\n%s\r\n" % (i, b"y" * 99), flags=r"(\Flagged)"))


def refusals():
    c = sign_in()
    for body, text in ((b"A: b\r\n\r\n\0", "NUL"), (b"A: \xe4\r\n\r\n", "non-ASCII"), (b"nothing\r\n\r\n", "header"),
                       (b"A: b\r\n\r\n" + b"x" * 300_000, "TOOBIG")):
        assert text in no(append(c, body)), text
    r = Raw("ann")
    assert "bare" in r.do(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n".replace(b"{8+}", b"{7+}").replace(b"b\r\n\r\n", b"b\n\r\n"))[-1]
    assert r.do("APPEND INBOX {0+}\r\n")[-1].startswith("NO Can't save a zero")
    assert r.do("APPEND INBOX (%s) {8+}\r\nA: b\r\n\r\n" % ("k" * 60))[-1].startswith("NO [CANNOT] Keyword")
    group = "APPEND INBOX" + " {8+}\r\nA: b\r\n\r\n" * 3
    assert r.do(group)[-1].startswith("NO [LIMIT]")
    tag = r.send("APPEND INBOX {400000}")
    assert r.wait(tag)[-1].startswith("NO [TOOBIG]")
    for name in ("~x", '"a  b"'):
        assert r.do("CREATE " + name)[-1].startswith("NO [CANNOT]"), name
    assert r.do("CREATE work")[-1].startswith("NO [ALREADYEXISTS]")
    ok(append(c, b"A: b\r\n\r\nok\r\n"))
    no(c.append("INBOX", "", DATE, b"A: b\r\n\r\n" + b"x" * 90_000), "OVERQUOTA")


def changes():
    """What servers do to messages: dates, line ends."""
    c = sign_in()
    r = Raw("ann")
    ok(append(c, MAIL, date='"01-Feb-2099 10:00:00 +0000"'))
    assert r.do("APPEND INBOX {11+}\r\nA: b\n\nx\ny\nz")[-1].startswith("OK")


def backs_off():
    r = Raw("ann")
    r.do("SELECT INBOX")
    assert r.do("UID FETCH 1 (FLAGS)")[-1].startswith("OK")
    said = r.do("UID FETCH 1 (FLAGS)")[-1]
    assert said == "BAD Request is throttled. Suggested Backoff Time: 2000 milliseconds", said
    assert r.do("NOOP")[-1].startswith("OK")
    time.sleep(0.2)
    assert r.do("UID FETCH 1 (FLAGS)")[-1].startswith("BAD Request is throttled")
    time.sleep(2)
    assert r.do("UID FETCH 1 (FLAGS)")[-1].startswith("OK")


def limits():
    """MESSAGELIMIT, connections, STATUS without UIDNEXT, NOMODSEQ, BYE."""
    one = Raw("ann")
    two = Raw()
    said = two.do("LOGIN ann secret")[-1]
    assert "Too many simultaneous connections" in said, said
    assert "MESSAGELIMIT=2" in one.do("CAPABILITY")[0]
    assert "UIDNEXT" not in one.do("STATUS INBOX (MESSAGES UIDNEXT)")[0]
    assert any("NOMODSEQ" in line for line in one.do("SELECT INBOX"))
    told = one.do("UID FETCH 1:* (FLAGS)")
    assert len(told) == 3 and told[-1].startswith("OK [MESSAGELIMIT 2 2]"), told
    assert one.do("UID COPY 1:3 INBOX")[-1].startswith("NO [MESSAGELIMIT 2]")
    try:
        while True:
            one.do("NOOP")
    except EOFError:
        pass


def loses_answer():
    r = Raw("ann")
    body = MAIL.decode()
    tag = r.send(f"APPEND INBOX {{{len(body)}+}}\r\n{body}")
    try:
        r.wait(tag)
        raise AssertionError("answered")
    except EOFError:
        pass


def dies():
    """Sends ten messages in one go and is gone before the first is answered."""
    r = Raw("ann")
    body = MAIL.decode()
    r.sock.sendall(b"".join(b"a%d APPEND INBOX {%d+}\r\n%s\r\n" % (i, len(body), MAIL) for i in range(10)))
    time.sleep(0.1)
    r.file.close()
    r.sock.close()


def others():
    """Parents made real, a message stored twice, no keywords, slow answers, a command lost, LOGIN disabled."""
    r = Raw()
    assert "LOGINDISABLED" in r.do("CAPABILITY")[0] and r.do("LOGIN ann secret")[-1].startswith("NO [PRIVACYREQUIRED]")
    assert r.do("AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=")[-1].startswith("OK")
    began = time.monotonic()
    assert r.do("CREATE A/B/C")[-1].startswith("OK")
    assert time.monotonic() - began > 0.05
    listed = r.do('LIST "" A*')
    assert len(listed) == 4 and not any("Noselect" in line for line in listed), listed
    assert r.do("APPEND A {8+}\r\nA: b\r\n\r\n")[-1].startswith("OK")
    assert r.do("APPEND A (Work) {8+}\r\nA: b\r\n\r\n")[-1].startswith("NO [CANNOT]")
    try:
        r.do("DELETE A/B/C")
        raise AssertionError("answered")
    except EOFError:
        pass


def breaks_after():
    r = Raw("ann")
    r.do("SELECT INBOX")
    try:
        for _ in range(9):
            r.do("UID FETCH 1:* (BODY.PEEK[])")
        raise AssertionError("no break")
    except EOFError:
        pass


def scale():
    """A copy of a 30 MB message, 25,000 messages and 2,000 folders: what nothing changed in costs next to nothing."""
    r = Raw("ann")
    r.do("SELECT Large")
    tag = r.send("UID FETCH 1 (BODY.PEEK[])")
    size = int(re.search(rb"\{(\d+)\}", r.file.readline())[1])
    w = Raw("bob")
    w.sock.sendall(b"w APPEND INBOX {%d+}\r\n" % size)
    for at in range(0, size, 1 << 20):
        w.sock.sendall(r.file.read(min(1 << 20, size - at)))
    w.sock.sendall(b"\r\n")
    assert r.wait(tag)[-1].startswith("OK") and w.wait("w ")[-1].startswith("OK")
    r.do("ENABLE QRESYNC")
    opened = "".join(r.do("SELECT Many"))
    validity, mod_seq = (re.search(word + r" (\d+)", opened)[1] for word in ("UIDVALIDITY", "HIGHESTMODSEQ"))
    assert len(r.do("UID FETCH 1:* (UID FLAGS RFC822.SIZE)")) == 25_001
    again = "".join(r.do(f"SELECT Many (QRESYNC ({validity} {mod_seq}))"))
    assert len(again) < 1000, again
    listed = r.do('LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))')
    assert sum(line.startswith("* STATUS") for line in listed) == 2003


globals()[sys.argv[1]]()
