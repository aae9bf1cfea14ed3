"""How everything looks: tokens, sizes, fonts, icons, style sheet. No colour is named anywhere else."""

from fintune_gui.ui.theme.icons import icon, paint_icon
from fintune_gui.ui.theme.metrics import font
from fintune_gui.ui.theme.theme import Appearance, colour, theme, tokens
from fintune_gui.ui.theme.tokens import Tokens, Tone

__all__ = ["Appearance", "Tokens", "Tone", "colour", "font", "icon", "paint_icon", "theme", "tokens"]
