"""What an invoice is: the EN 16931 semantic model and the UBL documents around it.

Pure: reads and writes bytes and values, touches no file, network, database or clock.
"""
