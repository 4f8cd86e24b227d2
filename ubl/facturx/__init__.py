"""Factur-X and ZUGFeRD: invoices that are a PDF for people and XML for programs in one file."""

from ubl.facturx.errors import ATTACHMENT_REFUSED, FacturxRefused
from ubl.facturx.hybrid import OwnPdf, hybrid_pdf

__all__ = ["ATTACHMENT_REFUSED", "FacturxRefused", "OwnPdf", "hybrid_pdf"]
