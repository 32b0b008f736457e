"""How Sphinx makes the site: each page is the Markdown that lies here, links as on GitHub.

The source is the whole checkout, so that a path means the same in a file and on the site.
"""

from __future__ import annotations

import penjing

project = "Penjing"
version = release = penjing.__version__
project_copyright = "the authors of Penjing, Apache License 2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = [
    "*.md", "docs/**", "benchmarks/RESULTS.md", "tests/siege/README.md",
    "tests/assistant/data/README.md", "web/README.md",
]  # fmt: skip
exclude_patterns = [".*", "build", "dist", "demo", "src", "examples", "**/node_modules"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
default_role = "code"
"""Docstrings write names as Markdown does."""

html_theme = "furo"
html_title = "Penjing 盆景"
html_logo = html_favicon = "../web/public/favicon.svg"
html_static_path = ["_static"]
html_extra_path = ["_front"]
"""The site's own address leads to the first page."""
html_css_files = ["penjing.css"]
highlight_language = "none"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2f6b46", "color-brand-content": "#2f6b46"},
    "dark_css_variables": {"color-brand-primary": "#8fcfa6", "color-brand-content": "#8fcfa6"},
}
