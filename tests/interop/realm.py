"""A real MIT KDC and a web server with GSSAPI's sign-in, in a folder of their own on 127.0.0.1.

Both end with the block that made them. Needs Debian's krb5-kdc, krb5-admin-server and python3-gssapi; `Realm` skips
the test, loudly, where one is missing. It judges nothing.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from peer import HOST, free_ports, missing

REALM, SERVICE, PASSWORD = "FERRY.TEST", "HTTP/localhost", "Right-4711"
CONF = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 rdns = false
[domain_realm]
 .other.test = OTHER.TEST
[realms]
 {realm} = {{
  kdc = {host}:{port}
 }}
"""
KDC_CONF = """[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = {host}:{port}
[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
  host_based_services = *
  default_principal_flags = +preauth
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
 }}
"""


def tool(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise missing("kerberos", f"no {name} (Debian: krb5-kdc krb5-admin-server)")
    return found


def clock(ahead):
    """The environment of programs whose clock is so far ahead. Without faketime's wrapper, which is a process of its own."""
    if not ahead:
        return {}
    found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise missing("kerberos", "no libfaketime: clocks cannot be set apart (Debian: faketime)")
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": ahead}


class Realm(contextlib.ExitStack):
    """`accounts` are further principals: name and options of kadmin's addprinc. Its clock is `ahead`, such as +20m."""

    def __init__(self, folder, accounts=(), ahead=""):
        super().__init__()
        self.folder, self.port, self.clock = pathlib.Path(folder), free_ports(1), clock(ahead)
        self.kadmin, self.server = tool("kadmin.local"), tool("krb5kdc")
        if subprocess.run(["/usr/bin/python3", "-c", "import gssapi"], capture_output=True).returncode:
            raise missing("kerberos", "/usr/bin/python3 has no gssapi (Debian: python3-gssapi)")
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {"realm": REALM, "host": HOST, "port": self.port, "folder": self.folder}
        (self.folder / "krb5.conf").write_text(CONF.format(**facts))
        (self.folder / "kdc.conf").write_text(KDC_CONF.format(**facts))
        self.environment = os.environ | {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5_KTNAME": f"FILE:{self.folder}/keytab", "KRB5RCACHENAME": "none:"}
        self.run(tool("kdb5_util"), "create", "-s", "-P", "of the database")
        self.admin(f"addprinc -randkey {SERVICE}", f"ktadd -k {self.folder}/keytab {SERVICE}",
                   "addprinc -pw between krbtgt/OTHER.TEST", f"addprinc -pw {PASSWORD} svc",
                   *(f"addprinc -pw {PASSWORD} {options} {name}" for name, options in accounts))
        self.kdc = self.start("kdc", self.server, "-n", "-P", self.folder / "kdc.pid")
        wait_for(self.port, self.kdc)

    def run(self, *words):
        done = subprocess.run([str(w) for w in words], env=self.environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise AssertionError(f"{words}: {done.stderr[-600:]}")
        return done.stdout

    def admin(self, *commands):
        for command in commands:
            self.run(self.kadmin, "-q", command)

    def failures(self, name):
        """How many wrong passwords the KDC counts for an account."""
        told = self.run(self.kadmin, "-q", f"getprinc {name}")
        return int(next(line for line in told.splitlines() if "Failed password attempts" in line).split(":")[1])

    def start(self, name, *words, **more):
        log = self.enter_context(open(self.folder / f"{name}.log", "w", encoding="utf-8"))
        child = subprocess.Popen([str(w) for w in words], env=self.environment | self.clock, stdin=subprocess.DEVNULL, stderr=log,
                                 start_new_session=True, text=True, **({"stdout": log} | more))
        self.callback(end, child)
        return child

    def web(self, *options):
        """A web server of this realm; its port."""
        self.certificate()
        child = self.start("web", "/usr/bin/python3", "-B", pathlib.Path(__file__).parent / "gssweb.py",
                           self.folder, *options, stdout=subprocess.PIPE)
        self.enter_context(child.stdout)
        return int(child.stdout.readline())

    def said(self, name):
        return (self.folder / f"{name}.log").read_text()

    def certificate(self):
        """ca.pem, cert.pem and key.pem."""
        at, days = self.folder, ["-days", "90"]
        new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
        self.run(*new, "-x509", "-keyout", at / "ca.key", "-out", at / "ca.pem", *days, "-subj", "/CN=Ferry Test CA")
        self.run(*new, "-keyout", at / "key.pem", "-out", at / "asked.pem", "-subj", "/CN=localhost")
        (at / "extensions").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        self.run("openssl", "x509", "-req", "-in", at / "asked.pem", "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
                 "-CAcreateserial", *days, "-sha256", "-extfile", at / "extensions", "-out", at / "cert.pem")


def wait_for(port, child):
    """Until somebody listens there."""
    until = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((HOST, port), 1).close()
        except OSError:
            if child.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{child.args[0]} does not listen: exit {child.poll()}") from None
            time.sleep(0.05)


def end(child):
    """Ends it and what it started, which is a session of its own, and waits."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
    for left in (f"faketime_shm_{child.pid}", f"sem.faketime_sem_{child.pid}"):   # by the library of `clock`
        pathlib.Path("/dev/shm", left).unlink(missing_ok=True)
