"""A model's tokenizer, read without transformers, so that window, command line and engine share it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Encoding, Tokenizer
from tokenizers.normalizers import Normalizer

from fintune_gui.dataset.chat_template import ChatTemplate
from fintune_gui.dataset.conversations import Message
from fintune_gui.project.errors import DataError, ModelError
from fintune_gui.project.seq2seq import start_token

_SPECIAL_NAMES = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token")


class ModelTokenizer:
    """Cuts text into tokens as the model was trained to.

    Attributes:
        eos_id, bos_id, pad_id: Numbers of the special tokens; None where the model has none.
        end_ids: Every token that ends an answer: the end of text, and the end of a turn in the chat template.
        start_id: For a seq2seq model the token that its writing half begins with; None for every other model.
        special_ids: Numbers of all tokens that are no text.
        opening_ids: Special tokens that stand before every text, for example the beginning-of-text token.
        added: For each token that the user added, by its number, the tokens that it was torn into before.
        chat_template: How the model wants conversations written; None if it was made for none.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        special_tokens: dict[str, str],
        template: str | None,
        start_id: int | None = None,
        added_tokens: Sequence[str] = (),
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.added: dict[int, list[int]] = self._add(added_tokens)
        self.eos_id = self._id(special_tokens.get("eos_token"))
        self.bos_id = self._id(special_tokens.get("bos_token"))
        self.pad_id = self._id(special_tokens.get("pad_token"))
        self.start_id = start_id
        named = {number for text in special_tokens.values() if (number := self._id(text)) is not None}
        declared = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self.special_ids: frozenset[int] = frozenset(declared | named)
        self.opening_ids = self._opening()
        self.chat_template = ChatTemplate(template, special_tokens) if template else None
        self.end_ids = self._ends()

    @classmethod
    def load(cls, model_folder: Path, added_tokens: Sequence[str] = ()) -> ModelTokenizer:
        """Read ``tokenizer.json`` and what stands beside it, and let each of `added_tokens` be one piece.

        Raises:
            ModelError: if it is missing or damaged.
        """
        path = model_folder / "tokenizer.json"
        if not model_folder.is_dir():
            raise ModelError(
                "model.gone",
                f"The model {model_folder.name} is not there any more.",
                f"The folder {model_folder} is missing.",
                "Bring the folder back, or choose the model again.",
            )
        if not path.is_file():
            raise ModelError(
                "model.no_tokenizer",
                f"The model in {model_folder} cannot be used.",
                "It has no tokenizer.json.",
                "Choose a model folder that has one; models of the hub with safetensors weights usually do.",
            )
        try:
            tokenizer = Tokenizer.from_file(str(path))
            config = _json(model_folder / "tokenizer_config.json")
            special = _json(model_folder / "special_tokens_map.json")
            special |= {name: value for name, value in config.items() if value is not None}
            start_id = start_token(_json(model_folder / "config.json"))
        except Exception as error:  # the Rust side raises plain Exception
            raise ModelError(
                "model.bad_tokenizer",
                f"The tokenizer in {model_folder} cannot be read.",
                "One of its files is damaged, or it was made for a newer version.",
                "Fetch the model again, or choose another one.",
                details=str(error),
            ) from error
        texts = {name: _text_of(special.get(name)) for name in _SPECIAL_NAMES}
        known = {name: text for name, text in texts.items() if text}
        return cls(tokenizer, known, _template_source(model_folder, config), start_id, added_tokens)

    @property
    def has_chat_template(self) -> bool:
        return self.chat_template is not None

    def cut(self, text: str) -> Encoding:
        """Tokens of `text` alone, with their places in it; special tokens only where the text itself has them."""
        return self._tokenizer.encode(text, add_special_tokens=False)

    def cut_whole(self, text: str, max_length: int) -> tuple[list[int], list[int]]:
        """Token numbers with the special tokens that the model wants around a text, and the numbers that were cut."""
        encoding = self.cut(text)
        room = max(0, max_length - self._tokenizer.num_special_tokens_to_add(False))
        lost = encoding.ids[room:]
        encoding.truncate(room)
        return self._tokenizer.post_process(encoding, None, True).ids, lost

    def decode(self, ids: list[int], *, skip_special: bool = True) -> str:
        """The text of tokens."""
        return self._tokenizer.decode(ids, skip_special_tokens=skip_special)

    def pieces(self, ids: list[int]) -> list[str]:
        """The text of each token. Of tokens that share one character, the last one has it and the others "" ."""
        from tokenizers.decoders import DecodeStream

        stream = DecodeStream(skip_special_tokens=False)
        return [stream.step(self._tokenizer, number) or "" for number in ids]

    @property
    def places(self) -> int:
        """Rows that a table of embeddings must have for every token to find its own."""
        return 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())

    def save(self, path: Path) -> None:
        """Write ``tokenizer.json`` with the added tokens."""
        self._tokenizer.save(str(path))

    def added_settings(self) -> dict[str, dict[str, Any]]:
        """The added tokens as ``tokenizer_config.json`` describes tokens: by their numbers."""
        names = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
        decoder = self._tokenizer.get_added_tokens_decoder()
        return {str(number): {name: getattr(decoder[number], name) for name in names} for number in self.added}

    @property
    def normalizer(self) -> Normalizer | None:
        """What texts go through before they are cut: small letters, for example."""
        normalizer: Normalizer | None = self._tokenizer.normalizer
        return normalizer

    def is_one_piece(self, text: str) -> bool:
        """Whether a text is one token already."""
        return self.cut(text).ids == [self._id(text)]

    def _add(self, texts: Sequence[str]) -> dict[int, list[int]]:
        """Let each text be one piece that the vocabulary does not have yet."""
        torn = {text: self.cut(text).ids for text in texts if not self.is_one_piece(text)}
        self._tokenizer.add_tokens([as_added(text, self.normalizer) for text in torn])
        numbers = self._tokenizer.get_vocab(with_added_tokens=True)
        return {numbers[text]: pieces for text, pieces in torn.items()}

    def _id(self, text: str | None) -> int | None:
        return self._tokenizer.token_to_id(text) if text else None

    def _opening(self) -> list[int]:
        encoding = self._tokenizer.encode("a", add_special_tokens=True)
        opening = []
        for number, special in zip(encoding.ids, encoding.special_tokens_mask, strict=True):
            if not special:
                break
            opening.append(number)
        return opening

    def _ends(self) -> tuple[int, ...]:
        ends = set() if self.eos_id is None else {self.eos_id}
        if self.chat_template:
            try:
                turns = [Message(role="user", content="QUESTION"), Message(role="assistant", content="ANSWER")]
                written = self.chat_template.render(turns)
            except DataError:
                return tuple(ends)
            after = self.cut(written.rpartition("ANSWER")[2]).ids
            ends |= {number for number in after[:1] if number in self.special_ids}
        return tuple(sorted(ends))


_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff]"
)
"""Letters of scripts that do not part words by spaces, or write endings close behind them: Thai to Korean."""


def as_added(text: str, normalizer: Normalizer | None = None) -> AddedToken:
    """A token as the tokenizer library knows it. A word is only found as a word of its own: "art" is not in "party".

    It is looked for in the text as written; where the model reads all letters as small ones, in any spelling.
    """
    word = text[0].isalnum() and text[-1].isalnum() and not _WITHOUT_SPACES.search(text)
    folds = normalizer is not None and normalizer.normalize_str("A") == "a"
    in_any_case = folds and normalizer is not None and normalizer.normalize_str(text) == text.lower()
    return AddedToken(text, single_word=word, normalized=in_any_case, special=False)


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _text_of(token: Any) -> str | None:
    """A special token is stored as text, or as an object with its text as "content"."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _template_source(folder: Path, config: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    template = config.get("chat_template")
    if isinstance(template, list):  # several, by name
        by_name = {item.get("name"): item.get("template") for item in template if isinstance(item, dict)}
        template = by_name.get("default")
    return template if isinstance(template, str) else None
