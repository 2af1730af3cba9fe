"""TLS: spoken, and checked against the certificates that the machine trusts."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from pathlib import Path

import pytest
from http_clients import client, got
from rawserver import listening, response

from routebook.backends import http as module
from routebook.errors import Unavailable


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that nobody vouches for, for localhost."""
    path = tmp_path / "both.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    try:
        subprocess.run([*command, "-keyout", str(path), "-out", str(tmp_path / "cert.pem")], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed, and makes the certificate")
    path.write_bytes(path.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


def test_tls_is_spoken_and_checked(certificate: Path) -> None:
    """A certificate that is not trusted stops the call with a message that says how to trust it; a trusted one lets it through."""

    async def run() -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(response(b'{"it":"works"}'))
            writer.close()

        async with listening(handle, ssl=tls) as port:
            url = f"https://localhost:{port}"
            async with client(url) as http:
                with pytest.raises(Unavailable, match="SSL_CERT_FILE"):
                    await got(http)
            module._tls().load_verify_locations(certificate)
            async with client(url) as http:
                for _ in range(2):
                    assert await got(http) == b'{"it":"works"}'

    try:
        asyncio.run(run())
    finally:
        module._tls.cache_clear()
