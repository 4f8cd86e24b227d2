"""A sender on the Python package peppol-py 1.2.5, run in an environment of its own.

Argument: the folder of the keys. Reads one order per line from standard input (JSON) and answers
with the request it would post. What peppol-py does before, asking the public DNS and the public
PKI, has no place on a test network, so its parts are called from the receiver's certificate on.
Run with ``--encrypt`` it stands in for the xmlsec command (1.3) that peppol-py calls: the same
library, reached through the bindings that peppol-py installs anyway.
"""

import base64
import datetime
import json
import os
import stat
import sys
import tempfile
from pathlib import Path

import xmlsec
from lxml import etree


def encrypt(arguments):
    """What peppol-py asks of ``xmlsec --encrypt``."""
    certificate = arguments[arguments.index("--pubkey-cert-pem") + 1]
    template = etree.parse(arguments[-1]).getroot()
    keys = xmlsec.KeysManager()
    keys.add_key(xmlsec.Key.from_file(certificate, xmlsec.constants.KeyDataFormatCertPem))
    context = xmlsec.EncryptionContext(keys)
    context.key = xmlsec.Key.generate(
        xmlsec.constants.KeyDataAes, 128, xmlsec.constants.KeyDataTypeSession
    )
    encrypted = context.encrypt_binary(template, sys.stdin.buffer.read())
    sys.stdout.buffer.write(etree.tostring(encrypted))


def command(folder):
    """A file that peppol-py can call as its xmlsec."""
    file = Path(folder) / "xmlsec"
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
    file.chmod(stat.S_IRWXU)
    return str(file)


def build(order, keys, xmlsec_path):
    from peppol_py.as4_sender import get_headers_and_body_for_posting_as4_document
    from peppol_py.sender import (
        get_document_type_from_ubl,
        wrap_ubl_in_peppol_standard_business_document_header,
    )

    invoice = etree.fromstring(base64.b64decode(order["payload"]))
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()
    document_type = get_document_type_from_ubl(invoice, document_type_version="2.1")
    process = invoice.findtext("./{*}ProfileID")
    content, document = wrap_ubl_in_peppol_standard_business_document_header(
        invoice, now, document_type, process, order["sender"], "BE", order["receiver"]
    )
    body, headers = get_headers_and_body_for_posting_as4_document(
        content,
        document,
        now,
        document_type,
        process,
        order["sender"],
        order["receiver"],
        "POP000001",
        xmlsec_path,
        str(keys / "java.key.pem"),
        None,
        (keys / "java.pem").read_bytes(),
        (keys / "ours.pem").read_bytes(),
        "POP000002",
    )
    return {"headers": headers, "body": base64.b64encode(body).decode()}


def main():
    if sys.argv[1] == "--encrypt":
        encrypt(sys.argv[1:])
        return
    with tempfile.TemporaryDirectory() as folder:
        path = command(folder)
        os.chdir(folder)
        for line in sys.stdin:
            try:
                answer = build(json.loads(line), Path(sys.argv[1]), path)
            except Exception as error:
                answer = {"exception": type(error).__name__, "message": str(error)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
