"""Certificates: a throwaway authority, and what servers of the tests show (RFC 5280)."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FROM = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2120, 1, 1, tzinfo=UTC)
PAST = datetime(2020, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """Vouches for servers; `trusting` is who believes it and nobody else."""

    name: str = "Throwaway Authority"

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def _certificate(self) -> x509.Certificate:
        key = self._key
        return (
            _about(self.name, key.public_key(), self.name, UNTIL)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return _pem(self._certificate)

    def trusting(self) -> ssl.SSLContext:
        """Return how a client speaks that trusts this authority alone."""
        return ssl.create_default_context(cadata=self.pem)

    def server(
        self, *names: str, until: datetime = UNTIL, self_signed: bool = False
    ) -> ssl.SSLContext:
        """Return how a server speaks that shows a certificate for `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, signed_by = (names[0], key) if self_signed else (self.name, self._key)
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        certificate = (
            _about(names[0], key.public_key(), issuer, until)
            .add_extension(alternatives, critical=False)
            .sign(signed_by, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            secret = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            file.write_bytes(secret + _pem(certificate).encode())
            context.load_cert_chain(file)
        return context


def _about(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(until)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
