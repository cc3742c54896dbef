"""Records: written and read to the bit, or refused."""

from __future__ import annotations

import random
from dataclasses import fields, replace

import pytest
import torch

import engine
from engine.errors import RecordCorrupt
from engine.record import SourceRecord, content_key


@pytest.fixture
def learned() -> SourceRecord:
    return SourceRecord(
        key="k",
        revision="r",
        dtype="float32",
        method="stylediffusion",
        prompt='고양이 "a" \\ cat \ud83d'.encode("utf-8", "replace").decode(),
        steps=2,
        params={"guidance_scale": 7.5, "inner_steps": 3},
        trajectory=torch.randn(3, 4, 2, 3, generator=torch.Generator().manual_seed(0)),
        learned={"gamma": torch.ones(2, 2, dtype=torch.float16), "beta": torch.zeros(3)},
    )


def test_what_is_read_is_what_was_written(record: SourceRecord, learned: SourceRecord) -> None:
    for written in (record, learned):
        files = written.pack()
        read = SourceRecord.unpack(files)

        for field in fields(written):
            if field.name not in ("trajectory", "learned"):
                assert getattr(read, field.name) == getattr(written, field.name)
        assert torch.equal(read.trajectory, written.trajectory)
        assert read.learned.keys() == written.learned.keys()
        assert all(torch.equal(read.learned[name], written.learned[name]) for name in read.learned)
        assert read.pack() == files


def test_bytes_are_counted(learned: SourceRecord) -> None:
    assert learned.nbytes == 4 * 3 * 4 * 2 * 3 + 2 * 4 + 4 * 3


@pytest.mark.parametrize("name", ["record.json", "record.safetensors"])
def test_every_flipped_bit_is_noticed(learned: SourceRecord, name: str) -> None:
    files = learned.pack()
    size = len(files[name])
    draw = random.Random(0)
    for position in {0, size - 1, *draw.sample(range(size), 150)}:
        damaged = bytearray(files[name])
        damaged[position] ^= 1 << draw.randrange(8)
        with pytest.raises(RecordCorrupt):
            SourceRecord.unpack({**files, name: bytes(damaged)})


@pytest.mark.parametrize("name", ["record.json", "record.safetensors"])
def test_truncated_empty_and_missing_files_are_noticed(learned: SourceRecord, name: str) -> None:
    files = learned.pack()
    for content in (files[name][:-1], b"", files[name] + b" ", b"[]", b"\xff"):
        with pytest.raises(RecordCorrupt):
            SourceRecord.unpack({**files, name: content})
    del files[name]
    with pytest.raises(RecordCorrupt, match=name):
        SourceRecord.unpack(files)


def test_files_of_two_records_do_not_mix(learned: SourceRecord) -> None:
    other = replace(learned, trajectory=learned.trajectory + 1).pack()

    with pytest.raises(RecordCorrupt):
        SourceRecord.unpack({**learned.pack(), "record.safetensors": other["record.safetensors"]})


def test_another_format_is_refused(learned: SourceRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    files = learned.pack()
    monkeypatch.setattr(engine.record, "FORMAT", 1)

    with pytest.raises(RecordCorrupt, match="format"):
        SourceRecord.unpack(files)


def test_what_was_learned_is_good_for_one_scale_if_the_inversion_learns_by_it(learned: SourceRecord) -> None:
    assert learned.guidance_scale == 7.5
    assert replace(learned, method="edit-friendly").guidance_scale is None
    assert replace(learned, params={}, method="direct").guidance_scale is None


def test_a_record_knows_the_size_of_its_latents(learned: SourceRecord) -> None:
    assert learned.size == (2, 3)


def test_keys_depend_on_the_facts_and_not_on_its_order() -> None:
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    assert content_key({"a": 1, "b": 2}) != content_key({"a": 1, "b": 3})
