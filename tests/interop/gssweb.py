"""A web server with the sign-in of a real one: SPNEGO by MIT's GSSAPI, at the paths of the Exchange web services.

  gssweb.py FOLDER [--each] [--wrong-proof]

Runs under a Python that has the module gssapi (Debian: python3-gssapi), apart from the tests. FOLDER has
cert.pem and key.pem; KRB5_KTNAME names its keys. Prints its port. It checks the binding to its
certificate, sends its own proof with each sign-in, and knows a connection afterwards, unless --each asks for a
ticket with every question; --wrong-proof spoils its own proof. It knows no mailbox: what it answers to GetFolder is always the same.
"""
import base64
import hashlib
import http.server
import pathlib
import ssl
import sys

import gssapi

SOAP = """<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>
<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1118" MinorBuildNumber="40"
 xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header><s:Body>
<m:GetFolderResponse xmlns:m="m"><m:ResponseCode>NoError</m:ResponseCode><TotalCount>42</TotalCount>
</m:GetFolderResponse></s:Body></s:Envelope>"""
PATHS = ("/ews/exchange.asmx", "/ews/mrsproxy.svc")


def binding_of(pem):
    """RFC 5929 tls-server-end-point of a certificate that is signed with SHA-256."""
    der = ssl.PEM_cert_to_DER_cert(pem)
    token = b"tls-server-end-point:" + hashlib.sha256(der).digest()
    return gssapi.raw.ChannelBindings(application_data=token)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    known = None                                   # who this connection belongs to

    def log_message(self, text, *values):
        print(text % values, file=sys.stderr, flush=True)

    def answer(self, status, body="", *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def signed_in(self):
        """The headers of the answer to who may come in; None was answered already."""
        word, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if word.lower() == "negotiate" and token:
            context = gssapi.SecurityContext(usage="accept", channel_bindings=self.server.binding)
            try:
                proof = context.step(base64.b64decode(token))
            except gssapi.exceptions.GSSError as error:
                told = base64.b64encode(getattr(error, "token", None) or b"").decode()
                print(f"refused: {error}", file=sys.stderr, flush=True)
                self.answer(401, "", ("WWW-Authenticate", f"Negotiate {told}".strip()))
                return None
            self.known = str(context.initiator_name)
            print(f"signed in: {self.known}", file=sys.stderr, flush=True)
            if self.server.spoils:
                proof = proof[:-1] + bytes([proof[-1] ^ 1])
            return [("WWW-Authenticate", "Negotiate " + base64.b64encode(proof or b"").decode())]
        if self.known and not self.server.each:
            return []
        self.answer(401, "", ("WWW-Authenticate", "Negotiate"))
        return None

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.lower() not in PATHS:
            self.answer(404)
        elif (headers := self.signed_in()) is not None:
            mrs = self.path.lower().endswith(".svc")
            self.answer(400 if mrs else 200, SOAP if b"GetFolder" in body else "<html>Service</html>", *headers)

    do_POST = do_GET


def main():
    gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False   # a refusal is an exception, with the token that tells it
    folder = pathlib.Path(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.each = True, "--each" in sys.argv
    server.spoils = "--wrong-proof" in sys.argv
    server.binding = binding_of((folder / "cert.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
