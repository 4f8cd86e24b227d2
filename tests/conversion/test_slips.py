"""Identifiers that cannot be right are told in the account of a conversion, and refuse nothing."""

from gateway.conversion.accounts import account_of


def test_a_wrong_digit_is_told_and_written(convert, ubl, invoice):
    assert invoice.seller is not None
    assert invoice.seller.vat_identifier is not None
    stated = invoice.seller.vat_identifier
    wrong = stated[:-1] + str((int(stated[-1]) + 1) % 10)
    content = ubl.replace(stated.encode(), wrong.encode())
    converted = convert(content, "en16931-cii")
    account = account_of(converted, lang="de")
    (slip,) = [one for one in account["identifiers"] if one["path"] == "seller.vat_identifier"]
    assert (slip["term"], slip["value"], slip["code"]) == (
        "BT-31",
        wrong,
        "IDENTIFIER-CHECK-DIGIT",
    )
    assert "Prüfziffer" in slip["explanation"]
    assert account["counts"]["identifiers"] == len(account["identifiers"])
    assert wrong.encode() in converted.content


def test_nothing_is_told_of_identifiers_that_are_right(convert, ubl):
    converted = convert(ubl, "en16931-cii")
    assert account_of(converted, lang="en")["identifiers"] == []
    assert account_of(converted, lang="en")["counts"]["identifiers"] == 0
