"""Which way a document goes, and the table of what happens to a dispatch."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.dispatch.choosing import Known, at_once, once_unregistered, waits
from gateway.dispatch.states import ATTENTION, DISPATCH, DispatchEvent, DispatchState
from gateway.exchange.channels import Channel, off_network_address, on_network
from ubl.model import Buyer, Contact

CHANNELS = st.sampled_from(Channel)
KNOWN = st.builds(
    Known,
    asked=st.none() | CHANNELS,
    usual=st.none() | CHANNELS,
    standard=CHANNELS,
    on_network=st.booleans(),
    recipient=st.none() | st.just("ap@buyer.example"),
)


@given(KNOWN)
def test_the_closest_choice_holds_and_peppol_is_left_only_by_choice_or_need(known):
    chosen = known.asked or known.usual or known.standard
    way = at_once(known)
    if chosen in (Channel.EMAIL, Channel.LINK):
        assert way is not None
        assert way.channel is chosen
        assert not waits(known)
    elif chosen is Channel.PEPPOL:
        assert way is None
        assert not waits(known)
    else:
        assert waits(known)
        assert (way is None) is known.on_network


@given(KNOWN)
def test_nobody_without_an_address_is_written_to_unasked(known):
    assert once_unregistered(known).channel is (Channel.EMAIL if known.recipient else Channel.LINK)


@given(st.lists(st.sampled_from(DispatchEvent), max_size=12))
def test_an_email_is_handed_over_once_unless_the_server_said_later(events):
    state, handed, deferred = DispatchState.READY, 0, 0
    for event in events:
        if (state, event) not in DISPATCH:
            continue
        state = DISPATCH[state, event]
        handed += event is DispatchEvent.HANDING_OVER
        deferred += event is DispatchEvent.DEFERRED
    assert handed <= deferred + 1


def test_what_needs_somebody_never_moves_by_itself():
    alone = {DispatchEvent.HANDING_OVER, DispatchEvent.ACCEPTED, DispatchEvent.DEFERRED}
    assert not {(state, event) for state in ATTENTION for event in alone} & set(DISPATCH)


def test_a_buyer_without_electronic_address_is_told_by_what_the_invoice_says():
    assert off_network_address(None) is None
    assert off_network_address(Buyer()) is None
    named = off_network_address(Buyer(name="Café Nord ÅÄÖ"))
    assert str(named).startswith("buyer-off-network::name:cafnord#")
    full = Buyer(
        name="Nord", vat_identifier="FI 1234 5678", contact=Contact(email="a@nord.example")
    )
    assert str(off_network_address(full)) == "buyer-off-network::vat:fi12345678"
    assert not on_network(str(named))
    assert on_network("iso6523-actorid-upis::0088:1")
