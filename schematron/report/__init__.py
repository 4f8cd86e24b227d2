"""What validation found, as people and machines read it: text, HTML, PDF, SVRL, table rows.

Everything here starts from the report's JSON object, so that a report kept for years can still
be shown, in any of the languages. Nothing here validates anything.
"""
