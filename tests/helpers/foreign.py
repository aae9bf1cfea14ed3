"""Files as other people have them, made by small generators: shapes and sizes are real, the texts are nonsense."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

_NONSENSE = """the order arrived late and nobody answered my letter about a broken screen while your colleague promised
to call back before Friday because we need it for our shop in town where customers wait every morning"""
_WORDS = _NONSENSE.split()


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."


def two_class_csv(path: Path, rows: int = 5000) -> Path:
    """Reviews with line breaks, commas and quotes inside quoted cells; columns Review and Sentiment."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Review", "Sentiment"])
        for number in range(rows):
            label = ("positive", "negative")[number % 2]
            mood = "I love it" if label == "positive" else "Never again"
            text = f'{mood}, said "{_sentence(chance, 3)}"\n\n{_sentence(chance, chance.randint(5, 30))} No. {number}'
            writer.writerow([text, label])
    return path


def long_answers_jsonl(path: Path, rows: int = 7000) -> Path:
    """Questions and answers of up to some 600 words, one JSON object a line; columns question and answer."""
    chance = random.Random(2)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            paragraphs = [_sentence(chance, chance.randint(10, 100)) for _ in range(chance.randint(1, 6))]
            row = {"question": f"{_sentence(chance, 6)[:-1]} ({number})?", "answer": "\n\n".join(paragraphs)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def alpaca_json(path: Path, rows: int = 200) -> Path:
    """One JSON list of instruction, input (often empty) and output."""
    chance = random.Random(3)
    table = [
        {
            "instruction": f"Say the number {number} in a friendly sentence.",
            "input": "" if number % 3 else f"The number is {number}.",
            "output": f"Here it is, my friend: {number}! {_sentence(chance, 4)}",
        }
        for number in range(rows)
    ]
    path.write_text(json.dumps(table, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def sharegpt_json(path: Path, rows: int = 200) -> Path:
    """Conversations of human and gpt, some with a system turn, in one JSON list."""
    chance = random.Random(4)
    table = []
    for number in range(rows):
        turns = [{"from": "system", "value": "You are kind."}] if number % 4 == 0 else []
        for _ in range(chance.randint(1, 3)):
            turns.append({"from": "human", "value": _sentence(chance, 8)})
            turns.append({"from": "gpt", "value": f"Yes ({number}). {_sentence(chance, 12)}"})
        table.append({"id": f"c{number}", "conversations": turns})
    path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    return path


def many_labels_csv(path: Path, labels: int = 77, rows: int = 2000) -> Path:
    """Short requests with 77 uneven labels, with semicolons and a byte order mark, as from a spreadsheet."""
    chance = random.Random(5)
    names = [f"{_WORDS[n % len(_WORDS)]}_{n}" for n in range(labels)]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["text", "category"])
        for number in range(rows):
            label = number % labels if number < 5 * labels else int(labels * chance.random() ** 2)
            writer.writerow([f"About {names[label]}: {_sentence(chance, 8)}", names[label]])
    return path
