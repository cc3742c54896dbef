"""The file store on S3: the real client, against moto's server and against one that answers as it is told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest

from store.blobs import Blobs
from store.errors import BlobMissing, StorageFull, StorageUnavailable, StoreError

KEY = "images/img_a/source.png"
LARGE = 6 * 2**20


def other_host(url: str) -> Blobs:
    """A client that shares nothing with the others."""
    fsspec.filesystem("s3").clear_instance_cache()
    return Blobs(url)


def test_what_one_host_does_the_other_sees_at_once(bucket: str) -> None:
    here, there = Blobs(bucket), other_host(bucket)
    for name in ("one", "two"):
        here.delete_prefix("images/img_a/")
        assert not there.exists(KEY)
        there.put(KEY, name.encode())
        assert (here.exists(KEY), here.get(KEY)) == (True, name.encode())
    there.move(KEY, "images/img_a/quarantine/source.png")
    assert not here.exists(KEY)
    with pytest.raises(BlobMissing):
        here.get(KEY)
    here.delete_prefix("images/img_a/")
    assert fsspec.filesystem("s3").find(bucket) == []


def test_a_folder_is_neither_a_file_nor_deleted_with_its_namesakes(bucket: str) -> None:
    blobs = Blobs(bucket)
    for image in ("img_a", "img_ab"):
        blobs.put(f"images/{image}/source.png", b"x")
    assert not blobs.exists("images/img_a")
    with pytest.raises(BlobMissing):
        blobs.get("images/img_a")
    blobs.delete_prefix("images/img_a/")
    assert blobs.exists("images/img_ab/source.png")


def test_more_files_than_one_request_removes_are_all_removed(bucket: str) -> None:
    blobs = Blobs(bucket)
    paths = {f"{bucket}/images/img_a/results/{number}.png": b"" for number in range(1005)}
    fsspec.filesystem("s3").pipe(paths)
    blobs.delete_prefix("images/img_a/")
    assert fsspec.filesystem("s3").find(bucket) == []


def test_a_reader_sees_one_whole_version_while_others_are_written(bucket: str) -> None:
    writer, reader, over = Blobs(bucket), other_host(bucket), threading.Event()
    versions = [bytes([number]) * (LARGE + number) for number in range(2)]
    writer.put(KEY, versions[0])

    def write() -> None:
        for number in range(1, 201):
            writer.put(KEY, versions[number % 2])
            if over.is_set():
                return

    thread = threading.Thread(target=write)
    thread.start()
    seen: list[int] = []
    try:
        while thread.is_alive() and (len(seen) < 8 or len(set(seen)) < 2):
            seen.append(versions.index(reader.get(KEY)))
    finally:
        over.set()
        thread.join()
    assert set(seen) == {0, 1}


def test_a_bucket_that_is_not_there_is_an_outage_and_no_missing_file(bucket: str) -> None:
    blobs = Blobs("s3://no-such-bucket/here")
    for attempt in (
        lambda: blobs.get(KEY),
        lambda: blobs.exists(KEY),
        lambda: blobs.put(KEY, b""),
        lambda: blobs.delete_prefix("images/img_a/"),
        blobs.check,
    ):
        with pytest.raises(StorageUnavailable, match=r"^NoSuchBucket$"):
            attempt()


def test_a_store_that_cannot_be_reached_is_an_outage(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    blobs = other_host(bucket)
    with pytest.raises(StorageUnavailable, match=r"^EndpointConnectionError$"):
        blobs.check()


@pytest.fixture
def answers(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, str]]]:
    """Set the one answer, a status and a code, that the store gives to everything."""
    told: list[tuple[int, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, code = told[-1]
            body = f"<Error><Code>{code}</Code><Message>Go away.</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield told
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDenied", StorageUnavailable),
        (403, "InvalidAccessKeyId", StorageUnavailable),
        (403, "SignatureDoesNotMatch", StorageUnavailable),
        (400, "InvalidArgument", StorageUnavailable),
        (404, "NoSuchBucket", StorageUnavailable),
        (418, "SomethingNew", StorageUnavailable),
        (403, "QuotaExceeded", StorageFull),
        (400, "XMinioAdminBucketQuotaExceeded", StorageFull),
    ],
)
def test_every_refusal_has_a_name(
    bucket: str, answers: list[tuple[int, str]], status: int, code: str, expected: type[StoreError]
) -> None:
    answers.append((status, code))
    blobs = other_host(bucket)
    for attempt in (lambda: blobs.get(KEY), lambda: blobs.put(KEY, b"x"), blobs.check):
        with pytest.raises(expected) as refused:
            attempt()
        assert type(refused.value) is expected
        assert "127.0.0.1" not in str(refused.value)
    answers.append((404, "NoSuchKey"))
    with pytest.raises(BlobMissing):
        blobs.get(KEY)
