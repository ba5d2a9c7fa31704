from netbilld.radius import attributes, codes
from netbilld.radius.dictionary import attribute_name, dictionary_path, keys, load, names

VENDORS = (
    *("MICROSOFT", "MIKROTIK", "WISPR", "REDBACK", "ASCEND", "CISCO", "HUAWEI", "ERX", "ROARING_PENGUIN"),
    *("ADSL_FORUM", "CHILLISPOT", "ARUBA", "CAMBIUM", "RUCKUS", "UBNT"),
)
ODD_NAMES = {"VENDOR_SPECIFIC"}


def constants() -> dict[str, int]:
    return {
        name: value
        for name, value in vars(attributes).items()
        if name.isupper() and name not in VENDORS and name not in ODD_NAMES
    }


def test_every_constant_is_named_alike_in_the_dictionary() -> None:
    by_plain_name = {name.upper().replace("-", "_").removeprefix("REDBACK_"): key for name, key in keys().items()}
    for name, key in constants().items():
        assert by_plain_name[name.removeprefix("REDBACK_")] == key, name


def test_error_and_terminate_causes_agree_with_the_dictionary() -> None:
    for attribute, members in (
        (attributes.ERROR_CAUSE, codes.ErrorCause),
        (attributes.ACCT_TERMINATE_CAUSE, codes.TerminateCause),
        (attributes.ACCT_STATUS_TYPE, codes.AcctStatusType),
    ):
        values = names()[attribute].values
        assert {number: name.upper().replace("-", "_") for number, name in values.items()} == {
            member.value: member.name for member in members
        }


def test_pyrad_reads_every_attribute() -> None:
    dictionary = load()
    assert dictionary.skipped_attributes == set()
    assert dictionary["Mikrotik-Rate-Limit"].type == "string"
    assert dictionary_path().is_file()


def test_unknown_attributes_are_named_by_number() -> None:
    assert attribute_name(230) == "Attr-230"
    assert attribute_name(3902 << 8 | 31) == "Vendor-3902-Attr-31"
