"""Certificates for a test: an authority of its own, a server's for localhost and 127.0.0.1, and a client's."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    directory: Path

    def certificate(self, name: str) -> str:
        return str(self.directory / f"{name}.crt")

    def key(self, name: str) -> str:
        return str(self.directory / f"{name}.key")


def made(directory: Path) -> Certificates:
    """Make them, with the system's openssl."""
    certificates = Certificates(directory)
    new_key = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("ca", "another-ca"):
        ours = ("-keyout", certificates.key(name), "-out", certificates.certificate(name))
        _openssl(*new_key, *ours, "-subj", f"/CN=test {name}", "-addext", "keyUsage=critical,keyCertSign")
    for name in ("server", "client"):
        ours = ("-keyout", certificates.key(name), "-out", certificates.certificate(name))
        signed = ("-CA", certificates.certificate("ca"), "-CAkey", certificates.key("ca"))
        names = (
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        )
        _openssl(*new_key, *ours, *signed, "-subj", f"/CN=test {name}", *names)
    return certificates


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
