"""What observers write as OBJECT, and what Horizons is asked for."""

import pytest

from photometrypipeline.ephemerides import names, observernames

NUMBERS = {
    "3552": "3552;",
    "00433": "433;",
    "3552 Don Quixote": "3552;",
    "(3552) Don Quixote": "3552;",
    "(3552)": "3552;",
    "3552_Don_Quixote_(1983_SA)": "3552;",
    "2001 Einstein": "2001;",  # a number that could be a year
    "301": "301;",  # the asteroid, not the Moon
    "499": "499;",
    "29075 (1950 DA)": "29075;",
    "594913 'Aylo'chaxnim (2020 AV2)": "594913;",
    "asteroid 433 Eros": "433;",
    "03552": "3552;",  # packed, from here on
    "D4340": "134340;",
    "z9999": "619999;",
    "~0000": "620000;",
    "~000z": "620061;",
}
DESIGNATIONS = {
    "1983 SA": "DES=1983 SA;",
    "1983_SA": "DES=1983 SA;",
    "1983SA": "DES=1983 SA;",
    "1983-SA": "DES=1983 SA;",
    "2015-AB123": "DES=2015 AB123;",
    "(1983 SA)": "DES=1983 SA;",
    "2015_AB123": "DES=2015 AB123;",
    "2015 AB123 R": "DES=2015 AB123;",  # with the filter behind it; not asteroid 2015
    "1950 DA": "DES=1950 DA;",
    "(1983 SA) tracking": "DES=1983 SA;",
    "A898 PA": "DES=A898 PA;",
    "2040 P-L": "DES=2040 P-L;",
    "2040_P-L": "DES=2040 P-L;",
    "3138_T-1": "DES=3138 T-1;",
    "A/2017 U1": "DES=A/2017 U1;",
    "J83S00A": "DES=1983 SA;",
    "K15AC3B": "DES=2015 AB123;",  # the example of the Minor Planet Center's scheme: C3 is 123
    "PLS2040": "DES=2040 P-L;",
    "T1S3138": "DES=3138 T-1;",
    "_QC0000": "DES=2026 CA620;",
}
COMETS = {
    "67P": "DES=67P;NOFRAG;CAP",
    "67P/Churyumov-Gerasimenko": "DES=67P;NOFRAG;CAP",
    "2P_Encke": "DES=2P;NOFRAG;CAP",
    "C/2013 US10": "DES=C/2013 US10;NOFRAG;CAP",
    "C/2013_US10": "DES=C/2013 US10;NOFRAG;CAP",
    "C 2013 US10": "DES=C/2013 US10;NOFRAG;CAP",
    "c2013us10": "DES=C/2013 US10;NOFRAG;CAP",
    "C/2013 US10 (Catalina)": "DES=C/2013 US10;NOFRAG;CAP",
    "Hale-Bopp (C/1995 O1)": "DES=C/1995 O1;NOFRAG;CAP",
    "P/2010_A2": "DES=P/2010 A2;NOFRAG;CAP",
    "D/1993 F2-A": "DES=D/1993 F2-A;CAP",
    "73P": "DES=73P;NOFRAG;CAP",
    "73P/Schwassmann-Wachmann 3": "DES=73P;NOFRAG;CAP",
    "73P-B": "DES=73P-B;CAP",
    "73P/Schwassmann-Wachmann 3-B": "DES=73P-B;CAP",
    "332P/Ikeya-Murakami-C": "DES=332P-C;CAP",
    "67P/Churyumov-Gerasimenko-R": "DES=67P;NOFRAG;CAP",  # a filter
    "CK13U10S": "DES=C/2013 US10;NOFRAG;CAP",
    "PK10A020": "DES=P/2010 A2;NOFRAG;CAP",
    "DJ93F02a": "DES=D/1993 F2-A;CAP",
    "0073P": "DES=73P;NOFRAG;CAP",
}
INTERSTELLAR = {"1I": "DES=1I;", "2I/Borisov": "DES=2I;", "1I/'Oumuamua (A/2017 U1)": "DES=1I;", "3I_ATLAS": "DES=3I;"}
EXPECTED = [
    *((text, command, names.NUMBER) for text, command in NUMBERS.items()),
    *((text, command, names.DESIGNATION) for text, command in DESIGNATIONS.items()),
    *((text, command, names.COMET) for text, command in COMETS.items()),
    *((text, command, names.INTERSTELLAR) for text, command in INTERSTELLAR.items()),
]


APPENDED = {  # what observers put around a name, and the question that is left
    **dict.fromkeys(["3552_R", "3552-R", "3552R", "3552_60s", "3552-001", "*3552", "#3552", "3552."], "3552;"),
    **dict.fromkeys(["ast_3552", "3552 Don Quixote V 60s", "MP 3552", "Light_3552"], "3552;"),
    **dict.fromkeys(["433 Eros R", "433_Eros_Rc_0001", "433Eros", "433-Eros-R", "433:Eros", "asteroid433"], "433;"),
    **dict.fromkeys(
        ["a433", "[433]", "'433 Eros'", "Target: 433 Eros", "Eros (433) R", "433_20230101", "433 I"], "433;"
    ),
    **dict.fromkeys(["2015 TC25b", "2015TC25b", "2015TC25R", "2015-TC25-R-60s", "2015 TC25-2"], "DES=2015 TC25;"),
    **dict.fromkeys(["NEO 2015 TC25", "2015 TC25 #3", "2015 TC25?", "2015_TC25_clear_20s_0003"], "DES=2015 TC25;"),
    **dict.fromkeys(["2004 MN4.", "2004MN4_R_30s", "2004 MN4, 60 s"], "DES=2004 MN4;"),
    **dict.fromkeys(["73P-BT", "73P BT", "73P/BT", "73P_BT"], "DES=73P-BT;CAP"),
    **dict.fromkeys(["73P C", "73P-C", "73P/Schwassmann-Wachmann 3-C"], "DES=73P-C;CAP"),
    **dict.fromkeys(["C/2019 Y4-B", "C/2019 Y4 (ATLAS)-B"], "DES=C/2019 Y4-B;CAP"),
    **dict.fromkeys(["12P_R_30s", "Comet 12P", "12P Pons-Brooks", "12P/Pons-Brooks L"], "DES=12P;NOFRAG;CAP"),
    **dict.fromkeys(["29P/SW1", "29P-SW1", "29P-Schwassmann"], "DES=29P;NOFRAG;CAP"),
    **dict.fromkeys(["No.433", "Nr 433", "MPC 433", "planetoid 433", "433, 60 s", "433_20240501_R"], "433;"),
    **dict.fromkeys(["C-2022 E3", "C-2022_E3_R"], "DES=C/2022 E3;NOFRAG;CAP"),
    **dict.fromkeys(["3I-ATLAS R 60s"], "DES=3I;"),
    **dict.fromkeys(["2024YR4.fits", "2024YR4_001.fit"], "DES=2024 YR4;"),
    **dict.fromkeys(["C/2023A3_60s", "C/2023 A3 R", "Comet C2023 A3"], "DES=C/2023 A3;NOFRAG;CAP"),
}


@pytest.mark.parametrize(("text", "command"), APPENDED.items())
def test_what_observers_append_does_not_hide_the_body(text, command):
    assert [query.command for query in names.queries(text)] == [command]


@pytest.mark.parametrize("text", ["Eros_R_120s_003", "!Eros", "Eros-V", "Eros_stack", "Eros 2x2", "Eros 2023-01-01"])
def test_a_name_is_asked_without_what_was_appended(text):
    asked = [(query.command, query.kind) for query in names.queries(text)]
    assert asked[-2:] == [("Eros;", names.NAME), ("Eros", names.MAJOR)]


def test_half_a_designation_of_a_comet_is_no_asteroid():
    for text in ("2022 E3 ZTF", "2022E3", "2022 E3"):
        assert [query.command for query in names.queries(text)] == [
            "DES=C/2022 E3;NOFRAG;CAP",
            "DES=P/2022 E3;NOFRAG;CAP",
        ]
    assert names.queries("2010 V1-B")[1].command == "DES=P/2010 V1-B;CAP"
    assert names.queries("2003 UB313/Eris")[0].command == "DES=2003 UB313;"


@pytest.mark.parametrize(
    "text",
    [
        "2023-03-14",
        "2023 03 14",
        "20230314",
        "2023-03-14 Run",
        "2015 Dec 25",
        "2015 flat",
        "TRAPPIST-1",
        "2023ixf",
        "2018cow R",
        "Tycho 1234-567-1",
    ],
)
def test_dates_and_stars_ask_nothing(text):
    assert names.queries(text) == []


@pytest.mark.parametrize(
    "text",
    ["55 Cnc", "61_Cyg", "51 Peg b", "70 Virginis", "47 Tuc R 60s", "55Cnc", "16 Cyg A"]  # not the asteroids 55, 61 ...
    + ["1RXS J123456.7+123456", "4FGL J1234.5+6789", "1ES 1959+650", "PKS 2155-304", "PSR B1937+21"]
    + ["Wolf 359", "Barnard 33", "Kohoutek 4-55", "Gliese 581", "Arp 273"]  # not comets and asteroids called so
    + ["22-03-2021", "22/03/2021", "22 Mar 2021", "22Mar2021", "Mar 22, 2021", "21-03-22", "2021-081", "22.3.2021 R"]
    + ["5 min", "30 sec", "12 h", "24 inch", "3 of 10", "4 stars", "2 frames", "1 m telescope", "16bit", "50 mm"],
)
def test_numbers_that_are_of_no_asteroid_ask_nothing(text):
    assert names.queries(text) == []


@pytest.mark.parametrize("text", ["849 Ara", "2 Pallas", "55 Pandora", "47 Aglaja V", "61 Danae", "433 Eros 5 min"])
def test_asteroids_with_small_numbers_are_asked(text):
    assert names.queries(text)[0].command == f"{text.split()[0]};"


@pytest.mark.parametrize(
    ("asked", "found", "same"),
    [
        ("Eros", "433 Eros (A898 PA)", True),
        ("don quixote", "3552 Don Quixote (1983 SA)", True),
        ("Encke", "2P/Encke", True),
        ("Hale-Bopp", "Hale-Bopp (C/1995 O1)", True),
        ("Test", "9999 Testudo (1990 XX)", False),
        ("Einstein Tower", "2001 Einstein (1973 EB)", False),
    ],
)
def test_the_body_that_answers_is_compared_with_the_name(asked, found, same):
    assert observernames.agrees(asked, found) == same


@pytest.mark.parametrize(("text", "command", "kind"), EXPECTED)
def test_a_number_or_designation_is_one_unambiguous_question(text, command, kind):
    assert [(query.command, query.kind) for query in names.queries(text)] == [(command, kind)]


@pytest.mark.parametrize(
    ("text", "small", "major"),
    [
        ("Ceres", "Ceres;", "Ceres"),
        ("Don_Quixote", "Don Quixote;", "Don Quixote"),
        ("Io", "Io;", "501"),  # asteroid 85 first
        ("Mars", "Mars;", "499"),  # not its barycentre, not Mars Express
        ("pluto", "pluto;", "999"),
        ("Hygiea", "Hygiea;", "Hygiea"),
    ],
)
def test_a_name_asks_for_a_small_body_first_and_for_a_major_one_only_then(text, small, major):
    assert [(query.command, query.kind) for query in names.queries(text)] == [
        (small, names.NAME),
        (major, names.MAJOR),
    ]


def test_horizons_own_writing_of_a_major_body_is_no_asteroid_number():
    assert [(query.command, query.kind) for query in names.queries("Mars (499)")] == [("499", names.MAJOR)]
    assert names.queries("Eros (433)")[0].command == "433;"


def test_a_negative_number_is_a_spacecraft():
    assert [(query.command, query.kind) for query in names.queries("-48")] == [("-48", names.MAJOR)]


@pytest.mark.parametrize(
    "text",
    ["None", None, "", "   ", "___", "flat", "Sky_Flat", "flat_R", "dome flat 3", "bias", "Dark", "Field 12", "field_7"]
    + ["Light", "light_001", "Image 0012", "Untitled"]
    + ["NGC 7790", "M31", "SA 98", "SA98-978", "PG1323-086", "HD 209458", "HAT-P-32", "BD+28 4211", "Landolt 92"]
    + ["J0123+4567", "12:34:56 -01:02:03", "12.5", "0", "?", "x" * 200],
)
def test_fields_and_calibration_frames_ask_nothing(text):
    assert names.queries(text) == []


def test_aliases_are_what_the_full_name_surely_says():
    assert names.aliases("3552 Don Quixote (1983 SA)") == {"3552;", "DES=1983 SA;"}
    assert names.aliases("(2024 AA1)") == {"DES=2024 AA1;"}
    assert names.aliases("2P/Encke") == {"DES=2P;NOFRAG;CAP"}
    assert names.aliases("Hale-Bopp (C/1995 O1)") == {"DES=C/1995 O1;NOFRAG;CAP"}
    assert names.aliases("1I/'Oumuamua (A/2017 U1)") == {"DES=1I;", "DES=A/2017 U1;"}


@pytest.mark.parametrize("text", ["Ceres;DES=*", 'Ceres"\nCENTER=1', "Ceres*", "=Ceres"])
def test_a_header_cannot_smuggle_a_command_to_horizons(text):
    for query in names.queries(text):
        assert not set(query.command.removesuffix(";")) & set(';*=\n"')


def test_names_that_begin_like_a_word_for_calibration_frames_are_asked():
    assert names.queries("Flatow")[0].command == "Flatow;"
    assert names.queries("Stargazer")[0].command == "Stargazer;"
