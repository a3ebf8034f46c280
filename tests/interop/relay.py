"""A TCP relay on 127.0.0.1 before an IMAP server: watches commands, adds time, loses connections.

It can add round-trip time (without limiting bandwidth), make every appended message take its time,
hold back answers, deliver what a dead client sent only seconds after the client is gone ("servers finish
what dead clients sent"), or lose it (for a share of the dead, by seed). What tests must not leave to chance
they ask for: `catch` keeps APPENDs back until their client is dead, `hurry` ends all waiting. It passes bytes
on unchanged and needs plain text to watch.
"""
import collections
import queue
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass

from imapwatch import ClientStream, ServerStream

HOST = "127.0.0.1"
WIDE, NARROW, GONE_SECONDS = (1 << 17, 128), (1 << 12, 4), 60    # (bytes at once, pieces under way)


@dataclass
class Landing:
    """An APPEND that was delivered, to its last byte, after its client's death."""
    connection: int
    messages: int
    gone: float                                    # when the client left
    at: float


class Relay:
    """Listens on a port of its own (`port`) and passes on to TARGET. `log` has every command seen."""

    def __init__(self, target, *, rtt_ms=0, slow_append_ms=0, answer_delay_ms=0, land_after_s=0.0,
                 lose_share=0.0, seed=1):
        self.target, self.half = target, rtt_ms / 2000
        self.slow_append, self.answer_delay, self.land_after = slow_append_ms / 1000, answer_delay_ms / 1000, land_after_s
        self.lose_share, self.rng = lose_share, random.Random(seed)
        self.changed = threading.Condition()
        self.log, self.links, self.count, self.rules = [], set(), 0, []
        self.poison = []                           # what no connection outlives
        self.connected = []                        # times of connections
        self.landings, self.lost = [], 0           # what was delivered for the dead; messages of theirs that were not
        self.catching, self.caught = False, []     # the APPENDs kept back until their clients are dead
        self.hurry = threading.Event()             # set: nothing waits any more, but for round trips
        self.listener = socket.create_server((HOST, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.count += 1
                self.connected.append(time.monotonic())
                link = Link(self, client, self.count)
                self.links.add(link)
            threading.Thread(target=link.run, daemon=True).start()

    def begin(self, command, link):
        with self.changed:
            self.log.append(command)
            self.changed.notify_all()
            drop = self.due(lambda rule: rule.command is not None and rule.command(command))
        if drop:
            link.reset()

    def answer(self, command, word):
        with self.changed:
            command.answered, command.answer = time.monotonic(), word
            self.changed.notify_all()

    def due(self, match):
        for rule in self.rules:
            if rule.left and match(rule):
                rule.left -= 1
                return True
        return False

    def keep(self, append, link):
        """Keep an APPEND back until its client is gone, when that is asked for."""
        with self.changed:
            if self.catching:
                self.caught.append(append)
                self.changed.notify_all()
                link.up.maxsize = 0                # its client may send all it has, else its end is not seen
                self.changed.wait_for(lambda: link.gone or link.over.is_set())

    def tell(self):
        """Whoever waits looks again."""
        with self.changed:
            self.changed.notify_all()

    def left(self, link):
        with self.changed:
            link.gone = time.monotonic()
            self.changed.notify_all()

    def delivered(self, append, link, lost):
        """An APPEND of a dead client came to its end: it landed or is LOST."""
        with self.changed:
            if lost:
                self.lost += append.messages
            else:
                self.landings.append(Landing(link.number, append.messages, link.gone, time.monotonic()))
            self.changed.notify_all()

    # --- what tests ask and tell

    @property
    def landed(self):
        """Messages delivered after their client's death."""
        return sum(landing.messages for landing in self.landings)

    def catch(self):
        """Until `release`, no APPEND is passed on before its client is gone; what is caught stays caught."""
        with self.changed:
            self.catching = True

    def release(self):
        with self.changed:
            self.catching = False

    def drop_on(self, command, times=1):
        """Reset the connection on which a command begins for which COMMAND(command) is true."""
        self.rules.append(Rule(command, 0, times))

    def drop_after(self, size, times=1):
        """Reset a connection after SIZE bytes from the server."""
        self.rules.append(Rule(None, size, times))

    def drop_within(self, octets):
        """Reset each connection on which the server is about to send these OCTETS, each time again."""
        self.poison.append(octets)

    def unanswered(self, verb="APPEND"):
        now = time.monotonic()
        with self.changed:
            return [c for c in self.log if c.verb == verb and c.is_open(now)]

    def commands(self, since=0.0):
        with self.changed:
            return [c for c in self.log if c.began >= since]

    def wait_for(self, ready, seconds):
        """Until READY(log) is true, at most so long; returns whether it is."""
        with self.changed:
            return self.changed.wait_for(lambda: ready(self.log), seconds)

    def wait_quiet(self, seconds=GONE_SECONDS):
        """Until all connections are over (also those that land late); returns whether they are."""
        with self.changed:
            return self.changed.wait_for(lambda: not self.links, seconds)

    def ended(self, link):
        with self.changed:
            self.links.discard(link)
            self.changed.notify_all()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.hurry.set()
        for link in list(self.links):
            link.reset()


class Rule:
    """When to lose a connection, and how many times still."""

    def __init__(self, command, size, left):
        self.command, self.size, self.left = command, size, left


class Link:
    """One connection: for each direction a thread that reads and one that sends when it is time."""

    def __init__(self, relay, client, number):
        self.relay, self.client, self.server, self.number = relay, client, None, number
        self.open = collections.OrderedDict()      # tag -> command without an answer
        # a slow server takes at times all that is sent and at times makes its client wait in the middle of it
        self.piece, queued = NARROW if relay.slow_append and relay.rng.random() < 0.5 else WIDE
        self.up, self.down = queue.Queue(queued), queue.Queue(WIDE[1])
        self.gone, self.size_down = 0.0, 0            # when the client left; bytes passed to it
        self.loses = relay.rng.random() < relay.lose_share
        self.left, self.over = threading.Event(), threading.Event()
        self.from_client = ClientStream(number, self.begin)
        self.from_server = ServerStream()

    def begin(self, command):
        self.open[command.tag] = command
        self.relay.begin(command, self)

    def run(self):
        try:
            time.sleep(self.relay.half)            # connecting costs a round trip too
            self.server = socket.create_connection((HOST, self.relay.target), timeout=10)
            for end in (self.client, self.server):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threads = [threading.Thread(target=work, daemon=True)
                       for work in (self.read_client, self.send_server, self.read_server, self.send_client)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except OSError:
            pass
        finally:
            for end in (self.client, self.server):
                if end:
                    end.close()
            self.relay.ended(self)

    def put(self, way, item):
        """Queue for sending, unless the connection is over."""
        while not self.over.is_set():
            try:
                return way.put((time.monotonic() + self.relay.half, item), timeout=0.5)
            except queue.Full:
                continue

    def take(self, way):
        while not self.over.is_set():
            try:
                due, item = way.get(timeout=0.5)
            except queue.Empty:
                continue
            self.over.wait(max(0.0, due - time.monotonic()))
            return item
        return None

    # --- client to server

    def read_client(self):
        while data := receive(self.client, self.piece):
            pieces = list(self.from_client.feed(data))
            if any(ends for _, _, ends in pieces):
                self.relay.tell()
            self.put(self.up, pieces)
        self.relay.left(self)
        self.left.set()
        self.put(self.up, [(self.from_client.rest(), None, None)])
        self.put(self.up, None)

    def send_server(self):
        try:
            while (pieces := self.take(self.up)) is not None:
                for data, begins, ends in pieces:
                    self.hold(begins)
                    dead = self.gone > 0
                    lost = dead and self.loses
                    if not lost:
                        self.server.sendall(data)
                    if ends and dead:
                        self.relay.delivered(ends, self, lost)
            self.server.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()

    def hold(self, append):
        """The time an appended message takes; once the client is gone, what is left lands later."""
        late = self.relay.land_after and self.gone
        if append and self.relay.slow_append and not late:
            self.relay.hurry.wait(self.relay.slow_append)
        if append:
            self.relay.keep(append, self)
        if self.relay.land_after and self.gone and any(c.verb == "APPEND" for c in list(self.open.values())):
            self.relay.hurry.wait(max(0.0, self.gone + self.relay.land_after - time.monotonic()))

    # --- server to client

    def read_server(self):
        while data := receive(self.server, WIDE[0]):
            self.put(self.down, data)
        self.put(self.down, None)

    def send_client(self):
        deaf = False
        while (data := self.take(self.down)) is not None:
            answers = [(self.open.pop(tag), word) for tag, word in self.from_server.feed(data) if tag in self.open]
            if self.relay.answer_delay and any(command.verb == "APPEND" for command, _ in answers):
                self.relay.hurry.wait(self.relay.answer_delay)
            if self.gone or deaf:
                continue                           # nobody hears it: these commands stay unanswered
            for command, word in answers:
                self.relay.answer(command, word)
            cuts = [at for octets in self.relay.poison if (at := data.find(octets)) >= 0]
            try:
                self.client.sendall(data[:min(cuts, default=len(data))])
            except OSError:
                deaf = True
            if cuts:
                self.reset()
                deaf = True
            self.count_down(len(data))
        try:
            self.client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if not self.left.wait(1):
            self.end()                             # by the server
            receive_end(self.client)

    def count_down(self, size):
        self.size_down += size
        with self.relay.changed:
            drop = self.relay.due(lambda rule: rule.size and self.size_down > rule.size)
        if drop:
            self.reset()

    def end(self):
        with self.relay.changed:
            self.over.set()
            self.relay.changed.notify_all()

    def reset(self):
        """Both ends get a RST; what is under way is lost."""
        self.end()
        for end in (self.client, self.server):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)
                end.close()
            except (OSError, AttributeError):
                pass


def receive(end, size):
    try:
        return end.recv(size)
    except OSError:
        return b""


def receive_end(end):
    """Wake a thread that still reads from END."""
    try:
        end.shutdown(socket.SHUT_RD)
    except OSError:
        pass
