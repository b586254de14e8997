"""The file of results, which grows cell by cell."""

from pathlib import Path

from experiment import results


def test_what_was_written_is_read_a_line_a_cell(tmp_path: Path):
    path = tmp_path / "results.json"
    assert results.read(path) == {}
    results.write(path, {"b": {"load": 0.5}, "a": {"load": 0.3}})
    assert results.read(path) == {"a": {"load": 0.3}, "b": {"load": 0.5}}
    assert path.read_text("utf-8").splitlines()[1:3] == ['"a": {"load": 0.3},', '"b": {"load": 0.5}']
