"""The settings of Sphinx. `python -m docs.site.build` puts the pages together, and calls it."""

from dialogue_gym import __version__

project = "dialogue_gym"
copyright = "the dialogue_gym developers"
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx_copybutton", "docs.site.search_index", "docs.site.markup"]
myst_enable_extensions = ["colon_fence", "fieldlist"]
myst_heading_anchors = 4
highlight_language = "none"
maximum_signature_line_length = 88
# Pages of packages begin with a table of their names; in the navigation as well they would cost a third more.
toc_object_entries = False
python_use_unqualified_type_names = True
suppress_warnings: list[str] = []

html_theme = "furo"
html_title = "dialogue_gym"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
# Of a terminal the typed commands are copied, without their prompt and without what is printed.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
html_show_sourcelink = False
