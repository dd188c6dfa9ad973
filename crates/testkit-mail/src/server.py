"""An SMTP server for tests. Arguments: manner, folder. Certificate and key lie in the folder, letters are put there.

It says on which port it listens, and ends when its standard input does.
"""

import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

manner, folder = sys.argv[1:]
USER, PASSWORD = b"watchroom", b"Smtp-Secret 4711"


class Keeper:
    """Puts each letter into a file, in order, with whom it came for on the first line."""

    def __init__(self):
        self.count = 0
        self.tries = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 there is nobody of that name"
        if address.startswith("full-"):
            return "450 4.2.2 the mailbox is full for now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.tries += 1
        if manner == "busy" and self.tries < 3:
            return "451 4.3.0 come back later"
        self.count += 1
        name = os.path.join(folder, f"letter-{self.count:04}")
        with open(name + ".part", "wb") as file:
            file.write(envelope.rcpt_tos[0].encode() + b"\n" + envelope.content)
        os.rename(name + ".part", name)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)


async def silent(reader, writer):
    await reader.read()
    writer.close()


async def main():
    loop = asyncio.get_running_loop()
    keeper = Keeper()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.path.join(folder, "server.crt"), os.path.join(folder, "server.key"))
    usual = {"hostname": "mail.test", "authenticator": authenticate, "auth_required": manner != "clear"}

    def by_starttls():
        return SMTP(keeper, tls_context=context, require_starttls=True, **usual)

    def in_the_clear():
        return SMTP(keeper, auth_require_tls=False, **usual)

    port = int(os.environ.get("SMTP_PORT", "0"))
    if manner == "silent":
        server = await asyncio.start_server(silent, "127.0.0.1", port)
    elif manner == "tls":
        server = await loop.create_server(in_the_clear, "127.0.0.1", port, ssl=context)
    elif manner == "clear":
        server = await loop.create_server(in_the_clear, "127.0.0.1", port)
    else:
        server = await loop.create_server(by_starttls, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
