"""Packed files, archives and folders."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fintune_gui.dataset.importing import import_files, read_rejected, sniff
from fintune_gui.dataset.intake import LEFT_ASIDE_NOTE
from fintune_gui.dataset.readers import unpacking
from fintune_gui.dataset.readers.unpacking import Part, unpacked
from fintune_gui.project.errors import CancelledError, DataError
from tests.dataset.readers.importing import imported, refused

LINES = b'{"a": "1"}\n{"a": "2"}\n'


def pack_zstd(path: Path, content: bytes) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(content)


def pack_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def test_that_packed_files_are_read_like_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES[:11]) + gzip.compress(LINES[11:]))
    pack_zstd(tmp_path / "b.jsonl.zst", LINES)
    pack_zip(tmp_path / "c.zip", {"c.jsonl": LINES})
    pack_zip(tmp_path / "d.zip", {"d.jsonl.gz": gzip.compress(LINES)})
    for name, how in (("a.jsonl.gz", "gzip"), ("b.jsonl.zst", "zstd"), ("c.zip", "zip"), ("d.zip", "zip")):
        source = tmp_path / name
        rows, result = imported(source)
        assert rows == [{"a": "1"}, {"a": "2"}]
        assert result.bytes == source.stat().st_size
        assert sniff(source).compressed == how
    assert len({result.sources[0].sha256 for result in (imported(tmp_path / n)[1] for n in ("c.zip", "d.zip"))}) == 2


def test_that_files_of_other_kinds_can_be_packed_too(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": ["1"]}), tmp_path / "x.parquet")
    pack_zstd(tmp_path / "x.zst", (tmp_path / "x.parquet").read_bytes())
    assert imported(tmp_path / "x.zst")[0] == [{"a": "1"}]


def test_that_an_archive_of_several_files_becomes_one_table(tmp_path: Path) -> None:
    contents = {
        "b.csv": b"a\n2\n",
        "a/a.jsonl": LINES,
        "__MACOSX/b.csv": b"junk",
        "README.md": b"# about",
        "x.png": b"",
    }
    source = pack_zip(tmp_path / "all.zip", contents)
    rows, result = imported(source)
    assert rows == [{"a": str(n), "source": name} for n, name in ((1, "a/a.jsonl"), (2, "a/a.jsonl"), (2, "b.csv"))]
    assert result.notes == (f"{LEFT_ASIDE_NOTE}: 2.",)
    assert sniff(source).members == ("a/a.jsonl", "b.csv")
    assert imported(source, member="b.csv")[0] == [{"a": "2"}]
    assert refused(source, member="c.csv") == "data.no_member"


def test_that_a_member_is_never_written_where_its_name_points(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = pack_zip(tmp_path / "in" / "bad.zip", {"../../evil.csv": b"a\n1\n", "/evil.csv": b"a\n2\n"})
    rows, _ = imported(source)
    assert sorted(str(row["a"]) for row in rows) == ["1", "2"]
    assert not list(tmp_path.glob("evil*"))
    assert not Path("/evil.csv").exists()


def test_that_a_folder_of_shards_becomes_one_table_and_a_bad_file_costs_only_itself(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    parquet.write_table(pa.table({"a": ["1"]}), folder / "0.parquet")
    (folder / "1.parquet").write_bytes(b"PAR1 broken")
    (folder / "2.jsonl").write_bytes(LINES[:11])
    (folder / "dataset_info.json").write_text("{}")
    rows, result = imported(folder)
    assert [row["source"] for row in rows] == ["0.parquet", "2.jsonl"]
    assert result.rejected == 1
    (reject,) = read_rejected(tmp_path / "the dataset")
    assert (reject.file, "cannot be read as a Parquet file" in reject.reason) == ("1.parquet", True)


def test_that_several_folders_name_their_files_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.csv").write_text("a\n1\n")
        (tmp_path / name / "y.csv").write_text("a\n1\n")
    result = import_files([tmp_path / "one", tmp_path / "two"], tmp_path / "dataset")
    assert [source.rows for source in result.sources] == [2, 2]
    from fintune_gui.dataset.store import Dataset

    with Dataset.open(tmp_path / "dataset") as dataset:
        assert dataset.column("source").to_pylist() == ["one/x.csv", "one/y.csv", "two/x.csv", "two/y.csv"]


def test_that_what_cannot_be_unpacked_is_said(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n1,2\n" * 9999)
    (tmp_path / "half.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "half.csv.gz") == "data.damaged_file"
    inner = pack_zip(tmp_path / "inner.zip", {"x.csv": b"a\n1\n"})
    assert refused(pack_zip(tmp_path / "outer.zip", {"inner.csv": inner.read_bytes()})) == "data.archive_inside"
    assert refused(pack_zip(tmp_path / "pictures.zip", {"x.png": b"x"})) == "data.nothing_inside"
    locked = pack_zip(tmp_path / "locked.zip", {"x.csv": b"a\n1\n"}).read_bytes()
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):  # set the flag of a password by hand
        place = locked.index(mark) + (6 if mark.endswith(b"\x04") else 8)
        locked = locked[:place] + b"\x01" + locked[place + 1 :]
    (tmp_path / "locked.zip").write_bytes(locked)
    assert refused(tmp_path / "locked.zip") == "data.encrypted"
    (tmp_path / "x.csv.bz2").write_bytes(b"BZh91AY&SY")
    assert refused(tmp_path / "x.csv.bz2") == "data.not_text"


@pytest.mark.parametrize("pack", [gzip.compress, None])
def test_that_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack) -> None:
    monkeypatch.setattr(unpacking, "_ALWAYS_ALLOWED_BYTES", 1 << 20)
    monkeypatch.setattr(unpacking, "_CHUNK_BYTES", 1 << 16)
    content = bytes(8 << 20)
    source = tmp_path / "bomb.zip"
    if pack:
        source.write_bytes(pack(content))
    else:
        pack_zip(source, {"zeros.csv": content})
    assert refused(source) == "data.too_packed"


def test_that_layers_of_packing_have_an_end(tmp_path: Path) -> None:
    content = LINES
    for _ in range(5):
        content = gzip.compress(content)
    (tmp_path / "x.gz").write_bytes(content)
    assert refused(tmp_path / "x.gz") == "data.too_packed"


def test_that_unpacking_can_be_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    source = pack_zip(tmp_path / "x.zip", {"x.csv": b"a\n1\n"})
    (tmp_path / "scratch").mkdir()

    def cancel() -> None:
        raise CancelledError

    with (
        pytest.raises(CancelledError),
        unpacked(Part(source, "x.csv", member="x.csv"), tmp_path / "scratch", cancel),
    ):
        pass
    assert not list((tmp_path / "scratch").iterdir())


def test_that_a_folder_is_never_taken_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds no file with rows"):
        sniff(tmp_path / "nothing")
