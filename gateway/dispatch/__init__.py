"""Documents to customers who are not on Peppol: by e-mail with Factur-X, or by download link."""
