"""How the site is built: ``make docs`` reads the pages where they lie and writes docs/_site.

Sphinx with MyST and Furo. Whatever a page shows comes from the site itself, none of it from elsewhere.
"""

from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

project = "Trainfare"
html_title = "Trainfare"

root_doc = "docs/index"
include_patterns = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "SPEC.md",
    "bench/README.md",
    "docs/**/*.md",
    "docs/index.md",
]
exclude_patterns = [".*", "build", "dist", "docs/_site", "examples", "requirements", "src", "tests"]

extensions = ["myst_parser"]
myst_heading_anchors = 4  # as forges make them, so that a link works in both places

lexers["csv"] = TextLexer()

html_theme = "furo"
html_logo = html_favicon = "../src/trainfare/server/static/mark.svg"
html_static_path = ["site/trainfare.css"]
html_css_files = ["trainfare.css"]
html_extra_path = ["site/index.html"]  # the root leads to docs/index.html
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "default"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#026baf",
        "color-brand-content": "#026baf",
        "color-brand-visited": "#026baf",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6ea8ec",
        "color-brand-content": "#6ea8ec",
        "color-brand-visited": "#6ea8ec",
        "color-background-primary": "#0d1014",
        "color-background-secondary": "#14171c",
    },
}
