"""A mail server that is not ours (aiosmtpd): keeps what it takes, says what it was told to say.

    PYTHON postbox.py FOLDER [--tls | --starttls] [--user NAME:PASSWORD] [--only PLAIN|LOGIN] [--answers 451,550]

PYTHON has aiosmtpd; FOLDER holds cert.pem and key.pem where TLS is wanted. Prints its port, then a line of JSON for each
try: what it was told of the sender, who signed in, and the mail's bytes in Base64. --answers are given to the first mails,
later ones are taken.
"""
import argparse
import asyncio
import base64
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def say(**what):
    print(json.dumps(what), flush=True)


class Box:
    def __init__(self, answers):
        self.answers = answers

    async def handle_DATA(self, _server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 taken"
        say(tls=session.ssl is not None, user=session.auth_data, hello=session.host_name, sender=envelope.mail_from,
            to=envelope.rcpt_tos, answer=answer, mail=base64.b64encode(envelope.original_content).decode())
        return answer

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@") and self.answers is not None and "greylisted" not in self.__dict__:
            self.greylisted = True
            return "450 4.2.0 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"


async def main(args):
    context = None
    if args.tls or args.starttls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.folder / "cert.pem", args.folder / "key.pem")
    box = Box([f"{code} said by the test" for code in args.answers.split(",") if code])
    name, _, password = (args.user or "").partition(":")

    def authenticate(_server, _session, _envelope, _mechanism, given):
        fits = isinstance(given, LoginPassword) and (given.login, given.password) == (name.encode(), password.encode())
        say(signed_in=fits)
        return AuthResult(success=fits, handled=False, auth_data=name if fits else None)

    def session():
        return SMTP(box, hostname="postbox.example", tls_context=context if args.starttls else None,
                    require_starttls=args.starttls, authenticator=authenticate if args.user else None,
                    auth_required=bool(args.user), auth_require_tls=args.starttls,
                    auth_exclude_mechanism=[{"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[args.only]] if args.only else [])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if args.tls else None)
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--starttls", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--only", choices=("PLAIN", "LOGIN"))
    parser.add_argument("--answers", default="")
    asyncio.run(main(parser.parse_args()))
