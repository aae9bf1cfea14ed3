"""Fintune: fine-tune a language model on your own computer, and learn honestly whether it got better."""

__version__ = "0.1.0"
