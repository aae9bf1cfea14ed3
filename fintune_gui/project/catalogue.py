"""Base models that Fintune knows by name: what they are and what they are good for, before anything is fetched.

The facts are in ``resources/catalogue/models.json``, written down by hand on the day that stands in it. Once a model
is on this computer, its own files count and not the catalogue.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Literal

from pydantic import Field, model_validator

from fintune_gui.project.document import Task
from fintune_gui.project.model_shape import ModelShape
from fintune_gui.project.paths import resource
from fintune_gui.project.settings import Frozen

_DROPPING_OUT = ("bert", "distilbert", "roberta", "xlm-roberta")
"""Families whose models drop out a tenth of scores and results while they learn, as BERT did; later ones do not."""
_DROPPING_OUT_RESULTS = (*_DROPPING_OUT, "t5", "bart")


class Build(Frozen):
    """The measures of a transformer. `query` and `key_value` are widths: heads times the size of a head."""

    kind: str = Field(min_length=1)
    """What ``config.json`` calls the family."""
    heads: int = Field(gt=0)
    layers: int = Field(gt=0)
    hidden: int = Field(gt=0)
    query: int = Field(gt=0)
    key_value: int = Field(gt=0)
    feed_forward: int = Field(gt=0)
    feed_forward_matrices: Literal[2, 3]
    """3 where the feed-forward part has a gate."""
    vocabulary: int = Field(gt=0)
    tied: bool
    """Whether one table of the vocabulary serves for reading and for writing."""
    writing_layers: int = Field(default=0, ge=0)
    """Layers of the half that writes, where `layers` are those of the half that reads: they attend to both."""

    @property
    def attention_width(self) -> int:
        """Sum of (rows + columns) over the matrices of attention; layers that write attend to both halves."""
        each = 2 * (self.hidden + self.query) + 2 * (self.hidden + self.key_value)
        return (self.layers + 2 * self.writing_layers) * each

    @property
    def matrix_width(self) -> int:
        """Sum of (rows + columns) over the matrices that an adapter is put beside."""
        feed_forward = self.feed_forward_matrices * (self.hidden + self.feed_forward)
        return self.attention_width + (self.layers + self.writing_layers) * feed_forward


class CatalogueModel(Frozen):
    """One model. `gated`: whether its owners want their terms agreed to; None where that has changed over time."""

    id: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*/[\w.-]+$")
    name: str = Field(min_length=1)
    family: Literal["encoder", "decoder", "seq2seq"]
    """An encoder reads texts and sorts them; a decoder writes as well; seq2seq reads a text and then writes another."""
    parameters: int = Field(gt=0)
    context_length: int = Field(gt=0)
    licence: str = Field(min_length=1)
    gated: bool | None
    languages: tuple[str, ...] = Field(min_length=1)
    good_for: str = Field(min_length=1)
    shape: Build

    @property
    def memory_shape(self) -> ModelShape:
        """What the estimate of memory needs to know."""
        build = self.shape
        return ModelShape(
            parameters=self.parameters,
            matrix_width=build.matrix_width,
            vocabulary=build.vocabulary,
            attention_width=build.attention_width,
            kind=build.kind,
            layers=build.layers,
            decoder_layers=build.writing_layers,
            hidden=build.hidden,
            query=build.query,
            key_value=build.key_value,
            heads=build.heads,
            inner=build.feed_forward,
            gated=build.feed_forward_matrices == 3,
            attention_dropout=build.kind in _DROPPING_OUT,
            dropout=build.kind in _DROPPING_OUT_RESULTS,
        )

    @property
    def spoken(self) -> str:
        """The languages in a few words."""
        return ", ".join(self.languages) if len(self.languages) <= 2 else f"{len(self.languages)} languages"

    def suits(self, task: Task) -> bool:
        """Whether this kind of model can learn `task`: all but seq2seq can sort texts, encoders do not write."""
        if self.family == "seq2seq":
            return task is Task.INSTRUCTION
        return self.family == "decoder" or not task.generates

    def matches(self, text: str) -> bool:
        """Whether every word of `text` occurs in what is known of the model."""
        known = " ".join((self.id, self.name, self.licence, *self.languages, self.good_for)).casefold()
        return all(word in known for word in text.casefold().split())


class Catalogue(Frozen):
    """All models, and the day on which the facts were written down."""

    written: date
    models: tuple[CatalogueModel, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Catalogue:
        names = [model.id for model in self.models]
        if len(names) != len(set(names)):
            raise ValueError("a model is in the catalogue twice")
        return self

    def for_task(self, task: Task | None) -> list[CatalogueModel]:
        """The models that can learn `task` (None: any): encoders, decoders, seq2seq; of each, small before large."""
        suited = [model for model in self.models if task is None or model.suits(task)]
        order = ("encoder", "decoder", "seq2seq")
        return sorted(suited, key=lambda model: (order.index(model.family), model.parameters))


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue that comes with the program."""
    return Catalogue.model_validate_json(resource("catalogue", "models.json").read_bytes())
