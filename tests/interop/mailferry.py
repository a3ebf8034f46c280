"""Runs the program under test, as a script would: its command line, its exit code, its JSON.

The binary is the one in MAILFERRY_BIN, else the newer of target/{debug,release}/mailferry. Only this
file knows the command line; nothing here judges a result.
"""
import json
import os
import pathlib
import signal
import subprocess
from dataclasses import dataclass

from peer import ROOT, missing

SECONDS = 180


def binary():
    """The path of the program; skips the test, loudly, when there is none."""
    named = os.environ.get("MAILFERRY_BIN")
    if named:
        if not os.access(named, os.X_OK):
            raise FileNotFoundError(f"MAILFERRY_BIN is no program: {named}")
        return str(pathlib.Path(named).resolve())
    built = [p for p in (ROOT / "target/debug/mailferry", ROOT / "target/release/mailferry") if p.exists()]
    if not built:
        raise missing("mailferry", "not built (cargo build), and MAILFERRY_BIN is not set")
    return str(max(built, key=lambda p: p.stat().st_mtime))


@dataclass
class End:
    """One side of a copy: the account's URL and the options that belong to it."""
    url: str
    password_file: str
    options: tuple = ()                            # pairs like ("admin", "master"), without source- or target-

    def flags(self, side):
        given = ["--" + side + "-password-file", str(self.password_file)]
        for name, value in self.options:
            given += [f"--{side}-{name}", str(value)]
        return given


@dataclass
class Run:
    """How a run ended."""
    code: int
    out: str
    err: str

    @property
    def json(self):
        """The last JSON object on standard output."""
        return last_object(self.out)

    def told(self):
        return f"exit {self.code}\n{self.out[-1500:]}\n{self.err[-1500:]}"


def last_object(text):
    decoder, at, found = json.JSONDecoder(), 0, None
    while (at := text.find("{", at)) >= 0:
        try:
            found, at = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
    return found


def environment():
    """Ours without anything that would change what the program does."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MAILFERRY_")} | {"NO_COLOR": "1"}


def run(*arguments, seconds=SECONDS):
    """To the end; a run that takes longer is killed, with everything it started."""
    with subprocess.Popen([binary(), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment(), start_new_session=True) as child:
        try:
            out, err = child.communicate(timeout=seconds)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            raise
    return Run(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def copy_arguments(source, target, data_dir, *more):
    return ["copy", source.url, target.url, *source.flags("source"), *target.flags("target"),
            "--data-dir", str(data_dir), "-o", "json", *map(str, more)]


def verify_arguments(source, target, data_dir, *more):
    return ["verify", *copy_arguments(source, target, data_dir, *more)[1:]]
