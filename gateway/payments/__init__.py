"""How a debtor pays: signed links, the payment page, payment-initiation providers."""
