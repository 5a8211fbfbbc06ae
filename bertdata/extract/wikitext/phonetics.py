"""Pronunciations: signs that a sentence speaks of stay, those that a bracket adds to a name go.

"the reduction of {{IPA|/aw/}}" and "pronounced {{IPAc-en|eɪ}}" lack a word without them, "Rome ({{IPA-it|ˈroːma}})"
doesn't. Which it is can be told once everything around them is read: until then they stand between two marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bertdata.extract.wikitext.call import Call
from bertdata.extract.wikitext.marks import Tally, without_marks

SOUND = "\x08"
# How much of the text before a pronunciation decides.
_REACH = 120
_NAMES = re.compile(r"(?:ipa|мфа)-[a-z]{2,4}|ipac-en")
_WHOLE = ("ipa", "api", "afi", "мфа", "δφα")
_LABEL = re.compile(r"us|uk|au|nz|ca|us-uk|usuk|lang|pron|also|local|locally|ipa|icon|small|audio")
_CODE = re.compile(r"[a-z]{2,3}(?:-\w{2,8})*")
_BARE = re.compile(r"(?:^|[(（\[;,、，])[^\w)]*$")
# An item of its own: a mark of another dropped template, then the end of the item.
_ENDED = re.compile(r"(?:[\s.]|\x02[0-9]+\x03|&nbsp;)*+(?:[;,、，)）\]]|$)")
_SOUND = re.compile(f"{SOUND}([^{SOUND}]*){SOUND}")


def _between(before: str, after: str) -> Callable[[Call], str]:
    def rule(call: Call) -> str:
        text = call.first_value().strip()
        return _marked(f"{before}{text.strip('[]/') if before else text}{after}") if text else ""

    return rule


def _whole(call: Call) -> str:
    """Print `{{IPA|/aw/}}` as it stands, and `{{IPA|fr|paʁi}}`, which names the language first, in brackets."""
    if not (_CODE.fullmatch(call.value(1)) and call.value(2)):
        return _between("", "")(call)
    sounds = call.value(2)
    return _marked(sounds if sounds[0] in "/[" else f"[{sounds}]")


def _marked(text: str) -> str:
    return SOUND + text.replace(SOUND, "").replace("[[", "[").replace("]]", "]").replace("_", " ") + SOUND


def _english(call: Call) -> str:
    """Print the segments of `{{IPAc-en|uk|ˈ|eɪ}}`, which stand one in each value."""
    segments = call.values()
    while segments and (not segments[0] or _LABEL.fullmatch(segments[0].lower())):
        segments = segments[1:]
    return _marked(f"/{''.join(s or ' ' for s in segments)}/") if segments else ""


def _segments(call: Call) -> str:
    """Print `{{MSAPI|b|a|r}}`, whose sounds stand one in each value, and `{{MSAPI|[bar]}}`."""
    sounds = "".join(call.values())
    return _marked(f"[{sounds.strip('[]')}]") if sounds else ""


RULES: dict[str, Callable[[Call], str]] = {
    "msapi": _segments,
    "audio-ipa": lambda call: _marked(call.value(2)) if call.value(2) else "",
    **dict.fromkeys(_WHOLE, _whole),
    **dict.fromkeys(("ipalink", "ipa link"), _between("", "")),
    **dict.fromkeys(("ipablink", "ipa blink"), _between("[", "]")),
    **dict.fromkeys(("ipaslink", "ipa slink"), _between("/", "/")),
    "ipac-en": _english,
}


def phonetic_rule(name: str) -> Callable[[Call], str] | None:
    """Return the rule of `IPA-it` and its kin."""
    return _between("[", "]") if _NAMES.fullmatch(name) else None


def read_sounds(paragraph: str, tally: Tally) -> str:
    """Keep the pronunciations of a paragraph that its sentences speak of.

    Those that are an item of their own in a bracket leave the mark of a dropped template.

    >>> read_sounds("the loss of \\x08/aw/\\x08 in Rome (\\x08/rom/\\x08), Roma (Italian: \\x08[ˈroːma]\\x08)", Tally())
    'the loss of /aw/ in Rome (\\x020\\x03), Roma (Italian: [ˈroːma])'
    """
    parts: list[str] = []
    at = 0
    for found in _SOUND.finditer(paragraph):
        parts.append(paragraph[at : found.start()])
        at = found.end()
        before = without_marks("".join(parts[-24:]))[-_REACH:]
        is_open = before.rfind("(") > before.rfind(")") or before.rfind("（") > before.rfind("）")
        is_item = is_open and _BARE.search(before) and _ENDED.match(paragraph, at)
        parts.append(tally.mark("ipa") if is_item else found[1])
    # A fault may have cut one in two.
    return "".join([*parts, paragraph[at:]]).replace(SOUND, "")
