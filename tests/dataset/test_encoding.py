"""Rows as tokens: the same as transformers would, and loss only where it belongs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from fintune_gui.dataset.chat_template import ChatTemplate
from fintune_gui.dataset.conversations import Message
from fintune_gui.dataset.encoding import Encoded, ModelTokenizer, encode_prompt, encode_row, token_view
from fintune_gui.dataset.formatting import to_messages
from fintune_gui.project.document import FormatSettings, LearnFrom, Role, Task, Template
from fintune_gui.project.errors import DataError, ModelError
from fintune_gui.project.paths import resource

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
INSTRUCTION = FormatSettings(roles={Role.INSTRUCTION: "q", Role.ANSWER: "a", Role.INPUT: "i", Role.SYSTEM: "s"})
CHAT = FormatSettings(roles={Role.MESSAGES: "messages"})
TEXTS = ["Hello there, how are you today?", "The cat sat on the mat.\nIt was grey.", "Grüße, naïve 日本 👍 <tag> 1234"]


def save_tokenizer(folder: Path, template: str | None = CHATML, *, bos: bool = False, **config: Any) -> Path:
    """A tiny byte-level tokenizer with the files that stand beside it in a model's folder."""
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "<|im_start|>", "<|im_end|>", "</s>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"eos_token": "<|im_end|>", "pad_token": "<pad>", "bos_token": "<s>", **config}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **names})
    )
    if template:
        (folder / "chat_template.jinja").write_text(template)
    return folder


@pytest.fixture(scope="module")
def chatml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tokenizer(tmp_path_factory.mktemp("chatml") / "model")


def learned_text(tokenizer: ModelTokenizer, encoded: Encoded) -> str:
    ids = [number for number, learned in zip(encoded.ids, encoded.learned, strict=True) if learned]
    return tokenizer.decode(ids, skip_special=False)


def conversation(*turns: tuple[str, str]) -> dict[str, str | None]:
    return {"messages": json.dumps([{"role": role, "content": content} for role, content in turns])}


cells = st.text(alphabet=st.sampled_from(list("abc hi?\n\tÜ日👍<|_")), max_size=20)


class TestChatTemplate:
    @given(question=cells, answer=cells, extra=st.none() | cells, system=st.none() | cells)
    def test_that_tokens_are_those_of_transformers_and_the_prompt_is_a_prefix(
        self, chatml: Path, question: str, answer: str, extra: str | None, system: str | None
    ) -> None:
        tokenizer, theirs = ModelTokenizer.load(chatml), transformers_tokenizer(chatml)
        row = {"q": question, "a": answer, "i": extra, "s": system}
        encoded = encode_row(tokenizer, row, INSTRUCTION, Task.INSTRUCTION)
        messages = [m.model_dump() for m in to_messages(row, INSTRUCTION, Task.INSTRUCTION)]
        assert encoded.ids == theirs.apply_chat_template(messages, tokenize=True, return_dict=False)

        prompt, expected = encode_prompt(tokenizer, row, INSTRUCTION, Task.INSTRUCTION)
        asked = theirs.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=True, return_dict=False)
        assert prompt == asked == encoded.ids[: len(prompt)]
        assert expected == answer.strip()
        assert not any(encoded.learned[: len(prompt)])
        assert learned_text(tokenizer, encoded) == f"{expected}<|im_end|>"

    def test_that_every_answer_of_a_conversation_is_learned(self, chatml: Path) -> None:
        tokenizer = ModelTokenizer.load(chatml)
        row = conversation(("system", "Be kind"), ("user", "Hi"), ("assistant", "Hello"), ("user", "A cat?"),
                           ("assistant", "The cat"), ("user", "Bye"))  # fmt: skip
        encoded = encode_row(tokenizer, row, CHAT, Task.CHAT)
        assert learned_text(tokenizer, encoded) == "Hello<|im_end|>The cat<|im_end|>"
        prompt, expected = encode_prompt(tokenizer, row, CHAT, Task.CHAT)
        assert tokenizer.decode(prompt, skip_special=False).endswith("A cat?<|im_end|>\n<|im_start|>assistant\n")
        assert expected == "The cat"
        assert encoded.ids[: len(prompt)] == prompt

    def test_that_an_answer_that_would_grow_together_with_the_prompt_is_cut_apart(self, tmp_path: Path) -> None:
        template = (
            "{% for m in messages %}{{ m.role[0] + ':' + m.content }}{% endfor %}"
            "{% if add_generation_prompt %}a:{% endif %}"
        )
        folder = save_tokenizer(tmp_path / "model", template)
        content = json.loads((folder / "tokenizer.json").read_text())
        content["model"]["vocab"]["a:"] = 400
        content["model"]["vocab"]["a:t"] = 401
        content["model"]["merges"] += [["a", ":"], ["a:", "t"]]
        content["pre_tokenizer"] = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "use_regex": False,
            "trim_offsets": True,
        }
        (folder / "tokenizer.json").write_text(json.dumps(content))
        tokenizer = ModelTokenizer.load(folder)
        encoded = encode_row(tokenizer, {"q": "x", "a": "the cat"}, INSTRUCTION, Task.INSTRUCTION)
        prompt, _ = encode_prompt(tokenizer, {"q": "x", "a": "the cat"}, INSTRUCTION, Task.INSTRUCTION)
        assert tokenizer.decode(prompt, skip_special=False) == "u:xa:"
        assert encoded.ids[: len(prompt)] == prompt
        assert learned_text(tokenizer, encoded) == "the cat<|im_end|>"  # the template wrote no end mark

    def test_that_a_template_that_rewrites_earlier_answers_still_teaches_all(self, tmp_path: Path) -> None:
        template = (
            "{% for m in messages %}<|im_start|>{{ m.role }}\n"
            "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }}<|im_end|>\n"
            "{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
        tokenizer = ModelTokenizer.load(save_tokenizer(tmp_path / "model", template))
        row = conversation(("user", "Hi"), ("assistant", "Hello"), ("user", "And"), ("assistant", "Well"))
        encoded = encode_row(tokenizer, row, CHAT, Task.CHAT)
        assert learned_text(tokenizer, encoded) == "Hello<|im_end|><think></think>Well<|im_end|>"

    def test_that_a_refused_system_message_goes_before_the_question(self) -> None:
        refuse = (
            "{% set m = messages[0] %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ m.content }}"
        )
        template = ChatTemplate(refuse, {})
        asked = [Message(role="system", content="S"), Message(role="user", content="U")]
        assert template.render(asked) == "S\n\nU"
        with pytest.raises(DataError) as error:
            ChatTemplate("{{ raise_exception('alternate!') }}", {}).render(asked)
        assert "alternate!" in error.value.problem.why

    def test_that_a_template_cannot_reach_out_of_its_sandbox(self) -> None:
        for escape in (
            "{{ ''.__class__.__mro__ }}",
            "{{ cycler.__init__.__globals__.os }}",
            "{{ messages.append(1) }}",
        ):
            with pytest.raises(DataError):
                ChatTemplate(escape, {}).render([Message(role="user", content="x")])
        with pytest.raises(ModelError):
            ChatTemplate("{% for %}", {})

    def test_that_the_helpers_of_templates_are_there(self) -> None:
        template = (
            "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{% generation %}"
            "{{ m.content | tojson }}{% endgeneration %}{{ bos_token }}{{ strftime_now('%Y')[:2] }}{% endfor %}"
        )
        two = [Message(role="user", content="<ü>")] * 2
        assert ChatTemplate(template, {"bos_token": "<s>"}).render(two) == '"<ü>"<s>20'

    def test_that_the_bundled_model_is_read(self) -> None:
        folder = resource("models", "tiny-base")
        tokenizer = ModelTokenizer.load(folder)
        row = {"q": "When are you open?", "a": "At nine."}
        encoded = encode_row(tokenizer, row, INSTRUCTION, Task.INSTRUCTION)
        messages = [{"role": "user", "content": row["q"]}, {"role": "assistant", "content": row["a"]}]
        theirs = transformers_tokenizer(folder)
        assert encoded.ids == theirs.apply_chat_template(messages, tokenize=True, return_dict=False)
        assert (tokenizer.eos_id, tokenizer.pad_id) == (theirs.eos_token_id, theirs.pad_token_id)
        assert tokenizer.end_ids == (theirs.eos_token_id,)


class TestPlain:
    def test_that_paragraphs_are_joined_and_the_end_is_learned(self, chatml: Path) -> None:
        tokenizer = ModelTokenizer.load(chatml)
        plain = INSTRUCTION.model_copy(update={"template": Template.PLAIN, "system_prompt": "Be kind"})
        encoded = encode_row(tokenizer, {"q": "Why?", "i": "The cat", "a": "So"}, plain, Task.INSTRUCTION)
        assert tokenizer.decode(encoded.ids, skip_special=False) == "Be kind\n\nWhy?\n\nThe cat\n\nSo<|im_end|>"
        assert learned_text(tokenizer, encoded) == "So<|im_end|>"
        prompt, _ = encode_prompt(tokenizer, {"q": "Why?", "i": "The cat", "a": "So"}, plain, Task.INSTRUCTION)
        assert encoded.ids[: len(prompt)] == prompt

    def test_that_a_model_without_template_gets_plain_paragraphs_after_its_opening(self, tmp_path: Path) -> None:
        tokenizer = ModelTokenizer.load(
            save_tokenizer(tmp_path / "model", None, bos=True, eos_token={"content": "</s>"})
        )
        assert not tokenizer.has_chat_template
        encoded = encode_row(tokenizer, {"q": "Why?", "a": "So"}, INSTRUCTION, Task.INSTRUCTION)
        assert tokenizer.decode(encoded.ids, skip_special=False) == "<s>Why?\n\nSo</s>"
        wanted = INSTRUCTION.model_copy(update={"template": Template.MODEL})
        with pytest.raises(DataError) as error:
            encode_row(tokenizer, {"q": "Why?", "a": "So"}, wanted, Task.INSTRUCTION)
        assert error.value.problem.code == "data.no_chat_template"
        row = conversation(("user", "Hi"), ("assistant", "Hello"), ("user", "And"), ("assistant", "Well"))
        encoded = encode_row(tokenizer, row, CHAT, Task.CHAT)
        assert tokenizer.decode(encoded.ids, skip_special=False) == (
            "<s>User:\nHi\n\nAssistant:\nHello</s>\n\nUser:\nAnd\n\nAssistant:\nWell</s>"
        )
        assert learned_text(tokenizer, encoded) == "Hello</s>Well</s>"

    def test_that_plain_text_is_learned_as_a_whole(self, tmp_path: Path) -> None:
        tokenizer = ModelTokenizer.load(save_tokenizer(tmp_path / "model", bos=True))
        text = FormatSettings(roles={Role.TEXT: "t"})
        encoded = encode_row(tokenizer, {"t": "The cat sat"}, text, Task.TEXT)
        assert encoded.learned == [False] + [True] * (len(encoded.ids) - 1)
        assert learned_text(tokenizer, encoded) == "The cat sat<|im_end|>"
        prompt, expected = encode_prompt(tokenizer, {"t": "The cat sat"}, text, Task.TEXT)
        assert tokenizer.decode(prompt) + expected == "The cat sat"
        assert prompt == encoded.ids[: len(prompt)]


class TestLengthAndView:
    def test_that_the_start_is_kept_and_the_cut_is_counted(self, chatml: Path) -> None:
        tokenizer = ModelTokenizer.load(chatml)
        row = {"q": "Why?", "a": "The cat sat on the mat. " * 9}
        whole = encode_row(tokenizer, row, INSTRUCTION, Task.INSTRUCTION)
        short = encode_row(tokenizer, row, INSTRUCTION.model_copy(update={"max_length": 30}), Task.INSTRUCTION)
        assert short.ids + short.cut_ids == whole.ids
        assert (len(short.ids), short.cut, len(short.learned)) == (30, len(whole.ids) - 30, 30)

    def test_that_everything_may_be_learned(self, chatml: Path) -> None:
        every = INSTRUCTION.model_copy(update={"learn_from": LearnFrom.ALL})
        assert all(encode_row(ModelTokenizer.load(chatml), {"q": "x", "a": "y"}, every, Task.INSTRUCTION).learned)

    def test_that_a_label_example_is_the_text_with_the_models_marks(self, tmp_path: Path) -> None:
        tokenizer = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "a": 3, "b": 4}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        marks = [("[CLS]", 0), ("[SEP]", 1)]
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
        tokenizer.add_special_tokens(["[CLS]", "[SEP]", "[UNK]"])
        tokenizer.enable_truncation(3)  # what the file says about lengths must not matter
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        ours = ModelTokenizer.load(tmp_path)
        label = FormatSettings(roles={Role.TEXT: "t", Role.LABEL: "l"}, max_length=8)
        encoded = encode_row(ours, {"t": "a b " * 5, "l": "x"}, label, Task.CLASSIFICATION)
        assert encoded.ids == [0, 3, 4, 3, 4, 3, 4, 1]
        assert (encoded.cut, any(encoded.learned)) == (4, False)
        assert encode_row(ours, {"t": None, "l": "x"}, label, Task.CLASSIFICATION).ids == [0, 1]

    def test_that_the_view_shows_every_character_once_and_what_is_learned(self, chatml: Path) -> None:
        tokenizer = ModelTokenizer.load(chatml)
        row = {"q": "日本 👍?", "a": "Grüße 👍"}
        length = len(encode_row(tokenizer, row, INSTRUCTION, Task.INSTRUCTION).ids)
        short = INSTRUCTION.model_copy(update={"max_length": length - 3})
        encoded = encode_row(tokenizer, row, short, Task.INSTRUCTION)
        spans = token_view(tokenizer, encoded)
        assert "".join(span.text for span in spans) == (
            "<|im_start|>user\n日本 👍?<|im_end|>\n<|im_start|>assistant\nGrüße 👍<|im_end|>\n"
        )
        assert len(spans) == len(encoded.ids) + encoded.cut
        assert {span.kind for span in spans} == {"trained", "context", "special", "cut"}
        assert spans[0].kind == "special"


class TestBadModels:
    def test_that_a_missing_or_damaged_tokenizer_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError) as error:
            ModelTokenizer.load(tmp_path)
        assert error.value.problem.code == "model.no_tokenizer"
        (tmp_path / "tokenizer.json").write_text("{}")
        with pytest.raises(ModelError) as error:
            ModelTokenizer.load(tmp_path)
        assert error.value.problem.code == "model.bad_tokenizer"

    def test_that_an_older_folder_is_read_too(self, tmp_path: Path) -> None:
        folder = save_tokenizer(tmp_path / "model", None)
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text())
        config["chat_template"] = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": CHATML}]
        config["eos_token"] = None
        path.write_text(json.dumps(config))
        (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": {"content": "</s>"}}))
        tokenizer = ModelTokenizer.load(folder)
        assert tokenizer.has_chat_template
        assert tokenizer.end_ids == (3, 4)  # the end of a turn in the template, and the end of text


def test_that_a_row_without_a_conversation_or_an_answer_is_said(chatml: Path) -> None:
    tokenizer = ModelTokenizer.load(chatml)
    for row, code in (
        ({"messages": "no json"}, "data.bad_conversation"),
        ({"messages": None}, "data.bad_conversation"),
        (conversation(("user", "Hi")), "data.no_answer"),
    ):
        with pytest.raises(DataError) as error:
            encode_row(tokenizer, row, CHAT, Task.CHAT)
        assert error.value.problem.code == code


_theirs: dict[Path, Any] = {}


def transformers_tokenizer(folder: Path) -> Any:
    if folder not in _theirs:
        from transformers import AutoTokenizer

        _theirs[folder] = AutoTokenizer.from_pretrained(folder)
    return _theirs[folder]


class TestAddedTokens:
    def test_that_words_stand_alone_and_marks_anywhere(self, chatml: Path) -> None:
        tokenizer = ModelTokenizer.load(chatml, ("<ticket>", "Zendo", "Acme Cloud", "製品"))
        added = set(tokenizer.added)
        text = "a<ticket>b Zendo Zendomat Acme Cloud, 製品は"
        ids = tokenizer.cut(text).ids
        assert tokenizer.decode([number for number in ids if number in added]) == "<ticket>ZendoAcme Cloud製品"
        assert tokenizer.decode(ids) == text
        assert not added & tokenizer.special_ids

    def test_that_what_is_one_piece_already_is_not_added(self, chatml: Path) -> None:
        assert ModelTokenizer.load(chatml, ("<|im_start|>", "a")).added == {}

    def test_that_pieces_are_those_of_the_model_itself(self, chatml: Path) -> None:
        own, grown = ModelTokenizer.load(chatml), ModelTokenizer.load(chatml, ("<ticket>", "<ticket>s"))
        assert list(grown.added.values()) == [own.cut("<ticket>").ids, own.cut("<ticket>s").ids]
        assert grown.places == own.places + 2

    def test_that_a_model_of_small_letters_finds_them_in_any_case(self, tmp_path: Path) -> None:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        vocabulary = {word: number for number, word in enumerate(["[UNK]", *"abcdeghilmnorstz<>", *["##a", "##o"]])}
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        grown = ModelTokenizer.load(tmp_path, ("Zendo",))
        (number,) = grown.added
        assert [grown.cut(text).ids for text in ("zendo", "ZENDO", "Zendo")] == [[number]] * 3

    def test_that_spans_say_which_tokens_were_added(self, chatml: Path) -> None:
        format_ = FormatSettings(roles={Role.INSTRUCTION: "q", Role.ANSWER: "a"})
        tokenizer = ModelTokenizer.load(chatml, ("<ticket>",))
        row = {"q": "see <ticket>", "a": "<ticket> done"}
        spans = token_view(tokenizer, encode_row(tokenizer, row, format_, Task.INSTRUCTION))
        assert [(span.text, span.kind) for span in spans if span.added] == [
            ("<ticket>", "context"),
            ("<ticket>", "trained"),
        ]
