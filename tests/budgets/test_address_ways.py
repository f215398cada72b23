"""The ways to a webhook: its scheme's port, an encrypted line, and the proxy of the environment."""

import datetime as dt
import gc
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from budgets.receivers import Receiver
from trainfare.budgets.address import Forbidden, post


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
def test_an_address_without_a_port_is_asked_at_that_of_its_scheme(monkeypatch, scheme, port):
    asked = []

    def look_up(host, port, **_):
        asked.append((host, port))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Forbidden):
        post(f"{scheme}://hooks.example/x", b"{}", {}, is_private=False, timeout_s=5)
    assert asked == [("hooks.example", port)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks")])
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    own = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(own + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def safe(certificate):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    one = Receiver(tls)
    yield one
    one.close()


def test_an_encrypted_webhook_is_told_where_its_certificate_is_known(
    safe, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert post(safe.url, b"{}", {}, is_private=True, timeout_s=5) == 200
    assert safe.asked == ["/hook"]


def test_an_encrypted_webhook_that_nobody_vouches_for_is_told_nothing(safe):
    with pytest.raises(ssl.SSLCertVerificationError):
        post(safe.url, b"{}", {}, is_private=True, timeout_s=5)
    assert safe.got == []


def test_a_certificate_of_another_name_is_refused(safe, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(ssl.SSLCertVerificationError):
        post(safe.url.replace("127.0.0.1", "localhost"), b"", {}, is_private=True, timeout_s=5)
    assert safe.got == []


@pytest.fixture
def proxy(monkeypatch, receiver):
    """The receiver as the proxy that the environment names."""
    monkeypatch.setenv("http_proxy", receiver.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return receiver


@pytest.mark.parametrize("status", [200, 202, 307, 404, 503])
def test_a_proxy_is_asked_for_the_whole_address_and_its_answer_is_the_answer(proxy, status):
    proxy.answers = [status]
    url = "http://hooks.example/x?a=1"
    assert post(url, b"{}", {"webhook-id": "msg_1"}, is_private=False, timeout_s=5) == status
    assert proxy.asked == [url]
    assert (proxy.got[0][1], proxy.ids) == (b"{}", ["msg_1"])


def test_an_address_that_is_to_bypass_the_proxy_is_looked_at_as_without_one(proxy):
    with pytest.raises(Forbidden):
        post("http://127.0.0.1/x", b"{}", {}, is_private=False, timeout_s=5)
    assert proxy.got == []


@pytest.mark.parametrize("status", [200, 404])
def test_no_line_stays_open(proxy, status, recwarn):
    proxy.answers = [status, status]
    for url in ("http://hooks.example/x", proxy.url):
        post(url, b"{}", {}, is_private=True, timeout_s=5)
    gc.collect()
    assert [one.message for one in recwarn if one.category is ResourceWarning] == []
