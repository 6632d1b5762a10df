"""Currencies that were legal tender once: orders of their time name them."""

from datetime import date

WITHDRAWN: dict[str, date] = {
    code: date.fromisoformat(f"{month}-01")
    for code, month in {
        "ADP": "2003-07", "AFA": "2003-01", "ANG": "2025-07", "ATS": "2002-03", "AZM": "2005-12", "BEF": "2002-03",
        "BGL": "2003-11", "BGN": "2026-01", "BYB": "2001-01", "BYR": "2017-01", "CSD": "2006-10", "CUC": "2021-06",
        "CYP": "2008-01", "DEM": "2002-03", "EEK": "2011-01", "ESP": "2002-03", "FIM": "2002-03", "FRF": "2002-03",
        "GHC": "2008-01", "GRD": "2002-03", "HRK": "2023-01", "IEP": "2002-03", "ITL": "2002-03", "LTL": "2015-01",
        "LUF": "2002-03", "LVL": "2014-01", "MGF": "2004-12", "MRO": "2017-12", "MTL": "2008-01", "MZM": "2006-06",
        "NLG": "2002-03", "PTE": "2002-03", "ROL": "2005-06", "RUR": "2004-01", "SDD": "2007-07", "SIT": "2007-01",
        "SKK": "2009-01", "SLL": "2024-01", "SRG": "2003-12", "STD": "2017-12", "TMM": "2009-01", "TRL": "2005-12",
        "VEB": "2008-01", "VEF": "2018-08", "XEU": "1999-01", "YUM": "2003-07", "ZMK": "2012-12", "ZWD": "2008-08",
        "ZWL": "2024-09", "ZWN": "2006-09", "ZWR": "2009-06",
    }.items()
}  # fmt: skip
"""ISO 4217 code -> since when it is none any more: list three (historic denominations) of the maintenance agency, those
withdrawn since 1999; read in January 2026. Months, as that list has no days."""
