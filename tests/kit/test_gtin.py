"""The check digit that GTIN and SSCC end in."""

import pytest

from packhouse.kit.data import gtin

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    "number", ["73513537", "96385074", "012345678905", "4006381333931", "9780471117094", "98412345678908"]
)
def test_the_last_digit_of_ten_that_is_right(number: str) -> None:
    assert gtin.find_check_digit(number[:-1]) == number[-1]
    assert [digit for digit in "0123456789" if gtin.is_valid(number[:-1] + digit)] == [number[-1]]


def test_an_sscc_is_counted_alike() -> None:
    assert (
        gtin.find_check_digit("10614141123456789") == "7"
    )  # computed by hand: 3*(9+7+5+3+1+4+4+0+1)+(8+6+4+2+1+1+6+1)


@pytest.mark.parametrize("number", ["", "7351353", "735135377", "7351353²", "٧٣٥١٣٥٣٧", "7351-3537"])
def test_what_is_no_gtin(number: str) -> None:
    assert not gtin.is_valid(number)
