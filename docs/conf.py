"""Settings of the documentation site, which ``make docs`` builds with Sphinx from the Markdown of this folder."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from dlcx import __version__  # noqa: E402

project = "dlcx"
author = "dlcx developers"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["index-page.md"]  # the page for package indexes
html_theme = "furo"
html_title = f"dlcx {__version__}"
html_copy_source = False
html_show_sphinx = False

# Links to headings are written as GitHub makes them.
myst_heading_anchors = 4

autodoc_preserve_defaults = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures and numpydoc sections have them
napoleon_google_docstring = False
napoleon_use_rtype = False
