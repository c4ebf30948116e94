"""Our channel and our request under Twisted's own cases for HTTP (`twisted.web.test.test_http`).

Every case that the installed Twisted has is run. Those named below do not apply, each for its reason, and must fail:
a case that would pass has no business in the table. docs/decisions/0015 says more.
"""

from __future__ import annotations

import pytest

from targon_gw.web.channel import Channel
from targon_gw.web.request import Request
from tests.web import twisteds

VERSIONS = ("HTTP1_0Tests", "HTTP1_1Tests", "HTTP1_1_close_Tests", "HTTP0_9Tests")
"""Twisted's classes that run the same cases, each with another exchange."""


def each(method: str) -> list[str]:
    """That case under each of the versions."""
    return [f"{kind}.{method}" for kind in VERSIONS]


APART: dict[str, list[str]] = {
    "A body has a total deadline; a byte now and then does not move it (A-13).": each("test_requestBodyTimeout"),
    "A refusal tells of the time-out, and the abort follows after 5 seconds, without a log line.": each(
        "test_transportForciblyClosed"
    ),
    "The abort follows after 5 seconds, not 15.": each("test_transportNotAbortedAfterConnectionLost"),
    "The abort cannot be turned off: who does not read must not hold a connection.": each(
        "test_transportNotAbortedWithZeroAbortTimeout"
    ),
    "Twisted skips it: HTTP/0.9 is not spoken.": ["HTTP0_9Tests.test_noPipelining"],
    "HTTP/2 is not offered, wherever it is installed (decision 0002).": [
        "GenericHTTPChannelTests.test_genericHTTPChannelCallLaterUpgrade",
        "GenericHTTPChannelTests.test_h2CancelsH11Timeout",
        "GenericHTTPChannelTests.test_http2_present",
        "GenericHTTPChannelTests.test_unregistersProducer",
    ],
    "Reading never pauses while a request runs; too much behind it aborts the connection (A-17, A-18).": [
        "PipeliningBodyTests.test_pipeliningReadLimit",
        "RequestTests.test_finishCleansConnection",
        "ChannelProductionTests.test_HTTPChannelPropagatesPausedProductionToRequest",
        "ChannelProductionTests.test_HTTPChannelStaysPausedWhenRequestCompletes",
    ],
    "Who does not read the answers is served no further request until he does (A-15).": [
        "ChannelProductionTests.test_HTTPChannelToleratesDataWhenTransportPaused",
    ],
    "It counts an answer's headers; ours has Date, x-request-id and Connection besides.": [
        "HTTPLoopbackTests.testLoopback",
    ],
    "Chunks in HTTP/1.0 are refused: a proxy of that time sees another end of the body (A-07; RFC 9112, 6.1).": [
        "ChunkingTests.test_multipartFormData",
        "ParsingTests.test_chunkedEncoding",
    ],
    "Transfer-Encoding may only be chunked, and never comes beside a Content-Length (A-07).": [
        "ParsingTests.test_transferEncodingIdentity",
    ],
    "Forms are not parsed; a body is bytes (B-11).": [
        "ParsingTests.test_formPOSTRequest",
        "ParsingTests.test_multipartFilesData",
        "ParsingTests.test_multipartFormData",
        "ParsingTests.test_multipartProcessingFailure",
    ],
    "Control characters in a field's value are refused (A-05).": ["ParsingTests.test_headerStripWhitespace"],
    "A folded line is refused (A-04).": ["ParsingTests.test_headersMultiline"],
    "Fields of one name are joined with a comma (RFC 9110, 5.3), not kept as a list.": ["ParsingTests.test_headers"],
    "A body is kept in memory: there is no file to close.": ["RequestTests.test_connectionLost"],
    "After the end, or the client's leaving, finish and write do nothing; a relay cannot know in time.": [
        "RequestTests.test_finishAfterConnectionLost",
        "RequestTests.test_writeAfterConnectionLost",
        "RequestTests.test_writeAfterFinish",
    ],
    "The end of an answer lets its producer go.": ["RequestTests.test_finishProducerStillRegistered"],
    "It sets `requestHeaders` by hand; getHeader reads the fields as they were received.": [
        "RequestTests.test_getHeader",
        "RequestTests.test_getHeaderReceivedMultiples",
        "RequestTests.test_setLastModifiedCached",
        "RequestTests.test_setLastModifiedTwiceCached",
    ],
    "What a client writes into Host decides nothing (A-03).": ["RequestTests.test_getRequestHostname"],
    "Heads are written from `Headers`, which let no line break in; pairs are Twisted's older form.": [
        "HTTPChannelSanitizationTests.test_writeHeadersSanitizesLinearWhitespace",
    ],
}
REASONS = {name: reason for reason, named in APART.items() for name in named}
APPLYING = [name for name in twisteds.names() if name not in REASONS]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class SuiteTests:
    """All of Twisted's cases, over ours."""

    @pytest.mark.parametrize("name", APPLYING)
    def test_passes(self, name: str) -> None:
        """A case that is not in the table passes: a new one that does not must be mended, or be given its reason."""
        assert twisteds.trouble(name) == ""

    @pytest.mark.parametrize("name", REASONS)
    def test_stands_apart(self, name: str) -> None:
        """A case of the table would not pass: none is left out that could be run."""
        assert name in twisteds.names(), "there is no such case any more"
        assert twisteds.trouble(name), f"it passes, though the table says: {REASONS[name]}"

    def test_named_once(self) -> None:
        """No case is given two reasons."""
        assert len(REASONS) == sum(map(len, APART.values()))

    def test_the_cases_meet_ours(self) -> None:
        """Three in four of those that pass make our channel or our request; the rest test what neither uses."""
        assert issubclass(twisteds.copy().http.HTTPChannel, Channel)
        assert issubclass(twisteds.copy().http.Request, Request)
        met = 0
        for name in APPLYING:
            before = twisteds.BareChannel.made, twisteds.BareRequest.made
            twisteds.trouble(name)
            met += (twisteds.BareChannel.made, twisteds.BareRequest.made) != before

        assert met >= 0.7 * len(APPLYING), met

    def test_trouble_is_seen(self) -> None:
        """A channel that answers wrongly does not pass."""
        send = twisteds.BareChannel.send
        twisteds.BareChannel.send = lambda channel, data: send(channel, data.replace(b"200 OK", b"200 KO"))
        try:
            assert "200 KO" in twisteds.trouble("HTTP1_1Tests.test_buffer")
        finally:
            del twisteds.BareChannel.send
