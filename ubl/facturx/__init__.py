"""Factur-X and ZUGFeRD: invoices that are a PDF for people and XML for programs in one file."""

from ubl.facturx.errors import FacturxRefused
from ubl.facturx.hybrid import OwnPdf, hybrid_pdf

__all__ = ["FacturxRefused", "OwnPdf", "hybrid_pdf"]
