"""From files to a dataset, good files and bad ones."""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from fintune_gui.dataset import base
from fintune_gui.dataset.importing import BASE_FILE, ImportOptions, import_files, read_rejected, recover, sniff
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import CancelledError, DataError, DiskFullError
from fintune_gui.project.files import sha256_file
from tests.dataset.conftest import write_csv


def imported(
    tmp_path: Path, content: bytes | str, name: str = "data.csv", **options: str
) -> list[dict[str, str | None]]:
    source = tmp_path / name
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    import_files([source], tmp_path / "dataset", ImportOptions.model_validate(options))
    with Dataset.open(tmp_path / "dataset") as dataset:
        return [row for _, row in dataset.rows()]


def problem_code(tmp_path: Path, content: bytes | str, name: str = "data.csv", **options: str) -> str:
    with pytest.raises(DataError) as error:
        imported(tmp_path, content, name, **options)
    assert error.value.problem.what
    assert error.value.problem.todo
    assert not (tmp_path / "dataset").exists()
    assert not list(tmp_path.glob("dataset.tmp-*"))
    return error.value.problem.code


class TestCsv:
    def test_that_quoted_line_breaks_and_delimiters_stay_in_their_cell(self, tmp_path: Path) -> None:
        rows = imported(tmp_path, 'text,label\n"one\ntwo, three",a\r\n"say ""hi""",b\n')
        assert rows == [{"text": "one\ntwo, three", "label": "a"}, {"text": 'say "hi"', "label": "b"}]

    def test_that_every_cell_stays_the_text_it_is(self, tmp_path: Path) -> None:
        assert imported(tmp_path, "a,b\n007,NA\n1.0,null\n") == [{"a": "007", "b": "NA"}, {"a": "1.0", "b": "null"}]

    @pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
    def test_that_the_delimiter_is_found(self, tmp_path: Path, delimiter: str) -> None:
        content = f"text{delimiter}label\nHello, you; there{delimiter}x\n".replace("Hello, you; there", '"a, b; c|\td"')
        assert imported(tmp_path, content) == [{"text": "a, b; c|\td", "label": "x"}]

    def test_that_ragged_rows_are_set_aside_with_their_line(self, tmp_path: Path) -> None:
        rows = imported(tmp_path, 'a,b\n1,2\n"x\ny",2,3\n4\n5,6\n')
        assert [row["a"] for row in rows] == ["1", "5"]
        rejected = read_rejected(tmp_path / "dataset")
        assert [(row.line, row.text) for row in rejected] == [(3, '"x\ny",2,3'), (5, "4")]
        assert rejected[0].reason.startswith("It has 3 columns instead of 2")

    def test_that_a_stray_quote_costs_one_row_and_not_the_rest(self, tmp_path: Path) -> None:
        rows = imported(tmp_path, 'a,b\n1,2\n"never closed,3\n4,5\n6,7\n')
        assert [row["a"] for row in rows] == ["1", "4", "6"]
        assert [row.line for row in read_rejected(tmp_path / "dataset")] == [3]

    def test_that_odd_headers_become_usable_names(self, tmp_path: Path) -> None:
        assert list(imported(tmp_path, "a,, a ,b\n1,2,3,4\n")[0]) == ["a", "column_2", "a_2", "b"]


class TestJson:
    def test_that_broken_lines_are_named_by_line_and_column(self, tmp_path: Path) -> None:
        good = '{"q": "x", "a": "y"}\n'
        imported(tmp_path, good + '\n{"q": "x", }\n[1]\n' + good, "data.jsonl")
        rejected = read_rejected(tmp_path / "dataset")
        assert [(row.line, row.column) for row in rejected] == [(3, 10), (4, 1)]
        assert "must be an object" in rejected[1].reason

    def test_that_a_column_that_appears_late_is_not_lost(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "BATCH_ROWS", 4)
        lines = [json.dumps({"a": str(i)} | ({"late": "x"} if i == 9 else {})) for i in range(11)]
        rows = imported(tmp_path, "\n".join(lines), "data.jsonl")
        assert [row["a"] for row in rows] == [str(i) for i in range(11)]
        assert [i for i, row in enumerate(rows) if row["late"]] == [9]

    @pytest.mark.parametrize(
        "content",
        [
            '[{"a": 1},\n {"a": 2}]',
            '[\n  {\n    "a": 1\n  },\n  {\n    "a": 2\n  }\n]',
            '{"version": 3, "names": ["x"], "data": [{"a": 1}, {"a": 2}]}',
            '{\n"a": 1}\n{\n"a": 2}',
            '{"a": 1}\n{"a": 2}',
        ],
    )
    def test_that_every_way_to_write_objects_is_read(self, tmp_path: Path, content: str) -> None:
        assert imported(tmp_path, content, "data.json") == [{"a": "1"}, {"a": "2"}]

    def test_that_a_document_is_read_the_same_in_pieces(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [{"text": f'a "quoted" ]}}, text {i} \\', "n": i} for i in range(40)]
        monkeypatch.setattr("fintune_gui.dataset.json_rows._CHUNK_CHARACTERS", 7)
        expected = [{"text": row["text"], "n": str(row["n"])} for row in rows]
        assert imported(tmp_path, json.dumps(rows), "list.json") == expected
        wrapped = {"meta": {"x": [1]}, "data": rows, "end": [[1]]}
        (tmp_path / "dataset").rename(tmp_path / "other")
        assert imported(tmp_path, json.dumps(wrapped), "wrapped.json") == expected

    def test_that_a_broken_element_of_a_list_is_set_aside(self, tmp_path: Path) -> None:
        assert imported(tmp_path, '[{"a": 1},\n{"a": },\n{"a": 3}]', "data.json") == [{"a": "1"}, {"a": "3"}]
        assert [(row.line, row.column) for row in read_rejected(tmp_path / "dataset")] == [(2, 7)]

    def test_that_share_gpt_and_openai_conversations_become_the_same_messages(self, tmp_path: Path) -> None:
        share = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
        openai = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
        expected = [{"messages": '[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]'}]
        assert imported(tmp_path, json.dumps([share]), "share.json") == expected
        assert imported(tmp_path, json.dumps(openai), "openai.jsonl") == expected
        assert sniff(tmp_path / "share.json").shape == "ShareGPT"
        assert sniff(tmp_path / "openai.jsonl").shape == "OpenAI messages"

    def test_that_an_unknown_speaker_is_said_and_the_row_set_aside(self, tmp_path: Path) -> None:
        turns = [[{"from": who, "value": "Hi"}] for who in ("human", "hummany")]
        imported(tmp_path, "\n".join(json.dumps({"conversations": t}) for t in turns), "share.jsonl")
        assert "unknown role “hummany”" in read_rejected(tmp_path / "dataset")[0].reason

    def test_that_nested_values_become_json_text(self, tmp_path: Path) -> None:
        row = imported(tmp_path, '{"a": {"z": 1, "b": [true, null]}, "n": 1.0, "t": true, "none": null}', "x.jsonl")[0]
        assert row == {"a": '{"b":[true,null],"z":1}', "n": "1.0", "t": "true", "none": None}


class TestEncodings:
    TEXT = "text,label\nGrüße aus Köln – schön,a\nnoch ein Gruß,b\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
    def test_that_unicode_is_read_with_and_without_mark(self, tmp_path: Path, encoding: str) -> None:
        assert imported(tmp_path, self.TEXT.encode(encoding))[0] == {"text": "Grüße aus Köln – schön", "label": "a"}

    def test_that_a_guess_is_right_for_western_texts_and_always_said(self, tmp_path: Path) -> None:
        assert imported(tmp_path, self.TEXT.encode("cp1252"))[0]["text"] == "Grüße aus Köln – schön"
        assert "a guess" in sniff(tmp_path / "data.csv").encoding_note

    def test_that_a_guess_is_right_for_cyrillic(self, tmp_path: Path) -> None:
        text = "text;label\n" + "Добрый день, где мой заказ и когда его привезут?;доставка\n" * 20
        assert imported(tmp_path, text.encode("cp1251"))[0]["label"] == "доставка"
        assert sniff(tmp_path / "data.csv").encoding == "cp1251"

    def test_that_the_user_may_choose(self, tmp_path: Path) -> None:
        assert imported(tmp_path, "a,b\n\xe4,x\n".encode("cp850"), encoding="cp850")[0]["a"] == "ä"
        assert problem_code(tmp_path / "..", b"a,b\n1,2\n", "z.csv", encoding="klingon") == "data.unknown_encoding"

    def test_that_a_few_broken_bytes_do_not_spoil_a_utf8_file(self, tmp_path: Path) -> None:
        content = "text,label\n" + "schön,a\n" * 30
        rows = imported(tmp_path, content.encode() + b"kaputt \xff,b\n")
        assert len(rows) == 30
        assert "not text in this encoding" in read_rejected(tmp_path / "dataset")[0].reason
        lines = '{"a": "schön"}\n' * 30
        assert len(imported(tmp_path, lines.encode() + b'{"a": "\xff"}\n', "x.jsonl")) == 30


class TestBadFiles:
    def test_that_each_bad_file_is_refused_with_a_sentence(self, tmp_path: Path) -> None:
        assert problem_code(tmp_path, b"") == "data.empty_file"
        assert problem_code(tmp_path, "text,label\n") == "data.no_rows"
        assert problem_code(tmp_path, " \n\n") == "data.no_rows"
        assert problem_code(tmp_path, "[]", "x.json") == "data.no_rows"
        assert problem_code(tmp_path, b"PK\x03\x04....", "x.xlsx") == "data.damaged_file"
        assert problem_code(tmp_path, bytes(range(256)) * 9) == "data.not_text"
        assert problem_code(tmp_path, '{"a": 1\n{"b"\n', "x.jsonl") == "data.all_rejected"
        assert problem_code(tmp_path, '[{"a": "no end}, {"a": 2}]', "x.json") == "data.broken_json"
        for delimiter in (",,", "", '"', "\n"):
            assert problem_code(tmp_path, "a,b\n1,2\n", delimiter=delimiter) == "data.bad_delimiter"
        for encoding in ("base64", "rot13", "idna"):
            assert problem_code(tmp_path, "a,b\n1,2\n", encoding=encoding) == "data.unknown_encoding"
        for encoding, kind in (("utf-16", "csv"), ("utf-32", "jsonl"), ("utf-16", "json")):
            assert (
                problem_code(tmp_path, b"a,b\n\xdc\xdc,2\n.", encoding=encoding, format=kind) == "data.wrong_encoding"
            )

    def test_that_a_missing_file_and_an_empty_folder_are_told_apart(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        for path, code in ((tmp_path / "no.csv", "data.missing_file"), (tmp_path / "folder", "data.nothing_inside")):
            with pytest.raises(DataError) as error:
                import_files([path], tmp_path / "dataset")
            assert error.value.problem.code == code

    def test_that_links_that_lead_nowhere_are_named_as_the_user_did(self, tmp_path: Path) -> None:
        (tmp_path / "dangling.csv").symlink_to(tmp_path / "gone.csv")
        (tmp_path / "loop.csv").symlink_to("loop.csv")
        for name, code, why in (
            ("dangling.csv", "data.missing_file", "gone.csv, which is not there"),
            ("loop.csv", "data.unreadable_file", "The system says"),
        ):
            with pytest.raises(DataError, match=f"^{name} cannot") as error:
                sniff(tmp_path / name)
            assert (error.value.problem.code, why in error.value.problem.why) == (code, True)

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
    def test_that_a_pipe_or_a_device_is_never_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.csv")
        for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
            with pytest.raises(DataError) as error:
                sniff(path)
            assert error.value.problem.code == "data.not_a_file"

    def test_that_an_unreadable_file_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = write_csv(tmp_path / "x.csv", ["a"], [["1"]])

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)  # permissions do not bind a test that runs as root
        with pytest.raises(DataError) as error:
            sniff(source)
        assert error.value.problem.code == "data.unreadable_file"

    def test_that_a_row_too_many_columns_wide_is_no_table(self, tmp_path: Path) -> None:
        lines = "\n".join(json.dumps({f"key {i}": "x"}) for i in range(base.MOST_COLUMNS + 1))
        assert problem_code(tmp_path, lines, "x.jsonl") == "data.too_many_columns"


class TestSafety:
    @pytest.mark.parametrize("late", [False, True])
    def test_that_the_hash_of_the_rows_is_that_of_their_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
    ) -> None:
        monkeypatch.setattr(base, "BATCH_ROWS", 4)
        lines = [json.dumps({"a": str(i)} | ({"late": "x"} if late and i == 9 else {})) for i in range(11)]
        imported(tmp_path, "\n".join(lines), "data.jsonl")
        document = json.loads((tmp_path / "dataset/source.json").read_bytes())
        assert document["base_sha256"] == sha256_file(tmp_path / "dataset" / BASE_FILE)

    def test_that_the_old_dataset_is_kept(self, tmp_path: Path) -> None:
        for text in ("one", "two", "three"):
            imported(tmp_path, f"text\n{text}\n")
        kept = [Dataset.open(tmp_path / name) for name in ("dataset-previous-1", "dataset-previous-2", "dataset")]
        assert [dataset.row(0)["text"] for dataset in kept] == ["one", "two", "three"]
        for dataset in kept:
            dataset.close()

    def test_that_a_cancelled_import_leaves_everything_as_it_was(self, tmp_path: Path) -> None:
        imported(tmp_path, "text\nold\n")
        calls = iter(range(3))

        def cancel() -> None:
            if next(calls) == 2:
                raise CancelledError

        source = write_csv(tmp_path / "new.csv", ["text"], [["new"]] * 5000)
        with pytest.raises(CancelledError):
            import_files([source], tmp_path / "dataset", check_cancelled=cancel)
        with Dataset.open(tmp_path / "dataset") as dataset:
            assert dataset.row(0)["text"] == "old"
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["dataset"]

    def test_that_what_a_killed_import_left_is_cleaned_and_a_finished_one_is_put_in_place(self, tmp_path: Path) -> None:
        (tmp_path / "dataset.tmp-dead" / "base").mkdir(parents=True)
        imported(tmp_path, "text\nrow\n")
        assert not (tmp_path / "dataset.tmp-dead").exists()
        (tmp_path / "dataset").rename(tmp_path / "dataset.tmp-done")  # killed between the last two renames
        recover(tmp_path / "dataset")
        with Dataset.open(tmp_path / "dataset") as dataset:
            assert dataset.row(0)["text"] == "row"

    def test_that_a_full_disk_is_said_and_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_room(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(base.BaseWriter, "close", no_room)
        with pytest.raises(DiskFullError):
            imported(tmp_path, "text\nrow\n")
        assert not list(tmp_path.glob("dataset*"))

    def test_that_several_files_become_one_table_with_their_names(self, tmp_path: Path) -> None:
        first = write_csv(tmp_path / "a.csv", ["text"], [["one"]])
        second = tmp_path / "b.jsonl"
        second.write_text('{"text": "two"}\nbroken\n')
        result = import_files([first, second], tmp_path / "dataset")
        assert (result.rows, result.rejected, result.columns) == (2, 1, ("text", "source"))
        assert [source.rows for source in result.sources] == [1, 1]
        assert read_rejected(tmp_path / "dataset")[0].file == "b.jsonl"

    def test_that_memory_stays_bounded_on_a_large_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "BATCH_CHARACTERS", 1 << 20)
        source = tmp_path / "large.csv"
        with source.open("w") as file:
            file.write("text,label\n")
            for i in range(400):
                file.write(f"{str(i) * 20_000},a\n")
        tracemalloc.start()
        import_files([source], tmp_path / "dataset")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < source.stat().st_size / 2
