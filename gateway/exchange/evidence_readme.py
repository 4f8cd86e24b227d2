"""README.txt of an evidence bundle: what lies where and what proves what. Pure."""

from collections.abc import Mapping
from typing import Any

__all__ = ["explanation"]


def explanation(manifest: Mapping[str, Any]) -> str:
    """The plain text beside the summary, in English."""
    states = manifest["states"]
    return f"""\
Evidence of one electronic document

Document    {manifest["kind"]} {manifest["number"]}
From        {manifest["sender_name"]} ({manifest["sender"]})
To          {manifest["receiver_name"]} ({manifest["receiver"]})
SBDH id     {manifest["sbdh_instance_identifier"]}
Transport   {states["transport"]}
Network     {states["network"]}
Business    {states["business"]}
Made at     {manifest["made_at"]} (UTC)

summary.pdf says in words what happened and how to verify it by hand.

What lies where, and what it proves
- SHA256SUMS lists every file with its digest (sha256sum -c SHA256SUMS); manifest.json does so
  for programs and says how the files belong together.
- message-NN-sent/request.mime is the AS4 request exactly as it left; its signature covers the
  ebMS header and the payload before encryption (payload.gz, whose SHA-256 it states).
- message-NN-sent/receipt.xml is the receiver's answer: signed with receiver-certificate.pem,
  it repeats every digest of the request. It is the receiver's proof of having taken exactly
  this document.
- message-NN-sent/smp-answers.zip is what the receiver's SMP published, signed, at that moment,
  with what the authorities said about the certificates.
- message-NN-sent/attempt-NN-answer.xml are answers to tries that did not deliver.
- message-NN-received/request.mime is the AS4 request exactly as it arrived, signed with
  sender-certificate.pem; receipt.xml is the receipt that was given for it; revocation.zip is
  what the authorities said about the sender's certificate at that moment.
- *-issuers.pem are the authorities that issued the certificates.
- answer-NN-*/ are the answers about the document (MLS, Invoice Response) and how they came.

Check it with: gateway evidence FILE.zip
"""
