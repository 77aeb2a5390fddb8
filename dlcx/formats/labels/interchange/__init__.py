"""File formats in which labels are exchanged with other programs: one module per format.

Every module in this folder is imported when the formats are looked up, and registers its reader and writer (see
:mod:`dlcx.formats.labels.registry`).  Import large or optional libraries inside the functions that need them, so that
``dlcx --help`` stays fast.
"""
