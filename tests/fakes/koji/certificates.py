"""An authority, a server's certificate and users' certificates, made when a test begins and worth nothing after it."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Certificates:
    """Makes certificates in a directory. `authority` is the file that clients and the server check each other by."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {directory.name}")])
        self.authority = directory / "authority.pem"
        extension = x509.BasicConstraints(ca=True, path_length=None)
        made = self._builder(self._name, self._key).add_extension(extension, critical=True)
        self.authority.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def user(self, name: str, *, expired: bool = False) -> Path:
        """A file with a user's key and certificate."""
        return self._issue(name, expired=expired, usage=ExtendedKeyUsageOID.CLIENT_AUTH)

    def server(self) -> ssl.SSLContext:
        """A server's side of TLS on loopback that asks for a certificate, and can do without."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._issue("127.0.0.1", usage=ExtendedKeyUsageOID.SERVER_AUTH))
        context.load_verify_locations(self.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, expired: bool = False
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=2))
        return builder.not_valid_after(now + timedelta(days=-1 if expired else 1))

    def _issue(self, name: str, *, usage: x509.ObjectIdentifier, expired: bool = False) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (
            self._builder(subject, key, expired=expired)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(address, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._directory / f"{name}{'-expired' if expired else ''}.pem"
        file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        file.chmod(0o600)
        return file
