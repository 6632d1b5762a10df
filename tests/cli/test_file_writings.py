"""Numbers, dates and code pages as shops of many countries write them: each reading stands beside its cell."""

import io
from zoneinfo import ZoneInfo

import pytest

from packhouse.orders.files import formats, text

pytestmark = pytest.mark.one_database

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("cell", "number", "currency"),
    [
        # eBay writes a space within the dollars of a country.
        ("US $25.00", "25.00", "USD"), ("AU $12.50", "12.50", "AUD"), ("C $3.00", "3.00", "CAD"),
        ("HK$ 12.50", "12.50", "HKD"), ("NT$120", "120", "TWD"), ("MX$100.00", "100.00", "MXN"),
        ("₪ 12.50", "12.50", "ILS"), ("12,50 лв", "12.50", "BGN"), ("12,50 TL", "12.50", "TRY"),
        ("฿120.00", "120.00", "THB"), ("₱120.00", "120.00", "PHP"), ("₴120,00", "120.00", "UAH"),
        # Of a currency without decimals, a group of three is a thousand.
        ("1,200円", "1200", "JPY"), ("₩12,000", "12000", "KRW"), ("120.000₫", "120000", "VND"),
        ("1.200 JPY", "1200", "JPY"),
        # Less than nothing, as accountants and SAP write it; and whole amounts in German and Dutch.
        ("(12.50)", "-12.50", ""), ("(€12.50)", "-12.50", "EUR"), ("12.50-", "-12.50", ""), ("+12.50", "12.50", ""),
        ("25,-", "25", ""), ("€ 25,-", "25", "EUR"), ("25.\N{EM DASH}", "25", ""), ("-25,-", "-25", ""),
        ("\u0661\u0662\u066b\u0665\u0660", "12.50", ""), ("\uff11\uff12.\uff15\uff10", "12.50", ""),
    ],
)  # fmt: skip
def test_an_amount_is_what_was_written(cell: str, number: str, currency: str) -> None:
    assert formats.read_amount(cell, None) == (number, currency)


@pytest.mark.parametrize("cell", ["¹²", "½", "12.5%", "--1", "-€-5", "1-2", "0.001e999", "9" * 5000, "1,234", "¥1,200"])
def test_what_is_no_amount_or_two_is_said(cell: str) -> None:
    with pytest.raises(formats.Unreadable):
        formats.read_amount(cell, None)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("2026年2月20日 10:00", "2026-02-20T09:00"), ("2026/2/20 下午 3:05", "2026-02-20T14:05"),
        ("2026. 2. 20. 오전 10:00", "2026-02-20T09:00"), ("2026.02.20. 10:00", "2026-02-20T09:00"),
        ("2026. február 20. 10:00", "2026-02-20T09:00"), ("20. února 2026 10:00", "2026-02-20T09:00"),
        ("20/02/2026 às 10h00", "2026-02-20T09:00"), ("20.2.2026 klo 10.00", "2026-02-20T09:00"),
        ("20 feb. 2026 kl. 10:00", "2026-02-20T09:00"), ("20/02/2026 - 10:00", "2026-02-20T09:00"),
        ("20/2/2026 10:00:00 μ.μ.", "2026-02-20T21:00"),
        ("2026-02-20 13:00 PM", "2026-02-20T12:00"), ("2026-02-20 12:30 AM", "2026-02-19T23:30"),
        ("2003-07-14T18:53:56+ 00 :00", "2003-07-14T18:53"),  # as Amazon's help has it
    ],
)  # fmt: skip
def test_a_date_is_what_was_written(cell: str, told: str) -> None:
    assert formats.read_date(cell, None, AMSTERDAM).startswith(told)


def test_an_hour_of_the_afternoon_is_not_in_the_morning() -> None:
    with pytest.raises(formats.Unreadable, match="no such day or time"):
        formats.read_date("31/12/2025 22:00:00 AM", None, AMSTERDAM)


def test_an_abbreviation_of_several_zones_is_that_of_the_account() -> None:
    assert formats.read_date("2026-02-20 10:00 IST", None, ZoneInfo("Asia/Kolkata")).startswith("2026-02-20T04:30")
    assert formats.read_date("2026-02-20 10:00 CST", None, ZoneInfo("Asia/Shanghai")).startswith("2026-02-20T02:00")
    with pytest.raises(formats.Unreadable, match="time zone"):
        formats.read_date("2026-02-20 10:00 IST", None, AMSTERDAM)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp932", "渡辺 健太,神奈川県横浜市"), ("cp932", "ﾔﾏﾀﾞ ﾀﾛｳ,ﾄｳｷｮｳ"), ("euc_jp", "田中 花子,東京都"),
        ("gbk", "王伟,北京市朝阳区建国路88号"), ("gbk", "李娜,上海市浦东新区"),
        ("big5", "陳大文,臺北市信義區市府路1號"),
        ("cp949", "김민준,서울특별시 중구 세종대로 110"), ("cp949", "박서연"), ("cp874", "สมชาย ใจดี,ถนนสีลม"),
        ("cp874", "ยาสีฟัน"), ("cp1255", "דוד כהן,רחוב הרצל 9"), ("cp1256", "محمد بن عبد الله,شارع الملك فهد"),
        ("cp866", "Иван Петров,улица Ленина"), ("koi8_r", "Иван Иванов,Москва"), ("cp1251", "Иван Иванов,Москва"),
        ("cp1252", "ESPAÑA"), ("cp1252", "Gérard LeFèvre"), ("cp1250", "Žižkov"), ("cp1254", "Şükrü Çağ"),
    ],
)  # fmt: skip
def test_the_code_page_of_each_writing_is_found(encoding: str, name: str) -> None:
    content = f"order-id\trecipient-name\n1\t{name}\n".encode(encoding)
    found = text.examine(io.BytesIO(content))
    assert "".join(text.read_lines(io.BytesIO(content), found.encoding)).split("\t")[-1] == f"{name}\n"
