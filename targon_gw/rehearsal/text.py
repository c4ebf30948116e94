"""Plausible text, Chinese or English, and its pieces.

The text is drawn from a `random.Random` that the caller seeds: the same seed says the same thing, always and
everywhere. A piece stands for a token: a short word with its leading space, one or two ideographs, a mark of
punctuation. Cutting text into pieces loses nothing: joined again they are the text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

PIECE = re.compile(r"\s?[A-Za-z]{1,8}|\s?\d{1,3}|[\u3400-\u9fff]{1,2}|\s+|.", re.DOTALL)
IDEOGRAPH = re.compile(r"[\u3400-\u9fff]")
PER_MESSAGE = 3
"""Tokens that a chat template spends around each message; three is what OpenAI's cookbook counts."""

SUBJECTS = {
    "en": (
        "a load balancer",
        "the gateway",
        "each upstream key",
        "a streaming answer",
        "the queue",
        "a careful retry",
        "the token bucket",
        "a reasoning model",
        "the context window",
        "an idle connection",
        "the journal",
    ),
    "zh": (
        "负载均衡器",
        "网关",
        "每个上游密钥",
        "流式响应",
        "请求队列",
        "谨慎的重试",
        "令牌桶",
        "推理模型",
        "上下文窗口",
        "空闲连接",
        "日志文件",
    ),
}
DEEDS = {
    "en": (
        "spreads the work evenly",
        "keeps every promise it made",
        "waits for the right moment",
        "remembers what went wrong",
        "answers before the deadline",
        "gives back what it borrowed",
        "says plainly that it has failed",
        "stays small",
        "costs 12 milliseconds at most",
        "moves on to the next one",
        "is drawn once more after a rest",
    ),
    "zh": (
        "会均匀地分配请求",
        "遵守它作出的每个承诺",
        "等待合适的时机",
        "记住出错的地方",
        "在截止时间之前返回结果",
        "归还借来的资源",
        "明确地说明失败的原因",
        "保持简单",
        "最多只需要 12 毫秒",
        "会切换到下一个可用节点",
        "休息之后会再次被选中",
    ),
}
LINKS = {
    "en": ("and", "so", "because", "while", "although", "whenever"),
    "zh": ("，并且", "，所以", "，因为", "，同时", "，尽管", "，每当"),
}
OPENINGS = {
    "en": ("Good question. ", "Here is the short version: ", "In practice, ", "Let us begin with the basics. ", ""),
    "zh": ("好的。", "简单来说：", "这是一个很好的问题。", "我们先从基础说起。", ""),
}
THOUGHTS = {
    "en": (
        "The user asks about this, so first consider the plain case. ",
        "Let me check that step by step. ",
        "Wait, ",
    ),
    "zh": ("用户在询问这个问题，先考虑最简单的情况。", "让我一步一步地检查。", "等等，"),
}


def pieces(text: str) -> list[str]:
    """`text` cut into pieces of a token's size; joined they are `text` again."""
    return PIECE.findall(text)


def language(text: str) -> str:
    """`zh` where `text` has an ideograph, else `en`."""
    return "zh" if IDEOGRAPH.search(text) else "en"


def sentences(draw: random.Random, tongue: str) -> Iterator[str]:
    """Sentences without end."""
    while True:
        first, second = draw.sample(SUBJECTS[tongue], 2)
        deed, other = draw.sample(DEEDS[tongue], 2)
        link = draw.choice(LINKS[tongue])
        if tongue == "zh":
            yield f"{first}{deed}{link}{second}{other}。"
        else:
            yield f"{first[0].upper()}{first[1:]} {deed} {link} {second} {other}. "


def told(draw: random.Random, tongue: str, size: int) -> list[str]:
    """About `size` pieces of an answer: whole sentences, so a few more than asked for."""
    return _enough(draw.choice(OPENINGS[tongue]), sentences(draw, tongue), size)


def thought(draw: random.Random, tongue: str, size: int) -> list[str]:
    """About `size` pieces of reasoning."""
    return _enough(draw.choice(THOUGHTS[tongue]), sentences(draw, tongue), size)


def _enough(opening: str, more: Iterator[str], size: int) -> list[str]:
    said = pieces(opening)
    while len(said) < size:
        said += pieces(next(more))
    return said


def until_stop(said: list[str], stops: tuple[str, ...]) -> list[str]:
    """`said` up to the first of `stops`, which is left out, as OpenAI's `stop` has it."""
    text = "".join(said)
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    return pieces(text[: min(ends)]) if ends else said


def spoken(content: object) -> str:
    """The text of a message's `content`: a string, or a list of parts of which those of type `text` count."""
    match content:
        case str():
            return content
        case list():
            return "".join(
                part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
            )
        case _:
            return ""
