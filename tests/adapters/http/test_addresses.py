"""Which callback addresses are refused by their text alone, and which network addresses count as public."""

import ipaddress

import hypothesis
import pytest
from hypothesis import strategies

import sayso
from sayso_http import callback_urls
from tests.tables import each

FORBIDDEN = [
    # this machine
    "http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://localhost.localdomain/", "http://a.localhost/",
    "http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://127.255.255.254/", "http://0.0.0.0/", "http://0/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
    "http://127.0.0.1./", "http://127.0.0.01/", "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[::7f00:1]/",
    "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://ⓛocalhost/", "http://%31%32%37.0.0.1/", "http://local%68ost/",
    # private networks, links, clouds
    "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/", "http://169.254.169.254/",
    "http://169.254.169.254:80/latest/meta-data/", "http://2852039166/", "http://0xa9fea9fe/", "http://0xa9.0xfe.0xa9.0xfe/",
    "http://[::ffff:169.254.169.254]/", "http://100.64.0.1/", "http://100.100.100.200/", "http://168.63.129.16/",
    "http://192.0.0.192/", "http://198.18.0.1/", "http://192.0.2.1/", "http://203.0.113.5/", "http://224.0.0.1/",
    "http://240.0.0.1/", "http://255.255.255.255/", "http://192.88.99.1/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[fec0::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/",
    "http://[3fff::1]/", "http://[100::1]/",
    # one address inside another
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::7f00:1]/", "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/", "http://[2001:0:7f00:1::]/", "http://[2001::1]/", "http://[2607:f8b0::5efe:10.0.0.1]/",
    "http://[2607:f8b0::200:5efe:7f00:1]/",
    # names of the inside
    "http://metadata/", "http://metadata.google.internal/", "http://redis/", "http://printer.local/", "http://nas.lan/",
    "http://wiki.corp/", "http://1.0.0.127.in-addr.arpa/", "http://router.home.arpa/", "http://xyz.onion/", "http://intranet/",
    # other ports
    "http://example.com:22/", "http://example.com:6379/", "http://example.com:0/", "http://example.com:65536/",
    "http://example.com:99999/", "http://example.com:-80/", "http://example.com:/", "https://example.com:8700/",
    "http://93.184.215.14:25/",
    # other schemes, and none
    "", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/_x",
    "data:,x",
    "javascript:alert(1)", "http:/example.com/", "http:example.com", "http:///example.com", "https://", "unix:///run/x",
    "dict://example.com:80/", "ws://example.com/", "http+unix://%2Frun%2Fx/", " http://example.com/",
    "http ://example.com/",
    # two readers, two hosts
    "http://user@example.com/", "http://user:pass@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1@example.com/",
    "http://example.com:80@127.0.0.1/", "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\.example.com/",
    "http://example.com#@127.0.0.1/", "http://example.com/#x", "http://example.com\t/", "http://exam\nple.com/",
    "http://example.com/\n", "http://example.com/\r\nHost: x", "http://example.com /", "http://exa mple.com/",
    "http://example.com%00.evil/", "http://example.com%2f@127.0.0.1/", "http://[example.com]/", "http://[::1/", "http://::1/",
    "http://[127.0.0.1]/", "http://exämple.com/", "http://example。com/", "http://-example.com/", "http://example-.com/",
    "http://exa..mple.com/", "http://.example.com/", "http://example.com./", "http://example.0/", "http://1.2.3/",
    "http://1.2.3.4.5/", "http://256.256.256.256/", "http://example.0x1/", "http://a" + "b" * 64 + ".com/",
    "http://example.com/" + "x" * 2000, "http://example.com/ü", "http://example.com/‮", "http://example.com/\0",
]  # fmt: skip

ALLOWED = [
    "https://example.com/hook",
    "https://example.com",
    "HTTPS://Hooks.Example.COM/a/b?c=d&e=%20",
    "https://example.com:8443/hook",
    "https://example.com:8080/hook",
    "https://xn--exmple-cua.com/",
    "https://93.184.215.14/hook",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/hook",
    "https://hook_1.example.com/",
    "https://example.com?x=1",
    "https://[64:ff9b::5db8:d70e]/",
]


# The same over https, or http alone would be the reason.
SECURE = [url.replace("http://", "https://", 1) for url in FORBIDDEN if url.startswith("http://")]
CLEAR = ["http://example.com/", "http://example.com:8080/hook", "http://93.184.215.14/", "HTTP://example.com/"]


def test_a_decision_is_not_sent_in_clear_text_unless_the_operator_named_the_host() -> None:
    for row in each(CLEAR):
        with row as url:
            with pytest.raises(sayso.InvalidRequest, match="http would show it"):
                callback_urls.check_callback_url(url)
            host = url.lower().split("/")[2]
            assert callback_urls.check_callback_url(url, [host]).scheme == "http"
            with pytest.raises(sayso.InvalidRequest, match="http would show it"):
                callback_urls.check_callback_url(url, ["other.example.com"])


def test_a_forbidden_address_is_refused_when_it_is_asked() -> None:
    rows: list[str] = [*FORBIDDEN, *SECURE]
    for row in each(rows):
        with row as url:
            with pytest.raises(sayso.InvalidRequest) as refused:
                callback_urls.check_callback_url(url)
            assert refused.value.field == "callback_url"
            assert refused.value.hint


def test_a_public_address_is_taken() -> None:
    for row in each(ALLOWED):
        with row as url:
            assert callback_urls.check_callback_url(url).port in callback_urls.PORTS


def test_the_operator_can_allow_a_host_by_name() -> None:
    rows: list[tuple[str, str]] = [
        ("http://127.0.0.1:9999/", "127.0.0.1"),
        ("http://127.0.0.1:9999/", "127.0.0.1:9999"),
        ("http://[::1]:9999/", "::1"),
        ("http://[::1]:9999/", "[::1]:9999"),
        ("http://Receiver:5000/", "receiver"),
        ("http://receiver.internal/", "Receiver.Internal:80"),
    ]
    for row in each(rows):
        with row as (url, allow):
            assert callback_urls.check_callback_url(url, [allow]).allowed_by([allow])
            with pytest.raises(sayso.InvalidRequest):
                callback_urls.check_callback_url(url)


def test_an_allowed_host_allows_nothing_else() -> None:
    rows: list[tuple[str, str]] = [
        ("http://127.0.0.1:9998/", "127.0.0.1:9999"),
        ("http://127.0.0.2/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://receiver.evil.example:22/", "receiver"),
        ("http://xreceiver/", "receiver"),
        ("http://receiver:99999/", "receiver"),
        ("http://user@receiver/", "receiver"),
        ("ftp://receiver/", "receiver"),
        ("http://receiver\\@evil/", "receiver"),
    ]
    for row in each(rows):
        with row as (url, allow), pytest.raises(sayso.InvalidRequest):
            callback_urls.check_callback_url(url, [allow])


@hypothesis.given(strategies.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_by_the_inner_one(inner: ipaddress.IPv4Address) -> None:
    for outer in (f"::ffff:{inner}", str(ipaddress.IPv6Address((0x64_FF9B << 96) | int(inner)))):
        assert callback_urls.is_public(ipaddress.ip_address(outer)) == callback_urls.is_public(inner)
    assert not callback_urls.is_public(ipaddress.IPv6Address((0x2002 << 112) | (int(inner) << 80)))


@hypothesis.given(strategies.ip_addresses())
def test_no_private_address_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    known = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    if known and getattr(address, "ipv4_mapped", None) is None:
        assert not callback_urls.is_public(address)
