"""No URL that a client names makes the keeper call an address of ours."""

import socket
from ipaddress import ip_address

import anyio
import pytest

from service.keeper.ssrf import Refused, aim, is_public, parse, resolve

OURS = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.7",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",  # where clouds keep their credentials
    "100.64.0.1",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2001::7f00:1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::5"]


@pytest.mark.parametrize("address", OURS)
def test_an_address_of_ours_is_refused_written_out_and_looked_up(address: str) -> None:
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Refused, match="no address of the internet"):
        parse(f"https://{host}/hook")

    async def found(host: str, port: int) -> list[str]:
        return [address]

    with pytest.raises(Refused, match="no address of the internet"):
        anyio.run(lambda: aim("https://hooks.test/", resolver=found))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_called_and_no_other(address: str) -> None:
    asked: list[tuple[str, int]] = []

    async def found(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [address]

    target = anyio.run(lambda: aim("https://hooks.test:8443/a?b=c", resolver=found))
    assert asked == [("hooks.test", 8443)]
    assert target.url.host == address
    assert (target.url.port, target.url.raw_path) == (8443, b"/a?b=c")
    assert (target.host, target.authority) == ("hooks.test", "hooks.test:8443")


def test_a_name_with_addresses_of_both_kinds_is_refused() -> None:
    async def found(host: str, port: int) -> list[str]:
        return ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(Refused, match=r"10\.0\.0\.1"):
        anyio.run(lambda: aim("https://hooks.test/", resolver=found))


@pytest.mark.parametrize("url", ["https://127.1/", "https://0x7f.1/", "https://2130706433/", "https://0/"])
def test_an_address_in_an_odd_notation_is_read_as_the_system_reads_it(url: str) -> None:
    with pytest.raises(Refused, match="no address of the internet"):
        anyio.run(lambda: aim(url, resolver=resolve))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.test/", "only https is called, not 'http'"),
        ("ftp://hooks.test/", "only https"),
        ("file:///etc/passwd", "only https"),
        ("gopher://hooks.test/", "only https"),
        ("//hooks.test/", "only https"),
        ("hooks.test", "only https"),
        ("https:///path", "no host"),
        ("https://", "no host"),
        ("https://me:secret@hooks.test/", "user name"),
        ("https://hooks.test:99999/", "no port 99999"),
        ("https://hooks.test:0/", "no port 0"),
        ("https://hooks.test:x/", "not a URL"),
        ("https://hooks\n.test/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://①②⑦.0.0.1/", "not a URL"),
    ],
)
def test_what_the_text_alone_forbids(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        parse(url)


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_name_that_is_none_cannot_be_found(host: str) -> None:
    with pytest.raises(socket.gaierror):
        anyio.run(lambda: aim(f"https://{host}/", resolver=resolve))


def test_an_intranet_may_allow_its_own() -> None:
    async def found(host: str, port: int) -> list[str]:
        return ["10.0.0.1"]

    target = anyio.run(lambda: aim("http://hooks.test/", resolver=found, allow_private=True))
    assert str(target.url) == "http://10.0.0.1/"
    with pytest.raises(Refused, match="only https and http"):
        parse("ftp://hooks.test/", allow_private=True)
