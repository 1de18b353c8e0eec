"""Erasure takes out every row of a person, leaves every other byte, can be finished after an interruption, and holds."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rights_kit import ANN, BEN, CAT, FILES, KEYS, child, pupil, write

from riskmodel.errors import DataError
from riskmodel.intake import CsvSpec, EventsSpec, read_csv_files, read_events, take_in
from riskmodel.intake.left_out import ERASED, tombstones_in
from riskmodel.rights import forget as forgetting
from riskmodel.rights.audit_log import read_audit_log
from riskmodel.rights.cuts import Cut, csv_cut, parquet_cut, xml_cut
from riskmodel.rights.forget import forget, refuse_what_is_left
from riskmodel.rights.people import People
from riskmodel.rights.search import search

ALL_OF_BEN = People(frozenset({BEN}), frozenset(key for key, one in KEYS.items() if one == BEN), 0)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_exactly_their_rows_go_from_every_file_and_every_other_byte_stays(extracts: Path, ask) -> None:
    report = forget(ask(str(BEN)), [extracts])
    # BEN: 4 keys, a home, three roll rows (one broken), two needs, an exclusion, two police rows, a child and a referral.
    assert report.cuts == {"extracts": (8, 15)}
    expected = {
        **{name: text for name, text in FILES.items() if name in ("manifest.json", "housing/lsoa.csv")},
        "spine.csv": "agency,key,subject_id\n"
        + "".join(f"{a},{k},{s}\n" for (a, k), s in KEYS.items() if s != BEN),
        "housing/residence.csv": FILES["housing/residence.csv"].replace(
            "H-ben-0001,home,S1,2015-01-01,,2015-01-02,\n", ""
        ),
        "school_census/2020_spring_pupilonroll.csv": FILES["school_census/2020_spring_pupilonroll.csv"]
        .replace(pupil("110000002", "E-ben-0001") + "\r\n", "")
        .replace("110000009,E-ben-0001\r\n", ""),
        "school_census/2020_autumn_pupilonroll.csv": FILES[
            "school_census/2020_autumn_pupilonroll.csv"
        ].replace(pupil("110000003", "E-ben-0001"), ""),
        "school_census/2020_spring_senneeds.csv": FILES["school_census/2020_spring_senneeds.csv"]
        .replace("110000002,SCH1,1,SEMH\n", "")
        .replace(" 110000002 ,SCH1,9,no such need\n", ""),
        "school_census/2020_autumn_termlyexclusionsonroll.csv": FILES[
            "school_census/2020_autumn_termlyexclusionsonroll.csv"
        ].replace("110000003,SCH1,2020-Oct-05 00:00:00,6,DB,,,SUSP,K\n", ""),
        "police/people.csv": FILES["police/people.csv"]
        .replace('"P-ben-0001",VICTIM,THEFT,2020-01-01,,2020-01-02\n', "")
        .replace("P-ben-0001,WITNESS,THEFT,2020-01-01,,2020-01-02\n", ""),
        "cin_census/cin_2020.xml": FILES["cin_census/cin_2020.xml"].replace(child("C-ben-0001") + "\n", ""),
    }
    left = bytes_of(extracts)
    assert set(left) - set(expected) == {"forgotten.csv", "audit.jsonl"}
    assert {name: left[name].decode() for name in expected} == expected
    assert report.found is not None
    assert (report.found.searched, report.found.left) == (len(left), ())


def test_a_dry_run_counts_the_same_and_changes_nothing(extracts: Path, ask) -> None:
    before = bytes_of(extracts)
    report = forget(ask("POLICE,P-ben-0001", header="agency,key"), [extracts], dry_run=True)
    assert report.cuts == {"extracts": (8, 15)}
    assert "Nothing was changed." in report.words()
    assert bytes_of(extracts) == before


def test_a_second_run_by_subject_or_by_key_changes_nothing(extracts: Path, ask) -> None:
    forget(ask(str(BEN)), [extracts])
    before = bytes_of(extracts)
    assert forget(ask(str(BEN)), [extracts]).cuts == {"extracts": (0, 0)}
    assert forget(ask("EDU,E-ben-0001", header="agency,key"), [extracts]).people == 0
    assert bytes_of(extracts) == before


def test_a_list_by_key_in_json_words_says_what_was_done(extracts: Path, ask) -> None:
    said = forget(ask(str(BEN), "12"), [extracts]).to_json()
    assert said["folders"] == {"extracts": {"files": 8, "rows": 15}}
    assert (said["people"], said["unknown"], said["dry_run"], said["left"]) == (1, 1, False, [])
    assert forget(ask(str(BEN)), [extracts], dry_run=True).to_json()["left"] is None


def test_nobody_known_is_refused(extracts: Path, ask) -> None:
    before = bytes_of(extracts)
    with pytest.raises(DataError, match="none of 1"):
        forget(ask("12"), [extracts])
    assert bytes_of(extracts) == before


def test_a_key_that_two_people_share_goes_with_all_its_rows(extracts: Path, ask) -> None:
    with (extracts / "spine.csv").open("a") as spine:
        spine.write(f"EDU,E-ben-0001,{CAT}\n")
    forget(ask(str(BEN)), [extracts])
    assert "E-ben-0001" not in (extracts / "spine.csv").read_text()
    assert "E-cat-0001" in (extracts / "spine.csv").read_text()


def test_a_later_intake_of_the_same_rows_does_not_bring_them_back(
    extracts: Path, tmp_path: Path, ask
) -> None:
    events = tmp_path / "events"
    take_in(extracts, out=events, threads=1)
    forget(ask(str(BEN)), [events, extracts])
    tombs = (extracts / "forgotten.csv").read_text()
    assert (events / "forgotten.csv").read_text() != tombs  # another salt: the two files cannot be joined
    write(extracts, FILES)  # the sender delivers everybody again
    again = take_in(extracts, threads=1)
    subjects = again.records.events.table.column("subject_id").unique().to_pylist()
    assert BEN not in subjects
    assert ANN in subjects
    assert BEN not in again.records.residence.table.column("subject_id").to_pylist()
    school = again.report.files["school_census/2020_autumn_termlyexclusionsonroll.csv"]
    assert (school.rows_in, school.rows_accepted, dict(school.reasons)) == (2, 1, {ERASED: 1})
    rows = again.quarantine["school_census/2020_autumn_termlyexclusionsonroll.csv"].to_pylist()
    assert {value for row in rows for name, value in row.items() if name not in ("row", "reason")} == {None}
    # An events folder that knows of the erasure keeps them out too.
    (extracts / "forgotten.csv").unlink()
    before = BEN in take_in(extracts, threads=1).records.events.table.column("subject_id").to_pylist()
    after = (
        BEN in take_in(extracts, out=events, threads=1).records.events.table.column("subject_id").to_pylist()
    )
    assert (before, after) == (True, False)
    assert (events / "forgotten.csv").exists()


def test_events_lose_their_rows_in_every_table_and_in_quarantine(extracts: Path, tmp_path: Path, ask) -> None:
    events = tmp_path / "events"
    take_in(extracts, out=events, threads=1)
    tables = {path.name: pq.read_table(path) for path in events.glob("*.parquet")}
    rejected = (events / "quarantine" / "police" / "people.csv").read_text().splitlines()
    assert len(rejected) == 2
    forget(ask(str(BEN)), [events])
    for name, before in tables.items():
        after = pq.read_table(events / name)
        assert after.schema.equals(before.schema, check_metadata=True)
        rows = before.to_pylist()
        assert after.to_pylist() == [row for row in rows if row.get("subject_id") != BEN], name
    assert (events / "quarantine" / "police" / "people.csv").read_text().splitlines() == rejected[:1]
    assert str(BEN) not in "".join(str(pq.read_table(path).to_pylist()) for path in events.glob("*.parquet"))
    found = read_events(EventsSpec(kind="events", path=events))
    assert BEN not in found.records.events.table.column("subject_id").to_pylist()


def test_events_written_again_with_the_person_are_read_without_them(tmp_path: Path, ask) -> None:
    kinds = [("subject_id", pa.int64()), ("time", pa.timestamp("us")), ("code", pa.string())]
    rows = [{"subject_id": one, "time": 0, "code": "A//B"} for one in (ANN, BEN)]
    table = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    folder = tmp_path / "meds"
    (folder / "data").mkdir(parents=True)
    pq.write_table(table, folder / "data" / "0.parquet", compression="snappy", row_group_size=1)
    forget(ask(str(BEN)), [folder])
    written = pq.ParquetFile(folder / "data" / "0.parquet")
    assert written.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert written.read().to_pylist() == table.slice(0, 1).to_pylist()
    pq.write_table(table, folder / "data" / "1.parquet")
    intake = read_events(EventsSpec(kind="events", path=folder))
    assert intake.records.events.table.column("subject_id").to_pylist() == [ANN, ANN]
    assert intake.records.residence.table.column("subject_id").to_pylist() == [ANN]


def test_csv_files_and_their_sender_s_names_are_kept_out_by_a_tombstone(tmp_path: Path) -> None:
    from riskmodel.intake.csv_files import subject_of

    (tmp_path / "x.csv").write_text("id,day\nann,2020-01-01\n7,2020-01-01\n")
    file = {"path": "x.csv", "subject": "id", "time": "day", "code": "A//B", "known_delay_days": 1}
    spec = CsvSpec.model_validate({"kind": "csv", "path": tmp_path, "files": [file]})
    forgetting._add_tombstones(
        tmp_path / "forgotten.csv", People(frozenset({subject_of("ann")}), frozenset(), 0)
    )
    found = read_csv_files(spec)
    assert found.records.events.table.column("subject_id").to_pylist() == [7]
    assert dict(found.report.files["x.csv"].reasons) == {ERASED: 1}


@pytest.mark.parametrize("text", ["salt\nx\n", "salt,sha256\na,b\n", "salt,sha256\na\n"])
def test_damaged_tombstones_are_refused(extracts: Path, text: str) -> None:
    (extracts / "forgotten.csv").write_text(text)
    with pytest.raises(DataError, match=r"forgotten\.csv: expected"):
        take_in(extracts, threads=1)


def test_tombstones_hold_hashes_under_one_salt_and_nothing_else(extracts: Path, ask) -> None:
    forget(ask(str(BEN)), [extracts])
    rows = tombstones_in(extracts / "forgotten.csv")
    assert len(rows) == 5  # one person, four keys
    assert len({salt for salt, _ in rows}) == 1
    forget(ask(str(CAT)), [extracts])
    later = tombstones_in(extracts / "forgotten.csv")
    assert set(rows) < set(later)
    assert len({salt for salt, _ in later}) == 1
    assert [sha for _, sha in later] == sorted(sha for _, sha in later)


def test_the_linking_party_s_files_lose_the_keys_and_keep_other_people_with_the_same_number(
    extracts: Path, tmp_path: Path, ask
) -> None:
    identities, linkage = tmp_path / "identities", tmp_path / "linkage"
    header = "key,forename,surname,birth_date,sex,postcode,upn,nhs_number\n"
    write(identities, {"EDU.csv": f"{header}E-ann-0001,A,B,,,,,\nE-ben-0001,C,D,,,,,\n"})
    # Linkage numbers its people anew: BEN's number there is CAT.
    write(
        linkage,
        {
            "linkage.json": "{}",
            "spine.csv": f"agency,key,subject_id\nEDU,E-ben-0001,5\nEDU,E-cat-0001,{BEN}\n",
        },
    )
    report = forget(ask(str(BEN)), [identities, linkage, extracts])
    assert (identities / "EDU.csv").read_text() == f"{header}E-ann-0001,A,B,,,,,\n"
    assert (linkage / "spine.csv").read_text() == f"agency,key,subject_id\nEDU,E-cat-0001,{BEN}\n"
    assert report.found is not None
    assert report.found.left == ()
    forget(ask("EDU,E-cat-0001", "EDU,E-ann-0001", header="agency,key"), [identities, linkage])
    assert (identities / "EDU.csv").read_text() == header
    assert (linkage / "spine.csv").read_text() == "agency,key,subject_id\n"


def test_a_second_registration_that_only_the_truth_knows_goes_too(
    extracts: Path, tmp_path: Path, ask
) -> None:
    header = "key,forename,surname,birth_date,sex,postcode,upn,nhs_number\n"
    write(
        tmp_path / "identities",
        {"EDU.csv": f"{header}E-ben-0001,C,D,,,,,\nE-ben-0002,C,D,,,,,\nE-ann-0001,A,B,,,,,\n"},
    )
    write(
        tmp_path / "identities",
        {"groups.csv": "agency,key,ethnicity\nEDU,E-ben-0002,Asian\nEDU,E-ann-0001,Asian\n"},
    )
    (tmp_path / "truth").mkdir()
    rows = {"agency": ["EDU", "EDU"], "key": ["E-ben-0002", "E-ann-0001"], "subject_id": [BEN, ANN]}
    pq.write_table(pa.table(rows), tmp_path / "truth" / "identities.parquet")
    report = forget(ask(str(BEN)), [tmp_path / "identities", tmp_path / "truth", extracts])
    assert report.cuts["identities"] == (2, 3)
    assert report.cuts["truth"] == (1, 1)
    assert (tmp_path / "identities" / "EDU.csv").read_text() == f"{header}E-ann-0001,A,B,,,,,\n"
    assert (
        tmp_path / "identities" / "groups.csv"
    ).read_text() == "agency,key,ethnicity\nEDU,E-ann-0001,Asian\n"


def test_a_file_that_still_holds_them_is_named_and_refused(extracts: Path, ask) -> None:
    write(extracts, {"notes/letter.txt": "about P-ben-0001.", "old.zip": "PK"})
    report = forget(ask(str(BEN)), [extracts])
    assert report.found is not None
    assert [path.name for path in report.found.left] == ["letter.txt"]
    assert "letter.txt" in report.words()
    assert "old.zip" in report.words()
    assert str(BEN) not in report.words()
    with pytest.raises(DataError, match="1 files that do"):
        refuse_what_is_left(report)


def test_rows_of_a_file_that_intake_would_refuse_go_all_the_same(extracts: Path, ask) -> None:
    path = extracts / "police" / "people.csv"
    path.write_bytes(FILES["police/people.csv"].replace("THEFT", "TH\xc9FT", 1).encode("latin-1") + b"P-ann")
    report = forget(ask(str(BEN)), [extracts])
    assert report.found is not None
    assert report.found.left == ()
    assert b"P-ann-0001,VICTIM,THEFT" in path.read_bytes()


def test_a_broken_census_is_named_by_the_search(extracts: Path, ask) -> None:
    path = extracts / "cin_census" / "cin_2020.xml"
    path.write_text(path.read_text()[:-40])
    report = forget(ask(str(BEN)), [extracts])
    assert report.found is not None
    assert [one.name for one in report.found.left] == ["cin_2020.xml"]


@pytest.mark.parametrize("stop", range(8))
def test_an_interrupted_erasure_is_finished_by_the_next_run(
    extracts: Path, tmp_path: Path, ask, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    whole = tmp_path / "whole" / "extracts"
    shutil.copytree(extracts, whole)
    forget(ask(str(BEN)), [whole])
    done = 0
    real = forgetting._cuts

    def stopped(folder: Path, people: People) -> list[Cut]:
        def counted(cut: Cut) -> Cut:
            def carry_out() -> None:
                nonlocal done
                if done == stop:
                    raise KeyboardInterrupt
                done += 1
                cut.carry_out()

            return Cut(cut.path, cut.rows, carry_out, cut.last)

        return [counted(cut) for cut in real(folder, people)]

    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "_cuts", stopped)
        with pytest.raises(KeyboardInterrupt):
            forget(ask("CSC,C-ben-0001", header="agency,key"), [extracts])
    report = forget(ask("CSC,C-ben-0001", header="agency,key"), [extracts])
    assert report.found is not None
    assert report.found.left == ()
    ours, theirs = bytes_of(extracts), bytes_of(whole)
    for name in theirs.keys() - {"forgotten.csv", "audit.jsonl"}:
        assert ours[name] == theirs[name], name
    assert read_audit_log(extracts).entries[-1]["verb"] == "forget"
    assert read_audit_log(extracts).whole


def test_the_log_names_nobody(extracts: Path, ask) -> None:
    forget(ask(str(BEN)), [extracts])
    text = (extracts / "audit.jsonl").read_text()
    assert [entry["verb"] for entry in read_audit_log(extracts).entries] == ["forget, begun", "forget"]
    assert read_audit_log(extracts).entries[1]["counts"]["people"] is None  # fewer than ten
    for mark in (str(BEN), "ben", "E-", str(extracts.parent)):
        assert mark not in text


def test_a_search_finds_every_planted_pseudonym(tmp_path: Path) -> None:
    texts = pa.array(["x", "P-ben-0001"]).dictionary_encode()
    pq.write_table(pa.table({"subject_id": [1, BEN]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"other": texts}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"other": [1, BEN]}), tmp_path / "by_chance.parquet")
    write(
        tmp_path,
        {"c.csv": f"subject_id\n{BEN}\n", "d.json": f'{{"x": {BEN}}}', "e.html": "<p>C-ben-0001</p>"},
    )
    write(tmp_path, {"no.csv": f"subject_id\n1{BEN}\n", "none.txt": f"{BEN}7 xC-ben-0001", "empty.txt": ""})
    found = search([tmp_path], ALL_OF_BEN)
    assert [path.name for path in found.left] == ["a.parquet", "b.parquet", "c.csv", "d.json", "e.html"]
    assert found.searched == 9


def test_short_numbers_are_looked_for_in_their_own_column_only(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "subject_id,n\n12,1\n", "b.csv": "subject_id,n\n1,12\n", "c.txt": "12"})
    found = search([tmp_path], People(frozenset({12}), frozenset(), 0))
    assert [path.name for path in found.left] == ["a.csv"]


def test_cutting_csv_keeps_line_ends_quotes_empty_lines_and_permissions(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n\r\n1,"two\nlines"\n2,\xe9\r3,"x, y"\n\n4,z')
    path.chmod(0o600)
    csv_cut(path, [2, 4]).carry_out()
    assert path.read_bytes() == b'\xef\xbb\xbfa,b\r\n\r\n1,"two\nlines"\n3,"x, y"\n\n'
    assert path.stat().st_mode & 0o777 == 0o600


def test_cutting_xml_keeps_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(
        '<a xmlns="u">\n  <Child><Child2/>é</Child >\n  <Child/><!-- <Child> -->\n <Child>3</Child></a>'
    )
    xml_cut(path, "Child", {1}, rows=1).carry_out()
    assert path.read_text() == '<a xmlns="u">\n  <Child/><!-- <Child> -->\n <Child>3</Child></a>'
    xml_cut(path, "Child", {2}, rows=1).carry_out()
    assert path.read_text() == '<a xmlns="u">\n  <Child/><!-- <Child> -->\n </a>'


def test_cutting_parquet_forgets_words_that_only_they_used(tmp_path: Path) -> None:
    words = pa.array(["common", "theirs", "common"]).dictionary_encode()
    table = pa.table({"subject_id": [1, 2, 3], "word": words}).replace_schema_metadata({"chosen": "x"})
    pq.write_table(table, tmp_path / "x.parquet")
    cut = parquet_cut(tmp_path / "x.parquet", {2})
    assert cut is not None
    assert cut.rows == 1
    cut.carry_out()
    after = pq.read_table(tmp_path / "x.parquet")
    assert after.schema.metadata[b"chosen"] == b"x"
    assert after.column("word").chunk(0).dictionary.to_pylist() == ["common"]
    assert b"theirs" not in (tmp_path / "x.parquet").read_bytes()
    assert parquet_cut(tmp_path / "x.parquet", {2}) is None


@pytest.mark.parametrize("seed", range(5))
def test_whoever_is_forgotten_a_search_finds_nothing(extracts: Path, tmp_path: Path, ask, seed: int) -> None:
    events = tmp_path / "events"
    take_in(extracts, out=events, threads=1)
    who = random.Random(seed).sample([ANN, BEN, CAT], k=1 + seed % 3)
    keys = frozenset(key for key, one in KEYS.items() if one in who)
    found = search([extracts, events], People(frozenset(who), keys, 0))
    assert found.left
    report = forget(ask(*map(str, who)), [extracts, events])
    assert report.people == len(who)
    assert search([extracts, events], People(frozenset(who), keys, 0)).left == ()
    refuse_what_is_left(report)
