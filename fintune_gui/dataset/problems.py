"""Several problems at once, as one error."""

from __future__ import annotations

from collections.abc import Sequence

from fintune_gui.project.errors import Problem, raise_for_problem


def raise_problems(problems: Sequence[Problem], what: str) -> None:
    """Raise all `problems` together; nothing happens if there are none.

    Raises:
        FintuneError: of the first problem's family and code. One problem is raised as it is; several are told under
            `what`, each with its cause.
    """
    if not problems:
        return
    first = problems[0]
    if len(problems) == 1:
        raise_for_problem(first)
    told = " ".join(" ".join(part for part in (problem.what, problem.why) if part) for problem in problems)
    todos = " ".join(dict.fromkeys(problem.todo for problem in problems if problem.todo))
    details = "\n".join(f"{problem.code}: {problem}" for problem in problems)
    raise_for_problem(first.model_copy(update={"what": what, "why": told, "todo": todos, "details": details}))
