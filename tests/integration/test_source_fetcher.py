import asyncio
import hashlib
import os
import resource
from datetime import timedelta

import pytest
from aiohttp import web

from bot.adapters.source_fetcher import FetchLimits, HttpSourceFetcher, open_session
from bot.adapters.source_fetcher.wanted import from_lookaside, from_urls
from bot.domain.config import PackageConfig, SourceMethod
from bot.ports.errors import Rejected, Transient
from bot.ports.sources import SpecFacts

TARBALL = bytes(range(256)) * 5000
SHA512 = hashlib.sha512(TARBALL).hexdigest()
SHA256 = hashlib.sha256(TARBALL).hexdigest()
MD5 = hashlib.md5(TARBALL).hexdigest()
NAME = "libfoo-1.9.tar.gz"


class Specs:
    """Reads specs that name the given sources."""

    def __init__(self, *sources):
        self.sources = sources

    async def read(self, checkout, spec):
        return SpecFacts(name="libfoo", version="1.9", release="1", sources=self.sources)


class Host:
    """A host on loopback that answers each path with what it was told, and notes what it was asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.address = ""

    async def answer(self, request):
        self.asked.append(request.path)
        make = self.answers.get(request.path, lambda: web.Response(status=404))
        made = make()
        return await made if hasattr(made, "__await__") else made

    def has(self, path, body=TARBALL, **more):
        self.answers[path] = lambda: web.Response(body=body, **more)
        return f"http://{self.address}{path}"


@pytest.fixture
async def host(aiohttp_server):
    host = Host()
    app = web.Application()
    app.router.add_get("/{path:.*}", host.answer)
    server = await aiohttp_server(app)
    host.address = f"127.0.0.1:{server.port}"
    return host


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "libfoo.spec").write_text("Name: libfoo")
    return tmp_path / "tree"


async def fetch(checkout, package, *sources, allowed, **limits):
    async with open_session(allowed) as session:
        fetcher = HttpSourceFetcher(session, Specs(*sources), allowed, FetchLimits(**limits))
        await fetcher.fetch(str(checkout), package)


def lookaside(host, **more):
    address = f"http://{host.address}/pkgs/{{name}}/{{filename}}/{{hashtype}}/{{hash}}/{{filename}}"
    return PackageConfig(spec="libfoo.spec", method=SourceMethod.LOOKASIDE, lookaside=address, **more)


def by_url(digest=f"sha256:{SHA256}", **more):
    return PackageConfig(spec="libfoo.spec", method=SourceMethod.URLS, checksums=((NAME, digest),), **more)


def leftovers(checkout):
    return [path.name for path in checkout.rglob(".fetching-*")]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (f"SHA512 ({NAME}) = {SHA512}\n", f"/pkgs/libfoo/{NAME}/sha512/{SHA512}/{NAME}"),
        (f"\n{MD5}  {NAME}\n", f"/pkgs/libfoo/{NAME}/md5/{MD5}/{NAME}"),
    ],
)
async def test_the_files_of_a_dist_git_package_come_from_its_lookaside_cache(host, checkout, line, path):
    (checkout / "sources").write_text(line)
    host.has(path)
    await fetch(checkout, lookaside(host), allowed=[host.address])
    assert (checkout / NAME).read_bytes() == TARBALL
    assert leftovers(checkout) == []


async def test_the_packages_configured_name_stands_in_the_address(host, checkout):
    (checkout / "sources").write_text(f"SHA512 ({NAME}) = {SHA512}\n")
    host.has(f"/pkgs/bar/{NAME}/sha512/{SHA512}/{NAME}")
    await fetch(checkout, lookaside(host, name="bar"), allowed=[host.address])
    assert (checkout / NAME).is_file()


async def test_the_urls_of_a_spec_are_fetched_and_compared(host, checkout):
    url = host.has(f"/releases/{NAME}")
    await fetch(checkout, by_url(), url, "fix.patch", url, allowed=["127.0.0.1"])
    assert (checkout / NAME).read_bytes() == TARBALL
    assert host.asked == [f"/releases/{NAME}"]


async def test_a_fragment_names_the_file_as_in_rpm(host, checkout):
    url = host.has("/archive/v1.9.tar.gz")
    await fetch(checkout, by_url(), f"{url}#/{NAME}", allowed=["127.0.0.1"])
    assert (checkout / NAME).is_file()


async def test_what_is_there_already_is_not_fetched_again(host, checkout):
    (checkout / NAME).write_bytes(TARBALL)
    await fetch(checkout, by_url(), host.has(f"/{NAME}"), allowed=["127.0.0.1"])
    assert host.asked == []


async def test_a_wrong_file_and_a_link_in_its_place_are_replaced(host, checkout, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (checkout / NAME).symlink_to(outside)
    await fetch(checkout, by_url(), host.has(f"/{NAME}"), allowed=["127.0.0.1"])
    assert outside.read_text() == "mine"
    assert (checkout / NAME).read_bytes() == TARBALL


@pytest.mark.parametrize(
    "method", [SourceMethod.SPEC, SourceMethod.ARCHIVE, SourceMethod.RPMAUTOSPEC, SourceMethod.COMMAND]
)
async def test_other_methods_need_nothing_from_outside(checkout, method):
    await fetch(checkout, PackageConfig(spec="libfoo.spec", method=method), "https://a.example/x", allowed=[])


async def test_a_file_with_another_checksum_is_refused_and_not_kept(host, checkout):
    with pytest.raises(Rejected, match=f"`{NAME}` is not what was expected: its sha256 is"):
        await fetch(checkout, by_url(), host.has(f"/{NAME}", b"evil"), allowed=["127.0.0.1"])
    assert sorted(path.name for path in checkout.iterdir()) == ["libfoo.spec"]


async def test_a_url_without_a_checksum_is_refused_before_anything_is_asked(host, checkout):
    with pytest.raises(Rejected, match=r"no checksum is known for `other\.tar\.gz`: add it under `checksums`"):
        await fetch(checkout, by_url(), host.has("/other.tar.gz"), allowed=["127.0.0.1"])
    assert host.asked == []


async def test_a_url_whose_file_is_in_the_repository_needs_no_checksum(host, checkout):
    (checkout / "fix.patch").touch()
    await fetch(checkout, by_url(), host.has("/fix.patch"), allowed=["127.0.0.1"])
    assert host.asked == []


@pytest.mark.parametrize(
    ("url", "allowed", "why"),
    [
        (f"https://evil.example/{NAME}", ["good.example"], "may not be fetched from `evil.example`; ask this service"),
        (f"http://good.example/{NAME}", ["good.example"], "fetched by https: alone"),
        (f"ftp://good.example/{NAME}", ["good.example"], "https:, http: or file: was expected"),
        (f"file:///etc/{NAME}", ["*"], "may not be fetched from"),
        (f"https://me:secret@good.example/{NAME}", ["*"], "must not carry a user name"),
        (f"https://169.254.169.254/{NAME}", ["*"], "is no public address, and not allowed by its name"),
        (f"https://[::ffff:10.0.0.1]/{NAME}", ["*"], "is no public address"),
        (f"https://localhost/{NAME}", ["*"], "localhost has no public address, and is not allowed by its name"),
        (f"https://2130706433/{NAME}", ["*"], "is no address that can be asked"),
    ],
)
async def test_an_address_that_may_not_be_asked_is_refused(checkout, url, allowed, why):
    with pytest.raises(Rejected, match=why):
        await fetch(checkout, by_url(), url, allowed=allowed)


async def test_a_redirect_is_followed_to_an_allowed_host(host, checkout):
    host.has(f"/mirror/{NAME}")
    url = host.has(f"/{NAME}", b"", status=302, headers={"Location": f"/mirror/{NAME}"})
    await fetch(checkout, by_url(), url, allowed=["127.0.0.1"])
    assert (checkout / NAME).is_file()


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://evil.example/x", "may not be fetched from `evil.example`"),
        ("http://169.254.169.254/latest", "may not be fetched from `169.254.169.254`"),
        ("file:///etc/passwd", "may not be fetched from"),
        ("http://[x", "which is no address"),
        (f"/{NAME}", "more than 5 redirects"),
    ],
)
async def test_a_redirect_to_anywhere_else_is_refused(host, checkout, location, why):
    url = host.has(f"/{NAME}", b"", status=301, headers={"Location": location})
    with pytest.raises(Rejected, match=why):
        await fetch(checkout, by_url(), url, allowed=["127.0.0.1"])


@pytest.mark.parametrize(
    ("status", "error", "why"),
    [
        (404, Rejected, "there is no such file"),
        (403, Rejected, "answered 403 where the file was expected"),
        (302, Rejected, "answered 302 where"),
        (429, Transient, "answered 429; it is tried again"),
        (503, Transient, "answered 503; it is tried again"),
    ],
)
async def test_an_answer_other_than_the_file_is_told(host, checkout, status, error, why):
    url = host.has(f"/{NAME}", b"", status=status)
    with pytest.raises(error, match=why):
        await fetch(checkout, by_url(), url, allowed=["127.0.0.1"])


@pytest.mark.parametrize(("value", "after"), [("7", 7), ("99999", 3600), ("Fri, 31 Dec 1999 23:59:59 GMT", None)])
async def test_the_wish_of_a_busy_host_is_passed_on(host, checkout, value, after):
    url = host.has(f"/{NAME}", b"", status=503, headers={"Retry-After": value})
    with pytest.raises(Transient) as raised:
        await fetch(checkout, by_url(), url, allowed=["127.0.0.1"])
    assert raised.value.retry_after == (after and timedelta(seconds=after))


async def test_a_host_that_does_not_answer_is_tried_again(checkout, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}/{NAME}"
    with pytest.raises(Transient, match=r"cannot be fetched: .*; it is tried again"):
        await fetch(checkout, by_url(), url, allowed=["127.0.0.1"])


async def test_a_host_that_stalls_is_given_up_for_now(host, checkout):
    host.answers[f"/{NAME}"] = _stall
    url = f"http://{host.address}/{NAME}"
    with pytest.raises(Transient, match="took too long"):
        await fetch(checkout, by_url(), url, allowed=["127.0.0.1"], file_time=timedelta(seconds=0.2))
    assert leftovers(checkout) == []


async def _stall():
    await asyncio.Event().wait()


async def test_a_body_that_breaks_off_is_tried_again(host, checkout):
    def answer():
        response = web.Response(body=TARBALL[:1000], headers={"Content-Length": "5000"})
        response.force_close()
        return response

    host.answers[f"/{NAME}"] = answer
    with pytest.raises(Transient, match="cannot be fetched"):
        await fetch(checkout, by_url(), f"http://{host.address}/{NAME}", allowed=["127.0.0.1"])
    assert leftovers(checkout) == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_file_beyond_the_bound_is_refused(host, checkout, chunked):
    def answer():
        response = web.Response(body=TARBALL)
        if chunked:
            response.enable_chunked_encoding()
        return response

    host.answers[f"/{NAME}"] = answer
    with pytest.raises(Rejected, match="is larger than the 1,000 bytes that are fetched"):
        await fetch(checkout, by_url(), f"http://{host.address}/{NAME}", allowed=["127.0.0.1"], file_bytes=1000)
    assert leftovers(checkout) == []


async def test_a_compressed_body_is_kept_as_it_is(host, checkout):
    url = host.has(f"/{NAME}", headers={"Content-Encoding": "gzip"})
    await fetch(checkout, by_url(), url, allowed=["127.0.0.1"])
    assert (checkout / NAME).read_bytes() == TARBALL


async def test_too_many_sources_are_refused(host, checkout):
    (checkout / "sources").write_text("".join(f"{n:0128x}  file-{n}\n" for n in range(3)))
    with pytest.raises(Rejected, match="3 sources are named; at most 2 are fetched"):
        await fetch(checkout, lookaside(host), allowed=[host.address], files=2)


async def test_a_directory_in_a_sources_place_is_refused(host, checkout):
    (checkout / NAME).mkdir()
    with pytest.raises(Rejected, match="is a directory of the repository"):
        await fetch(checkout, by_url(), host.has(f"/{NAME}"), allowed=["127.0.0.1"])


@pytest.mark.parametrize("spec", ["missing/libfoo.spec", "../libfoo.spec", "link/libfoo.spec", ".git/libfoo.spec"])
async def test_a_spec_outside_of_the_checkout_is_refused(host, checkout, tmp_path, spec):
    (tmp_path / "elsewhere").mkdir()
    (checkout / "link").symlink_to(tmp_path / "elsewhere")
    (checkout / ".git").mkdir()
    package = PackageConfig(spec=spec, method=SourceMethod.URLS)
    with pytest.raises(Rejected, match="there is no directory for"):
        await fetch(checkout, package, allowed=[])


async def test_a_link_in_place_of_the_list_is_not_followed(host, checkout, tmp_path):
    (tmp_path / "secret").write_text("the key")
    (checkout / "sources").symlink_to(tmp_path / "secret")
    with pytest.raises(Rejected, match="cannot be read") as raised:
        await fetch(checkout, lookaside(host), allowed=[host.address])
    assert "the key" not in str(raised.value)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.write_bytes(b"x" * (2 << 20))])
async def test_a_list_that_is_no_plain_small_file_is_refused(host, checkout, make):
    make(checkout / "sources")
    with pytest.raises(Rejected, match="no plain file of at most"):
        await fetch(checkout, lookaside(host), allowed=[host.address])


async def test_a_list_that_is_missing_or_no_text_is_refused(host, checkout):
    with pytest.raises(Rejected, match="`source: lookaside` reads the list of files there"):
        await fetch(checkout, lookaside(host), allowed=[host.address])
    (checkout / "sources").write_bytes(b"\xff\xfe")
    with pytest.raises(Rejected, match="not UTF-8"):
        await fetch(checkout, lookaside(host), allowed=[host.address])


async def test_a_lookaside_package_without_an_address_is_refused(checkout):
    with pytest.raises(Rejected, match="set `lookaside`"):
        await fetch(checkout, PackageConfig(spec="libfoo.spec", method=SourceMethod.LOOKASIDE), allowed=[])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("what is this", "line 1: expected `SHA512"),
        (f"\nSHA512 (a) = {MD5}", "line 2: .* is no checksum of a kind that is known"),
        (f"CRC (a) = {MD5}", "is no checksum of a kind that is known"),
        (f"{MD5}00  a", "is no checksum of a kind that is known"),
        (f"{MD5}  ../a", "a source may not be called"),
        (f"{MD5}  a/b", "is no plain file name"),
        (f"{MD5}  .bashrc", "a source may not be called"),
        (f"{MD5}  sources", "a source may not be called"),
        (f"{MD5}  libfoo.spec", "a source may not be called"),
        (f"{MD5}  {'x' * 201}", "is no plain file name"),
        (f"{MD5}  a\n{SHA256}  a", "line 2: `a` stands there twice with different checksums"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_the_line(text, why):
    with pytest.raises(Rejected, match=why):
        list(from_lookaside(text, "libfoo", "https://a.example/{hash}"))


def test_what_a_list_names_is_quoted_in_the_address_and_not_read_again():
    (wanted,) = from_lookaside(f"{MD5}  a+{{hash}} b.tar", "libfoo", "https://a.example/{filename}/{hash}")
    assert wanted.url == f"https://a.example/a%2B%7Bhash%7D%20b.tar/{MD5}"


def test_a_url_that_ends_in_no_file_name_is_refused():
    with pytest.raises(Rejected, match="a source may not be called"):
        list(from_urls(["https://a.example/"], by_url(), []))


async def test_a_disk_that_takes_no_more_is_told_and_leaves_nothing_behind(host, checkout):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(Transient, match="cannot be written: File too large"):
            await fetch(checkout, by_url(), host.has(f"/{NAME}"), allowed=["127.0.0.1"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert leftovers(checkout) == []
