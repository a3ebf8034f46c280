"""Kill test: copies are killed (SIGKILL, the whole process group) again and again, then finished and judged.

  kill.py [--kills 50] [--mid-append 30] [--held N] [--slow-append-ms N] [--land-after-s N] [--needs EVENT] [--short] …

Source and target are real Dovecots, each behind a relay. Part of the kills fall at random moments,
at least --mid-append of them while the relay sees an APPEND begun and unanswered, --held of those while the
relay keeps it back. Whenever a run ends before its kill, new mail and changed flags give it more to do. It
goes on killing until each needed event has happened. At the end: one run to its end, one
more that must change and fetch nothing, then the judge: zero lost, zero doubled. It prints where
the kills fell, as the relays saw it. It knows nothing of how the copier works.
Exit status: 0 green, 1 red, 3 inconclusive: within --limit-s too few kills, or a needed event never happened.
"""
import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import copiers
import corpus
import judge
import mailferry
import realistic
import snapshot
from peer import Town
from relay import Relay

RUN_SECONDS, FAILURES_IN_A_ROW = 240, 3


def landed_after(test, verb, done):
    """Whether a message landed when a later connection had such a command DONE (its time, 0: not yet)."""
    return any(c.verb == verb and c.began > landing.gone and 0 < done(c) <= landing.at
               for landing in list(test.before_target.landings) for c in test.before_target.commands(landing.gone))


EVENTS = {                                         # what a test can need to have happened at the target
    "landed": lambda test: test.before_target.landed > 0,
    "lost": lambda test: test.before_target.lost > 0,
    "landed after the next run had read": lambda test: landed_after(test, "FETCH", lambda c: c.answered),
    "landed after the next run had put": lambda test: landed_after(test, "APPEND", lambda c: c.sent),
    "killed outside an APPEND": lambda test: test.result.kills > test.result.mid_append,
}


@dataclass
class Options:
    kills: int = 50
    mid_append: int = 30
    held: int = 0                                  # of these, with an APPEND of which the server knows nothing yet
    needs: tuple = ()                              # of EVENTS
    slow_append_ms: float = 5
    answer_delay_ms: float = 0
    land_after_s: float = 0
    lose_share: float = 0.3                        # of the dead clients, whose unsent data never arrives
    rtt_ms: float = 0
    messages: int = 400
    folders: int = 6
    feed: int = 60                                 # new messages whenever a run finished before its kill
    seed: int = 1
    limit_s: float = 1500
    copy_options: tuple = ()


@dataclass
class Result:
    copier: str
    kills: int = 0
    mid_append: int = 0
    runs: int = 0
    landed: int = 0
    moments: collections.Counter = field(default_factory=collections.Counter)
    problems: list = field(default_factory=list)
    missing: list = field(default_factory=list)    # what had to happen for a verdict, and did not
    report: object = None
    seconds: float = 0

    @property
    def is_green(self):
        return self.verdict == "GREEN"

    @property
    def verdict(self):
        return "RED" if self.problems else "INCONCLUSIVE" if self.missing else "GREEN"

    def histogram(self):
        widest = max(map(len, self.moments), default=0)
        return "\n".join(f"  {name:<{widest}} {count:4} {'#' * count}" for name, count in self.moments.most_common())

    def summary(self):
        counts = self.report.counts() if self.report else {}
        total = self.report.source.count() if self.report else 0
        return (f"kill {self.copier}: {self.kills} kills, {self.mid_append} of them with an APPEND unanswered, "
                f"{self.runs} runs, {self.landed} messages landed after their client's death; {total} messages, "
                f"lost {counts.get('lost', 0)}, doubled {counts.get('doubled', 0)}, other differences "
                f"{sum(n for kind, n in counts.items() if kind not in ('lost', 'doubled'))}: "
                f"{self.verdict} in {self.seconds:.0f} s")

    def text(self):
        return "\n".join(["where the kills fell:", self.histogram(), *(f"problem: {p}" for p in self.problems),
                          *(f"never happened: {m}" for m in self.missing),
                          self.summary()])


class KillTest:
    """One kill test of one copier; `run` does all of it."""

    def __init__(self, town, make_copier, options):
        self.options, self.rng = options, random.Random(options.seed)
        servers = town.dovecots((), ())
        self.source, self.target = (peer.account(1) for peer in servers)
        self.before_source = town.enter_context(Relay(self.source.port))
        self.before_target = town.enter_context(Relay(
            self.target.port, rtt_ms=options.rtt_ms, slow_append_ms=options.slow_append_ms,
            answer_delay_ms=options.answer_delay_ms, land_after_s=options.land_after_s,
            lose_share=options.lose_share, seed=options.seed))
        made = realistic.make(options.seed, options.messages, options.folders, largest=12_000)
        made.messages += made.messages[:3]         # equal messages, twice in a folder
        planted = corpus.plant(servers[0], self.source, made)
        self.copier = make_copier(town, self.source, self.target)
        self.result, self.words = Result(self.copier.name), town.path("words")
        short = planted.shortfall(self.look(self.source))
        if short or planted.refused:
            self.result.problems.append(f"the source does not show what was planted: {short[:3]} {planted.refused[:3]}")
        self.between, self.usual = [], 6.0

    def look(self, account):
        return snapshot.read("127.0.0.1", account.port, account.user, account.password,
                             ignore_headers=self.copier.ignore_headers)

    # --- one run

    def start(self):
        self.result.runs += 1
        command = self.copier.command(self.before_source.port, self.before_target.port)
        with open(f"{self.words}.out", "wb") as out, open(f"{self.words}.err", "wb") as err:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    env=mailferry.environment(), start_new_session=True)

    def kill(self, child, began):
        """SIGKILL to the group, and where that fell."""
        if child.poll() is not None:
            return False
        at = time.monotonic()
        os.killpg(child.pid, signal.SIGKILL)       # not waited for yet, so the group is still ours
        child.wait()
        moment = self.moment(began, at)
        self.result.kills += 1
        self.result.moments[moment] += 1
        self.result.mid_append += moment.startswith("APPEND")
        return True

    def moment(self, began, at):
        """What the relays know of the moment AT of a run that began at BEGAN."""
        seen = [c for c in self.before_target.commands(began) if c.began <= at]
        open_now = [c for c in seen if c.is_open(at)]
        appends = [c for c in seen if c.verb == "APPEND"]
        if any(c in self.before_target.caught for c in open_now):
            return "APPEND begun and unanswered, kept back"
        if any(c.verb == "APPEND" for c in open_now):
            whole = all(0 < c.sent <= at for c in open_now if c.verb == "APPEND")
            return "APPEND begun and unanswered, " + ("all sent" if whole else "partly sent")
        writing = sorted({c.verb for c in open_now if c.changes()})
        if writing:
            return f"{'+'.join(writing)} unanswered"
        if not any(began <= t <= at for t in self.before_source.connected + self.before_target.connected):
            return "before any connection"
        signed_in = [c for c in seen if c.verb in ("LOGIN", "AUTHENTICATE") and 0 < c.answered <= at]
        if not signed_in:
            return "before sign-in at the target"
        return "after an APPEND's answer, none open" if appends else "signed in, before the first APPEND"

    def wait_random(self, child, _):
        try:
            child.wait(self.rng.uniform(0.02, self.usual * 1.1))
        except subprocess.TimeoutExpired:
            pass

    def wait_for(self, child, ready):
        """Until READY(log of the target) or the run is over; returns whether it is ready."""
        end = time.monotonic() + RUN_SECONDS
        while child.poll() is None and time.monotonic() < end:
            if self.before_target.wait_for(ready, 0.2):
                return True
        return False

    def wait_begun(self, child, began):
        """Until a random number of messages of this run has begun."""
        wanted = self.rng.randint(1, 40)
        return self.wait_for(child, lambda log: wanted <= sum(
            c.messages for c in log if c.verb == "APPEND" and c.began >= began))

    def wait_held(self, child, began):
        """Until an APPEND of this run is caught by the relay, whole where its client sends it unasked."""
        if not self.wait_begun(child, began):
            return
        self.before_target.catch()
        try:
            caught = lambda: [c for c in self.before_target.caught if c.began >= began]
            if self.wait_for(child, lambda _: caught()):
                self.before_target.wait_for(lambda _: all(c.sent for c in caught()), 1)
        finally:
            self.before_target.release()           # the caught ones stay so

    def wait_mid_append(self, child, began):
        """Until a random number of messages of this run has begun and one is unanswered."""
        if self.wait_begun(child, began):
            end = time.monotonic() + RUN_SECONDS
            while child.poll() is None and time.monotonic() < end:
                time.sleep(self.rng.uniform(0, self.options.slow_append_ms / 1000))
                if any(c.began >= began for c in self.before_target.unanswered()):
                    return
                time.sleep(0.001)

    # --- the whole

    def run(self):
        began, failures = time.monotonic(), 0
        mid, held = self.options.mid_append, self.options.held
        plan = ["held"] * held + ["mid"] * (mid - held) + ["any"] * (self.options.kills - mid)
        self.rng.shuffle(plan)
        waits = {"held": self.wait_held, "mid": self.wait_mid_append, "any": self.wait_random}
        while any(self.needs_more()) and failures < FAILURES_IN_A_ROW and time.monotonic() - began < self.options.limit_s:
            kind = plan.pop() if plan else self.one_more()
            started = time.monotonic()
            child = self.start()
            try:
                waits[kind](child, started)
            finally:
                killed = self.kill(child, started)
            if killed:
                continue
            plan.append(kind)
            self.usual = max(0.5, time.monotonic() - started)
            failures = 0 if child.returncode == 0 else failures + 1
            if child.returncode:
                self.result.moments[f"no kill: ended by itself with {child.returncode}"] += 1
                self.last_words = self.said("err")
            else:
                self.more_to_do()
        if failures >= FAILURES_IN_A_ROW:
            self.result.problems.append(f"fails by itself: {self.last_words}")
        self.result.missing = list(self.needs_more())
        self.finish()
        self.result.landed = self.before_target.landed
        self.result.seconds = time.monotonic() - began
        return self.result

    def needs_more(self):
        """What still has to happen."""
        for what, wanted in (("kills", self.options.kills), ("mid_append", self.options.mid_append)):
            if getattr(self.result, what) < wanted:
                yield f"{what} {getattr(self.result, what)} of {wanted}"
        yield from (event for event in self.options.needs if not EVENTS[event](self))

    def one_more(self):
        """The kind of a kill that was not planned: the surest for what is missing."""
        return "any" if list(self.needs_more()) == ["killed outside an APPEND"] else "held"

    def said(self, what):
        with open(f"{self.words}.{what}", errors="replace") as file:
            return file.read()[-1500:] if what == "err" else file.read()

    def more_to_do(self):
        """New mail and changed flags at the source, as its user would leave them."""
        seed = self.options.seed * 1000 + self.result.runs
        made = realistic.make(seed, self.options.feed, self.options.folders, largest=12_000)
        with corpus.Mailbox(self.source) as box:
            for message in made.messages:
                box.append(message)
            for uid in self.rng.sample(box.search(("INBOX",), "ALL"), 5):
                box.uid("STORE", uid, self.rng.choice(["+FLAGS", "-FLAGS"]), self.rng.choice(["\\Flagged", "\\Seen"]))

    def to_the_end(self, name):
        child = self.start()
        try:
            child.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self.result.problems.append(f"{name} did not end in {RUN_SECONDS} s")
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if child.returncode:
            self.result.problems.append(f"{name} ended with {child.returncode}: {self.said('err')}")
        if self.copier.has_json:
            told = mailferry.last_object(self.said("out")) or {}
            if told.get("result") != "success":
                self.result.problems.append(f"{name} says {told.get('result')!r}: {told.get('sentence')!r}")

    def finish(self):
        self.to_the_end("the final run")
        before = time.monotonic()
        self.to_the_end("the run after it")
        if self.copier.is_quiet:
            self.result.problems += unquiet(self.before_source, self.before_target, before)
        if self.copier.opens_read_only:
            wrong = [str(c) for c in self.before_source.commands() if c.changes() or c.verb == "SELECT"]
            self.result.problems += [f"the source was not only read: {wrong[:5]}"] if wrong else []
        if not self.before_target.wait_quiet():
            self.result.problems.append("a connection to the target never ended")
        self.result.report = judge.compare(self.look(self.source), self.look(self.target), **self.copier.judge)
        if not self.result.report.same:
            self.result.problems.append(self.result.report.text(5))


def unquiet(source, target, since):
    """What a run with nothing to do should not have done."""
    noise = [f"at the {side}: {c}" for side, relay in (("source", source), ("target", target))
             for c in relay.commands(since) if c.changes() or c.fetches_body()]
    return [f"a run with nothing to do did {len(noise)} things: {noise[:5]}"] if noise else []


def short(options):
    """What every run of the tests can afford: less than a minute."""
    options.kills, options.mid_append, options.messages, options.folders = 4, 3, 150, 4
    options.limit_s, options.feed = 180, 40
    return options


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("kills", int), ("mid-append", int), ("held", int), ("slow-append-ms", float), ("answer-delay-ms", float),
                       ("land-after-s", float), ("lose-share", float), ("rtt-ms", float),
                       ("messages", int), ("seed", int), ("limit-s", float)):
        parser.add_argument("--" + name, type=kind, default=getattr(Options, name.replace("-", "_")))
    parser.add_argument("--needs", action="append", default=[], choices=EVENTS)
    parser.add_argument("--short", action="store_true")
    given = vars(parser.parse_args())
    options = short(Options(seed=given["seed"])) if given.pop("short") else Options(**given)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Town() as town:
        result = KillTest(town, lambda *ends: copiers.product(*ends, options.copy_options), options).run()
    print(result.text())
    return {"GREEN": 0, "RED": 1, "INCONCLUSIVE": 3}[result.verdict]


if __name__ == "__main__":
    sys.exit(main())
