"""Runs the interop tests: one line per test with its time, then `interop: N passed, N failed, N skipped`.

  run.py [--only NAME]… [--long] [--list] [--verbose]

NAME is a part of module.Class.test. --long adds 50 kills in each of four variants. Environment:
MAILFERRY_BIN (the program), MAILFERRY_PEER (what starts servers, default `cargo xtask peer`),
MAILFERRY_REQUIRE_PEERS (of mailferry dovecot cyrus kerberos mbsync aiosmtpd: what must not be missing). Exit status: 0 when nothing failed. It decides
nothing about mail.
"""
import argparse
import contextlib
import io
import os
import pathlib
import signal
import sys
import time
import traceback
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent


class Lines(unittest.TestResult):
    """One line per test, as it ends."""

    def __init__(self, verbose):
        super().__init__()
        self.verbose, self.passed, self.bad, self.said = verbose, 0, 0, None

    def startTest(self, test):
        super().startTest(test)
        self.began, self.fault, self.reason = time.monotonic(), None, None
        self.said = io.StringIO()
        self.redirect = contextlib.redirect_stdout(self.said)
        self.redirect.__enter__()

    def stopTest(self, test):
        self.redirect.__exit__(None, None, None)
        super().stopTest(test)
        word = "FAILED" if self.fault else "skipped" if self.reason else "ok"
        self.passed += word == "ok"
        self.bad += word == "FAILED"
        print(f"{word:8}{time.monotonic() - self.began:7.1f} s  {short_name(test)}"
              + (f"  ({self.reason})" if self.reason else ""), flush=True)
        if self.fault or (self.verbose and self.said.getvalue()):
            print(indented(self.said.getvalue() + (self.fault or "")), flush=True)

    def note(self, test, error):
        text = "".join(traceback.format_exception(*error, limit=-6))
        if not hasattr(test, "_testMethodName"):   # a class or module could not be set up
            self.bad += 1
            print(f"FAILED          {test}\n{indented(text)}", flush=True)
            return
        self.fault = (self.fault or "") + text

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self.fault = (self.fault or "") + f"{subtest}\n" + "".join(traceback.format_exception(*error, limit=-6))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if hasattr(test, "_testMethodName"):
            self.reason = " ".join(reason.split())
        else:
            print(f"skipped           {test}  ({' '.join(reason.split())})", flush=True)


def short_name(test):
    return ".".join(test.id().split(".")[-3:])


def indented(text):
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-60:])


def tests_of(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_of(one)
        else:
            yield one


def stop_when_told(result):
    """On SIGTERM and SIGINT the running test fails and cleans up, and no other begins."""
    def told(number, _):
        result.stop()
        sys.exit(128 + number)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true", help="only name the tests")
    parser.add_argument("--verbose", action="store_true", help="show what tests printed")
    given = parser.parse_args()
    if given.long:
        os.environ["INTEROP_LONG"] = "1"
    sys.path.insert(0, str(HERE))
    found = list(tests_of(unittest.TestLoader().discover(str(HERE), top_level_dir=str(HERE))))
    chosen = [t for t in found if not given.only or any(name in t.id() for name in given.only)]
    if given.list:
        print(*map(short_name, chosen), sep="\n")
        return 0
    result, began = Lines(given.verbose), time.monotonic()
    stop_when_told(result)
    unittest.TestSuite(chosen).run(result)
    print(f"{len(chosen)} tests in {time.monotonic() - began:.0f} s")
    print(f"interop: {result.passed} passed, {result.bad} failed, {len(result.skipped)} skipped")
    return 0 if result.bad == 0 and chosen else 1


if __name__ == "__main__":
    sys.exit(main())
