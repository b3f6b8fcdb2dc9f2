"""Packed designations: the Minor Planet Center's own examples, and there and back."""

import pytest

from photometrypipeline.ephemerides import names
from photometrypipeline.reports.designations import Designation, designation, of_body


@pytest.mark.parametrize(
    ("text", "packed"),
    [  # the MPC's page "Packed Provisional and Permanent Designations"
        ("3202", "03202       "),
        ("50000", "50000       "),
        ("100345", "A0345       "),
        ("360017", "a0017       "),
        ("203289", "K3289       "),
        ("620000", "~0000       "),
        ("620061", "~000z       "),
        ("3140113", "~AZaz       "),
        ("15396335", "~zzzz       "),
        ("1995 XA", "     J95X00A"),
        ("1995 XL1", "     J95X01L"),
        ("1995 FB13", "     J95F13B"),
        ("1998 SQ108", "     J98SA8Q"),
        ("1998 SV127", "     J98SC7V"),
        ("1998 SS162", "     J98SG2S"),
        ("2099 AZ193", "     K99AJ3Z"),
        ("2008 AA360", "     K08Aa0A"),
        ("2007 TA418", "     K07Tf8A"),
        ("2016 QC620", "     _GQ0002"),
        ("2040 P-L", "     PLS2040"),
        ("3138 T-1", "     T1S3138"),
        ("1010 T-2", "     T2S1010"),
        ("4101 T-3", "     T3S4101"),
        ("1P", "0001P       "),
        ("128P-B", "0128P      b"),
        ("2I/Borisov", "0002I       "),
        ("C/2013 US10", "    CK13U10S"),
        ("C/1995 O1", "    CJ95O010"),
        ("P/2010 A2", "    PK10A020"),
        ("D/1918 W1", "    DJ18W010"),
        ("A801 AA", "     I01A00A"),
    ],
)
def test_designations_are_packed_as_the_mpc_does(text, packed):
    assert len(packed) == 12
    assert designation(text).packed == packed


@pytest.mark.parametrize(
    "text", ["3552", "134340", "620061", "1983 SA", "2015 AB123", "2016 QC620", "2040 P-L", "C/2013 US10"]
)
def test_what_is_packed_is_read_back(text):
    packed = designation(text).packed
    assert names.queries(packed.strip())[0].command == names.queries(text)[0].command
    assert designation(packed.strip()) == designation(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3552_Don_Quixote_(1983_SA)", Designation(perm_id="3552")),
        ("2015_AB123", Designation(prov_id="2015 AB123")),
        ("67P/Churyumov-Gerasimenko", Designation(perm_id="67P")),
        ("73P-B", Designation(perm_id="73P", fragment="B")),
        ("MyRock1", Designation(trk_sub="MyRock1")),
        ("manual_target", Designation(trk_sub="manual_")),
        ("A10abc!?", Designation(trk_sub="A10abc_")),
    ],
)
def test_names_of_all_kinds(text, expected):
    assert designation(text) == expected


def test_a_name_alone_needs_the_full_name_of_the_body():
    assert of_body("3552 Don Quixote (1983 SA)") == Designation("3552", "1983 SA")
    assert of_body("(2015 AB123)") == Designation("", "2015 AB123")
    assert of_body("67P/Churyumov-Gerasimenko") == Designation("67P")
    assert of_body("Mars (499)") is None


@pytest.mark.parametrize(
    ("full_name", "packed"),
    [  # fragments in all places where Horizons and observers write them, as the IAU's packUtil packs them
        ("ATLAS (C/2019 Y4-B)", "    CK19Y04b"),
        ("C/2019 Y4-B (ATLAS)", "    CK19Y04b"),
        ("73P-BT/Schwassmann-Wachmann 3", "0073P     bt"),
        ("332P/Ikeya-Murakami-C", "0332P      c"),
        ("101P/Chernykh-B", "0101P      b"),
        ("Shoemaker-Levy 9 (D/1993 F2-K)", "    DJ93F02k"),
        ("Phoebe (SIX)", "S009S       "),
        ("J006S", "J006S       "),
    ],
)
def test_fragments_and_satellites_are_packed_as_what_they_are(full_name, packed):
    assert of_body(full_name).packed == designation(full_name).packed == packed


@pytest.mark.parametrize("text", ["S/2005 (134340) 1", "C/240 V1", "C/-43 K1"])
def test_bodies_without_a_form_are_objects_of_ones_own(text):
    found = designation(text)
    assert of_body(text) is None and (found.perm_id, found.prov_id) == ("", "") and len(found.packed) == 12


@pytest.mark.parametrize(
    "text", ["433 Eros", "(2015) Kachuevskaya", "2015 TC25", "2015TC25", "K15T25C", "00433", "73P-BT/S 3"]
)
def test_a_designation_is_known_for_what_it_is(text):
    assert designation(text).is_what(text)


@pytest.mark.parametrize("text", ["2015 TC25b", "2017 BM3-2", "2004 MN4.", "2022 E3 ZTF", "2004 MN4 R band"])
def test_a_guess_is_known_as_one(text):
    found = designation(text)
    assert found.prov_id and not found.is_what(text)
