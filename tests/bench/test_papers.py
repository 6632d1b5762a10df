"""A part of the corpus of printed documents, read back; and that what is wrong with one would be found."""

from pathlib import Path

import pytest

from bench import papers

CASES = list(papers.make_cases(45))


@pytest.mark.parametrize("case", [*CASES[3:7], *CASES[11:16], CASES[18], CASES[44]], ids=lambda case: str(case.number))
def test_every_document_says_what_it_was_made_of(case: papers.Case) -> None:
    assert list(papers.check_case(case, papers.print_case(case))) == []


def test_the_corpus_has_every_kind_many_countries_and_many_scripts() -> None:
    assert {case.kind for case in CASES} == set(papers.KINDS)
    assert len({case.told.recipient.country_code for case in CASES}) >= 20
    assert len({ord(case.told.recipient.name[0]) >> 7 for case in CASES}) >= 10


def test_documents_of_another_order_are_found_out() -> None:
    made = papers.print_case(CASES[5])
    found = {finding.what for finding in papers.check_case(CASES[10], made)}
    assert "'N-10' is not there" in found
    assert "no code with the order's number" in found
    assert any(what.startswith("codes ") for what in found)


def test_small_type_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made = papers.print_case(CASES[6])
    monkeypatch.setattr(papers, "_SMALLEST", 9.5)
    assert {finding.what for finding in papers.check_case(CASES[6], made)} == {"type under 7 points"}


def test_a_contact_sheet_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert papers.main([str(tmp_path), "--count", "2"]) == 0
    assert (tmp_path / "contact-sheet-1.png").stat().st_size > 10_000
    assert "2 orders, 0 findings" in capsys.readouterr().out


def test_labels_stay_the_same_bytes() -> None:
    """Asked again, a carrier of ours gives the same papers, whatever was printed in between."""
    first = papers.print_case(CASES[7])
    for case in CASES[8:12]:
        papers.print_case(case)
    assert papers.print_case(CASES[7]) == first
