import pytest
from stops_kit import CENSUS, search, write

from riskmodel.errors import DataError, StudyError
from riskmodel.stop_search import read_searches
from riskmodel.stop_search.benchmarks import force_authorities, read_benchmark, read_population

SEXES = "ltla21_code,total_population,total_females,total_males\nE09000001,9,5,4\nE09000002,90,50,40\n"


@pytest.fixture
def population(tmp_path):
    (tmp_path / "census.csv").write_text(CENSUS)
    (tmp_path / "sexes.csv").write_text(SEXES)
    return read_population([tmp_path / "census.csv", tmp_path / "sexes.csv"])[0]


def test_the_census_in_five_groups(population):
    residents, seen, by_sex = population.benchmarks(population.codes(["Anyborough"]))
    assert [residents.people(group) for group in ("White", "Black", "Asian", "Mixed", "Other")] == [
        5000, 2000, 1000, 1000, 600,
    ]  # fmt: skip
    assert [seen.people(group) for group in ("White", "Black", "Asian", "Mixed", "Other")] == [
        5000, 2500, 1300, 0, 800,
    ]  # fmt: skip
    assert seen.definitions == ("officer_defined",)
    assert (by_sex.attribute, by_sex.people("Male"), by_sex.people("Female")) == ("sex", 40, 50)


def test_authorities_by_name_code_and_beginning(population):
    assert population.codes(["anyborough", "E09000001"]) == ("E09000002", "E09000001")
    assert population.codes(["E09*"]) == ("E09000001", "E09000002")
    with pytest.raises(StudyError, match="did you mean Anyborough"):
        population.codes(["Anyboro"])


def test_the_two_forces_of_london_are_told_by_their_file_names(population):
    assert force_authorities(["2018-01-metropolitan-stop-and-search.csv"], population) == ("E09000002",)
    assert force_authorities(["2018-01-city-of-london-stop-and-search.csv"], population) == ("E09000001",)
    both = ["2018-01-metropolitan-stop-and-search.csv", "2018-01-kent-stop-and-search.csv"]
    assert force_authorities(both, population) == ()


def test_any_counts_can_be_a_benchmark_and_are_met_by_like_searches(tmp_path):
    path = tmp_path / "young.csv"
    path.write_text("Ethnicity,Age,Count\nBlack,10-17,300\nBlack,18-24,200\nWhite,10-17,1000\nW1,18-24,7\n")
    young = read_benchmark("young residents", path)
    assert (young.people("Black"), young.people("White")) == (500, 1007)
    assert young.people("Black", dimension="age", level="10-17") == 300
    rows = [search(age=age) for age in ("10-17", "18-24", "25-34", "")]
    searches = read_searches([write(tmp_path, rows)]).searches
    assert young.comparable(searches).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "the columns count and ethnicity"),
        ("ethnicity,count\nMartian,3\n", "one of White"),
        ("age,count\nold,3\n", "one of under 10"),
        ("ethnicity,count\nWhite,many\n", "counts of people"),
        ("ethnicity,count\nWhite,-3\n", "counts of people"),
        ("", "a CSV file"),
        ('ltla21_code,ltla21_name,ethnic_group,value\nE1,A,"Purple (number)",3\n', "the census's groups"),
    ],
)
def test_wrong_files_are_refused_in_words(tmp_path, text, words):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_population([path])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StudyError, match="no such file"):
        read_benchmark("x", tmp_path / "none.csv")


def test_without_a_population_no_authority_is_known():
    with pytest.raises(StudyError, match="no --population file"):
        read_population([])[0].codes(["Kent"])
