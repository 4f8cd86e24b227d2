"""The UBL 2.1 binding of the invoice (EN 16931-3-2): reading and writing Invoice and CreditNote."""
