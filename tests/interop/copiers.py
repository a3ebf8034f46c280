"""What the kill test can kill: the program under test, and copiers that prove the harness.

A copier is a command for given ports and what may be asked of it afterwards. The bad ones are in
bad_copier.py; mbsync is a foreign program that is only run.
"""
import pathlib
import shutil
import sys
from dataclasses import dataclass, field

import mailferry
from peer import missing

HERE = pathlib.Path(__file__).resolve().parent


@dataclass
class Copier:
    name: str
    command: object                                # (source port, target port) -> list of words
    has_json: bool = False                         # ends with mailferry's JSON object
    is_quiet: bool = False                         # a run with nothing to do changes and fetches nothing
    opens_read_only: bool = False                  # uses EXAMINE at the source
    ignore_headers: tuple = ()
    judge: dict = field(default_factory=dict)


def product(town, source, target, more=()):
    """mailferry copy, with a data directory of its own."""
    data, keys = town.path("data"), [town.secret_file(a.password) for a in (source, target)]
    program = mailferry.binary()

    def command(source_port, target_port):
        ends = [mailferry.End(a.url("none", port), key)
                for a, port, key in ((source, source_port, keys[0]), (target, target_port, keys[1]))]
        return [program, *mailferry.copy_arguments(*ends, data, *more)]
    return Copier("mailferry", command, has_json=True, is_quiet=True, opens_read_only=True)


def bad(town, source, target, mode):
    """One of bad_copier.py; "sound" is right, but reads everything each time."""
    state, keys = town.path("state"), [town.secret_file(a.password) for a in (source, target)]
    state.mkdir()

    def command(source_port, target_port):
        return [sys.executable, "-B", str(HERE / "bad_copier.py"), mode, str(state),
                str(source_port), source.user, str(keys[0]), str(target_port), target.user, str(keys[1])]
    return Copier(mode, command)


def mbsync(town, source, target):
    """mbsync pulls; it adds an X-TUID header line and carries no keywords but $Forwarded."""
    if not shutil.which("mbsync"):
        raise missing("mbsync", "the program is not installed (Debian: isync)")
    state, config = town.path("state"), town.path("mbsyncrc")
    state.mkdir()

    def store(name, account, port):
        return (f"IMAPAccount {name}\nHost 127.0.0.1\nPort {port}\nUser {account.user}\nPass {account.password}\n"
                f"AuthMechs LOGIN\nSSLType None\nTimeout 60\n\nIMAPStore {name}\nAccount {name}\n\n")

    def command(source_port, target_port):
        config.touch(0o600)
        config.write_text(store("from", source, source_port) + store("to", target, target_port) +
                          "Channel copy\nFar :from:\nNear :to:\nPatterns * INBOX\nCreate Near\n"
                          f"Sync PullNew PullFlags\nExpunge None\nCopyArrivalDate yes\nSyncState {state}/\n")
        return ["mbsync", "-q", "-c", str(config), "-a"]
    return Copier("mbsync", command, ignore_headers=("X-TUID",), judge={"keywords": False})
