"""Labels that mean the same: written differently, or misspelled."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from difflib import get_close_matches

_RARE_SHARE = 0.02
"""A label with less than this share of the most similar one may be a misspelling of it."""
_ALIKE = 0.75


def spelling_variants(counts: dict[str, int]) -> dict[str, str]:
    """Labels that differ from a more frequent one only in case, spaces, hyphens or underscores -> that one.

    Args:
        counts: How often each label occurs.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        alike[_bare(label)].append(label)
    mapping: dict[str, str] = {}
    for group in alike.values():
        best = max(group, key=lambda label: (counts[label], label == label.strip(), label))
        mapping |= {label: best.strip() for label in group if label != best.strip()}
    return mapping


def likely_misspellings(counts: dict[str, int]) -> dict[str, str]:
    """Rare labels that look much like a frequent one -> that one. A guess for people to look at."""
    merged: dict[str, int] = defaultdict(int)
    variants = spelling_variants(counts)
    for label, count in counts.items():
        merged[variants.get(label, label)] += count
    mapping: dict[str, str] = {}
    for label, count in merged.items():
        frequent = [other for other in merged if other != label and count < _RARE_SHARE * merged[other]]
        near = get_close_matches(label.lower(), [other.lower() for other in frequent], n=1, cutoff=_ALIKE)
        if near:
            right = next(other for other in frequent if other.lower() == near[0])
            mapping |= {old: right for old in counts if variants.get(old, old) == label}
    return mapping


def _bare(label: str) -> str:
    folded = unicodedata.normalize("NFKC", label).casefold()
    return re.sub(r"[\s_\-]+", "", folded) or folded
