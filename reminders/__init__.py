"""What to do about money owed: ledger arithmetic, policies, plans and reminder content.

Pure: knows no database, network or clock.
"""
