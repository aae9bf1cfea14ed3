"""The window: the only home of Qt.

What a page's author finds here (names to import, signals to connect):

* ``pages.page.Page``: base of all pages. Set `step`, `title` (and `scrolls = False` if a table or plot fills the page);
  make widgets in `build`, fill them in `load(session)`, emit `changed(project)` and `go_to(step)`. `header` has
  `set_status`, `add_action`, `set_primary`; `continue_to(step)` makes the primary button; `show_banner`, `hide_banner`.
* ``services.session.ProjectSession``: `project`, `folder` (a `ProjectFolder`), `facts`, `states`, `read_only`,
  `apply(project)`, `dataset()`, `rows_were_changed()`, `refresh_facts()`, `jobs`; signals `opened`, `closed`,
  `project_changed`, `facts_changed`, `rows_changed`, `read_only_changed`.
* ``services.background.run_in_background(owner, work, success=, failure=, progress=)``: everything over rows.
* ``services.jobs``: `session.jobs.start(folder)` gives a `TrainerThread`; signals `events(list)`, `ended(Ended)`.
* ``services.notifications.notifications()``: `say`, `show_error`, `show_problem`.
* ``widgets``: `card` (Card, Badge, StatCard, row), `controls` (Button, MenuButton, ComboBox, CheckBox, LineEdit,
  SearchField, SpinBox, Label, ElidedLabel), `segmented`, `feedback` (Banner, VerdictBanner, EmptyState, ErrorPanel,
  ProblemList, Details), `progress_strip`, `form`, `live_plot`, `charts` (IntervalPlot, Histogram, Sparkline),
  `data_table`, `log_view`, `token_view`.
* ``itemmodels.rows_model.RowsModel``: the dataset as a table model.
* ``theme``: `tokens()`, `font(kind)`, `icon(name)`, `metrics`. Colours and style sheets are nowhere else.
"""
