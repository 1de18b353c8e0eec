"""``riskmodel intake``: deliveries one after another, shards that go on after a kill, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from riskmodel.cli import main
from riskmodel.files import digest_path
from riskmodel.intake import Intake

POLICE = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"
RESIDENCE = "person_key,uprn_key,lsoa,start_date,end_date,recorded_start,recorded_end"


def extract(
    folder: Path, *, subject: int = 1, day: str = "2021-08-31", offence: str = "THEFT", **said: object
) -> Path:
    files = {
        "manifest.json": json.dumps({"extract_date": day, "synthetic": True, **said}),
        "spine.csv": f"agency,key,subject_id\nPOLICE,p{subject},{subject}\nHOUSING,h{subject},{subject}\n",
        "police/people.csv": f"{POLICE}\np{subject},VICTIM,{offence},2020-01-01,,2020-01-02\n",
        "housing/residence.csv": f"{RESIDENCE}\nh{subject},u1,S01000001,2010-05-01,,2010-06-01,\n",
        "housing/lsoa.csv": "lsoa,imd_decile\nS01000001,3\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def intake(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict]:
    code = main(["intake", *(str(word) for word in words), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_deliveries_one_after_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    extracts = extract(tmp_path / "extracts")
    code, first = intake(capsys, extracts, "--out", log)
    assert (code, first["changed"], first["deliveries"], first["rows_quarantined"]) == (
        0,
        True,
        ["2021-08-31"],
        0,
    )
    before = digest_path(log)
    code, again = intake(capsys, extracts, "--out", log)
    assert (code, again["changed"], digest_path(log)) == (0, False, before)
    extract(extracts, day="2022-08-31", offence="ROBBERY")
    code, second = intake(capsys, extracts, "--out", log)
    assert (code, second["deliveries"]) == (0, ["2021-08-31", "2022-08-31"])
    assert (log / "intake.html").exists()
    assert (log / "deliveries/2021-08-31/intake.html").exists()
    extract(extracts, day="2020-08-31")
    assert intake(capsys, extracts, "--out", log)[0] == 5


def test_words_for_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extracts = extract(tmp_path / "extracts")
    for _ in range(2):
        assert main(["intake", str(extracts), "--out", str(tmp_path / "log"), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert said.count("events of 1 people.") == 2
    assert said.count("These files are those of the newest delivery: nothing was changed.") == 1


def shards(tmp_path: Path) -> Path:
    for number in range(3):
        extract(tmp_path / "borough" / f"shard-00{number}" / "extracts", subject=number + 1)
    return tmp_path / "borough"


def test_shards_go_on_where_a_kill_stopped_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from riskmodel.intake import deliveries

    folder, log, taken = shards(tmp_path), tmp_path / "log", []
    whole = deliveries.take_in_whole

    def until_the_last(source: Path, **options: object) -> object:
        if "shard-002" in str(source):
            raise KeyboardInterrupt
        return whole(source, **options)

    monkeypatch.setattr(deliveries, "take_in_whole", until_the_last)
    assert intake(capsys, folder, "--out", log)[0] == 130
    assert sorted(path.name for path in log.iterdir()) == ["shard-000", "shard-001"]
    done = digest_path(log)
    monkeypatch.setattr(
        deliveries, "take_in_whole", lambda source, **o: taken.append(source) or whole(source, **o)
    )
    code, said = intake(capsys, folder, "--out", log)
    assert code == 0
    assert [path.parent.name for path in taken] == ["shard-002"]
    assert [shard["changed"] for shard in said["shards"].values()] == [False, False, True]
    assert said["rows_in"] == sum(shard["rows_in"] for shard in said["shards"].values()) == 3 * 5
    people = [
        Intake.load(log / f"shard-00{n}").records.residence.table.column("subject_id").to_pylist()
        for n in range(3)
    ]
    assert people == [[1], [2], [3]]
    (log / "shard-002").rename(tmp_path / "last")
    assert digest_path(log) == done


def test_shards_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["intake", str(shards(tmp_path)), "--out", str(tmp_path / "log")]) == 0
    said = capsys.readouterr()
    assert "[2/3] Taking in shard-001" in said.err
    assert [line.split()[0] for line in said.out.splitlines() if line.startswith(("shard-", "all"))] == [
        "shard-000", "shard-001", "shard-002", "all",
    ]  # fmt: skip


def test_a_column_is_declared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extracts = extract(tmp_path / "extracts")
    (extracts / "police/people.csv").write_text(
        f"{POLICE},surname\np1,VICTIM,THEFT,2020-01-01,,2020-01-02,SUR1\n", encoding="utf-8"
    )
    assert intake(capsys, extracts, "--out", tmp_path / "log")[0] == 3
    declared = "surname=made up by the supplier of the test system"
    assert intake(capsys, extracts, "--out", tmp_path / "log", "--declare", declared)[0] == 0


@pytest.mark.parametrize("word", ["surname", "=why", "surname= "])
def test_a_declaration_needs_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert (
        intake(capsys, extract(tmp_path / "extracts"), "--out", tmp_path / "log", "--declare", word)[0] == 2
    )
    assert not (tmp_path / "log").exists()
