"""Names of participants in the DNS, and what may be learnt from NAPTR records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import ParticipantId
from gateway.network.errors import LookupFailed
from gateway.network.sml import NaptrRecord, dns_name, is_web_address, select_smp

NAME = "label.iso6523-actorid-upis.zone.example"


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("9915:test", "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a"),
        ("0088:1234567890123", "sjsyvccmqyjxk3weuapffq4x3umcrf4qryherj4vovhmonh7gccq"),
        ("0088:123abc", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0088:123ABC", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0010:5798000000001", "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq"),
    ],
)
@pytest.mark.parametrize("zone", ["zone.example", "zone.example."])
def test_published_name_vectors(value, label, zone) -> None:
    name = dns_name(ParticipantId.of(value), zone)
    assert name == f"{label}.iso6523-actorid-upis.zone.example"


@settings(max_examples=50)
@given(st.from_regex(r"[0-9]{4}:[!-~]{1,60}", fullmatch=True))
def test_names_are_dns_labels_and_ignore_case(value) -> None:
    name = dns_name(ParticipantId.of(value), "zone.example")
    assert name == dns_name(ParticipantId.of(value.swapcase()), "zone.example")
    label = name.partition(".")[0]
    assert len(label) == 52
    assert label.isalnum()


def record(**changed) -> NaptrRecord:
    values = {
        "order": 100,
        "preference": 10,
        "flags": "U",
        "service": "Meta:SMP",
        "regexp": "!.*!https://smp.example/root/!",
        "replacement": ".",
    }
    return NaptrRecord(**(values | changed))


@pytest.mark.parametrize(
    ("regexp", "url"),
    [
        ("!.*!https://smp.example!", "https://smp.example"),
        ("!^.*$!https://smp.example/smp/!", "https://smp.example/smp"),
        ("!(.*)!http://127.0.0.1:8080/a!", "http://127.0.0.1:8080/a"),
        ("#.*#https://[2001:db8::1]:8443/x#i", "https://[2001:db8::1]:8443/x"),
    ],
)
def test_one_record_names_the_smp(regexp, url) -> None:
    smp = select_smp([record(regexp=regexp)], name=NAME)
    assert (smp.url, smp.source) == (url, NAME)


def test_order_then_preference_decide_among_the_right_services() -> None:
    records = [
        record(order=1, service="E2U+sip", regexp="!.*!sip:nobody@example!"),
        record(order=1, flags="S", regexp="", replacement="_smp._tcp.example."),
        record(order=200, preference=1, regexp="!.*!https://later.example!"),
        record(order=100, preference=20, regexp="!.*!https://second.example!"),
        record(order=100, preference=10, regexp="!.*!https://first.example!"),
        record(order=100, preference=30, flags="u", service="meta:smp"),
    ]
    assert select_smp(records, name=NAME).url == "https://first.example"
    assert select_smp(records[::-1], name=NAME).url == "https://first.example"


def test_of_equal_order_the_next_record_helps_where_one_cannot_be_used() -> None:
    broken = record(preference=1, regexp="!.*!nowhere!")
    good = record(preference=2, regexp="!.*!https://good.example!")
    assert select_smp([good, broken], name=NAME).url == "https://good.example"
    assert select_smp([good, broken], name=NAME).records == (broken, good)
    later = record(order=101, regexp="!.*!https://later.example!")
    with pytest.raises(LookupFailed) as caught:
        select_smp([later, broken], name=NAME)
    assert caught.value.code == "LOOKUP-DNS-RECORD"


@pytest.mark.parametrize(
    "records", [[], [record(service="Meta:BDXR")], [record(flags="")], [record(flags="A")]]
)
def test_registered_without_an_smp_is_permanent(records) -> None:
    with pytest.raises(LookupFailed) as caught:
        select_smp(records, name=NAME)
    assert (caught.value.code, caught.value.retry) == ("LOOKUP-NO-SMP", "no")


@pytest.mark.parametrize(
    "changed",
    [
        {"regexp": ""},
        {"regexp": "!"},
        {"regexp": "!.*!https://smp.example"},
        {"regexp": "!.*!https://smp.example!x"},
        {"regexp": "!.*!https://smp.example!i!"},
        {"regexp": "!0088.*!https://smp.example!"},
        {"regexp": r"!(.*)!https://smp.example/\1!"},
        {"regexp": "a.*ahttps://smp.examplea"},
        {"regexp": "!.*!ftp://smp.example!"},
        {"regexp": "!.*!https://user:pass@smp.example!"},
        {"regexp": "!.*!https://smp.example/?q=1!"},
        {"regexp": "!.*!https://smp.example/#top!"},
        {"regexp": "!.*!https:///path!"},
        {"regexp": "!.*!https://smp.example:port/!"},
        {"regexp": "!.*!https://smp exam.ple/!"},
        {"regexp": "!.*!javascript:alert(1)!"},
        {"replacement": "elsewhere.example."},
    ],
)
def test_a_record_that_names_no_address_is_refused(changed) -> None:
    with pytest.raises(LookupFailed) as caught:
        select_smp([record(**changed)], name=NAME)
    assert (caught.value.code, caught.value.retry) == ("LOOKUP-DNS-RECORD", "no")


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_any_regexp_gives_an_address_or_a_refusal(regexp) -> None:
    try:
        url = select_smp([record(regexp=regexp)], name=NAME).url
    except LookupFailed:
        return
    assert is_web_address(url, https_only=False)


@pytest.mark.parametrize(
    ("url", "plain", "tls"),
    [
        ("https://ap.example/as4?x=1", True, True),
        ("http://ap.example/as4", True, False),
        ("HTTPS://ap.example", False, False),
        ("https://ap.example:99999/", False, False),
        ("https://ap.example\r\nHost: other", False, False),
        ("https://-", False, False),
        ("", False, False),
    ],
)
def test_web_addresses(url, plain, tls) -> None:
    assert is_web_address(url, https_only=False) is plain
    assert is_web_address(url, https_only=True) is tls
