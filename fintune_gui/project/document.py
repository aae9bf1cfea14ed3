"""The project document: everything the user decided, as one frozen value. What happened lives in other files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal
from uuid import uuid4

from pydantic import Field, field_validator, model_validator

from fintune_gui.project.errors import ProjectError
from fintune_gui.project.import_options import ImportOptions
from fintune_gui.project.settings import Decision, Frozen, Method, TrainingSettings

SCHEMA_VERSION = 1
"""Version of ``project.json``. Raise it with every change of shape, and add a migration."""


class Task(StrEnum):
    """What the model shall learn to do."""

    CLASSIFICATION = "classification"
    MULTI_LABEL = "multi-label"
    """As classification, but a text may have several labels, or none."""
    INSTRUCTION = "instruction"
    CHAT = "chat"
    TEXT = "text"

    @property
    def generates(self) -> bool:
        """Whether the model answers with text (and not with labels)."""
        return self not in (Task.CLASSIFICATION, Task.MULTI_LABEL)


class Metric(StrEnum):
    """Measures of success, by their standard names."""

    F1 = "f1"
    ACCURACY = "accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    MICRO_F1 = "micro_f1"
    MACRO_F1 = "macro_f1"
    EXACT_MATCH = "exact_match"
    PERPLEXITY = "perplexity"
    ROUGE_L = "rouge_l"
    SACREBLEU = "sacrebleu"

    @property
    def display_name(self) -> str:
        """The name as people write it."""
        names = {"f1": "F1", "micro_f1": "Micro F1", "macro_f1": "Macro F1", "exact_match": "Exact match"}
        names |= {"rouge_l": "ROUGE-L", "sacrebleu": "sacreBLEU"}
        return names.get(self.value, self.value.capitalize())

    @property
    def higher_is_better(self) -> bool:
        return self is not Metric.PERPLEXITY


CLASSIFICATION_METRICS = (Metric.F1, Metric.ACCURACY, Metric.PRECISION, Metric.RECALL)
MULTI_LABEL_METRICS = (Metric.MICRO_F1, Metric.MACRO_F1, Metric.EXACT_MATCH)
GENERATION_METRICS = (Metric.PERPLEXITY, Metric.ROUGE_L, Metric.SACREBLEU)


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """The metrics that make sense for a task, the usual one first."""
    if task is Task.MULTI_LABEL:
        return MULTI_LABEL_METRICS
    return CLASSIFICATION_METRICS if task is Task.CLASSIFICATION else GENERATION_METRICS


class Objective(Decision):
    """What to achieve, and how success is measured."""

    task: Task
    description: str = ""
    metric: Metric
    target: float | None = None

    @model_validator(mode="after")
    def _metric_fits_task(self) -> Objective:
        if self.metric not in metrics_for(self.task):
            raise ValueError(f"{self.metric.display_name} does not measure the task {self.task.value}")
        return self

    @property
    def goal(self) -> str:
        """The goal in one phrase: "F1 ≥ 0.90", or only the metric when there is no target."""
        if self.target is None:
            return self.metric.display_name
        sign = "≥" if self.metric.higher_is_better else "≤"
        return f"{self.metric.display_name} {sign} {self.target:g}"

    def met_by(self, value: float) -> bool | None:
        """Whether `value` reaches the target; None without a target."""
        if self.target is None:
            return None
        return value >= self.target if self.metric.higher_is_better else value <= self.target


def parse_goal(text: str, task: Task) -> tuple[Metric, float | None]:
    """Read a goal such as "F1 >= 0.90", "perplexity <= 12" or "accuracy".

    Raises:
        ProjectError: if the text is not a goal, or its metric does not measure the task.
    """
    match = re.fullmatch(r"\s*([A-Za-z][\w -]*?)\s*(?:(>=|≥|>|<=|≤|<|=)\s*([0-9.]+)\s*(%)?)?\s*", text)
    names = {_bare(m.display_name): m for m in Metric}
    metric = names.get(_bare(match[1])) if match else None
    if match is None or metric is None or metric not in metrics_for(task):
        known = ", ".join(m.display_name for m in metrics_for(task))
        raise ProjectError(
            "project.bad_goal",
            f'The goal "{text}" cannot be read.',
            f"For the task {task.value} a goal names one of: {known}.",
            'Write it like "F1 >= 0.90" or "perplexity <= 12".',
        )
    if match[3] is None:
        return metric, None
    try:
        target = float(match[3]) / (100 if match[4] else 1)
    except ValueError:
        target = -1.0
    is_share = metric in (*CLASSIFICATION_METRICS, *MULTI_LABEL_METRICS)
    wrong_way = (match[2] in ("<=", "≤", "<")) == metric.higher_is_better and match[2] != "="
    if wrong_way or target < 0 or (is_share and target > 1):
        raise ProjectError(
            "project.bad_goal",
            f'The goal "{text}" cannot be reached or measured.',
            f"{metric.display_name} is better when it is {'higher' if metric.higher_is_better else 'lower'}"
            + (" and lies between 0 and 1." if is_share else "."),
            f'Write it like "{metric.display_name} {">=" if metric.higher_is_better else "<="} '
            f'{"0.90" if is_share else "12"}".',
        )
    return metric, target


def _bare(name: str) -> str:
    """A metric's name without what people write differently."""
    return re.sub(r"[-_ ]", "", name.lower())


class Role(StrEnum):
    """What a column is for."""

    TEXT = "text"
    LABEL = "label"
    INSTRUCTION = "instruction"
    INPUT = "input"
    ANSWER = "answer"
    SYSTEM = "system"
    MESSAGES = "messages"


ROLES_OF_TASK: dict[Task, tuple[Role, ...]] = {
    Task.CLASSIFICATION: (Role.TEXT, Role.LABEL),
    Task.MULTI_LABEL: (Role.TEXT, Role.LABEL),
    Task.INSTRUCTION: (Role.INSTRUCTION, Role.INPUT, Role.ANSWER, Role.SYSTEM),
    Task.CHAT: (Role.MESSAGES, Role.SYSTEM),
    Task.TEXT: (Role.TEXT,),
}
"""The roles that a task knows, in the order in which they are shown."""

REQUIRED_ROLES: dict[Task, tuple[Role, ...]] = {
    Task.CLASSIFICATION: (Role.TEXT, Role.LABEL),
    Task.MULTI_LABEL: (Role.TEXT, Role.LABEL),
    Task.INSTRUCTION: (Role.INSTRUCTION, Role.ANSWER),
    Task.CHAT: (Role.MESSAGES,),
    Task.TEXT: (Role.TEXT,),
}


def filled_roles(task: Task) -> tuple[Role, ...]:
    """The roles whose columns must hold something in a row that shall be used. Of several labels there may be none."""
    return (Role.TEXT,) if task is Task.MULTI_LABEL else REQUIRED_ROLES[task]


class LabelSeparator(StrEnum):
    """How a cell holds several labels."""

    SEMICOLON = "semicolon"
    COMMA = "comma"
    BAR = "bar"
    LIST = "list"
    """A list as JSON or Python writes it: ["red", "round"]."""

    @property
    def display_name(self) -> str:
        """In words, as in "labels parted by ..."."""
        names = {"semicolon": "semicolons (;)", "comma": "commas (,)", "bar": "bars (|)", "list": 'lists (["a", "b"])'}
        return names[self.value]


class Template(StrEnum):
    """How a row becomes the text that the model sees."""

    MODEL = "model"
    """The model's own chat template."""
    PLAIN = "plain"
    """Instruction, input and answer in plain paragraphs; for models without a chat template."""


class LearnFrom(StrEnum):
    """Which tokens carry loss."""

    ANSWER = "answer"
    ALL = "all"


LONGEST_ADDED_TOKEN = 64
MOST_ADDED_TOKENS = 500


def may_be_token(text: str) -> bool:
    """Whether a text can be one piece: neither empty nor long, in one line, and without spaces around it."""
    one_line = not any(ord(sign) < ord(" ") or sign in "\x7f\x85\u2028\u2029" for sign in text)
    return 0 < len(text) <= LONGEST_ADDED_TOKEN and one_line and text == text.strip()


class FormatSettings(Frozen):
    """Which column plays which role, and how a row is written for the model."""

    roles: dict[Role, str] = Field(default_factory=dict)
    template: Template | None = None
    """None: the model's own chat template if it has one, else plain."""
    system_prompt: str = ""
    learn_from: LearnFrom = LearnFrom.ANSWER
    label_separator: LabelSeparator | None = None
    """What parts the labels of a cell, for the task multi-label. None: as recognised from the cells."""
    max_length: int = Field(default=512, ge=8, le=131072)
    """Longest example in tokens; longer ones are cut, and the page says how many."""
    added_tokens: tuple[str, ...] = Field(default=(), max_length=MOST_ADDED_TOKENS)
    """Texts that the model shall read and write as one piece: tags, names, role marks. Its vocabulary grows by them."""

    @field_validator("added_tokens")
    @classmethod
    def _tokens_are_pieces(cls, tokens: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [token for token in tokens if not may_be_token(token)]:
            raise ValueError(f"{wrong[0]!r} cannot be an added token")
        return tuple(dict.fromkeys(tokens))

    def missing_roles(self, task: Task) -> tuple[Role, ...]:
        """Required roles that no column plays yet."""
        return tuple(role for role in REQUIRED_ROLES[task] if role not in self.roles)


class SplitSettings(Decision):
    """How rows are divided. Duplicates of a text always stay together."""

    ratios: tuple[float, float, float] = (0.70, 0.15, 0.15)
    seed: int = Field(default=42, ge=0, le=2**31 - 1)
    stratify: str | None = None
    """Column whose values keep their shares in every part; for classification the label column by default."""
    group: str | None = None
    """Column whose equal values must not be divided, for example a customer."""

    @model_validator(mode="after")
    def _ratios_add_up(self) -> SplitSettings:
        if any(ratio <= 0 for ratio in self.ratios) or abs(sum(self.ratios) - 1) > 1e-6:
            raise ValueError("the three ratios must be above 0 and add up to 1")
        return self


class ModelChoice(Frozen):
    """The base model, made ready on this computer."""

    name: str
    """What the user asked for: a folder, a hub name, or the name of a sample model."""
    folder: str
    """The plain folder with ``config.json``, ``tokenizer.json`` and safetensors weights."""
    fingerprint: str
    """Hash of configuration, tokenizer and weights' headers: tells when the model is not the same any more."""
    parameters: int
    context_length: int
    architecture: str
    has_chat_template: bool
    seq2seq: bool = False
    """Whether it has two halves, one that reads the whole prompt and one that writes the answer (T5, BART)."""
    method: Method = Method.LORA

    @property
    def short_name(self) -> str:
        """The last part of the name: of a folder, of "owner/model", of "sample:model"."""
        return self.name.replace("\\", "/").rstrip("/").split("/")[-1].removeprefix("sample:")


class SourceFile(Frozen):
    """A file that the rows came from. It is only ever read."""

    path: str
    sha256: str
    bytes: int
    format: str
    encoding: str
    rows: int
    rejected: int
    options: ImportOptions = ImportOptions()
    """How the user wanted it to be read, so that it can be read again."""


class Project(Frozen):
    """Everything the user decided."""

    schema_version: Literal[1] = 1
    id: str = Field(default_factory=lambda: uuid4().hex)
    name: str = Field(min_length=1)
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    objective: Objective
    sources: tuple[SourceFile, ...] = ()
    format: FormatSettings = FormatSettings()
    split: SplitSettings = SplitSettings()
    model: ModelChoice | None = None
    training: TrainingSettings = TrainingSettings()

    def with_(self, **changes: object) -> Project:
        """A changed copy, validated."""
        return Project.model_validate({**dict(self), **changes})
